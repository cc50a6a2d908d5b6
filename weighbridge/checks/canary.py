"""The steps of a live canary against its thresholds: whether their requests can prove what is asked."""

import math
from collections.abc import Iterator
from itertools import groupby

from weighbridge.checks.finding import Finding
from weighbridge.checks.subject import Subject
from weighbridge.verdict.gate import format_value

_GATES = "gates"


def steps(subject: Subject) -> Iterator[Finding]:
    """Thresholds that a canary equal to production never keeps, and steps that ask for too few requests to tell."""
    if subject.gates is None or subject.gates_file is None or ("canary",) not in subject.gates_file.lines:
        return
    from weighbridge.rollout.sequential.planning import needed

    found = needed(subject.gates.canary)
    for path in dict.fromkeys(each.path for each in found if math.isinf(each.requests)):
        name, _, rule = path.partition(".")
        yield Finding(
            check=_GATES,
            level="warning",
            message=f"canary.{path}: no number of requests proves it of a canary that is equal to production, so it is "
            "rolled back when hold_minutes are over",
            hint=f"Leave room between production and {rule}.",
            file=subject.gates_path,
            line=subject.line("canary", name, rule),
        )
    short = [each for each in found if not each.enough and math.isfinite(each.requests)]
    for position, of_step in groupby(short, lambda each: each.step):
        worst = max(of_step, key=lambda each: each.requests)
        requests = round_up(worst.requests)
        yield Finding(
            check=_GATES,
            level="warning",
            message=f"canary.steps[{position}] asks for {worst.planned:,} requests, but {worst.path} "
            f"{format_value(worst.threshold)} takes about {requests:,} to let a canary go on that is equal to "
            "production: the step lasts longer, or rolls it back when hold_minutes are over",
            hint=f"Write requests: {requests}, or allow more.",
            file=subject.gates_path,
            line=subject.line("canary", "steps", str(position)) or subject.line("canary", "steps"),
        )


def round_up(requests: float) -> int:
    """To two digits, so that asking for as many is enough."""
    unit = 10 ** max(math.floor(math.log10(requests)) - 1, 0)
    return math.ceil(requests / unit) * unit
