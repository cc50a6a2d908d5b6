"""Thresholds against the time and the rows that there are: what can never pass, and what good models fail by chance."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from weighbridge.checks.counted import Column, Counted, count
from weighbridge.checks.finding import Finding
from weighbridge.checks.schema import TYPES
from weighbridge.checks.subject import Node, Subject
from weighbridge.common.errors import UsageError
from weighbridge.components.data_validator.distances import Floats
from weighbridge.components.data_validator.findable import equal_shares
from weighbridge.components.evaluator.aliases import Bools, Index
from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.metric_gates import MetricBounds, SliceGates
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.evidence.summary import AnySummary
from weighbridge.runs import foreseen
from weighbridge.runs.foreseen import Foreseen
from weighbridge.runs.thresholds_in_force import Explained, explain_thresholds

_GATES = "gates"
_BUCKETS = 10  # that numbers are compared in
_NEEDED = ("input", "span", "window", "splits", "schema", "prepare_fn", "columns", "sample")


def latency(subject: Subject) -> Iterator[Finding]:
    """Limits of latency that there is too little time to measure."""
    if subject.gates is not None and subject.nodes_with("latency"):
        yield from (_finding(subject, found) for found in foreseen.of_latency(subject.gates.latency))


def rows(subject: Subject) -> Iterator[Finding]:
    """Classes with too few rows, drift that drowns in chance, and margins that the last run's rows do not decide."""
    if subject.gates is None or subject.gates_file is None:
        return
    counted = _counted(subject)
    # Data with fewer rows than a slice must have are there to try things with: they foretell nothing.
    tiny = counted is not None and min(counted.rows.values(), default=0) < subject.gates.quality.min_slice_rows
    explained = _explained(subject)
    if counted is not None and not tiny:
        for node in subject.nodes_with("quality", "label", "split"):
            if subject.weighs_reviewed_rows(node):
                yield from _classes(subject, node, counted)
    if explained is not None and explained.run is not None:
        for found in foreseen.of_last_run(explained):
            yield _finding(subject, found)
    if not tiny:
        yield from _drift(subject, counted, explained)


def _counted(subject: Subject) -> Counted | None:
    """The data of the only ExampleGen, with the columns that thresholds are about."""
    gates, nodes = subject.gates, subject.nodes_with(*_NEEDED)
    if gates is None or len(nodes) != 1:
        return None
    labels = {str(node.parameters["label"]) for node in subject.nodes_with("quality", "label")}
    sliced = {name for each in gates.quality.slice_metrics for name in each.features}
    moved = {*gates.data.skew, *gates.data.drift.production, *gates.data.drift.previous_span}
    units = {gates.quality.unit} if gates.quality.unit else set()
    names = {*labels, *sliced, *moved, *units} - {""}
    return count(nodes[0], sorted(names)) if names else None


def _explained(subject: Subject) -> Explained | None:
    with contextlib.suppress(UsageError):  # of the file, which is told with its lines
        return explain_thresholds(subject.definition, Path(subject.context.root).parents[1], own_steps=False)
    return None


def _classes(subject: Subject, node: Node, counted: Counted) -> Iterator[Finding]:
    """Metrics of each class, where one has so few rows in what is weighed on that no interval is given."""
    quality = QualityGates.model_validate_json(node.parameters["quality"])
    splits = [node.parameters["split"], *([quality.reserve] if quality.reserve else [])]
    columns = {name: _joined(counted, splits, name) for name in counted.columns.get(splits[0], {})}
    labels, units = columns.get(node.parameters["label"]), columns.get(quality.unit or "")
    if labels is None or not set(labels.tolist()) <= {0, 1}:
        return
    at = " and ".join(splits)
    yield from _too_few(subject, ("quality", "metrics"), quality.metrics, "all rows", labels, units, at)
    for index, entry in enumerate(quality.slice_metrics):
        for name, mine in _slices(entry, columns):
            if len(mine) >= (entry.min_rows or quality.min_slice_rows):
                where = ("quality", "slice_metrics", str(index), "metrics")
                yield from _too_few(
                    subject, where, entry.metrics, name, labels[mine], None if units is None else units[mine], at
                )


def _joined(counted: Counted, splits: list[str], name: str) -> Column:
    found = [counted.column(split, name) for split in splits]
    return np.concatenate([each for each in found if each is not None])


