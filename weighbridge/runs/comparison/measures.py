"""What two runs measured, and how each gate ended in both.

Where one of the two was in production when the other was weighed, both models were measured side by side in that run:
its change and its ratios, with their intervals, say more than two values from two runs.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from weighbridge.evidence.base import Interval, Number
from weighbridge.evidence.latency import Batch, Calls, LatencyReport
from weighbridge.evidence.metrics import Metric
from weighbridge.report.comparison import GateChange, Measure
from weighbridge.report.evidence import Evidence
from weighbridge.verdict import Gate, Verdict

# Which run weighed the other's model as the one in production.
_Weighed = Literal["after", "before", ""]
_COUNT = "example_count"  # as a metric; rows are told beside each
_CALLS = (("p50_ms", "ms"), ("p95_ms", "ms"), ("p99_ms", "ms"), ("throughput_rows_s", "rows/s"))


def gates(before: Verdict, after: Verdict) -> tuple[GateChange, ...]:
    """Each gate of either verdict, in the order of the second."""
    theirs, ours = ({gate.name: gate for gate in verdict.gates} for verdict in (before, after))
    return tuple(_gate(name, theirs.get(name), ours.get(name)) for name in dict.fromkeys([*ours, *theirs]))


def _gate(name: str, before: Gate | None, after: Gate | None) -> GateChange:
    unit = next((gate.unit for gate in (after, before) if gate is not None), "")
    return GateChange(
        name=name,
        unit=unit,
        threshold_before=before.threshold if before else None,
        threshold_after=after.threshold if after else None,
        severity_before=before.severity if before else None,
        severity_after=after.severity if after else None,
        status_before=before.status if before else None,
        status_after=after.status if after else None,
        observed_before=before.observed if before else None,
        observed_after=after.observed if after else None,
    )


def metrics(before: Evidence, after: Evidence) -> tuple[tuple[Measure, ...], tuple[Measure, ...]]:
    """The metrics of either on all rows, and those on slices."""
    theirs, ours = _by_name(before), _by_name(after)
    weighed = weighed_by(before.verdict, after.verdict)
    found = [_metric(key, theirs.get(key), ours.get(key), weighed) for key in dict.fromkeys([*ours, *theirs])]
    return tuple(each for each in found if not each.slice), tuple(each for each in found if each.slice)


def _by_name(evidence: Evidence) -> dict[tuple[str, str], Metric]:
    listed = evidence.metrics.metrics if evidence.metrics else []
    return {(metric.name, metric.slice): metric for metric in listed if metric.name != _COUNT}


def _metric(key: tuple[str, str], before: Metric | None, after: Metric | None, weighed: _Weighed) -> Measure:
    paired = None
    if weighed == "after" and after is not None:
        paired = after.change
    elif weighed == "before" and before is not None and before.change is not None:
        paired = _turned(before.change)
    return Measure(
        name=key[0],
        slice=key[1],
        before=_interval(before),
        after=_interval(after),
        rows_before=before.rows if before else None,
        rows_after=after.rows if after else None,
        paired=paired,
    )


def weighed_by(before: Verdict, after: Verdict) -> _Weighed:
    """Whether one of the two runs measured the model of the other beside its own."""
    theirs, ours = before.subject.get("model"), after.subject.get("model")
    if theirs and after.subject.get("production") == theirs:
        return "after"
    return "before" if ours and before.subject.get("production") == ours else ""


def _interval(metric: Interval | None) -> Interval | None:
    return None if metric is None else Interval(value=metric.value, low=metric.low, high=metric.high)


def _turned(change: Interval) -> Interval:
    """The change the other way round."""
    value, low, high = (None if end is None else -end + 0.0 for end in (change.value, change.high, change.low))
    return Interval(value=value, low=low, high=high)


def _inverted(ratio: Interval) -> Interval:
    """The ratio the other way round."""
    value, low, high = (1 / end if end else None for end in (ratio.value, ratio.high, ratio.low))
    return Interval(value=value, low=low, high=high)


def latency(before: Evidence, after: Evidence) -> tuple[Measure, ...]:
    """Calls by batch size, load time, size and memory of both models."""
    if before.latency is None and after.latency is None:
        return ()
    weighed = weighed_by(before.verdict, after.verdict)
    return (*_calls(before.latency, after.latency, weighed), *_models(before.latency, after.latency))


def _calls(before: LatencyReport | None, after: LatencyReport | None, weighed: _Weighed) -> Iterator[Measure]:
    theirs, ours = _batches(before), _batches(after)
    for size in dict.fromkeys([*ours, *theirs]):
        old, new = theirs.get(size), ours.get(size)
        for name, unit in _CALLS:
            yield Measure(
                name=f"batch_{size}.{name}",
                unit=unit,
                before=_of_calls(old.candidate if old else None, name),
                after=_of_calls(new.candidate if new else None, name),
                paired=_ratio(old, new, name, weighed),
            )


def _ratio(before: Batch | None, after: Batch | None, name: str, weighed: _Weighed) -> Interval | None:
    if weighed == "after" and after is not None:
        return _of_calls(after.ratio, name)
    found = _of_calls(before.ratio, name) if weighed == "before" and before is not None else None
    return None if found is None else _inverted(found)


def _batches(report: LatencyReport | None) -> dict[int, Batch]:
    return {batch.batch_size: batch for batch in report.batches} if report else {}


def _of_calls(calls: Calls | None, name: str) -> Interval | None:
    found: Interval | None = getattr(calls, name) if calls is not None else None
    return found


def _models(before: LatencyReport | None, after: LatencyReport | None) -> Iterable[Measure]:
    sides = before, after
    loads = [each.load_ms.candidate if each else None for each in sides]
    sizes = [_bytes(each.model_bytes.candidate) if each else None for each in sides]
    memory = [each.peak_memory_bytes.candidate if each else None for each in sides]
    yield Measure(name="load_ms", unit="ms", before=loads[0], after=loads[1])
    yield Measure(name="model_bytes", unit="bytes", before=sizes[0], after=sizes[1])
    if any(each is not None and each.value is not None for each in memory):
        yield Measure(name="peak_memory_bytes", unit="bytes", before=memory[0], after=memory[1])


def _bytes(size: Number) -> Interval:
    return Interval(value=None if size is None else float(size))
