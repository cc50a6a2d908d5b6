"""Load on servers that run already, by their addresses: as the Evaluator loads those that it starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.text import mask
from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.components.evaluator.latency.under_load.judge import judge
from weighbridge.components.evaluator.latency.under_load.measure import Contender, measure
from weighbridge.components.evaluator.latency.under_load.size import sizing
from weighbridge.components.evaluator.latency.under_load.weigh import bodies_of, refusal, report
from weighbridge.components.evaluator.served_gates import ServedGates
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.evidence.served import ServedReport
from weighbridge.evidence.sizing import Sizing
from weighbridge.load.scraped import scraped_usage
from weighbridge.load.target import Target, predict_path
from weighbridge.verdict import Gate


@dataclass(frozen=True)
class RemoteLoad:
    """What servers showed under load.

    Attributes:
        report: what was measured.
        gates: the thresholds, judged.
        sizing: what a cluster needs; None where the server does not tell what it uses.
    """

    report: ServedReport
    gates: tuple[Gate, ...]
    sizing: Sizing | None


def load(
    url: str,
    rows: Sequence[Mapping[str, Any]],
    gates: ServedGates,
    *,
    name: str = "",
    baseline: str = "",
    headers: Mapping[str, str] | None = None,
    seed: int = 0,
) -> RemoteLoad:
    """Load a server that runs, and maybe another beside it, in turn.

    Args:
        url: of the server: with the path that predicts, or without a path and with `name`.
        rows: that it is asked about: value by feature of each.
        gates: the rate, and thresholds.
        name: of the model, where `url` has no path.
        baseline: address of the server to compare with, likewise; empty for none.
        headers: sent with each request.
        seed: of the plans.

    Raises:
        UsageError: an address is none, there are no rows, or the server takes none of them.
        InfrastructureError: a server does not answer.
    """
    if not rows:
        raise UsageError("There are no rows to ask the server with", "Give some: one JSON object a line.")
    try:
        bodies = bodies_of(gates, rows)
    except Unmeasurable as error:
        raise UsageError(error.message) from error
    contenders = {}
    for model, address in (("candidate", url), ("production", baseline)):
        if not address:
            continue
        target = Target(_with_path(address, name, gates), dict(headers or {}))
        if problem := refusal(*target.ask(bodies[0], gates.timeout_ms / 1000)):
            raise UsageError(f"{target.url} refuses the first row: {problem}", "See that name, protocol and rows fit.")
        contenders[model] = Contender(target, bodies, partial(scraped_usage, target.url))
    section = LatencyGates.model_validate({"batch_sizes": {1: {}}, "served": gates})
    try:
        found = measure(gates, contenders, section.confidence, seed)
    except OSError as error:
        raise InfrastructureError(f"{url} does not answer: {error}", "See whether the server runs.") from error
    return RemoteLoad(
        report=report(gates, found, section.confidence, mask(url)),
        gates=tuple(judge(section, found, in_production=bool(baseline))),
        sizing=sizing(gates, found),
    )


def _with_path(address: str, name: str, gates: ServedGates) -> str:
    if urlsplit(address).path.strip("/"):
        return address
    if not name:
        raise UsageError(
            f"{address} names no path that predicts", "Give the model's name: --name taxi; or the whole address."
        )
    return address.rstrip("/") + predict_path(name, gates.protocol)
