"""The thresholds file, `gates.yaml`: both sides' conditions in one reviewed place, one section per component."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from weighbridge.common.errors import UsageError
from weighbridge.common.yaml_file import YamlFile, read_yaml
from weighbridge.components.data_validator.gates import DataGates
from weighbridge.components.evaluator.gates import LatencyGates, QualityGates
from weighbridge.components.example_gen.gates import ExamplesGates
from weighbridge.thresholds.canary import CanaryGates
from weighbridge.thresholds.delivery import Delivery
from weighbridge.verdict import Section, told

THRESHOLDS_FILE = "gates.yaml"

StepSection = TypeVar("StepSection", bound=Section)

_asked: ContextVar[dict[str, Section] | None] = ContextVar("_asked", default=None)


@contextmanager
def sections_of_steps() -> Iterator[dict[str, Section]]:
    """The sections that a pipeline's own steps read inside the block, by name of the step: no file says their types."""
    found: dict[str, Section] = {}
    token = _asked.set(found)
    try:
        yield found
    finally:
        _asked.reset(token)


class Gates(Section):
    """All sections of a thresholds file.

    `quality` and `latency` must be there: a model that nothing weighs must not pass. `steps` has a section for each of
    the pipeline's own steps. `delivery` and `canary` weigh nothing in a run: they say on which way a model that passed
    gets to production, and to users.
    """

    examples: ExamplesGates = Field(default_factory=ExamplesGates, description="What reading the input may lose.")
    data: DataGates = Field(
        default_factory=DataGates, description="What the data must be before a model is trained on them."
    )
    quality: QualityGates = Field(description="What quality a model must have.")
    latency: LatencyGates = Field(description="How fast, how large and how hungry a model may be.")
    delivery: Delivery = Field(
        default_factory=Delivery,
        description="The stages on the way to production, in the order a model passes them; the last is production. "
        "Without this section: staging, a canary (200 calls, p99_ms {max_ratio: 2.0}), production.",
    )
    canary: CanaryGates = Field(
        default_factory=CanaryGates,
        description="How a pushed model goes to users step by step, and what its requests must show beside those of "
        "production (`weighbridge canary`). A threshold that has a default is only shown with `severity: warning`.",
    )
    steps: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Thresholds of the pipeline's own steps, by name of the step; what may stand there, the step says.",
        json_schema_extra=told(each="step"),
    )

    def of_step(self, name: str, section: type[StepSection], *, others: Sequence[str] = ()) -> StepSection:
        """The thresholds of a pipeline's own step: what stands below `steps`, as the type that the step gives it.

        Args:
            name: of the step.
            section: its type.
            others: names of the pipeline's other steps that have a section: a name besides is a mistyped one.

        Raises:
            UsageError: a key is unknown, or a value cannot be a threshold.
        """
        known = (name, *others)
        for given in self.steps:
            if given not in known:
                raise UsageError(
                    f"gates.yaml: steps.{given} is not known{_guess(given, known)}",
                    f"Allowed here: {', '.join(known)}.",
                )
        try:
            read = section.model_validate(self.steps.get(name, {}))
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, ("steps", name, *problem["loc"])))
            message = f": {problem['msg'].removeprefix('Value error, ')}"
            if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
                message = f" is not known{_guess(problem['loc'][0], section.model_fields)}"
            allowed = ", ".join(section.model_fields)
            raise UsageError(f"gates.yaml: {where}{message}", f"Allowed: {allowed}.") from error
        if (asked := _asked.get()) is not None:
            asked[name] = read
        return read


def load_gates(path: str | Path) -> Gates:
    """Read a thresholds file.

    Raises:
        UsageError: the file is missing, no YAML (see `read_yaml`), or holds an unknown key or a value that cannot be a
            threshold; the message names the key, its line and what is allowed.
    """
    path = Path(path)
    try:
        file = read_yaml(path)
    except OSError as error:
        raise UsageError(
            f"No thresholds file at {path}: {error.strerror}",
            "Put a gates.yaml there; weighbridge gates lists its keys.",
        ) from error
    if not isinstance(file.content, dict):
        raise UsageError(f"{path} holds no sections", f"Expected: {', '.join(Gates.model_fields)}.")
    try:
        return Gates.model_validate(file.content)
    except ValidationError as error:
        raise UsageError(_explain(error, file)) from error


@dataclass(frozen=True)
class ThresholdProblem:
    """Something that is wrong in a thresholds file.

    Attributes:
        location: keys and positions from the outermost, as a validator tells them.
        line: in the file; None where that is not known.
        message: `section.key: what is wrong, what is allowed`.
        unknown: the key itself is not known.
    """

    location: tuple[int | str, ...]
    line: int | None
    message: str
    unknown: bool


def problems_of(content: Any, file: YamlFile) -> tuple[Gates | None, list[ThresholdProblem]]:
    """Thresholds, or all that is wrong with them, each place once and unknown keys first.

    Args:
        content: of the file, or a part of it.
        file: tells the lines.
    """
    try:
        return Gates.model_validate(content), []
    except ValidationError as error:
        found: dict[tuple[str, ...], ThresholdProblem] = {}
        for problem in _unknown_first(error):
            place = file.location(problem["loc"])
            # Of a value that may be one of several types, each type complains: the first says enough.
            key = place if problem["type"] not in ("missing", "extra_forbidden") else tuple(map(str, problem["loc"]))
            unknown = problem["type"] == "extra_forbidden"
            found.setdefault(key, ThresholdProblem(problem["loc"], file.lines.get(place), _told(problem), unknown))
        return None, list(found.values())


def _explain(error: ValidationError, file: YamlFile) -> str:
    """The first problem as `file, line: section.key: what is wrong, what is allowed`."""
    problem = _unknown_first(error)[0]
    return f"{file.place(problem['loc'])}: {_told(problem)}"


def _unknown_first(error: ValidationError) -> list[Any]:
    """An unknown key comes first: it may be the mistyped one that another problem misses."""
    return sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")


def _told(problem: Any) -> str:
    where = ".".join(map(str, problem["loc"])) or "the file"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        allowed = _fields_at(problem["loc"][:-1])
        guess = _guess(problem["loc"][-1], allowed)
        return f"{where} is not known{guess}" + (f" Allowed here: {', '.join(allowed)}." if allowed else "")
    return f"{where}: {message}"


def _guess(name: int | str, allowed: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(name), list(allowed), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _fields_at(location: tuple[int | str, ...]) -> list[str]:
    """Keys allowed at a place of the file, found by walking the models' JSON schema."""
    schema: dict[str, Any] = Gates.model_json_schema()
    definitions = schema.get("$defs", {})
    for step in location:
        properties = schema.get("properties", {})
        schema = properties.get(str(step)) or schema.get("additionalProperties") or schema.get("items") or {}
        for option in schema.get("anyOf", [schema]):
            if "$ref" in option:
                schema = definitions[option["$ref"].rpartition("/")[2]]
            elif option.get("type") != "null":
                schema = option
    return list(schema.get("properties", {}))
