"""Plans, then runs, and compares: what a plan says of a step is what becomes of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weighbridge.runs.workspace import find_run

# What may become of a step that is planned so. A step's own gates may refuse, which no plan can know.
BECOMES = {"run": {"done", "refused"}, "cached": {"cached", "refused"}, "skipped": {"skipped"}}


@dataclass(frozen=True)
class Planned:
    """A plan and what became of it."""

    plan: dict[str, Any]
    states: dict[str, str]
    refusals: tuple[str, ...] = ()

    @property
    def actions(self) -> dict[str, str]:
        return {step["name"]: step["action"] for step in self.plan["steps"]}

    @property
    def changed(self) -> set[tuple[str, str]]:
        return {(change["what"], change["part"]) for change in self.plan["changed"]}

    def step(self, name: str) -> dict[str, Any]:
        return next(step for step in self.plan["steps"] if step["name"] == name)


def plan_then_run(weighbridge: Callable[..., Any], workdir: Path, *arguments: str) -> Planned:
    """Plan, run with the same options, and demand that each step did what was planned; `unless` leaves a choice."""
    before = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    planned = weighbridge("plan", *arguments, "--json")
    assert planned.code == 0, planned.err
    after = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    assert before == after, "planning left a trace"
    plan = json.loads(planned.out)
    ran = json.loads(weighbridge("run", *arguments, "--json").out)
    states = {} if ran["unchanged"] else {step.name: step.state for step in find_run(workdir).record.steps}
    assert ran["unchanged"] == (plan["outcome"] is not None)
    if ran["unchanged"]:
        assert plan["nothing"]
        assert plan["outcome"] == {"run_id": ran["run"]["run_id"], "passed": ran["verdict"]["passed"]}
    else:
        assert [step["name"] for step in plan["steps"]] == list(states)
        refused = False
        for step in plan["steps"]:
            allowed = {"skipped"} if refused else BECOMES[step["action"]] | ({"cached"} if step["unless"] else set())
            assert states[step["name"]] in allowed, (step, states)
            refused = refused or states[step["name"]] == "refused"
    gates = (ran["verdict"] or {}).get("gates", [])
    return Planned(
        plan, states, tuple(gate["message"] for gate in gates if gate["status"] not in ("passed", "not_compared"))
    )
