"""The `delivery` section of a thresholds file: the stages on the way to production, and what each asks for."""

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, RootModel, model_validator

from weighbridge.common.errors import UsageError
from weighbridge.thresholds.jenkins import JenkinsApproval
from weighbridge.verdict import Bounds, Section

PRODUCTION = "production"

_PLAIN = re.compile(r"[a-z][a-z0-9_-]{0,62}")
# Folders of a workspace, or of the volumes of a cluster, that are none of a model's.
_TAKEN = {"artifacts", "backtests", "checkpoints", "history", "kept", "promoting", "rehearsal", "runs", "schema"}


def _plain(name: str) -> str:
    if not _PLAIN.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a stage: up to 63 small letters, digits, - and _, a letter first")
    return name


StageName = Annotated[str, AfterValidator(_plain)]


class Stage(Section):
    """What a stage asks for.

    Attributes:
        stage: its name.
        destination: folder or address (`gs://…`, `s3://…`) of the stage; by default a folder in the workspace.
        approval: `required` if a person must approve what goes there. A file may also give a `JenkinsApproval` here,
            which requires one.
        approved_in: the Jenkins whose word alone counts, if so; given as `approval`.
        calls: calls that the delivered copy must answer, with real rows; 0 checks nothing.
        max_difference: most that a number of its answers may differ from the copy it was made of.
        p50_ms: thresholds on the median of its calls in ms, interleaved with those of production; where `p99_ms` is
            compared with production, by default `max_ratio: 1.5`.
        p99_ms: thresholds on their 99th percentile in ms.
        budget_s: seconds to measure at most.
        rows: rows that the answers are compared on.
    """

    stage: StageName
    destination: str = ""
    approval: Literal["none", "required"] = "none"
    approved_in: JenkinsApproval | None = None
    calls: Annotated[int, Field(ge=0)] = 0
    max_difference: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-5
    p50_ms: Bounds | None = None
    p99_ms: Bounds | None = None
    budget_s: PositiveFloat = 10.0
    rows: PositiveInt = 256

    @model_validator(mode="before")
    @classmethod
    def _approval_in_jenkins(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        if "approved_in" in given:
            raise ValueError("approved_in is not known; write approval: {jenkins: ADDRESS}")
        approval = given.get("approval")
        if not isinstance(approval, Mapping):
            return given
        return dict(given) | {"approval": "required", "approved_in": approval}

    @model_validator(mode="after")
    def _sound(self) -> "Stage":
        for name in ("p50_ms", "p99_ms"):
            if getattr(self, name) is not None and not self.calls:
                raise ValueError(f"{name} needs calls, the number of calls to measure")
        if 0 < self.calls < 20:
            raise ValueError("calls must be 0, or at least 20 to tell anything")
        return self


def _default() -> tuple[Stage, ...]:
    return (
        Stage(stage="staging"),
        Stage(stage="canary", calls=200, p99_ms=Bounds(max_ratio=2.0)),
        Stage(stage=PRODUCTION),
    )


class Delivery(RootModel[tuple[Stage, ...]]):
    """The stages in the order a model passes them; the last is production."""

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
