"""Judging latency: thresholds on what was measured of the model, of its calls and of its variants."""

import math
from collections.abc import Mapping

from weighbridge.components.evaluator.call_gates import AT_RATE, BatchGates
from weighbridge.components.evaluator.gates import MODEL_QUANTITIES, LatencyGates, VariantGates
from weighbridge.components.evaluator.latency.carried import told
from weighbridge.components.evaluator.latency.measure import Measurements
from weighbridge.verdict import Bounds, Estimate, Gate, Sampled

GROUP = "latency"
UNITS = {
    "p50_ms": "ms",
    "p95_ms": "ms",
    "p99_ms": "ms",
    "p999_ms": "ms",
    "throughput_rows_s": "rows/s",
    "load_ms": "ms",
    "model_bytes": "bytes",
    "peak_memory_bytes": "bytes",
}

_ADVICE_SIZE = "Export a smaller model: fewer weights, shorter vocabularies, half precision."
_ADVICE_CALLS = "Make the served graph cheaper; a noisy machine shows in the histograms, and budget_s buys more calls."


def judge(gates: LatencyGates, found: Measurements, *, in_production: bool) -> list[Gate]:
    """Judge what was measured; what is still undecided is refused as inconclusive.

    Args:
        gates: thresholds on calls and on the model as a whole.
        found: what `measure` returned.
        in_production: whether there is a model in production, so that relative thresholds need its value.
    """
    judged = judge_calls(GROUP, gates, gates.batch_sizes, found, in_production=in_production)
    return judged + _judge(GROUP, gates.given(), found.model, in_production, _sampled(gates))


def judge_variant(gates: LatencyGates, name: str, variant: VariantGates, found: Measurements) -> list[Gate]:
    """Judge what was measured of a variant, in gates named `latency.<variant>.batch_<rows>.<quantity>.<rule>`.

    Args:
        gates: how often thresholds may be wrong.
        name: of the variant.
        variant: thresholds on its calls.
        found: what `measure_variant` returned.
    """
    return judge_calls(f"{GROUP}.{name}", gates, variant.batch_sizes, found, in_production=False)


def judge_calls(
    prefix: str, gates: LatencyGates, batch_sizes: Mapping[int, BatchGates], found: Measurements, *, in_production: bool
) -> list[Gate]:
    """Judge what was measured of calls alone, in gates named `<prefix>.batch_<rows>.<quantity>.<rule>`.

    Args:
        prefix: of the gates' names.
        gates: how often thresholds may be wrong.
        batch_sizes: thresholds by rows in a call.
        found: measured at these sizes.
        in_production: whether there is a model in production.
    """
    return [
        gate
        for rows, batch in batch_sizes.items()
        for gate in _judge_batch(prefix, gates, rows, batch, found, in_production)
    ]


def _judge_batch(
    prefix: str, gates: LatencyGates, rows: int, batch: BatchGates, found: Measurements, in_production: bool
) -> list[Gate]:
    name = f"{prefix}.batch_{rows}"
    sampled = _sampled(gates, found.looks.get(rows, 1))
    judged = _judge(name, batch.given(), found.batches[rows], in_production, sampled)
    if batch.at_rate:
        rate = [gate for gate in judged if gate.name.startswith(f"{name}.{AT_RATE}.")]
        judged = [gate for gate in judged if gate not in rate] + told(rate, batch.at_rate, found.carried[rows])
    for threads, level in batch.concurrency.items():
        at_once = found.at_once[rows, threads]
        sampled = _sampled(gates, at_once.looks)
        judged += _judge(f"{name}.concurrency_{threads}", level.given(), at_once.estimates, in_production, sampled)
    return judged


def _sampled(gates: LatencyGates, looks: int = 1) -> Sampled:
    return Sampled(gates.risk, looks=looks, on_undecided=gates.on_undecided)


def _judge(
    prefix: str,
    thresholds: Mapping[str, Bounds],
    found: Mapping[str, Mapping[str, Estimate]],
    in_production: bool,
    sampled: Sampled,
) -> list[Gate]:
    judged: list[Gate] = []
    for name, bounds in thresholds.items():
        production = found.get("production", {}).get(name)
        judged += bounds.judge(
            f"{prefix}.{name}",
            found["candidate"][name],
            baseline=production or (math.nan if in_production else None),
            change=found.get("change", {}).get(name),
            ratio=found.get("ratio", {}).get(name),
            unit=UNITS[name.rpartition(".")[2]],
            sampled=sampled,
            advice=_ADVICE_SIZE if name in MODEL_QUANTITIES else _ADVICE_CALLS,
        )
    return judged
