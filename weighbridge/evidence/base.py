"""What all evidence files have in common: frozen values, written and read by the same model."""

import math
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from weighbridge.common import files
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.machine import is_machine_failure
from weighbridge.verdict import Estimate


def finite(value: Any) -> Any:
    """The value, or None for a number that is not finite: JSON has none for it, and it says "not measured"."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(finite)]


class Document(BaseModel):
    """Base of evidence: a field that the model lacks is refused, so that none is written and then read by nobody."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EvidenceFile(Document):
    """A whole file of evidence.

    Attributes:
        FILE: its name in the artifact's folder.
    """

    FILE: ClassVar[str]

    def write(self, folder: str | Path) -> Path:
        """Write the file into `folder`: the same evidence gives the same bytes.

        Raises:
            OSError: the disk is full or the folder cannot be written.
        """
        return files.write_json(Path(folder, self.FILE), self.model_dump(mode="json"))

    @classmethod
    def read(cls, folder: str | Path) -> Self | None:
        """The file in `folder`; None where there is none.

        Raises:
            UsageError: there is one that cannot be read, or that another version wrote.
            InfrastructureError: the disk fails.
        """
        path = Path(folder, cls.FILE)
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            if is_machine_failure(error):  # says nothing of the file
                raise InfrastructureError(f"{path} cannot be read: {error.strerror}", "Run again.") from error
            raise UsageError(f"{path} cannot be read: {error.strerror}") from error
        except ValidationError as error:
            raise UsageError(
                f"{path} is not a valid {cls.FILE}: {problem(error)}", "Run the step that writes it again."
            ) from error

    @classmethod
    def require(cls, folder: str | Path) -> Self:
        """The file in `folder`, which must be there.

        Raises:
            UsageError: it is not, or `read` raises it.
        """
        found = cls.read(folder)
        if found is None:
            raise UsageError(f"There is no {cls.FILE} in {folder}", "Run the step that writes it again.")
        return found


class Interval(Document):
    """A value with its confidence interval; None where there is none, or it is not finite."""

    value: Number
    low: Number = None
    high: Number = None

    @classmethod
    def of(cls, estimate: Estimate) -> "Interval":
        """An estimate as evidence."""
        return cls(**ends(estimate))


def ends(estimate: Estimate) -> dict[str, float | None]:
    """Value and ends of an estimate by name, as Python's own floats: they may be NumPy's."""
    found = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: None if number is None else float(number) for name, number in found.items()}


def problem(error: ValidationError) -> str:
    """The first thing that is wrong with a document, in one line: where, and what."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    return f"{where}: {first['msg']}"
