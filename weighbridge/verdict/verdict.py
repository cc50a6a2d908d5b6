"""A run's verdict: the gates' results, bound by digest to what they were measured on, as one canonical file.

Everything that people or machines see is rendered from it and computes nothing of its own.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError, model_validator

from weighbridge.common import files
from weighbridge.common.digests import bytes_digest
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.common.machine import is_machine_failure
from weighbridge.verdict.gate import Gate
from weighbridge.verdict.shown import Shown

GATES_FILE = "gates.json"
VERDICT_FILE = "verdict.json"

NOTHING_WEIGHED = Gate(
    name="run.gates.present",
    status="refused",
    observed=0,
    message="No step of this pipeline weighed anything, so nothing passed. Add a DataValidator or an Evaluator to it.",
)

Model = TypeVar("Model", bound=BaseModel)


class GateList(Shown, BaseModel):
    """The gates of one step, as it leaves them in an output artifact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gates: tuple[Gate, ...]


class Verdict(Shown, BaseModel):
    """The outcome of a run.

    Attributes:
        passed: no blocking gate refused, and at least one gate weighed something.
        pipeline: name of the pipeline.
        run_id: the run that weighed.
        subject: digests of what was weighed: data, code, parameters, gates, model, …
        gates: all results, in the order of the steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    passed: bool
    pipeline: str
    run_id: str
    subject: dict[str, str]
    gates: tuple[Gate, ...]

    # The bytes of a file that is not in the present form, as earlier versions wrote it: records name their digest.
    _file: bytes | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _consistent(self) -> "Verdict":
        if self.passed != _all_passed(self.gates):
            raise ValueError(f"passed={self.passed} contradicts the gates")
        return self

    @classmethod
    def of(cls, gates: Iterable[Gate], *, pipeline: str, run_id: str, subject: dict[str, str]) -> "Verdict":
        """Weigh `gates`: the verdict passes if any weighed something and none that blocks refused."""
        listed = tuple(gates)
        return cls(passed=_all_passed(listed), pipeline=pipeline, run_id=run_id, subject=subject, gates=listed)

    @classmethod
    def of_run(cls, gates: Iterable[Gate], *, pipeline: str, run_id: str, subject: dict[str, str]) -> "Verdict":
        """Weigh the gates of a whole run: where none weighed anything, one more gate refuses it and says so."""
        listed = tuple(gates)
        if not any(gate.weighed or gate.refuses for gate in listed):
            listed = (*listed, NOTHING_WEIGHED)
        return cls.of(listed, pipeline=pipeline, run_id=run_id, subject=subject)

    @property
    def outcome(self) -> Literal["passed", "refused"]:
        """How it ended, in a word."""
        return "passed" if self.passed else "refused"

    @property
    def exit_code(self) -> ExitCode:
        """What a command ends in that came to this verdict."""
        return ExitCode.PASSED if self.passed else ExitCode.REFUSED

    @property
    def weighed(self) -> list[Gate]:
        """The gates that measured something and judged it."""
        return [gate for gate in self.gates if gate.weighed]

    @property
    def not_compared(self) -> list[Gate]:
        """The gates that had nothing yet to compare with."""
        return [gate for gate in self.gates if gate.status == "not_compared"]

    @property
    def refusals(self) -> list[Gate]:
        """The gates that refuse the run."""
        return [gate for gate in self.gates if gate.refuses]

    @property
    def warnings(self) -> list[Gate]:
        """Refused gates that do not block."""
        return [gate for gate in self.gates if not gate.passed and not gate.refuses]

    def __repr__(self) -> str:
        refused = f"{len(self.refusals)} of {len(self.gates)} gates refused" if self.refusals else ""
        told = refused or f"{len(self.weighed)} gates weighed, none refused"
        lines = [f"{self.outcome.upper()}  {self.pipeline} {self.run_id}: {told}"]
        return "\n".join([*lines, *(f"  ✗ {gate.name}: {gate.message}" for gate in self.refusals)])

    def __str__(self) -> str:
        return repr(self)

    def canonical(self) -> bytes:
        """The bytes of `verdict.json`: those it was read from, else the same verdict always gives the same bytes."""
        return self._present() if self._file is None else self._file

    def _present(self) -> bytes:
        return files.json_text(self.model_dump(mode="json")).encode()

    @property
    def digest(self) -> str:
        """Digest of the bytes of `verdict.json`, as a production record names it."""
        return bytes_digest(self.canonical())

    def write(self, path: str | Path) -> Path:
        """Write the canonical file atomically."""
        return files.write_bytes(path, self.canonical())

    @classmethod
    def read(cls, path: str | Path) -> "Verdict":
        """Read a verdict; its digest is that of the file, whichever version wrote it.

        Raises:
            UsageError: the file is missing, is not a verdict, or contradicts itself.
        """
        data, verdict = _read(cls, Path(path), "verdict")
        if data != verdict._present():
            verdict._file = data
        return verdict


def write_gates(folder: str | Path, gates: Iterable[Gate]) -> Path:
    """Leave a step's gates in an output artifact's folder, where the runner and later steps find them."""
    return files.write_json(Path(folder, GATES_FILE), GateList(gates=tuple(gates)).model_dump(mode="json"))


def read_gates(folder: str | Path) -> list[Gate]:
    """Read the gates that a step left in `folder`.

    Raises:
        UsageError: there are none, or the file cannot be read: a gate that cannot be read does not pass.
    """
    return list(_read(GateList, Path(folder, GATES_FILE), "list of gates")[1].gates)


def _all_passed(gates: Iterable[Gate]) -> bool:
    listed = list(gates)
    return any(gate.weighed for gate in listed) and not any(gate.refuses for gate in listed)


def _read(model: type[Model], path: Path, kind: str) -> tuple[bytes, Model]:
    try:
        data = path.read_bytes()
        return data, model.model_validate_json(data)
    except OSError as error:
        if is_machine_failure(error):  # says nothing of the file
            raise InfrastructureError(f"The {kind} at {path} cannot be read: {error.strerror}", "Run again.") from error
        raise UsageError(f"No {kind} at {path}: {error.strerror}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the file"
        raise UsageError(f"{path} is not a {kind}: {where}: {problem['msg']}") from error
