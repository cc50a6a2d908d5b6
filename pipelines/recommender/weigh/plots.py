"""What the report shows of a recommender besides numbers: examples, curves, and the baselines beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from weighbridge.components.evaluator.ranking.coverage import concentration, coverage_by_cutoff
from weighbridge.components.evaluator.ranking.interactions import Items
from weighbridge.components.evaluator.ranking.lists import without_repeats
from weighbridge.components.evaluator.ranking.weigh import Measured
from weighbridge.pipelines.recommender.histories.catalogue import Catalogue
from weighbridge.pipelines.recommender.weigh.audience import Audience

_EXAMPLES = 8  # customers
_SHOWN = 6  # items of each
_STEPS = 50  # points of a curve


def plots(
    lists: Mapping[str, Items], audience: Audience, catalogue: Catalogue, measured: Sequence[Measured]
) -> dict[str, Any]:
    """Plots for `MetricsResponse`.

    Args:
        lists: what each model recommends, by its name; `candidate` among them.
        audience: to whom.
        catalogue: with descriptions.
        measured: metrics on all customers.
    """
    models = [name for name in ("candidate", "production") if name in lists]
    plots = {
        f"baselines_{row.name.metric}": _beside(row) for row in measured if row.name.metric in ("recall", "ndcg", "mrr")
    }
    plots["coverage"] = {
        "kind": "lines",
        "title": "Share of the catalogue that anyone sees, by the length of the lists",
        "x_title": "recommendations per customer",
        "y_title": "share of the catalogue",
        "series": [_coverage(name, lists[name], len(catalogue.items)) for name in models],
    }
    plots["coverage_share"] = {
        "kind": "lines",
        "title": "Share of all recommendations that the most recommended items get",
        "x_title": "share of the catalogue, the most recommended first",
        "y_title": "share of recommendations",
        "series": [_concentration(name, lists[name], len(catalogue.items)) for name in models],
    }
    plots["examples"] = _examples(lists["candidate"], audience, catalogue)
    return plots


def _beside(row: Measured) -> dict[str, Any]:
    bars = []
    for model in row.values:
        estimate = row.estimate(model)
        name = model.replace("_", " ")
        bars.append({"name": name, "value": estimate.value, "low": estimate.low, "high": estimate.high})
    return {"kind": "bars", "title": f"{row.name} beside recommendations that need no model", "rows": bars}


def _coverage(name: str, lists: Items, items: int) -> dict[str, Any]:
    shares = coverage_by_cutoff(without_repeats(lists), items)
    return {"name": name, "x": np.arange(1, len(shares) + 1), "y": shares}


def _concentration(name: str, lists: Items, items: int) -> dict[str, Any]:
    x, y = concentration(without_repeats(lists), items, _STEPS)
    return {"name": name, "x": x, "y": y}


def _examples(lists: Items, audience: Audience, catalogue: Catalogue) -> dict[str, Any]:
    """Customers from all over the split: what they had, what is recommended, and which of it they bought."""
    chosen = np.unique(np.linspace(0, audience.size - 1, min(_EXAMPLES, audience.size)).astype(int))
    histories, truth = audience.histories, audience.truth
    rows = []
    for user in chosen:
        had = dict.fromkeys(histories.items[histories.indptr[user] : histories.indptr[user + 1]].tolist())
        bought = set(truth.items[truth.indptr[user] : truth.indptr[user + 1]].tolist())
        given = [item for item in lists[user].tolist() if item >= 0][:_SHOWN]
        rows.append(
            [
                str(audience.columns["country"][user]),
                [_name(catalogue, item) for item in list(had)[:_SHOWN]],
                [f"{_name(catalogue, item)}{' (bought)' if item in bought else ''}" for item in given],
                f"{len(bought & set(lists[user].tolist()))} of {len(bought)}",
            ]
        )
    return {
        "kind": "table",
        "title": "What customers are recommended",
        "note": "Newest purchases and best recommendations first; how much of what was bought is in the whole list.",
        "columns": ["country", "bought before", "recommended", "found"],
        "rows": rows,
    }


def _name(catalogue: Catalogue, item: int) -> str:
    return catalogue.descriptions[item] or catalogue.items[item].decode(errors="replace")
