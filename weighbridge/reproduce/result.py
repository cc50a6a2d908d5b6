"""What came of making a model again; rendered by the command line, computed nowhere else."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from weighbridge.common.errors import ExitCode


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileComparison(_Frozen):
    """A file of the model.

    Attributes:
        path: below the model's folder.
        pushed: digest of it as it was pushed; empty where it was not there.
        made_again: digest of it as it was made again; empty where it is not there.
    """

    path: str
    pushed: str
    made_again: str

    @property
    def same(self) -> bool:
        """Whether both have the same bytes."""
        return self.pushed == self.made_again


class VariableComparison(_Frozen):
    """A variable, or a constant of the graph, that is not the same in both models.

    Attributes:
        name: as the layer or module that holds it calls it; `constant …` for a constant.
        shape: as it was pushed; None where it was not there.
        values: how many of its values differ; None where the two cannot be compared value by value.
        largest: largest absolute difference; None where that cannot be told.
        relative: largest difference as a share of the larger of the two values; likewise.
        what: in words, where the two cannot be compared value by value.
    """

    name: str
    shape: tuple[int, ...] | None = None
    values: int | None = None
    largest: float | None = None
    relative: float | None = None
    what: str = ""


class MetricComparison(_Frozen):
    """A metric of the pushed model's verdict, and what the model that was made again has.

    Attributes:
        gate: name of the gate that measured it.
        pushed: value of the pushed model.
        low, high: ends of the confidence interval of that value; None for an open end.
        made_again: value of the model that was made again; None where it was not measured.
        inside: whether that lies in the interval.
    """

    gate: str
    pushed: float
    low: float | None
    high: float | None
    made_again: float | None
    inside: bool


class Reproduction(_Frozen):
    """A model, and the same made again.

    Attributes:
        model: folder or address of the pushed version.
        pipeline: that made it.
        run_id: of the run that weighed it.
        commit: that the code was taken from; empty where the code at hand was used as it is.
        code: where the code came from, in words.
        data: how many files were read, and how many bytes.
        libraries: where the libraries came from, in words.
        seed: of the training.
        pushed: digest of the pushed model.
        made_again: digest of the model that was made again.
        files: of either model.
        variables: and constants, that differ; None where the files are not TensorFlow's, so that nobody can tell.
        metrics: of the verdict; empty where the bytes are the same, since then the metrics are, too.
        notes: what else is worth knowing, such as another processor.
        seconds: that the training took, with the steps before it.
        folder: where the model that was made again is kept; empty for nowhere.
    """

    model: str
    pipeline: str
    run_id: str
    commit: str = ""
    code: str
    data: str
    libraries: str
    seed: int
    pushed: str
    made_again: str
    files: tuple[FileComparison, ...]
    variables: tuple[VariableComparison, ...] | None = ()
    metrics: tuple[MetricComparison, ...] = ()
    notes: tuple[str, ...] = Field(default_factory=tuple)
    seconds: float = 0.0
    folder: str = ""

    @property
    def identical(self) -> bool:
        """Whether every byte is the same."""
        return self.pushed == self.made_again

    @property
    def same_weights(self) -> bool:
        """Whether variables and constants are known to be the same, whatever else differs."""
        return self.variables is not None and not self.variables

    @property
    def within_intervals(self) -> bool | None:
        """Whether every metric stays within its interval; None where none could be compared."""
        return all(metric.inside for metric in self.metrics) if self.metrics else None

    @property
    def state(self) -> Literal["identical", "same_weights", "within_intervals", "beyond_intervals", "different"]:
        """The outcome in a word."""
        if self.identical:
            return "identical"
        if self.same_weights:
            return "same_weights"
        within = self.within_intervals
        return "different" if within is None else "within_intervals" if within else "beyond_intervals"

    @property
    def exit_code(self) -> ExitCode:
        """0 where every byte is the same, else 1."""
        return ExitCode.PASSED if self.identical else ExitCode.REFUSED
