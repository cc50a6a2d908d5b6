"""A plan in words: what it compares with, what of a step is told, and what a run would come to."""

from weighbridge.common.text import clean, mask
from weighbridge.plan.model import Base, Plan, PlannedStep


def compared_with(base: Base) -> str:
    """`compared with version 3 in production (…)`."""
    compared = {"production": f"version {base.version} in production", "revision": base.revision, "none": "nothing"}
    note = f" ({base.note})" if base.note else ""
    return f"compared with {compared.get(base.kind, f'run {base.run_id}')}{note}"


def step_cells(step: PlannedStep) -> tuple[str, str, str, str]:
    """Name, action, seconds that it took before, and why."""
    unless = f" (from the cache if {' and '.join(step.unless)} come out as before)" if step.unless else ""
    seconds = "" if step.action != "run" else "?" if step.seconds is None else f"{step.seconds:.1f}"
    return step.name, step.action, seconds, step.why + unless


def plan_text(plan: Plan) -> str:
    """The plan as plain lines."""
    lines = [f"{plan.pipeline} {compared_with(plan.base)}"]
    lines += [f"  changed: {' '.join(filter(None, (each.what, each.part, each.note)))}" for each in plan.changed]
    lines += [f"  {'  '.join(filter(None, step_cells(step)))}" for step in plan.steps]
    lines += [f"  warning: {each}" for each in plan.warnings]
    return clean(mask("\n".join([*lines, closing(plan)])))


def plan_html(plan: Plan) -> str:
    """The plan as a notebook shows it."""
    from weighbridge.report.notebook import Block, table_html

    blocks: list[Block] = []
    if plan.changed:
        heads = [("what", False), ("part", False), ("", False)]
        blocks.append(("changed", heads, [(each.what, each.part, each.note) for each in plan.changed], ()))
    if plan.steps:
        heads = [("step", False), ("action", False), ("seconds", True), ("why", False)]
        states = ["" if step.action == "run" else "not_compared" for step in plan.steps]
        blocks.append(("steps", heads, [step_cells(step) for step in plan.steps], states))
    if warned := [(each,) for each in plan.warnings]:
        blocks.append(("warnings", [("", False)], warned, ()))
    return table_html(blocks, title=closing(plan), aside=f"{plan.pipeline} {compared_with(plan.base)}")


def closing(made: Plan) -> str:
    """What a run would do, in one line."""
    if made.outcome:
        how = "passed" if made.outcome.passed else "refused"
        return f"Nothing would run: run {made.outcome.run_id} {how}, and its verdict stands."
    if made.nothing:
        return "Nothing would run."
    names = [step.name for step in made.steps if step.action == "run"]
    unknown = any(step.seconds is None for step in made.steps)
    seconds = (
        f"about {made.seconds:.0f} s" if not unknown else f"at least {made.seconds:.0f} s, some steps never ran here"
    )
    ends = [word for word, so in (("trains", made.trains), ("pushes if it passes", made.pushes)) if so]
    line = f"Would run {len(names)} of {len(made.steps)} steps, {seconds}"
    line = "; ".join([line, *([" and ".join(ends)] if ends else [])])
    return f"{line}." + (f" Approval needed for: {', '.join(made.approvals)}." if made.approvals else "")
