"""A run as Python sees it: its verdict, what it measured as frames, its model and examples, and where its files are."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common.errors import ExitCode, UsageError
from weighbridge.evidence.delivered import Delivered
from weighbridge.report.write import HTML_FILE
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.own_verdict import read_verdict
from weighbridge.runs.record import ArtifactReference, RunRecord
from weighbridge.runs.record import Run as RunFolder
from weighbridge.runs.run_evidence import evidence_of, own_artifacts
from weighbridge.runs.tracked import told
from weighbridge.runs.workspace import REHEARSAL
from weighbridge.verdict import Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from weighbridge.api.models import Model
    from weighbridge.report.comparison import RunComparison
    from weighbridge.report.evidence import Evidence

_SIGNATURE = "serving_default"


class Run:
    """A run that has ended, or goes on in another process: `weighbridge.run` returns one, `weighbridge.runs` several.

    A notebook shows it as its report begins. What was not measured, as after a refusal before the Evaluator, is an
    empty frame.

    Args:
        run: its folder.
        outcome: what running it returned; None for one that is read back.
    """

    def __init__(self, run: RunFolder, outcome: RunOutcome | None = None) -> None:
        self._run = run
        self._outcome = outcome

    @property
    def id(self) -> str:
        """Its id, which begins with the time."""
        return self._run.record.run_id

    @property
    def pipeline(self) -> str:
        """Name of its pipeline."""
        return self._run.record.pipeline

    @property
    def kind(self) -> str:
        """`run`, `experiment`, `rehearsal`, `partial run to DataValidator`, `promotion to canary`."""
        return self._run.record.display_kind

    @property
    def state(self) -> str:
        """passed, refused, failed, running or killed."""
        return self._run.record.display_state

    @property
    def record(self) -> RunRecord:
        """All that `run.json` keeps of it."""
        return self._run.record

    @property
    def parameters(self) -> dict[str, Any]:
        """The pipeline's parameters, by name."""
        return dict(self._run.record.parameters)

    @property
    def folder(self) -> Path:
        """Its folder."""
        return self._run.folder

    @property
    def log(self) -> Path:
        """What the libraries printed."""
        return self._run.log

    @property
    def report(self) -> Path:
        """Its report, one HTML file.

        Raises:
            UsageError: it has none.
        """
        path = self._run.folder / HTML_FILE
        if not path.exists():
            raise UsageError(f"Run {self.id} has no report: it is {self.state}", f"Its log is {self.log}.")
        return path

    @cached_property
    def verdict(self) -> Verdict | None:
        """Its verdict; None where it came to none, see `error`.

        Raises:
            UsageError: the file is not the verdict that the run came to.
        """
        if self._outcome is not None:
            return self._outcome.verdict
        return read_verdict(self._run) if (self._run.folder / VERDICT_FILE).exists() else None

    @property
    def passed(self) -> bool:
        """Whether it came to a verdict, and that passed."""
        return self.verdict is not None and self.verdict.passed

    @property
    def exit_code(self) -> ExitCode | None:
        """What the command ends in; None while it runs."""
        if self._outcome is not None:
            return self._outcome.exit_code
        code = self._run.record.exit_code
        return None if code is None else ExitCode(code)

    @property
    def error(self) -> str:
        """The error that ended it; empty where it came to a verdict."""
        return self._run.record.error

    @property
    def unchanged(self) -> bool:
        """Nothing had changed since this earlier run, so none was started."""
        return self._outcome is not None and self._outcome.unchanged

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each hook that failed when it ended."""
        return self._outcome.warnings if self._outcome else ()

    @property
    def tracking(self) -> str:
        """Its page in MLflow, or that it is yet to be sent there; empty where no server was named."""
        found = told(self.folder)
        return found.line or found.warning

    @property
    def delivered(self) -> Delivered | None:
        """Where its model went: nowhere in an experiment."""
        return self._run.record.delivered

    @property
    def steps(self) -> "pd.DataFrame":
        """Its steps: name, state, seconds, note."""
        import pandas as pd

        columns = ["name", "state", "seconds", "note"]
        return pd.DataFrame([step.model_dump(include=set(columns)) for step in self._run.record.steps], columns=columns)

    @property
    def gates(self) -> "pd.DataFrame":
        """Its gates: name, group, status, severity, observed, threshold, baseline (of production), unit, message.

        `low` and `high` are the interval that decided, `false_pass` and `false_refusal` how often such a gate is wrong.
        """
        from weighbridge.api.frames import gates_frame
        from weighbridge.report.notebook import gates_html

        gates = self.verdict.gates if self.verdict else ()
        return gates_frame(gates, lambda: gates_html(gates))

    @property
    def metrics(self) -> "pd.DataFrame":
        """Its quality: metric, slice, rows, value, low, high, the same of production, and of the change against it.

        `slice` is empty for all rows; low and high are the ends of the confidence interval.
        """
        return self._metrics(None)

    @property
    def slices(self) -> "pd.DataFrame":
        """The rows of `metrics` that are of slices."""
        return self._metrics(True)

    @property
    def latency(self) -> "pd.DataFrame":
        """Its latency by batch size: p50_ms, p95_ms, p99_ms, p999_ms and throughput_rows_s with their intervals.

        `model` is candidate, production, ratio (candidate divided by production), or the name of a variant.
        """
        from weighbridge.api.frames import latency_frame
        from weighbridge.report.notebook import latency_html

        latency = self._evidence.latency
        return latency_frame(latency, lambda: latency_html(latency))

    @property
    def statistics(self) -> "pd.DataFrame":
        """Its features by split: type, rows, missing (a share), what numbers and texts are like."""
        from weighbridge.api.frames import statistics_frame
        from weighbridge.report.notebook import statistics_html

        evidence = self._evidence
        return statistics_frame(evidence.statistics, lambda: statistics_html(evidence))

    @property
    def training(self) -> "pd.DataFrame":
        """Its training: a row per epoch, a column per metric."""
        from weighbridge.api.frames import training_frame
        from weighbridge.report.notebook import training_html

        history = self._evidence.history
        return training_frame(history, lambda: training_html(history))

    @property
    def model(self) -> "Model":
        """Its model: call it with rows, or take its path. Its bytes are held against the verdict before it is loaded.

        Raises:
            UsageError: it trained none, or the one that was weighed is not here.
        """
        from weighbridge.api.models import Model
        from weighbridge.components.artifacts.examples import read_summary
        from weighbridge.components.evaluator.flavours import find_model
        from weighbridge.components.evaluator.unmeasurable import Unmeasurable

        found = self._artifact("model", "Model", "model")
        digest = self.verdict.subject.get("model", "") if self.verdict else ""
        latency, metrics = self._evidence.latency, self._evidence.metrics
        examples = self._made("examples", "Examples")
        summary = read_summary(examples.uri) if examples else None
        try:
            stored = find_model(
                found.uri, latency.signature if latency else _SIGNATURE, latency.inputs if latency else None
            )
        except Unmeasurable as error:
            raise UsageError(error.message, self._again) from error
        return Model(stored, digest, summary.columns if summary else {}, metrics.label if metrics else "")

    def examples(self, split: str = "train", *, rows: int | None = None, arrow: bool = False) -> Any:
        """The rows of a split as its model met them, as a pandas DataFrame.

        Args:
            split: its name.
            rows: the first so many; None for all.
            arrow: return a `pyarrow.Table`.

        Raises:
            UsageError: there is no such split, or the rows are not here.
        """
        from weighbridge.api.rows import as_table
        from weighbridge.components.artifacts.examples import read_batches

        found = self._artifact("examples", "Examples", "examples")
        batches: list[pa.RecordBatch] = []
        left = rows
        for batch in read_batches(found.uri, split):
            batches.append(batch if left is None else batch.slice(0, left))
            left = None if left is None else left - batches[-1].num_rows
            if left == 0:
                break
        table = as_table(batches)
        return table if arrow else table.to_pandas()

    def compare(self, other: "Run | str" = "production") -> "RunComparison":
        """Another run beside this one: data, code, parameters, gates, metrics, slices and latency; this one is `after`.

        Args:
            other: a run, or as commands name one: an id or its beginning, a folder, `production` for the run whose
                model is there, `latest`, `taxi@-2`.

        Raises:
            UsageError: there is no such run.
        """
        from weighbridge.runs.comparison import compare_runs
        from weighbridge.runs.references import find_reference

        folder = self.folder.parents[1]
        workdir = folder.parents[1] if folder.name == REHEARSAL else folder.parent
        before = other._run if isinstance(other, Run) else find_reference(workdir, other, pipeline=self.pipeline)
        return compare_runs(before, self._run)

    @property
    def outputs(self) -> dict[str, Path]:
        """Folders of what its steps left, by the name of the output.

        Raises:
            UsageError: it ran on another machine, so they are not here.
        """
        self._check_here()
        return {each.key: Path(each.uri) for each in own_artifacts(self._run)}

    @cached_property
    def _evidence(self) -> "Evidence":
        import dataclasses

        from weighbridge.report.steps import StepOutcome

        steps = (StepOutcome.model_validate(step) for step in self._steps())
        return dataclasses.replace(evidence_of(self._run), steps=tuple(steps))

    def _steps(self) -> list[dict[str, Any]]:
        return [step.model_dump(exclude={"fingerprint"}) for step in self._run.record.steps]

    def _metrics(self, slices: bool | None) -> "pd.DataFrame":
        from weighbridge.api.frames import metrics_frame
        from weighbridge.report.notebook import metrics_html

        metrics = self._evidence.metrics
        html: Callable[[], str] = lambda: metrics_html(metrics, slices=slices)  # noqa: E731
        return metrics_frame(metrics, html, slices=slices)

    def _made(self, key: str, type_name: str) -> ArtifactReference | None:
        """What a step left as `key`, or of this type: the last one that did."""
        made = list(own_artifacts(self._run))[::-1]
        return next((each for each in made if each.key == key), None) or next(
            (each for each in made if each.type == type_name), None
        )

    def _artifact(self, key: str, type_name: str, what: str) -> ArtifactReference:
        self._check_here()
        found = self._made(key, type_name)
        if found is None:
            ended = [step.name for step in self._run.record.steps if step.state not in ("skipped", "failed")]
            came = f"it is {self.state} after {ended[-1]}" if ended else f"it is {self.state}"
            raise UsageError(f"Run {self.id} has no {what}: {came}", f"Its log is {self.log}.")
        if not Path(found.uri).exists():
            raise UsageError(f"The {what} of run {self.id} is gone: there is no {found.uri}", self._again)
        return found

    def _check_here(self) -> None:
        if self._run.brought:
            raise UsageError(
                f"Run {self.id} ran on another machine: what its steps left is not here, only its reports are",
                self._again,
            )

    @property
    def _again(self) -> str:
        return f"Run it again: weighbridge run {self.pipeline}"

    def __repr__(self) -> str:
        from weighbridge.common.text import clean, mask
        from weighbridge.report.gate_groups import counts_text

        words = counts_text(self.verdict) if self.verdict else next(iter(self.error.splitlines()), "no verdict")
        lines = [f"{self.state.upper()}  {self.pipeline} {self.kind} {self.id}: {words}"]
        lines += [f"  ✗ {gate.name}: {gate.message}" for gate in (self.verdict.refusals if self.verdict else ())]
        return clean(mask("\n".join([*lines, f"  {self.folder}"])))

    def _repr_html_(self) -> str:
        from weighbridge.report.notebook import failure_html, run_html

        record = self._run.record
        if self.verdict is None:
            words = f"{self.kind[:1].upper()}{self.kind[1:]} {self.id}: {self.error or 'no verdict'}"
            return failure_html(pipeline=self.pipeline, words=words, steps=self._steps(), state=self.state)
        notes = ["Nothing changed since: its verdict stands."] if self.unchanged else []
        return run_html(self._evidence, kind=self.kind, seconds=record.seconds, notes=notes)
