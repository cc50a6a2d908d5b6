"""The report's tables: rows of text made from evidence."""

from collections.abc import Mapping, Sequence

from weighbridge.evidence.base import Interval
from weighbridge.evidence.latency import Batch, Calls, LatencyReport, Responses
from weighbridge.evidence.plots import Cell, Table
from weighbridge.evidence.summary import ExamplesSummary, Split
from weighbridge.report.features import Feature, Numbers, Words
from weighbridge.report.figures import by_feature
from weighbridge.report.plots import MOST_LETTERS, MOST_ROWS, MOST_TEXTS, Plot, Undrawable
from weighbridge.report.steps import StepOutcome
from weighbridge.report.text import bytes_text, cut, digits_of, number_text, value_text

Row = tuple[str, ...]


def stopped_at(steps: Sequence[StepOutcome]) -> str:
    """The step after which nothing ran; empty for a run that came to its end."""
    for step in steps:
        if step.state in ("refused", "failed"):
            later = any(other.state == "skipped" for other in steps)
            return step.name if later or step.state == "failed" else ""
    return ""


def interval_text(value: Interval | None, unit: str = "", signed: bool = False) -> str:
    """A value and its confidence interval: `0.81 (0.79 to 0.83)`; `–` where there is none."""
    if value is None or value.value is None:
        return "–"
    sign = "+" if signed and value.value > 0 else ""
    if value.low is None or value.high is None or not value.high > value.low:
        return f"{sign}{number_text(value.value, unit)}"
    digits = digits_of(value.low, value.high)
    shown, low, high = (f"{round(number, digits) + 0.0:,.{digits}f}" for number in (value.value, value.low, value.high))
    return f"{sign}{shown}{unit if unit == 'x' else f' {unit}'.rstrip()} ({low} to {high})"


def latency_rows(latency: LatencyReport) -> list[tuple[str, str, list[Row]]]:
    """Per batch size: its size, its calls, and a row per model and for their ratio.

    A row is the model's name, its p50, p95, p99 and p99.9 in ms, and its rows/s.
    """
    rows = []
    for batch in latency.batches:
        each = [("candidate", batch.candidate, ""), ("production", batch.production, ""), ("ratio", batch.ratio, "x")]
        lines = [_latency_row(name, model, unit) for name, model, unit in each if model]
        rows.append((number_text(batch.batch_size), number_text(batch.calls), lines))
    return rows


def _latency_row(name: str, model: Calls, unit: str) -> Row:
    values = (model.p50_ms, model.p95_ms, model.p99_ms, model.p999_ms, model.throughput_rows_s)
    return (name, *(interval_text(value, unit) for value in values))


def load_rows(latency: LatencyReport) -> list[Row]:
    """What the models make of the declared rates, variants' too: a row per model and for their ratio.

    A row is the batch size, requests/s, servers, the model, how busy the servers are, the response time that 99 % take
    at most in ms, and the highest rate at which its limit holds.
    """
    rows: list[Row] = []
    for name, batch in _batches_of(latency):
        if (found := batch.at_rate) is None:
            continue
        first = number_text(batch.batch_size), number_text(found.rate_rps), number_text(found.servers)
        rows += [
            (*first, model, f"{each.utilisation or 0:.0%}", _response(each), _capacity(each))
            for model, each in ((name, found.candidate), ("production", found.production))
            if each
        ]
        if found.ratio:
            rows.append((*first, "ratio", "", interval_text(found.ratio, "x"), ""))
    return rows


def _batches_of(latency: LatencyReport) -> list[tuple[str, Batch]]:
    """All batches, with the name of the model that `candidate` is."""
    variants = [(variant.name, batch) for variant in latency.variants for batch in variant.batches]
    return [*(("candidate", batch) for batch in latency.batches), *variants]


def _response(found: Responses) -> str:
    return "without end" if (found.utilisation or 0) >= 1 else interval_text(found.p99_ms)


def _capacity(found: Responses) -> str:
    if found.capacity_rps is None:
        return "–"
    return "none" if not found.capacity_rps else f"about {number_text(float(f'{found.capacity_rps:.3g}'))}"


