"""The gates and digests that a run's steps left in their output artifacts, wherever these lie.

The local runner, a step on Kubeflow and the client that reads a run from a server collect here alike. What a step is
known to leave and what then cannot be read refuses the run by a gate of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from weighbridge.common.digests import bytes_digest
from weighbridge.components.traits import ComponentTraits
from weighbridge.verdict import Gate, Verdict, passed_if
from weighbridge.verdict.verdict import GATES_FILE, VERDICT_FILE, GateList

# Custom properties that a step on Kubeflow gives its outputs: what lies in them, as digests of the files' bytes, so
# that a client need neither know components nor trust an object store.
GATES_PROPERTY = "weighbridge_gates"
VERDICT_PROPERTY = "weighbridge_verdict"
EXAMPLES_PROPERTY = "weighbridge_examples"
NO_FILE = "none"
# Digests that a Trainer notes of its model, and what a verdict calls them; `parameters_digest` tells such an output.
_TRAINED = {"code": "code_digest", "parameters": "parameters_digest", "model": "model_digest"}
PUSHED = "pushed"  # in place of a digest: the artifact's own property `pushed` is the gate

ReadFile = Callable[[str], bytes | None]
Model = TypeVar("Model", GateList, Verdict)


@dataclass(frozen=True)
class Contents:
    """What an output artifact is known to hold.

    Attributes:
        gates: it must hold gates; otherwise they count where they are found.
        verdict: it must hold a verdict; likewise.
        pushed: where it holds no gates, its property `pushed` is the gate.
        examples_digest: content digest of the rows in it, if these are what the run works on.
        skipped: nothing in it is of this run, for example what is in production: it is not read.
        file_digests: digests of the files when the step ended, by name, where they are known.
    """

    gates: bool = False
    verdict: bool = False
    pushed: bool = False
    examples_digest: str = ""
    skipped: bool = False
    file_digests: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def declared(cls, traits: ComponentTraits, key: str, properties: Mapping[str, Any]) -> "Contents":
        """What a component declares of its output `key`, which has these custom properties."""
        return cls(
            gates=key in traits.gates,
            verdict=key == traits.verdict,
            pushed=key == traits.pushes,
            examples_digest=str(properties.get("content_digest") or "") if key == traits.examples else "",
            skipped=key in traits.looked_up,
        )

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> "Contents":
        """What a step on Kubeflow noted, see `noted_properties`."""
        digests = {GATES_FILE: properties.get(GATES_PROPERTY), VERDICT_FILE: properties.get(VERDICT_PROPERTY)}
        found = {name: str(digest) for name, digest in digests.items() if digest not in (None, NO_FILE, PUSHED)}
        return cls(
            gates=GATES_FILE in found,
            verdict=VERDICT_FILE in found,
            pushed=properties.get(GATES_PROPERTY) == PUSHED,
            examples_digest=str(properties.get(EXAMPLES_PROPERTY) or ""),
            skipped=not found and properties.get(GATES_PROPERTY) == NO_FILE and not properties.get(EXAMPLES_PROPERTY),
            file_digests=found,
        )


@dataclass(frozen=True)
class StepOutput:
    """An output artifact of a step.

    Attributes:
        step: the step's name.
        key: of the output.
        uri: where it lies, for people.
        read: gives the bytes of a file in it, or None where there is none. An OSError means that the file cannot be
            read; an InfrastructureError, that nobody can be asked now, is the caller's own.
        contents: what it is known to hold.
        properties: its custom properties.
    """

    step: str
    key: str
    uri: str
    read: ReadFile
    contents: Contents = field(default_factory=Contents)
    properties: Mapping[str, Any] = field(default_factory=dict)


class GateCollector:
    """Takes in output after output.

    Attributes:
        gates: in the order of the outputs.
        subject: digests that the run's verdict is bound to.
        weighed: the verdict that a step came to; None where none did, or it cannot be read.
    """

    def __init__(self) -> None:
        self.gates: list[Gate] = []
        self.subject: dict[str, str] = {}
        self.weighed: Verdict | None = None

    def take(self, output: StepOutput) -> list[Gate]:
        """Take in an output; returns its gates.

        Raises:
            InfrastructureError: as the output's `read`.
        """
        contents = output.contents
        if output.properties.get(_TRAINED["parameters"]):
            noted = {name: str(output.properties.get(key) or "") for name, key in _TRAINED.items()}
            self.subject |= {name: digest for name, digest in noted.items() if digest and name not in self.subject}
        if contents.skipped:
            return []
        if contents.examples_digest:
            self.subject.setdefault("data", contents.examples_digest)
        gates: list[Gate] = []
        try:
            found = _parsed(GateList, output, GATES_FILE, required=contents.gates)
            gates += found.gates if found else [pushed_gate(output.properties)] if contents.pushed else []
        except _UnreadableError as error:
            gates.append(error.gate(output, GATES_FILE))
        try:
            verdict = _parsed(Verdict, output, VERDICT_FILE, required=contents.verdict)
        except _UnreadableError as error:
            gates.append(error.gate(output, VERDICT_FILE))
        else:
            if verdict is not None:
                self.weighed = verdict
                self.subject.update(verdict.subject)
        self.gates += gates
        return gates

    def verdict(self, pipeline: str, run_id: str, bound: Mapping[str, str] | None = None) -> Verdict:
        """The verdict of the gates taken in, bound to `bound` too; it refuses where none weighed anything."""
        subject = self.subject | dict(bound or {})
        return Verdict.of_run(self.gates, pipeline=pipeline, run_id=run_id, subject=subject)


def folder_reader(folder: str | Path) -> ReadFile:
    """Reads files of an artifact on this machine."""

    def read(name: str) -> bytes | None:
        try:
            return Path(folder, name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):  # a value artifact is a file itself
            return None

    return read


def pushed_gate(properties: Mapping[str, Any]) -> Gate:
    """Whether a Pusher that leaves no gates pushed, as stock Pusher says it."""
    pushed = bool(properties.get("pushed"))
    message = "The model was pushed." if pushed else "The model was not pushed: it was not blessed."
    return Gate(name="push.model.pushed", status=passed_if(pushed), observed=pushed, threshold=True, message=message)


def noted_properties(output: StepOutput) -> dict[str, str]:
    """Custom properties by which a client knows what an output holds.

    They are those of the bytes that lie there: of a file that cannot be read there is nothing to note but that it
    should be there, and the step that left it fails.
    """
    contents = output.contents
    noted = {GATES_PROPERTY: NO_FILE}
    if contents.skipped:
        return noted
    if (data := output.read(GATES_FILE)) is not None:
        noted[GATES_PROPERTY] = bytes_digest(data)
    elif contents.pushed:
        noted[GATES_PROPERTY] = PUSHED
    if (data := output.read(VERDICT_FILE)) is not None:
        noted[VERDICT_PROPERTY] = bytes_digest(data)
    if contents.examples_digest:
        noted[EXAMPLES_PROPERTY] = contents.examples_digest
    return noted


class _UnreadableError(Exception):
    """A file that should be in an output cannot be used; says why."""

    def gate(self, output: StepOutput, name: str) -> Gate:
        """The gate that refuses in place of those that cannot be read."""
        what = name.partition(".")[0]
        return Gate(
            name=f"run.{output.step}.{output.key}.{what}_readable",
            status="unmeasured",
            message=f"{output.step} leaves {name} in its output {output.key}, but {self}: the run does not pass"
            " without it. Make the file readable, or run the step again.",
        )


def _parsed(model: type[Model], output: StepOutput, name: str, *, required: bool) -> Model | None:
    where = f"{output.uri.rstrip('/')}/{name}"
    try:
        data = output.read(name)
    except OSError as error:
        raise _UnreadableError(f"{where} cannot be read: {error.strerror}") from error
    if data is None:
        if required:
            raise _UnreadableError(f"there is no {where}")
        return None
    expected = output.contents.file_digests.get(name)
    if expected and bytes_digest(data) != expected:
        raise _UnreadableError(f"{where} is not what the step wrote: its digest is not {expected}")
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise _UnreadableError(f"{where} is not valid: {error.errors()[0]['msg']}") from error
