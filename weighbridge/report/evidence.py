"""Everything a report shows: the verdict, and what the steps measured, gathered from their output folders."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from weighbridge.common.digests import library_versions
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.examples import SPLIT_PREFIX
from weighbridge.evidence.base import EvidenceFile, problem
from weighbridge.evidence.comparison import Comparison
from weighbridge.evidence.delivered import Delivered
from weighbridge.evidence.history import TrainingHistory
from weighbridge.evidence.latency import LatencyReport
from weighbridge.evidence.metrics import Metrics
from weighbridge.evidence.rollout import RolloutEvent, read_rollout
from weighbridge.evidence.served import ServedReport
from weighbridge.evidence.sizing import Sizing
from weighbridge.evidence.summary import ExamplesSummary
from weighbridge.lineage.origins import Origins
from weighbridge.report.features import Feature, read_features
from weighbridge.report.steps import StepOutcome
from weighbridge.verdict import Verdict

FileT = TypeVar("FileT", bound=EvidenceFile)


@dataclass(frozen=True)
class Evidence:
    """What there is to show of a run; all but the verdict may be missing, as in a run that stopped early.

    Attributes:
        verdict: the only thing that decides.
        metrics: quality per slice, of the Evaluator.
        latency: latency, size and load time, of the Evaluator.
        served: what the served model showed under load, of the Evaluator.
        sizing: what a cluster needs for it.
        history: training curves, of the Trainer.
        examples: rows and input files, of the ExampleGen.
        comparison: distances between distributions, of the DataValidator.
        statistics: features by split.
        steps: the run's steps in order.
        versions: versions of the libraries that computed, by name.
        notes: what could not be shown, and why; one sentence each.
        started: when the run began.
        commit: that the pipeline's code was at; empty for none.
        delivered: where the model went; None where that is not known.
        origins: where the model comes from; None where nothing is recorded of that.
        rollout: what happened to a live canary, in order; empty for other runs.
    """

    verdict: Verdict
    metrics: Metrics | None = None
    latency: LatencyReport | None = None
    served: ServedReport | None = None
    sizing: Sizing | None = None
    history: TrainingHistory | None = None
    examples: ExamplesSummary | None = None
    comparison: Comparison | None = None
    statistics: Mapping[str, list[Feature]] = field(default_factory=dict)
    steps: tuple[StepOutcome, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    started: datetime | None = None
    commit: str = ""
    delivered: Delivered | None = None
    origins: Origins | None = None
    rollout: tuple[RolloutEvent, ...] = ()

    @classmethod
    def collect(
        cls,
        verdict: Verdict,
        folders: Mapping[str, str | Path],
        *,
        steps: Iterable[Mapping[str, Any]] = (),
        versions: Mapping[str, str] | None = None,
        notes: Iterable[str] = (),
    ) -> "Evidence":
        """Gather a run's evidence. A file that is not there is left out; one that cannot be read becomes a note.

        Args:
            verdict: the run's verdict.
            folders: artifact folders by output key; `examples`, `statistics`, `anomalies`, `model_run`,
                `evaluation` and `rollout` are read, others ignored.
            steps: `{"name", "state", "seconds", "cached", "rows", "note"}` each, in order.
            versions: versions to show; by default those of the installed libraries that compute.
            notes: notes of the caller's own.
        """
        reader = _Reader({key: Path(folder) for key, folder in folders.items()}, list(notes))
        return cls(
            verdict=verdict,
            metrics=reader.file("evaluation", Metrics),
            latency=reader.file("evaluation", LatencyReport),
            served=reader.file("evaluation", ServedReport),
            sizing=reader.file("evaluation", Sizing),
            history=reader.file("model_run", TrainingHistory),
            examples=reader.file("examples", ExamplesSummary),
            comparison=reader.file("anomalies", Comparison),
            statistics=reader.statistics(),
            steps=reader.steps(steps),
            rollout=reader.rollout(),
            versions=dict(library_versions() if versions is None else versions),
            notes=tuple(reader.notes),
        )


collect = Evidence.collect


class _Reader:
    """Reads what is there and notes what is broken: a report is wanted most when something went wrong."""

    def __init__(self, folders: dict[str, Path], notes: list[str]) -> None:
        self._folders = folders
        self.notes = notes

    def file(self, key: str, model: type[FileT]) -> FileT | None:
        if key not in self._folders:
            return None
        path = self._folders[key] / model.FILE
        try:
            return model.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            self.notes.append(f"{model.FILE} of {key} cannot be shown: {problem(error)}.")
        except OSError as error:
            self.notes.append(f"{model.FILE} of {key} cannot be read: {error.strerror}.")
        return None

    def statistics(self) -> dict[str, list[Feature]]:
        found: dict[str, list[Feature]] = {}
        if "statistics" not in self._folders:
            return found
        for path in sorted(self._folders["statistics"].glob(f"{SPLIT_PREFIX}*/FeatureStats.pb")):
            split = path.parent.name.removeprefix(SPLIT_PREFIX)
            try:
                found[split] = read_features(path)
            except UsageError:
                self.notes.append(f"The statistics of split {split} cannot be read.")
        # What is learnt from comes before what it is tested on.
        return dict(sorted(found.items(), key=lambda item: (item[0] != "train", item[0])))

    def rollout(self) -> tuple[RolloutEvent, ...]:
        if "rollout" not in self._folders:
            return ()
        try:
            return read_rollout(self._folders["rollout"])
        except (UsageError, OSError) as error:
            self.notes.append(f"The canary's timeline cannot be shown: {error}.")
            return ()

    def steps(self, given: Iterable[Mapping[str, Any]]) -> tuple[StepOutcome, ...]:
        steps = []
        for number, values in enumerate(given, 1):
            try:
                steps.append(StepOutcome.model_validate(dict(values)))
            except (ValidationError, TypeError, ValueError) as error:
                why = problem(error) if isinstance(error, ValidationError) else str(error)
                self.notes.append(f"Step {number} cannot be shown: {why}.")
        return tuple(steps)
