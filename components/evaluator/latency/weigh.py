"""Weighing latency: both models and the variants are timed, and what was measured is kept and judged."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from weighbridge.components.artifacts.models import variant_folder
from weighbridge.components.evaluator.call_gates import AT_RATE, BatchGates, RateGates
from weighbridge.components.evaluator.flavours import LoadedModel, StoredModel, find_model
from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.components.evaluator.latency.carried import Carried
from weighbridge.components.evaluator.latency.concurrent import Concurrent
from weighbridge.components.evaluator.latency.intervals import QUANTITIES
from weighbridge.components.evaluator.latency.judge import GROUP, judge, judge_variant
from weighbridge.components.evaluator.latency.measure import Measurements, measure, measure_variant
from weighbridge.components.evaluator.latency.served import ServedModel
from weighbridge.components.evaluator.latency.timing import histogram, histogram_edges
from weighbridge.components.evaluator.production import load_production
from weighbridge.components.evaluator.request import EvaluationRequest
from weighbridge.components.evaluator.unmeasurable import Unmeasurable, gates_or_refusal
from weighbridge.evidence.base import Interval
from weighbridge.evidence.latency import (
    AtOnce,
    AtRate,
    Batch,
    Calls,
    Compared,
    Latency,
    LatencyReport,
    Responses,
    Variant,
)
from weighbridge.verdict import Estimate, Gate

__all__ = ["GROUP", "evidence", "weigh"]


def weigh(request: EvaluationRequest, folder: Path) -> list[Gate]:
    """Time the candidate in turns with production, then its variants, and judge them.

    Args:
        request: what is to be weighed.
        folder: of the ModelEvaluation artifact; `latency.json` is left there.

    Raises:
        Unmeasurable: the candidate cannot be loaded or called, or there are no rows to call it with.
    """
    gates = request.latency
    stored = find_model(request.model, gates.signature, gates.inputs)
    loaded = stored.load()
    production, judged = load_production(request, GROUP, gates)
    rows = next((batch for batch in request.batches() if batch.num_rows), None)
    if rows is None:
        raise Unmeasurable("rows", "present", f"Split {request.split!r} has no rows to call the model with.")
    contender = partial(ServedModel, rows=rows, label=request.label, largest=max(gates.batch_sizes))
    contenders = {"candidate": contender(stored, loaded)}
    if production:
        contenders["production"] = contender(production.stored, production.loaded)
    found = measure(gates, contenders)
    judged += judge(gates, found, in_production=request.production is not None)
    variants: dict[str, Measurements] = {}
    for name in gates.variants:
        judged += gates_or_refusal(f"{GROUP}.{name}", partial(_weigh_variant, request, name, contender, variants))
    evidence(gates, found, variants).write(folder)
    return judged


def _weigh_variant(
    request: EvaluationRequest,
    name: str,
    contender: Callable[[StoredModel, LoadedModel], ServedModel],
    found: dict[str, Measurements],
) -> list[Gate]:
    """The gates of a variant; its measurements are added to `found`."""
    gates = request.latency
    try:
        stored = find_model(variant_folder(request.model, name), gates.signature, gates.inputs)
    except Unmeasurable as error:
        if error.rule != "loadable":
            raise
        message = f"There is no variant {name!r} of the model: export it to TrainingSession.variant_dir({name!r})."
        raise Unmeasurable("model", "loadable", message) from error
    found[name] = measure_variant(gates, gates.variants[name], contender(stored, stored.load()))
    return judge_variant(gates, name, gates.variants[name], found[name])


def evidence(gates: LatencyGates, found: Measurements, variants: Mapping[str, Measurements]) -> LatencyReport:
    """The measurements as `latency.json`.

    Args:
        gates: what was to be measured.
        found: of the candidate and of production.
        variants: by name, those that could be measured.
    """
    sizes = {model: _bytes(quantities["model_bytes"]) for model, quantities in found.model.items()}
    return LatencyReport(
        signature=gates.signature,
        inputs=gates.inputs,
        confidence=gates.confidence,
        model_bytes=Compared[int](candidate=sizes["candidate"], production=sizes.get("production")),
        load_ms=_compared(found, "load_ms"),
        peak_memory_bytes=_compared(found, "peak_memory_bytes"),
        batches=_batches(gates.batch_sizes, found),
        variants=[
            Variant(
                name=name,
                model_bytes=_bytes(each.model["candidate"]["model_bytes"]),
                batches=_batches(gates.variants[name].batch_sizes, each),
            )
            for name, each in variants.items()
        ],
    )


def _bytes(size: Estimate) -> int:
    return int(size.value)  # counted, not estimated


def _compared(found: Measurements, quantity: str) -> Compared[Interval]:
    production = found.model.get("production")
    return Compared[Interval](
        candidate=Interval.of(found.model["candidate"][quantity]),
        production=Interval.of(production[quantity]) if production else None,
    )


def _batches(batch_sizes: Mapping[int, BatchGates], found: Measurements) -> list[Batch]:
    return [_batch(rows, batch_sizes[rows], found) for rows in found.batches]


def _batch(rows: int, gates: BatchGates, found: Measurements) -> Batch:
    estimates, times = found.batches[rows], found.times[rows]
    edges = histogram_edges(times)
    models = {
        model: Latency(**_intervals(estimates[model]), histogram=histogram(values, edges))
        for model, values in times.by_name.items()
    }
    return Batch(
        batch_size=rows,
        calls=len(times),
        candidate=models["candidate"],
        production=models.get("production"),
        ratio=_calls(estimates, "ratio"),
        at_rate=_at_rate(gates.at_rate, estimates, found.carried[rows]) if gates.at_rate else None,
        at_once=[_at_once(threads, found.at_once[rows, threads]) for threads in gates.concurrency],
        looks=found.looks.get(rows, 1),
    )


def _at_rate(gates: RateGates, found: Mapping[str, Mapping[str, Estimate]], models: Mapping[str, Carried]) -> AtRate:
    carried = {
        name: Responses(
            p99_ms=Interval.of(found[name][AT_RATE]), utilisation=each.utilisation, capacity_rps=each.capacity_rps
        )
        for name, each in models.items()
    }
    return AtRate(
        rate_rps=gates.rate_rps,
        servers=gates.servers,
        candidate=carried["candidate"],
        production=carried.get("production"),
        ratio=Interval.of(found["ratio"][AT_RATE]) if "ratio" in found else None,
    )


def _at_once(threads: int, found: Concurrent) -> AtOnce:
    return AtOnce(
        threads=threads,
        calls=found.slices.calls(),
        slices=len(found.slices),
        candidate=Calls(**_intervals(found.estimates["candidate"])),
        production=_calls(found.estimates, "production"),
        ratio=_calls(found.estimates, "ratio"),
        looks=found.looks,
    )


def _calls(found: Mapping[str, Mapping[str, Estimate]], name: str) -> Calls | None:
    return Calls(**_intervals(found[name])) if name in found else None


def _intervals(found: Mapping[str, Estimate]) -> dict[str, Interval]:
    return {name: Interval.of(found[name]) for name in QUANTITIES}