def _slices(entry: SliceGates, columns: dict[str, Column]) -> Iterator[tuple[str, Index]]:
    from weighbridge.components.evaluator.quality.slices import slices

    if not set(entry.features) <= columns.keys():
        return
    with contextlib.suppress(Unmeasurable):  # of too many values: a run tells
        for key, index in slices(columns, [entry.features]):
            name = ",".join(f"{feature}={value}" for feature, value in key)
            if entry.wanted in (None, name):
                yield name, index


def _too_few(
    subject: Subject,
    where: tuple[str, ...],
    metrics: dict[str, MetricBounds],
    name: str,
    labels: Column,
    units: Column | None,
    splits: str,
) -> Iterator[Finding]:
    from weighbridge.components.evaluator.quality.kernels import KERNELS

    counts = {each: _independent(labels == each, units) for each in (0, 1)}
    for metric, bounds in metrics.items():
        kernel = KERNELS.get(metric)
        if kernel and any(counts[each] < kernel.fewest for each in kernel.classes):
            split = f"the {splits} split{'s' * (' and ' in splits)}"
            of = "" if units is None else f", values of {subject.gates.quality.unit if subject.gates else ''} counted,"
            message = (
                f"{'.'.join((*where, metric))}: in {split} of these data {name} has{of} {counts[1]:,} positives and "
                f"{counts[0]:,} negatives: with fewer than {kernel.fewest} of a class {metric} has no "
                "interval, so this threshold can never pass"
            )
            hint = "Weigh on more data, cut larger slices, raise min_rows above its rows, or write severity: warning."
            blocks = bounds.severity == "blocking"
            yield _finding(subject, Foreseen((*where, metric), message, hint, never=blocks))


def _independent(rows: Bools, units: Column | None) -> int:
    """How many of some rows, given as a mask, count; of those of a unit one, and each that is of none."""
    if units is None:
        return int(rows.sum())
    named = [unit for unit in units[rows] if unit is not None]
    return len(set(named)) + int(rows.sum()) - len(named)


def _drift(subject: Subject, counted: Counted | None, explained: Explained | None) -> Iterator[Finding]:
    assert subject.gates is not None  # noqa: S101, `rows` looks first
    sizes: dict[str, float] = {}
    if counted is not None:
        sizes, source = {split: float(size) for split, size in counted.rows.items()}, "the data at hand"
    elif explained is not None and (last := _rows_of_run(explained)):
        sizes, source = last, "the last run"
    else:
        promised = {split: each.min for split, each in subject.gates.data.rows.items()}
        sizes, source = {split: least for split, least in promised.items() if least}, "the fewest that data.rows allows"
    gates = subject.gates.data
    shares = {
        feature: found
        for feature in {*gates.skew, *gates.drift.production, *gates.drift.previous_span}
        if (found := _shares(subject, feature, counted)) is not None
    }
    yield from (_finding(subject, each) for each in foreseen.of_drift(gates, shares, sizes, source))


def _rows_of_run(explained: Explained) -> dict[str, float]:
    artifacts = explained.run.record.artifacts if explained.run else ()
    for artifact in artifacts:
        if artifact.key == "examples":
            with contextlib.suppress(UsageError):
                found = AnySummary.read(artifact.uri)
                return {split: float(each.rows) for split, each in found.splits.items()} if found else {}
    return {}


def _shares(subject: Subject, name: str, counted: Counted | None) -> Floats | None:
    """Shares of a feature's values: as counted; else equal ones of those that the schema knows."""
    feature = subject.features.get(name)
    column = counted.column("train", name) if counted else None
    present = [value for value in column.tolist() if value is not None] if column is not None else []
    text = TYPES.get(feature.type, "") == "BYTES" if feature is not None else isinstance(next(iter(present), 0), str)
    text = text or (feature is not None and feature.int_domain.is_categorical)
    if present:
        _, counts = np.unique(present, return_counts=True)
        found: Floats = counts / counts.sum()
        return found if text else equal_shares(min(_BUCKETS, len(counts)))
    if feature is None:
        return None
    if not text:
        return equal_shares(_BUCKETS)
    values = len(feature.string_domain.value)
    return equal_shares(values) if values > 1 else None


def _finding(subject: Subject, found: Foreseen) -> Finding:
    return Finding(
        check=_GATES,
        level="error" if found.never else "warning",
        message=found.message,
        hint=found.hint,
        file=subject.gates_path,
        line=subject.line(*found.location),
    )
