"""A run at a glance, for the top of its report: when, of which code, on which data, how good, and where it went."""

from collections.abc import Iterator
from datetime import UTC

from weighbridge.common.text import mask
from weighbridge.evidence.metrics import Metric
from weighbridge.report.evidence import Evidence
from weighbridge.report.gate_groups import group_of
from weighbridge.report.text import count, cut, number_text, short_digest

_MOST_METRICS = 4
_MOST_LETTERS = 120

Row = tuple[str, str, str]


def glance(evidence: Evidence) -> list[Row]:
    """What there is to say of a run first: name, words, and what is to be read letter by letter, if any."""
    return list(_rows(evidence))


def _rows(evidence: Evidence) -> Iterator[Row]:
    if evidence.started is not None:
        yield "ran", f"{evidence.started.astimezone(UTC):%Y-%m-%d %H:%M} UTC", ""
    if evidence.commit:
        yield "commit", "", evidence.commit
    if data := _data(evidence):
        yield "data", *data
    if metrics := key_metrics(evidence):
        yield "key metrics", ", ".join(map(_metric, metrics)), ""
    if evidence.delivered is not None:
        yield "model", *evidence.delivered.told(passed=evidence.verdict.passed)


def key_metrics(evidence: Evidence) -> list[Metric]:
    """The metrics on all rows that a blocking gate judges, in the order of the gates; at most four."""
    if evidence.metrics is None:
        return []
    overall = {f"quality.{metric.name}": metric for metric in evidence.metrics.overall()}
    judged = [
        gate.name.rpartition(".")[0]
        for gate in evidence.verdict.gates
        if gate.severity == "blocking" and group_of(gate) == "quality"
    ]
    return [overall[name] for name in dict.fromkeys(judged) if name in overall][:_MOST_METRICS]


def _metric(metric: Metric) -> str:
    """`auc 0.8123 (production 0.9212)`."""
    production = metric.production.value if metric.production else None
    beside = f" (production {number_text(production)})" if production is not None else ""
    return f"{metric.name} {number_text(metric.value)}{beside}"


def _data(evidence: Evidence) -> tuple[str, str] | None:
    """`15,002 rows of`, `/data/taxi.csv`; where rows are not known, the digest of what was weighed on."""
    if evidence.examples is None:
        digest = evidence.verdict.subject.get("data", "")
        return ("", short_digest(digest)) if digest else None
    files = evidence.examples.files
    words = f"{count(evidence.examples.total_rows, 'row')} of"
    if len(files) == 1:
        return words, cut(mask(files[0].path), _MOST_LETTERS)
    return f"{words} {count(len(files), 'file')}", ""
