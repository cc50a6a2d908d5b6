"""Weighing a served model: servers are started, loaded and stopped; what they showed is kept and judged."""

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from weighbridge.common.errors import UsageError, WeighbridgeError
from weighbridge.components.evaluator.flavours import StoredModel, find_model
from weighbridge.components.evaluator.latency.timing import histogram
from weighbridge.components.evaluator.latency.under_load.judge import GROUP, all_estimates, judge
from weighbridge.components.evaluator.latency.under_load.measure import Contender, UnderLoad, measure
from weighbridge.components.evaluator.latency.under_load.responses import Responses
from weighbridge.components.evaluator.latency.under_load.rows import rows_of, samples_of, taken_by
from weighbridge.components.evaluator.latency.under_load.size import sizing
from weighbridge.components.evaluator.request import EvaluationRequest
from weighbridge.components.evaluator.served_gates import LATENCIES, ServedGates
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.evidence.base import Interval
from weighbridge.evidence.latency import Histogram
from weighbridge.evidence.served import Loaded, LoadRatio, Rate, ServedReport
from weighbridge.load.server import ModelServer, ServerFailed, model_server
from weighbridge.load.target import Target, body_of, predict_path
from weighbridge.verdict import Gate

SERVER = "KServe's model server"
_BODIES = 512  # different ones, at most
_SAID = 200
_BINS = 40


def weigh(request: EvaluationRequest, folder: Path) -> list[Gate]:
    """Serve the candidate, and production beside it, load both in turn, and judge the candidate.

    Args:
        request: what is to be weighed; its `latency` section has a `served`.
        folder: of the ModelEvaluation artifact; `served.json` and `sizing.json` are left there.

    Raises:
        Unmeasurable: the candidate cannot be served or asked, or there are no rows to ask it with.
    """
    gates = request.latency
    served = gates.served
    assert served is not None  # noqa: S101, the caller looked
    batch = next((each for each in request.batches() if each.num_rows), None)
    if batch is None:
        raise Unmeasurable("rows", "present", f"Split {request.split!r} has no rows to ask a server with.")
    rows = rows_of(batch, request.label)
    stored = find_model(request.model, gates.signature, gates.inputs)
    judged: list[Gate] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weighbridge-load-")))
        start = partial(_serve, stack, scratch, served, rows)
        contenders = {"candidate": start("candidate", stored)}
        if request.production is not None:
            try:
                theirs = find_model(request.production, gates.signature, gates.inputs)
                contenders["production"] = start("production", theirs)
            except Unmeasurable as error:
                error.check_not_the_machine()
                message = f"The model in production cannot be served to compare with. {error.message}"
                judged.append(Gate(name=f"{GROUP}.production.readable", status="unmeasured", message=message))
        try:
            found = measure(served, contenders, gates.confidence)
        except OSError as error:
            raise Unmeasurable("served", "answering", f"The server does not answer: {error}.") from error
    report(served, found, gates.confidence, SERVER).write(folder)
    if (size := sizing(served, found)) is not None:
        size.write(folder)
    return judged + judge(gates, found, in_production=request.production is not None)


