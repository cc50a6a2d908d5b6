"""What the thresholds foretell of a run before it trains anything."""

from collections.abc import Iterator

from weighbridge.common import invocation
from weighbridge.local.request import RunRequest
from weighbridge.runs import foreseen
from weighbridge.runs.thresholds_in_force import explain_thresholds
from weighbridge.thresholds import THRESHOLDS_FILE


def foretold(request: RunRequest) -> Iterator[str]:
    """What good models will be refused for, by the thresholds and the last run; what can never pass is an error.

    Args:
        request: what is going to run.

    Raises:
        UsageError: the thresholds cannot be read.
    """
    if not (request.context.folder / THRESHOLDS_FILE).exists():
        return
    explained = explain_thresholds(request.definition, request.workspace.home.parent, own_steps=False)
    with invocation.of(*request.words):
        found = [*foreseen.of_latency(explained.thresholds.gates.latency), *foreseen.of_last_run(explained)]
    yield from (f"{each.message}. {each.hint}" for each in found)
