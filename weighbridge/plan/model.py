"""A plan as people and machines see it; its JSON is stable.

```
{"pipeline": "taxi",
 "base": {"kind": "production" | "run" | "revision" | "none", "run_id", "version", "revision", "note"},
 "changed": [{"what", "part", "note"}],
 "steps": [{"name", "action": "run" | "cached" | "skipped", "why", "unless", "seconds"}],
 "nothing": bool, "trains": bool, "pushes": bool, "seconds": number, "approvals": ["production"],
 "outcome": {"run_id", "passed"} | null,
 "warnings": ["quality.auc.min_change: …"]}
```
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, computed_field

What = Literal["data", "code", "parameters", "gates", "schema", "image", "libraries", "production"]
Action = Literal["run", "cached", "skipped"]
BaseKind = Literal["production", "run", "revision", "none"]


class _PlanModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Base(_PlanModel):
    """What a plan compares with.

    Attributes:
        kind: the run that made what is in production; the last run, where nothing is in production or its run is not
            here; a revision of the source code; or nothing at all.
        run_id: of that run.
        version: in production; 0 for none.
        revision: branch, tag or commit, as it was given.
        note: one sentence about it.
    """

    kind: BaseKind
    run_id: str = ""
    version: int = 0
    revision: str = ""
    note: str = ""


class Change(_PlanModel):
    """One thing that is not as it was.

    Attributes:
        what: its kind.
        part: which: a step whose code changed, a section of the thresholds, a parameter, a library; may be empty.
        note: one line about it.
    """

    what: What
    part: str = ""
    note: str = ""


class PlannedStep(_PlanModel):
    """What a run would do with one step.

    Attributes:
        name: of the step.
        action: `run` it; take its outputs from the `cached` ones, gates included; or `skipped`: not reach it.
        why: one line.
        unless: outputs such as `ExampleGen.examples` of steps that run before it. If all of them come out as they
            were, this step may come from the cache after all; that is not certain before they ran. Empty where it is
            sure to run.
        seconds: what it took when it last ran; 0 for what does not run, None where it never ran.
    """

    name: str
    action: Action
    why: str = ""
    unless: tuple[str, ...] = ()
    seconds: float | None = None


class Reused(_PlanModel):
    """The outcome of an earlier run that stands, because nothing changed since."""

    run_id: str
    passed: bool


class Plan(_PlanModel):
    """What `weighbridge run` would do with the same options.

    Attributes:
        pipeline: its name.
        base: what `changed` compares with.
        changed: what is not as it was.
        steps: in the order they run; empty where a revision was compared with and nothing changed.
        nothing: no step would run; against a revision, no run is needed.
        trains: a model would be trained.
        pushes: a model would be pushed if it passes.
        approvals: stages that a person must approve.
        outcome: the earlier outcome that stands.
        warnings: what the thresholds foretell: good models that would be refused by chance, or for want of time.
    """

    pipeline: str
    base: Base
    changed: tuple[Change, ...] = ()
    steps: tuple[PlannedStep, ...] = ()
    nothing: bool = False
    trains: bool = False
    pushes: bool = False
    approvals: tuple[str, ...] = ()
    outcome: Reused | None = None
    warnings: tuple[str, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def seconds(self) -> float:
        """What the steps that run took before, in sum."""
        return round(sum(step.seconds or 0.0 for step in self.steps), 1)

    def __repr__(self) -> str:
        from weighbridge.plan.shown import plan_text

        return plan_text(self)

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        from weighbridge.plan.shown import plan_html

        return plan_html(self)