def bodies_of(gates: ServedGates, rows: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """The bodies of requests with so many rows each, of rows in turn.

    Raises:
        Unmeasurable: the protocol has no form for the rows.
    """
    count = max(1, min(_BODIES, len(rows) // gates.rows))
    index = np.resize(np.arange(len(rows)), (count, gates.rows))
    try:
        return [body_of([rows[number] for number in part], gates.protocol) for part in index.tolist()]
    except (UsageError, KeyError) as error:
        text = error.message if isinstance(error, UsageError) else f"Some rows have no value for {error}, as V2 needs."
        raise Unmeasurable("served", "askable", f"{text} Say protocol: v1 in latency.served.") from error


def _serve(
    stack: ExitStack,
    scratch: Path,
    gates: ServedGates,
    rows: Sequence[Mapping[str, Any]],
    name: str,
    stored: StoredModel,
) -> Contender:
    """Start a server for a model, and ask it once."""
    rows = taken_by(stored.load(), rows)
    bodies = bodies_of(gates, rows)
    try:
        server: ModelServer = stack.enter_context(
            model_server(
                name,
                stored.folder,
                scratch,
                signature=stored.signature,
                inputs=stored.inputs,
                samples=samples_of(rows),
            )
        )
    except UsageError as error:  # no environment
        raise Unmeasurable("served", "startable", f"{error.message}. {error.hint}") from error
    except (ServerFailed, OSError) as error:
        raise Unmeasurable("served", "startable", f"The {name} cannot be served: {error}.") from error
    target = Target(server.url + predict_path(name, gates.protocol))
    try:
        status, answer = target.ask(bodies[0], gates.timeout_ms / 1000)
    except WeighbridgeError as error:
        raise Unmeasurable("served", "answering", f"{error.message}.") from error
    problem = refusal(status, answer)
    if problem:
        raise Unmeasurable("served", "answering", f"The served {name} refuses a row of the split: {problem}")
    return Contender(target, bodies, server.used)


def refusal(status: int, answer: bytes) -> str:
    """Why an answer is no prediction; empty where it is one."""
    said = answer[:_SAID].decode("utf-8", "replace")
    if not 200 <= status < 300:
        return f"{status}: {said}"
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not (found.get("predictions") or found.get("outputs")):
        return f"{status}, without predictions: {said}"
    return ""


def report(gates: ServedGates, found: UnderLoad, confidence: float, server: str) -> ServedReport:
    """What was measured, as `served.json`.

    Args:
        gates: what was to be measured.
        found: what was.
        confidence: of the intervals.
        server: what answered.
    """
    estimates = all_estimates(gates, found)
    every = np.concatenate([each.times for each in found.responses.values()])
    edges = (
        np.geomspace(max(every.min() * 0.999, 1e-3), max(every.max() * 1.001, 2e-3), _BINS + 1) if len(every) else None
    )

    def model(name: str) -> Loaded:
        responses, own = found.responses[name], estimates[name]
        knee = found.knees.get(name)
        spread = histogram(responses.times, edges) if edges is not None else Histogram(edges_ms=[], counts=[])
        return Loaded(
            requests=len(responses),
            **{each: Interval.of(own[each]) for each in (*LATENCIES, "error_rate")},
            errors=responses.errors,
            queued=float(responses.queued.mean()) if len(responses) else None,
            lag_ms=_lag(responses),
            lag_share=responses.lag_share,
            generator_cpu=responses.cpu_s / responses.lasted_s if responses.lasted_s else None,
            histogram=spread,
            max_rate_rps=Interval.of(own["max_rate_rps"]) if knee else None,
            rates=[Rate(**vars(each)) for each in knee.tried] if knee else [],
            cost_per_million=Interval.of(own["cost_per_million"]) if "cost_per_million" in own else None,
            cpu_ms=1000 * found.cpu_s[name] if name in found.cpu_s else None,
            memory_bytes=found.memory_bytes.get(name),
        )

    return ServedReport(
        server=server,
        protocol=gates.protocol,
        rate_rps=gates.rate_rps,
        rows=gates.rows,
        connections=gates.connections,
        seconds=gates.load_s,
        segments=gates.segments,
        timeout_ms=gates.timeout_ms,
        confidence=confidence,
        limit_ms=gates.limit_ms,
        candidate=model("candidate"),
        production=model("production") if "production" in found.responses else None,
        ratio=LoadRatio(**{each: Interval.of(estimates["ratio"][each]) for each in LATENCIES})
        if "ratio" in estimates
        else None,
    )


def _lag(responses: Responses) -> float:
    return float(np.quantile(responses.lag, 0.99)) if len(responses.lag) else math.nan
