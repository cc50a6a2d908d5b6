"""The metrics provider: `metrics_fn="weighbridge.pipelines.recommender.weigh.provider.weigh_recommender"`.

Names that a threshold may have, for every metric of `weighbridge.components.evaluator.ranking`, here recall@20:

* `recall@20`: the model's own;
* `recall@20.over_best`: how much more than the best baseline, measured in pairs; `recall@20.over_repeat` and so on:
  than that one;
* `index_recall@20`: the share of the exact recommendations that the exported search finds; with the slice
  `catalogue: items_x100` that of the variant of this name.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.models import VARIANTS_FOLDER, find_saved_model
from weighbridge.components.evaluator import MetricRow, MetricsRequest, MetricsResponse, signature
from weighbridge.components.evaluator.quality.slices import slices
from weighbridge.components.evaluator.ranking.names import Name, parse_name
from weighbridge.components.evaluator.ranking.per_user import Background
from weighbridge.components.evaluator.ranking.weigh import Measured, judged_users, weigh
from weighbridge.pipelines.recommender.histories.catalogue import Catalogue
from weighbridge.pipelines.recommender.histories.past import read_past
from weighbridge.pipelines.recommender.weigh import contenders
from weighbridge.pipelines.recommender.weigh.audience import Audience, read_audience
from weighbridge.pipelines.recommender.weigh.baselines import baselines, whole_histories
from weighbridge.pipelines.recommender.weigh.plots import plots

CATALOGUE = "catalogue"
"""Not a column: slices of this name are exported variants."""
INDEX_RECALL = "index_recall"
OVER = ".over_"
BEST = "best"

_BATCH_ROWS = 512


@dataclass(frozen=True)
class _Wanted:
    """A metric that a threshold names: itself, or how far above a baseline."""

    text: str
    name: Name
    over: str


def weigh_recommender(request: MetricsRequest) -> MetricsResponse:
    """Weigh recommendations against what customers then bought, beside baselines and the model in production.

    Raises:
        Unmeasurable: a model gives no recommendations, or there is nobody to give them to.
        UsageError: a metric is unknown, or a unit is named: a customer is one already.
    """
    if request.unit is not None:
        raise UsageError(
            f"quality.unit in gates.yaml is {request.unit!r}, but customers are weighed, each of whom is a unit",
            "Remove it.",
        )
    requested = [name for name in request.metrics if not name.startswith(INDEX_RECALL)]
    wanted = [_parse(name) for name in requested] or [_parse("recall@20")]
    features = tuple(names for names in request.slices if names != (CATALOGUE,))
    catalogue = Catalogue.read(request.examples)
    columns = [name for names in features for name in names]
    audience = read_audience(request.examples, request.split, catalogue.items, columns, _BATCH_ROWS)
    served = signature.load(request.candidate, request.signature, request.inputs)
    lists = {"candidate": contenders.recommendations(served, audience, catalogue.items)}
    if request.production is not None:
        theirs = signature.load(request.production, request.signature, request.inputs)
        lists["production"] = contenders.recommendations(theirs, audience, catalogue.items)
    past = read_past(request.examples)
    lists |= baselines(past, audience, len(catalogue.items), lists["candidate"].shape[1])
    histories = whole_histories(past, audience)
    background = Background.of(histories, len(catalogue.items))
    names = list(dict.fromkeys(each.name for each in wanted))
    measured = list(
        weigh(
            lists,
            audience.truth,
            background,
            names,
            slices=slices(audience.columns, features),
            confidence=request.confidence,
        )
    )
    rows = [row for each in wanted for row in _rows(each, measured, list(lists))]
    rows += _index_rows(request, audience)
    overall = [each for each in measured if not each.key]
    return MetricsResponse(
        rows=len(judged_users(audience.truth)),
        metrics=tuple(rows),
        plots=plots(lists, audience, catalogue, overall),
    )


def check_names(names: Iterable[str], source: str) -> None:
    """Refuse names of metrics that are unknown, before anything runs.

    Raises:
        UsageError: one is.
    """
    for name in names:
        if name.partition("@")[0] != INDEX_RECALL:
            parse_name(name.partition(OVER)[0], source)


def _parse(text: str) -> _Wanted:
    base, _, over = text.partition(OVER)
    return _Wanted(text, parse_name(base, "the quality section of gates.yaml"), over)


def _rows(wanted: _Wanted, measured: list[Measured], models: list[str]) -> Iterator[MetricRow]:
    baselines = [name for name in models if name not in ("candidate", "production")]
    if wanted.over and wanted.over not in (BEST, *baselines):
        raise UsageError(
            f"{wanted.text!r} in the quality section of gates.yaml: there is no baseline {wanted.over!r}",
            f"Baselines: {BEST}, {', '.join(baselines)}.",
        )
    for each in measured:
        if each.name != wanted.name:
            continue
        in_production = "production" in models
        if wanted.over:
            rival = each.best(baselines) if wanted.over == BEST else wanted.over
            yield MetricRow(
                wanted.text,
                rows=each.users,
                key=each.key,
                candidate=each.difference("candidate", rival),
                production=each.difference("production", rival) if in_production else None,
                change=each.difference("candidate", "production") if in_production else None,
                note=f"The baseline to beat is {rival}, which needs no model.",
            )
        else:
            yield MetricRow(
                wanted.text,
                rows=each.users,
                key=each.key,
                candidate=each.estimate("candidate"),
                production=each.estimate("production") if in_production else None,
                change=each.difference("candidate", "production") if in_production else None,
            )


def _index_rows(request: MetricsRequest, audience: Audience) -> Iterator[MetricRow]:
    """Recall of the exported search itself, and of the variants' that lie beside it."""
    artifact = request.candidate.parent
    folders: dict[str, Path] = {"": request.candidate}
    folders |= {path.name: path for path in sorted(Path(artifact, VARIANTS_FOLDER).glob("*")) if path.is_dir()}
    for text in request.metrics:
        name, _, cutoff = text.partition("@")
        if name != INDEX_RECALL:
            continue
        if not cutoff.isdecimal() or int(cutoff) < 1:
            raise UsageError(f"{text!r} in the quality section of gates.yaml has no cutoff", f"Write {name}@20.")
        for variant, folder in folders.items():
            if find_saved_model(folder) is None:
                continue
            estimate = contenders.index_recall(
                folder, request.signature, request.inputs, audience, int(cutoff), request.confidence
            )
            key = ((CATALOGUE, variant),) if variant else ()
            yield MetricRow(text, rows=audience.size, key=key, candidate=estimate)
