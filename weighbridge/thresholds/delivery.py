"""The `delivery` section of a thresholds file: the stages on the way to production, and what each asks for."""

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    RootModel,
    WithJsonSchema,
    model_validator,
)

from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.call_gates import with_median
from weighbridge.thresholds.jenkins import JenkinsApproval
from weighbridge.verdict import Bounds, Section, told

PRODUCTION = "production"

_NOTHING_YET = "nothing in production yet: relative rules are not compared, and let the model through"
_PLAIN = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_FEWEST_CALLS = 20
# Folders of a workspace, or of the volumes of a cluster, that are none of a model's.
_TAKEN = {"artifacts", "backtests", "checkpoints", "history", "kept", "promoting", "rehearsal", "runs", "schema"}


def _plain(name: str) -> str:
    if not _PLAIN.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a stage: up to 63 small letters, digits, - and _, a letter first")
    return name


StageName = Annotated[str, AfterValidator(_plain), WithJsonSchema({"type": "string", "pattern": f"^{_PLAIN.pattern}$"})]


def _as_written(schema: dict[str, Any]) -> None:
    """How a file gives a stage: the Jenkins that approves stands in `approval`; what the validators below ask."""
    properties = schema["properties"]
    [jenkins, _] = properties.pop("approved_in")["anyOf"]
    approval = properties["approval"]
    approval["anyOf"] = [{"type": approval.pop("type"), "enum": approval.pop("enum")}, jenkins]
    calls = properties["calls"]
    calls["anyOf"] = [{"const": calls.pop("minimum")}, {"minimum": _FEWEST_CALLS}]
    schema["dependencies"] = {"p99_ms": ["calls"]}


class Stage(Section):
    """What a stage asks for."""

    model_config = ConfigDict(json_schema_extra=_as_written)

    stage: StageName = Field(
        description="Its name: up to 63 small letters, digits, - and _, a letter first. The last stage is `production`."
    )
    destination: str = Field(
        default="",
        description="Folder or address (`gs://…`, `s3://…`) of the stage; by default a folder in the workspace.",
    )
    approval: Literal["none", "required"] = Field(
        default="none",
        description="`required` if a person must approve what goes there; or the Jenkins whose word alone counts: "
        "`{jenkins: ADDRESS, approvers: [ID]}`.",
        json_schema_extra=told(missing="without the approval nothing is delivered"),
    )
    approved_in: JenkinsApproval | None = Field(
        default=None, description="The Jenkins whose word alone counts, if so; given as `approval`."
    )
    calls: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Calls that the delivered copy must answer, with real rows: at least 20; 0 checks nothing.",
        json_schema_extra=told(unit="calls", missing="examples that are not here, or a call without an answer, refuse"),
    )
    max_difference: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=1e-5,
        description="Most that a number of its answers may differ from the copy it was made of.",
        json_schema_extra=told(
            unit="of the output",
            against="the answers of the copy it was made of",
            missing="other outputs, other shapes, or a number where the copy has none refuse",
        ),
    )
    p50_ms: Bounds | None = Field(
        default=None,
        description="Thresholds on the median time of its calls, interleaved with calls of production; needs `calls`. "
        "Where `p99_ms` is compared with production, by default `{max_ratio: 1.5}`.",
        json_schema_extra=told(
            unit="ms",
            against="the median of the calls",
            missing=_NOTHING_YET,
        ),
    )
    p99_ms: Bounds | None = Field(
        default=None,
        description="Thresholds on the time that 99 % of its calls take at most, interleaved with calls of production; "
        "needs `calls`.",
        json_schema_extra=told(
            unit="ms",
            against="the 99th percentile of the calls",
            missing=_NOTHING_YET,
        ),
    )
    budget_s: PositiveFloat = Field(
        default=10.0,
        description="Time to measure at most.",
        json_schema_extra=told(unit="s", missing="what is undecided by then is inconclusive, and refuses"),
    )
    signature: Literal["allowed", "required"] = Field(
        default="allowed",
        description="`required` if only a model goes there whose verdict is signed by a key that is trusted: by one of "
        "WEIGHBRIDGE_VERIFY_KEY. Where that is set, it is required anyway.",
        json_schema_extra=told(missing="a model that nobody signed, or no key to verify with, refuses"),
    )
    max_age_days: PositiveFloat | None = Field(
        default=None,
        description="How long ago a model may have been weighed that goes there; by default any time.",
        json_schema_extra=told(
            unit="days",
            against="the time since it was weighed",
            missing="a model with which nothing is attested refuses",
        ),
    )
    rows: PositiveInt = Field(
        default=256,
        description="Rows that the answers are compared on.",
        json_schema_extra=told(unit="rows", missing="fewer are enough, none refuses"),
    )

    @model_validator(mode="before")
    @classmethod
    def _approval_in_jenkins(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        given = with_median(given)
        if "approved_in" in given:
            raise ValueError("approved_in is not known; write approval: {jenkins: ADDRESS}")
        approval = given.get("approval")
        if not isinstance(approval, Mapping):
            return given
        return dict(given) | {"approval": "required", "approved_in": approval}

    @model_validator(mode="after")
    def _sound(self) -> "Stage":
        for name in ("p99_ms", "p50_ms"):
            if getattr(self, name) is not None and not self.calls:
                raise ValueError(f"{name} needs calls, the number of calls to measure")
        if 0 < self.calls < _FEWEST_CALLS:
            raise ValueError(f"calls must be 0, or at least {_FEWEST_CALLS} to tell anything")
        return self


def _default() -> tuple[Stage, ...]:
    return (
        Stage(stage="staging"),
        Stage(stage="canary", calls=200, p99_ms=Bounds(max_ratio=2.0)),
        Stage(stage=PRODUCTION),
    )


class Delivery(RootModel[tuple[Stage, ...]]):
    """The stages in the order a model passes them; the last is production."""

    model_config = ConfigDict(
        json_schema_extra={"contains": {"properties": {"stage": {"const": PRODUCTION}}, "required": ["stage"]}}
    )

    root: tuple[Stage, ...] = Field(default_factory=_default)

    @model_validator(mode="after")
    def _ends_in_production(self) -> "Delivery":
        names = [stage.stage for stage in self.root]
        if not names or names[-1] != PRODUCTION:
            raise ValueError("the last stage must be production")
        if taken := _TAKEN & set(names):
            raise ValueError(f"no stage can be called {min(taken)}: the workspace has a folder of that name")
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"the stage {min(twice)} is given twice")
        return self

    @property
    def names(self) -> list[str]:
        """Names of the stages, in order."""
        return [stage.stage for stage in self.root]

    @property
    def approvals(self) -> list[str]:
        """The stages that a person must approve."""
        return [stage.stage for stage in self.root if stage.approval == "required"]

    def stage(self, name: str) -> Stage:
        """A stage by its name.

        Raises:
            UsageError: there is none.
        """
        if name not in self.names:
            close = difflib.get_close_matches(name, self.names, n=1)
            guess = f". Did you mean {close[0]!r}?" if close else ""
            raise UsageError(
                f"There is no stage {name!r}{guess}", f"Stages: {', '.join(self.names)} (delivery in gates.yaml)."
            )
        return self.root[self.names.index(name)]

    def between(self, source: str, target: str) -> list[str]:
        """The stages that lie between two.

        Raises:
            UsageError: one of them is not a stage, or the way leads back.
        """
        self.stage(source)
        self.stage(target)
        names = self.names
        first, last = names.index(source), names.index(target)
        if first >= last:
            raise UsageError(f"No model goes from {source} to {target}", f"The way is {' → '.join(names)}.")
        return names[first + 1 : last]
