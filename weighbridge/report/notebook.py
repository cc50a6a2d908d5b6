"""What a notebook shows of verdicts, runs and what they measured: pieces of a page that need nothing around them.

They are readable in a light and a dark theme: text has the colour of the page that it stands in, bands are
translucent, and tables are tables where the style sheet is blocked, as in a notebook that is not trusted. All that
comes from data is escaped.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from weighbridge.common.text import mask
from weighbridge.evidence.history import TrainingHistory
from weighbridge.evidence.latency import LatencyReport
from weighbridge.evidence.metrics import Metric, Metrics
from weighbridge.report import figures, tables
from weighbridge.report.comparison import RunComparison
from weighbridge.report.comparison_rows import LEGEND, MARK, Row, comparison_sections, headline
from weighbridge.report.evidence import Evidence
from weighbridge.report.features import Feature
from weighbridge.report.gate_groups import counts_text, group_gates
from weighbridge.report.glance import glance
from weighbridge.report.html import environment
from weighbridge.report.steps import StepOutcome
from weighbridge.report.worth import worth_text
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.verdict import GateList

_LATENCY_COLUMNS = (
    ("batch size", True),
    ("calls", True),
    ("model", False),
    ("p50 (ms)", True),
    ("p95 (ms)", True),
    ("p99 (ms)", True),
    ("p99.9 (ms)", True),
    ("rows/s", True),
)

CHANGED = "≠"

Column = tuple[str, bool]
"""A column's head, and whether it holds numbers."""
Rows = Sequence[Sequence[str]]
Block = tuple[str, Sequence[Column], Rows, Sequence[str]]
"""A table of text: its caption, columns, rows, and a state for each row, which colours it; () for none."""


def html_of(value: Verdict | GateList | Gate) -> str:
    """A verdict, or gates, as a notebook shows them."""
    if isinstance(value, Verdict):
        return verdict_html(value)
    return gates_html(value.gates if isinstance(value, GateList) else [value])


def verdict_html(verdict: Verdict) -> str:
    """How it ended, what to do, and the gates by group; groups of refused ones are open."""
    words = " ".join(filter(None, (f"{counts_text(verdict)}.", worth_text(verdict))))
    return _page("verdict", verdict=verdict, counts=words, groups=group_gates(verdict.gates))


def gates_html(gates: Iterable[Gate]) -> str:
    """Gates by group, the refused ones first."""
    return _page("gates", groups=group_gates(gates))


def run_html(evidence: Evidence, *, kind: str, seconds: float, notes: Sequence[str] = ()) -> str:
    """A run that came to a verdict: the verdict, when, on what, how good, its steps and gates.

    Args:
        evidence: of the run.
        kind: what it was, e.g. `experiment`.
        seconds: that it took.
        notes: further sentences for its head.
    """
    verdict = evidence.verdict
    words = " ".join(
        [f"{kind[:1].upper()}{kind[1:]} {verdict.run_id}: {counts_text(verdict)}.", *notes, worth_text(verdict)]
    ).rstrip()
    return _page(
        "run",
        state=verdict.outcome,
        name=verdict.pipeline,
        words=words,
        verdict=verdict,
        rows=glance(evidence),
        steps=evidence.steps,
        seconds=seconds,
        groups=group_gates(verdict.gates),
    )


def failure_html(*, pipeline: str, words: str, steps: Iterable[Mapping[str, Any]], state: str = "failed") -> str:
    """A run without a verdict: why, and how far it came."""
    return _page(
        "run",
        state=state,
        name=pipeline,
        words=mask(words),
        verdict=None,
        rows=[],
        steps=[StepOutcome.model_validate(dict(step)) for step in steps],
        seconds=0,
        groups=[],
    )


def metrics_html(metrics: Metrics | None, *, slices: bool | None = None) -> str:
    """Metrics as a table, those of slices also as charts.

    Args:
        metrics: None for none.
        slices: those of slices alone, or of all rows alone; None for both.
    """
    found: list[Metric] = [
        each for each in (metrics.metrics if metrics else ()) if slices is None or bool(each.slice) == slices
    ]
    drawings = figures.slice_charts(metrics) if metrics and slices else []
    confidence = metrics.confidence if metrics else None
    return _page("metrics", metrics=found, drawings=drawings, confidence=confidence)


