"""What earlier runs recorded of a step: what its outcome depended on, what it left, how long it took."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from weighbridge.runs.record import ArtifactReference, Run, StepRecord

UNKNOWN = "?"  # stands for what is not there yet in the fingerprint of an execution to come

_ENDED = ("done", "cached", "refused")


class EarlierRuns:
    """The earlier runs of a workspace, which are read as far back as a question needs, and once.

    Args:
        runs: newest first.
    """

    def __init__(self, runs: Iterable[Run]) -> None:
        self._unread = (run for run in runs if not run.record.is_delivery)
        self._read: list[Run] = []

    def last(self, step: str) -> StepRecord | None:
        """The step as it was in the last run that it ended in and that kept its fingerprint."""
        return next((found for found, *_ in self._executions(step)), None)

    def last_was_here(self, step: str) -> bool:
        """Whether that run was on this machine."""
        return next((here for *_, here in self._executions(step)), False)

    def seconds(self, step: str) -> float | None:
        """What the step took when it last really ran; None where it never did."""
        steps = (each for run in self._newest_first() for each in run.record.steps if each.name == step)
        return next((each.seconds for each in steps if each.state in ("done", "refused")), None)

    def could_stand(self, step: str, fingerprint: Mapping[str, Mapping[str, Any]], unknown: Mapping[str, str]) -> bool:
        """Whether an earlier execution may stand for one to come, should inputs that are not there yet be as then.

        Args:
            step: name of the step.
            fingerprint: of the execution to come.
            unknown: `step.key` of the output that each input that is not there yet will be, by the input's key.
        """
        certain = [
            name
            for kind in fingerprint.values()
            for name, value in kind.items()
            if name not in unknown and value != UNKNOWN
        ]
        return any(
            here
            and _alike(found.fingerprint, fingerprint, certain)
            and found.fingerprint["inputs"].keys() == fingerprint["inputs"].keys()
            and all(self._still_exists(output, found.fingerprint["inputs"][key]) for key, output in unknown.items())
            and all(Path(each.uri).exists() for each in outputs.values())
            for found, outputs, here in self._executions(step)
        )

    def _still_exists(self, output: str, digests: Sequence[str]) -> bool:
        """Whether an output of that content still lies where it was."""
        step, _, key = output.rpartition(".")
        return any(
            here and key in outputs and outputs[key].digest in digests and Path(outputs[key].uri).exists()
            for _, outputs, here in self._executions(step)
        )

    def digest(
        self, step: str, key: str, depends_on: Sequence[str], fingerprint: Mapping[str, Mapping[str, Any]]
    ) -> str:
        """Content digest of the output that a step left when all that this output depends on was as in `fingerprint`.

        Args:
            step: name of the step.
            key: of the output.
            depends_on: names of the parameters and inputs that can change this output, besides the step's code.
            fingerprint: of the execution to come, see `weighbridge.runs.fingerprint.of_step`.

        Returns:
            The digest; empty where no run recorded one.
        """
        for found, outputs, _ in self._executions(step):
            if key in outputs and _alike(found.fingerprint, fingerprint, (*depends_on, "code_digest")):
                return outputs[key].digest
        return ""

    def _newest_first(self) -> Iterator[Run]:
        position = 0
        while True:
            if position == len(self._read):
                following = next(self._unread, None)
                if following is None:
                    return
                self._read.append(following)
            yield self._read[position]
            position += 1

    def _executions(self, name: str) -> Iterator[tuple[StepRecord, dict[str, ArtifactReference], bool]]:
        """Record and outputs of each execution, and whether the outputs were left on this machine."""
        for run in self._newest_first():
            for step in run.record.steps:
                if step.name == name and step.fingerprint and step.state in _ENDED:
                    yield step, {each.key: each for each in run.record.artifacts if each.step == name}, not run.brought


def _alike(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]], names: Sequence[str]
) -> bool:
    """Whether parameters and inputs of these names are the same; an input of unknown content never is."""
    for kind in ("parameters", "inputs"):
        for name in names:
            if before[kind].get(name) != after[kind].get(name):
                return False
    return all("" not in after["inputs"].get(name, ()) for name in names)
