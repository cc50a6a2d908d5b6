"""The end of a run whose record goes to the store that builds share."""

import dataclasses

from weighbridge.common.errors import WeighbridgeError
from weighbridge.runs import untold
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.store import RunStore


def sent(store: RunStore | None, outcome: RunOutcome, place: str) -> RunOutcome:
    """Send the folder of a run that ended, if it is to be sent.

    Args:
        store: where to; None for nowhere.
        outcome: how it ended.
        place: what it pushes to, for people, if it passes.

    Returns:
        The outcome. Where the record could not be sent it is the error that says so, with what was pushed all the same:
        the next command sends what is missing.
    """
    run = outcome.run
    if store is None or run.unsent_to != store.address:
        return outcome
    untold.share(store, run)
    try:
        store.send(run)
    except WeighbridgeError as error:
        if outcome.error is not None:
            return outcome
        pushed = f"passed, and its model is at {place}" if run.record.state == "passed" else str(run.record.state)
        told = type(error)(
            f"Run {run.record.run_id} {pushed}, but its record could not be sent to {store.address}: {error.message}",
            f"{error.hint} Run the same command again: it sends what is missing, and does nothing twice.".strip(),
        )
        return dataclasses.replace(outcome, error=told)
    return outcome
