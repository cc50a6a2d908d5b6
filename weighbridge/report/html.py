"""The single-file HTML report.

It must render where Jenkins shows it: no script, no inline style attribute, and readable even where the policy blocks
the style sheet in it, so the page is plain semantic HTML and the charts are SVG with presentation attributes.
"""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from weighbridge.report import figures, served, tables
from weighbridge.report.evidence import Evidence
from weighbridge.report.gate_groups import MOST_LINES, counts_text, group_gates
from weighbridge.report.glance import glance
from weighbridge.report.lineage_picture import origins_picture
from weighbridge.report.lineage_rows import origins_rows
from weighbridge.report.plots import read_plots
from weighbridge.report.rollout import rollout_picture, rollout_rows
from weighbridge.report.telling import telling_features
from weighbridge.report.text import bytes_text, clean, count, number_text, seconds_text, short_digest, signed_text
from weighbridge.report.worth import worth_text

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_FEATURES = 100  # a page of thousands of charts is one that no browser opens

_TEMPLATES = Path(__file__).parent / "templates"


def render_html(evidence: Evidence) -> str:
    """The evidence as one HTML page that refers to no other file; the same evidence gives the same bytes."""
    verdict, metrics = evidence.verdict, evidence.metrics
    plots = read_plots(metrics.plots) if metrics else {}
    shown = telling_features(evidence, MOST_FEATURES)
    statistics = {split: [one for one in listed if one.name in shown] for split, listed in evidence.statistics.items()}
    found = evidence.comparison.distances if evidence.comparison else []
    all_features = len({one.name for listed in evidence.statistics.values() for one in listed})
    distances = [one for one in found if one.feature in shown] if len(shown) < all_features else found
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            evidence=evidence,
            verdict=verdict,
            state=verdict.outcome,
            counts=counts_text(verdict),
            worth=worth_text(verdict),
            glance=glance(evidence),
            groups=group_gates(verdict.gates),
            most_lines=MOST_LINES,
            stopped=tables.stopped_at(evidence.steps),
            slice_charts=figures.slice_charts(metrics) if metrics else [],
            plot_charts=figures.plot_charts(metrics, plots) if metrics else [],
            plot_tables=tables.plot_tables(plots),
            undrawable=tables.undrawable(plots),
            training_charts=figures.training_charts(evidence.history) if evidence.history else [],
            latency_charts=figures.latency_charts(evidence.latency.batches) if evidence.latency else [],
            latency_rows=tables.latency_rows(evidence.latency) if evidence.latency else [],
            load_rows=tables.load_rows(evidence.latency) if evidence.latency else [],
            at_once_rows=tables.at_once_rows(evidence.latency) if evidence.latency else [],
            variant_rows=tables.variant_rows(evidence.latency) if evidence.latency else [],
            model_rows=tables.model_rows(evidence.latency) if evidence.latency else [],
            served_charts=served.served_charts(evidence.served) if evidence.served else [],
            served_rows=served.response_rows(evidence.served) if evidence.served else [],
            capacity_rows=served.capacity_rows(evidence.served) if evidence.served else [],
            rate_rows=served.rate_rows(evidence.served) if evidence.served else [],
            sizing_rows=served.sizing_rows(evidence.sizing) if evidence.sizing else [],
            feature_charts=figures.feature_charts(statistics, distances),
            feature_rows=tables.feature_rows(statistics),
            shown_features=len(shown),
            all_features=all_features,
            distances=distances,
            splits=tables.splits(evidence.examples) if evidence.examples else [],
            rollout_picture=rollout_picture(evidence.rollout),
            rollout_rows=rollout_rows(evidence.rollout),
            origins_picture=origins_picture(evidence.origins) if evidence.origins else "",
            origins_rows=origins_rows(evidence.origins) if evidence.origins else [],
        )
    )


@functools.cache
def environment() -> "Environment":
    """Where the templates are, and what they may use; all that they show is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.globals.update(icon=figures.icon, gate_bar=figures.gate_bar, split_legend=figures.split_legend)
    environment.filters.update(
        bytes=bytes_text,
        counted=count,
        number=number_text,
        signed=signed_text,
        seconds=seconds_text,
        short=short_digest,
        interval=tables.interval_text,
        inputs=tables.inputs_text,
    )
    return environment


def _finalize(value: Any) -> Any:
    """Strings from data lose the characters that HTML forbids; markup of our own is clean already."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
