"""A canary's timeline as steps of its run: what each came to, how long it took, and why it ended."""

from collections.abc import Sequence

from weighbridge.evidence.rollout import RolloutEvent
from weighbridge.rollout.walking import Ended
from weighbridge.runs.record import StepRecord
from weighbridge.thresholds.canary import CanaryGates


def step_records(gates: CanaryGates, events: Sequence[RolloutEvent], ended: Ended | None) -> list[StepRecord]:
    """The steps of a run that walked a canary: `verify`, those of gates.yaml by name, `promote`.

    Args:
        gates: the section `canary`.
        events: the timeline.
        ended: how it ended; None where it is on its way still.
    """
    begun = any(event.kind == "began" for event in events) or bool(events)
    refused = ended is not None and ended.outcome == "rolled_back"
    if not begun:
        first = StepRecord(name="verify", state="refused" if refused else "failed", note=ended.reason if ended else "")
        rest = [*(step.name for step in gates.steps), "promote"]
        return [first, *(StepRecord(name=name, state="skipped", note="refused before") for name in rest)]
    records = [StepRecord(name="verify", state="done")]
    last = max(event.step for event in events)
    for number, step in enumerate(gates.steps):
        own = [event for event in events if event.step == number]
        if not own:
            records.append(StepRecord(name=step.name, state="skipped", note="not reached"))
            continue
        seconds = round((own[-1].at - own[0].at).total_seconds(), 1)
        requests = max(event.requests for event in own)
        told, state = f"{requests:,} requests", "done"
        if number == last and ended is None:
            told, state = f"{told}; on its way", "failed"
        elif number == last and refused and ended is not None:
            told, state = ended.reason, "refused"
        records.append(StepRecord.model_validate({"name": step.name, "state": state, "seconds": seconds, "note": told}))
    if ended is not None and ended.outcome == "promoted":
        records.append(StepRecord(name="promote", state="done", note=f"version {ended.state.canary.version}"))
    else:
        records.append(StepRecord(name="promote", state="skipped", note="not reached"))
    return records