def latency_html(latency: LatencyReport | None) -> str:
    """Percentiles by batch size, of the candidate beside production, with histograms."""
    if latency is None:
        return _page("latency", latency=None)
    rows = [(size, calls, *line) for size, calls, lines in tables.latency_rows(latency) for line in lines]
    variants = [(name, size, *line) for name, size, lines in tables.variant_rows(latency) for line in lines]
    return _page(
        "latency",
        latency=latency,
        columns=_LATENCY_COLUMNS,
        rows=rows,
        loads=tables.load_rows(latency),
        at_once=tables.at_once_rows(latency),
        variants=variants,
        models=tables.model_rows(latency),
        drawings=figures.latency_charts(latency.batches),
    )


def statistics_html(evidence: Evidence) -> str:
    """Each feature in the train and eval splits, with its distances."""
    return features_html(evidence.statistics, evidence.comparison.distances if evidence.comparison else ())


def features_html(statistics: Mapping[str, Sequence[Feature]], distances: Sequence[Any] = ()) -> str:
    """Each feature by split, as charts and as a table."""
    found = tables.feature_rows(statistics)
    return _page(
        "statistics",
        rows=[(name, *line) for name, lines in found for line in lines],
        features=len(found),
        drawings=figures.feature_charts(statistics, distances),
    )


def training_html(history: TrainingHistory | None) -> str:
    """Curves of the training, epoch by epoch."""
    return _page("training", drawings=figures.training_charts(history) if history else [])


def comparison_html(comparison: RunComparison) -> str:
    """Two runs side by side: what changed, and what differs by more than chance."""
    blocks: list[Block] = []
    for section in comparison_sections(comparison):
        rows = [(f"{CHANGED} {row.name}" if row.changed else row.name, *_values(row)) for row in section.rows]
        columns = [("", False), *((head, False) for head in section.heads)]
        states = ["warning" if row.changed else "" for row in section.rows]
        blocks.append((" · ".join(filter(None, (section.title, section.note))), columns, rows, states))
    before, after = comparison.before, comparison.after
    return table_html(
        blocks,
        title=f"{headline(comparison)}.",
        aside=f"{before.run_id} and {after.run_id}",
        fixed=True,
        notes=[*comparison.notes, LEGEND.replace(MARK, CHANGED)],
    )


def table_html(
    blocks: Iterable[Block],
    *,
    title: str = "",
    aside: str = "",
    notes: Sequence[str] = (),
    link: str = "",
    fixed: bool = False,
) -> str:
    """Tables of text.

    Args:
        blocks: one below the other.
        title: over all.
        aside: small, beside the title.
        notes: lines below.
        link: address of a page of it, http or https.
        fixed: all columns are equally wide, so that those of several tables stand below each other.
    """
    return _page(
        "table", tables=list(blocks), title=title, aside=aside, notes=list(map(mask, notes)), fixed=fixed, link=link
    )


def text_html(text: str, *, title: str, aside: str) -> str:
    """A text as it is, such as a schema."""
    return _page("text", text=text, title=title, aside=aside)


def progress_html(*, name: str, state: str, steps: Sequence[Mapping[str, Any]], share: float, note: str) -> str:
    """A run that goes on, or has just ended.

    Args:
        name: of the run.
        state: passed, refused or failed; empty while it goes on.
        steps: that ended.
        share: of the steps that are done, 0 to 1.
        note: what goes on, or where the report is.
    """
    found = [StepOutcome.model_validate(dict(step)) for step in steps]
    return _page("progress", name=name, state=state, steps=found, share=round(100 * share), note=mask(note))


def _values(row: Row) -> tuple[str, str, str]:
    return row.before, row.after, row.change


def _page(kind: str, **values: Any) -> str:
    return environment().get_template("notebook/page.html.j2").render(kind=kind, **values)
