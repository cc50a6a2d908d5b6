"""What becomes of a canary after a look: a pure function of how things stand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from weighbridge.components.production_model.canary import CanaryState
from weighbridge.thresholds.canary import WHOLE, CanaryGates
from weighbridge.verdict import Gate

Action = Literal["hold", "next", "promote", "roll_back"]

_TOLD = 3  # gates by name; the rest by number


@dataclass(frozen=True)
class Look:
    """How things stand.

    Attributes:
        now: by the monitoring's clock, or this machine's where the monitoring does not answer.
        gates: as they are judged on all that was seen so far.
        requests: that the canary answered in its present step.
        problems: why nothing may pass now, such as missing data; a sentence each.
        fatal: why it must end at once, such as another production; a sentence, or empty.
    """

    now: datetime
    gates: tuple[Gate, ...] = ()
    requests: int = 0
    problems: tuple[str, ...] = ()
    fatal: str = ""


@dataclass(frozen=True)
class Decision:
    """What is to be done, and why, in a sentence."""

    action: Action
    reason: str


def decide(gates: CanaryGates, state: CanaryState, look: Look) -> Decision:
    """What to do after a look.

    A canary moves on only where every gate that blocks has passed, at least one of them, where its step has lasted its
    time and seen its requests, and where nothing was missing. What refuses ends it at once; everything else is waited
    for, until the hold is over.

    Args:
        gates: the steps, and how long they may be held.
        state: the canary; `step` must be one of the steps.
        look: how things stand.
    """
    refused = [gate for gate in look.gates if gate.status == "refused" and gate.severity == "blocking"]
    if look.fatal:
        return Decision("roll_back", look.fatal)
    if refused:
        return Decision("roll_back", _reason(refused))
    step = gates.steps[state.step]
    waited_for = open_points(gates, state, look)
    if not waited_for:
        if state.step + 1 < len(gates.steps):
            return Decision("next", f"All gates passed on {look.requests:,} requests.")
        return Decision("promote", f"All gates passed at the last step, on {look.requests:,} requests.")
    ends = hold_ends(gates, state)
    if look.now >= ends:
        minutes = step.minutes + gates.hold_minutes
        return Decision("roll_back", f"The step was held for {minutes:g} min, and still: {'; '.join(waited_for)}.")
    return Decision("hold", f"{'; '.join(waited_for)}.")


def open_points(gates: CanaryGates, state: CanaryState, look: Look) -> list[str]:
    """What the canary waits for at its step, a phrase each; none where it may move on."""
    step = gates.steps[state.step]
    found = [problem.rstrip(".") for problem in look.problems]
    if look.requests < step.requests:
        found.append(f"{look.requests:,} of {step.requests:,} requests")
    left = state.step_since + timedelta(minutes=step.minutes) - look.now
    if left > timedelta(0):
        found.append(f"{left.total_seconds() / 60:.1f} of {step.minutes:g} min to go")
    blocking = [gate for gate in look.gates if gate.severity == "blocking"]
    undecided = [gate.name for gate in blocking if not gate.passed]
    # Where production answers nothing any more, there is nothing to compare with: the steps before have.
    compared = any(gate.status == "passed" for gate in blocking) or (step.percent == WHOLE and state.step > 0)
    if not blocking or (not undecided and not compared):
        found.append("nothing was judged")
    elif undecided:
        more = f" and {len(undecided) - _TOLD} more" if len(undecided) > _TOLD else ""
        found.append(f"not decided yet: {', '.join(undecided[:_TOLD])}{more}")
    return found


def hold_ends(gates: CanaryGates, state: CanaryState) -> datetime:
    """When a canary that is still at its step is rolled back, by the monitoring's clock."""
    step = gates.steps[state.step]
    return state.step_since + timedelta(minutes=step.minutes + gates.hold_minutes)


def _reason(refused: list[Gate]) -> str:
    more = f" And {len(refused) - 1} more." if len(refused) > 1 else ""
    return f"{refused[0].message}{more}"
