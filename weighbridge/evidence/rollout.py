"""`rollout.jsonl`: the timeline of a live canary, an event a line, in the order in which they happened.

It is appended to as long as the canary is on its way, so a killed process may leave half a line at its end: that event
did not happen.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, Field, ValidationError

from weighbridge.common.errors import UsageError
from weighbridge.evidence.base import Document, problem
from weighbridge.verdict import Gate

ROLLOUT_FILE = "rollout.jsonl"

EventKind = Literal["began", "resumed", "look", "ended"]
Action = Literal["hold", "next", "promote", "roll_back", ""]


class RolloutEvent(Document):
    """Something that happened to a canary.

    Attributes:
        at: when, by the monitoring's clock; UTC.
        kind: the canary began; was taken up again; was looked at; or ended.
        step: position of its step in `canary.steps`, from 0.
        percent: share of the users' requests that it was to answer then.
        shadow: whether it got copies of requests instead.
        version: of the canary.
        stable: version in production.
        requests: that the canary has answered in this step.
        needed: requests that the step needs.
        window: what was seen since the last look, see `weighbridge.rollout.observed`; None where nothing was.
        gates: how all gates stood.
        problems: why nothing could pass then.
        action: what was decided; empty where nothing was to be.
        reason: why, in a sentence.
        outcome: how it ended: `promoted`, `rolled_back` or `left`; empty before.
    """

    at: AwareDatetime
    kind: EventKind
    step: int = 0
    percent: float = 0.0
    shadow: bool = False
    version: int = 0
    stable: int = 0
    requests: int = 0
    needed: int = 0
    window: dict[str, Any] | None = None
    gates: tuple[Gate, ...] = ()
    problems: tuple[str, ...] = ()
    action: Action = ""
    reason: str = ""
    outcome: Literal["promoted", "rolled_back", "left", ""] = Field(default="")


def read_rollout(folder: str | Path) -> tuple[RolloutEvent, ...]:
    """The events of the timeline in `folder`; none where there is no timeline.

    Raises:
        UsageError: a line other than the last is no event.
        OSError: it cannot be read.
    """
    path = Path(folder, ROLLOUT_FILE)
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return ()
    events = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            events.append(RolloutEvent.model_validate_json(line))
        except ValidationError as error:
            if number == len(lines):  # without an end: its writer was killed
                break
            raise UsageError(
                f"{path}: line {number} is not an event of a canary: {problem(error)}", "Restore it from a copy."
            ) from error
    return tuple(events)