def at_once_rows(latency: LatencyReport) -> list[Row]:
    """Calls by several threads at once, of variants, too: a row per model and for their ratio.

    A row is the batch size, the threads, the calls, the model, its p50, p95, p99 and p99.9 in ms, and its rows/s.
    """
    rows: list[Row] = []
    for name, batch in _batches_of(latency):
        for found in batch.at_once:
            first = number_text(batch.batch_size), number_text(found.threads), number_text(found.calls)
            each = [(name, found.candidate, ""), ("production", found.production, ""), ("ratio", found.ratio, "x")]
            rows += [(*first, *_latency_row(model, calls, unit)) for model, calls, unit in each if calls]
    return rows


def variant_rows(latency: LatencyReport) -> list[tuple[str, str, list[Row]]]:
    """Per variant: its name, its size, and a row per batch size (rows, calls, p50, p95, p99, p99.9, rows/s)."""
    rows = []
    for variant in latency.variants:
        lines = [
            (number_text(batch.batch_size), number_text(batch.calls), *_latency_row("", batch.candidate, "")[1:])
            for batch in variant.batches
        ]
        rows.append((variant.name, bytes_text(variant.model_bytes), lines))
    return [row for row in rows if row[2]]


def inputs_text(latency: LatencyReport) -> str:
    """The inputs that all requests had in common: `k = 20`."""
    return ", ".join(f"{name} = {value}" for name, value in sorted(latency.inputs.items()))


def plot_tables(
    plots: Mapping[str, Plot],
) -> list[tuple[str, str, list[tuple[str, bool]], list[list[str | list[str]]]]]:
    """Each plot that is a table: title, note, columns (name, whether it holds numbers only), cells as text or texts."""
    found = []
    for plot in plots.values():
        if isinstance(plot, Table):
            shown = plot.rows[:MOST_ROWS]
            left_out = f"The first {MOST_ROWS} of {len(plot.rows):,} rows." if len(plot.rows) > MOST_ROWS else ""
            numeric = [all(_is_number(row[place]) for row in shown) for place in range(len(plot.columns))]
            cells = [[_cell(value) for value in row] for row in shown]
            note = " ".join(part for part in (plot.note, left_out) if part)
            found.append((plot.title, note, list(zip(plot.columns, numeric, strict=True)), cells))
    return found


def undrawable(plots: Mapping[str, Plot]) -> list[tuple[str, str]]:
    """The plots that cannot be drawn, and why."""
    return [(name, plot.why) for name, plot in plots.items() if isinstance(plot, Undrawable)]


def _is_number(value: Cell) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: Cell) -> str | list[str]:
    if isinstance(value, list):
        more = [f"… and {len(value) - MOST_TEXTS:,} left out"] if len(value) > MOST_TEXTS else []
        return [cut(text, MOST_LETTERS) for text in value[:MOST_TEXTS]] + more
    return cut(value_text(value), MOST_LETTERS)


def model_rows(latency: LatencyReport) -> list[Row]:
    """What both models weigh on the machine that serves them: quantity, candidate, production."""
    size, load, memory = latency.model_bytes, latency.load_ms, latency.peak_memory_bytes
    rows = [
        ("size on disk", *(bytes_text(each) for each in (size.candidate, size.production))),
        ("load time", *(interval_text(each, "ms") for each in (load.candidate, load.production))),
        ("peak memory", *(bytes_text(each.value if each else None) for each in (memory.candidate, memory.production))),
    ]
    return [row for row in rows if row[1:] != ("–", "–")]


def splits(examples: ExamplesSummary) -> list[tuple[str, Split]]:
    """Splits by name, the train split first."""
    return sorted(examples.splits.items(), key=lambda item: (item[0] != "train", item[0]))


def feature_rows(statistics: Mapping[str, Sequence[Feature]]) -> list[tuple[str, list[Row]]]:
    """Per feature a row per split: split, missing, and in words how its values are distributed."""
    return [
        (name, [(split, f"{feature.missing:.1%}", _describe(feature)) for split, feature in splits.items()])
        for name, splits in by_feature(statistics).items()
    ]


def _describe(feature: Feature) -> str:
    found = feature.distribution
    if isinstance(found, Numbers):
        return (
            f"{number_text(found.min)} to {number_text(found.max)}, median {number_text(found.median)},"
            f" mean {number_text(found.mean)}, standard deviation {number_text(found.std)},"
            f" {number_text(found.zeros)} zeros"
        )
    if isinstance(found, Words):
        total = feature.rows * (1 - feature.missing) or 1.0
        top = ", ".join(f"{value} {rows / total:.1%}" for value, rows in found.values[:3])
        return f"{number_text(found.unique)} distinct: {top}"
    return "no values"
