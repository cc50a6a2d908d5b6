"""The metrics provider: models of any quality weighed beside baselines, and what becomes of broken ones."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.pipelines.recommender.weigh import fakes
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.quality.metrics_api import plain
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.pipelines.recommender.histories.catalogue import Catalogue
from weighbridge.pipelines.recommender.weigh.provider import weigh_recommender
from weighbridge.report.plots import Undrawable, read_plots

OVER = ("recall@5.over_popularity", "recall@5.over_repeat", "recall@5.over_best", "mrr.over_item_to_item")


@pytest.fixture(scope="module")
def codes(histories):
    return Catalogue.read(histories).items.tolist()


@pytest.fixture(scope="module")
def random_model(codes, tmp_path_factory):
    return fakes.save(tmp_path_factory.mktemp("random"), fakes.at_random(codes))


def by_name(response, **key):
    wanted = tuple(key.items())
    return {row.name: row for row in response.metrics if row.key == wanted}


@pytest.fixture(scope="module")
def weighed(histories, trained):
    metrics = ("recall@5", "ndcg@5", "mrr", "coverage@5", "novelty@5", *OVER, "index_recall@5")
    slices = (("country",), ("activity", "returning"), ("catalogue",))
    served = fakes.request(histories, trained.artifact / "Format-Serving", metrics, slices=slices)
    return weigh_recommender(served)


def test_a_model_that_found_the_pattern_beats_what_needs_no_model(weighed):
    found = by_name(weighed)
    assert found["recall@5"].candidate.value > 0.4
    assert found["recall@5"].candidate.low < found["recall@5"].candidate.value < found["recall@5"].candidate.high
    assert found["recall@5.over_popularity"].candidate.low > 0.05
    assert found["recall@5.over_best"].note.startswith("The baseline to beat is ")
    assert all(row.production is None and row.change is None for row in weighed.metrics)


def test_the_best_baseline_is_the_hardest_to_beat(weighed, histories, trained):
    names = ("popularity", "popularity_by_country", "item_to_item", "item_to_item_and_own", "repeat", "als")
    asked = tuple(f"recall@5.over_{name}" for name in (*names, "best"))
    found = by_name(weigh_recommender(fakes.request(histories, trained.artifact / "Format-Serving", asked)))
    values = {name: found[f"recall@5.over_{name}"].candidate.value for name in names}
    best = found["recall@5.over_best"]
    assert best.candidate.value == min(values.values())
    assert min(values, key=values.get) in best.note


def test_every_metric_is_there_for_every_slice(weighed):
    keys = {row.key for row in weighed.metrics if row.name == "recall@5"}
    assert {(("country", "Here"),), (("country", "There"),)} <= keys
    assert any(len(key) == 2 for key in keys)
    for key in keys:
        names = {row.name for row in weighed.metrics if row.key == key}
        assert {"recall@5", "mrr", *OVER} <= names
    rows = [row.rows for row in weighed.metrics if row.name == "mrr" and len(row.key) == 1]
    assert sum(rows) == by_name(weighed)["mrr"].rows == weighed.rows


def test_an_exact_search_and_its_twin_lose_nothing(weighed):
    assert by_name(weighed)["index_recall@5"].candidate.value == 1
    assert by_name(weighed, catalogue="items_x10")["index_recall@5"].candidate.value == 1


def test_what_the_report_draws_can_be_drawn(weighed):
    plots = read_plots({name: plain(plot, name) for name, plot in weighed.plots.items()})
    assert not [plot for plot in plots.values() if isinstance(plot, Undrawable)]
    assert {"baselines_recall", "baselines_mrr", "coverage", "coverage_share", "examples"} <= set(plots)
    assert len(plots["examples"].rows) == 8


def test_rubbish_is_below_every_baseline(histories, random_model):
    response = weigh_recommender(fakes.request(histories, random_model, ("recall@5", *OVER)))
    found = by_name(response)
    assert all(found[name].candidate.high < 0 for name in OVER)
    assert found["recall@5"].candidate.value < 0.3


def test_two_models_are_compared_on_the_same_customers(histories, trained, random_model):
    served = trained.artifact / "Format-Serving"
    metrics = ("recall@5", "recall@5.over_popularity")
    better = by_name(weigh_recommender(fakes.request(histories, served, metrics, production=random_model)))
    worse = by_name(weigh_recommender(fakes.request(histories, random_model, metrics, production=served)))
    same = by_name(weigh_recommender(fakes.request(histories, served, metrics, production=served)))
    for name in metrics:
        assert better[name].change.low > 0
        assert worse[name].change.high < 0
        assert better[name].change.value == pytest.approx(-worse[name].change.value)
        assert better[name].production.value == pytest.approx(worse[name].candidate.value)
        assert (same[name].change.low, same[name].change.high) == (0, 0)


def test_customers_are_units_already(histories, random_model):
    request = replace(fakes.request(histories, random_model), unit="country")
    with pytest.raises(UsageError, match="customers are weighed, each of whom is a unit"):
        weigh_recommender(request)


def test_codes_that_are_not_in_the_catalogue_are_misses_not_errors(histories, tmp_path, codes):
    known = fakes.save(tmp_path / "a", fakes.same_for_all(codes[:5]))
    half = fakes.save(tmp_path / "b", fakes.same_for_all([b"", b"GONE", *codes[:3]]))
    values = [
        by_name(weigh_recommender(fakes.request(histories, folder)))["recall@5"].candidate.value
        for folder in (known, half)
    ]
    assert 0 < values[1] < values[0]


def test_a_search_that_loses_items_shows(histories, tmp_path, codes):
    lossy = fakes.save(tmp_path, fakes.same_for_all(codes[:10]), exact=fakes.same_for_all(codes[2:12]))
    metrics = ("index_recall@10", "index_recall@2")
    found = by_name(weigh_recommender(fakes.request(histories, lossy, metrics)))
    assert found["index_recall@10"].candidate.value == pytest.approx(0.8)
    assert found["index_recall@2"].candidate.value == 0


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("recall@5.over_luck", "no baseline 'luck'"),
        ("recal@5", "Unknown metric 'recal@5'"),
        ("recall@none", "cutoff 'none'"),
        ("index_recall", "'index_recall'.*no cutoff"),
        ("index_recall@0", "no cutoff"),
    ],
)
def test_a_metric_that_there_is_not_is_named_with_those_there_are(histories, random_model, metric, told):
    with pytest.raises(UsageError, match=told) as caught:
        weigh_recommender(fakes.request(histories, random_model, (metric,)))
    assert re.search("popularity|recall", caught.value.hint)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"items": lambda history: history[:, 0]}, r"items \[\d+\].*customers, k"),
        ({"items": lambda history: history[:1]}, "customers, k"),
        ({"items": fakes.same_for_all([b"a"]), "output": "things"}, "'things|things"),
    ],
)
def test_what_gives_no_lists_cannot_be_measured(histories, tmp_path, model, told):
    folder = fakes.save(tmp_path, **model)
    with pytest.raises(Unmeasurable) as caught:
        weigh_recommender(fakes.request(histories, folder))
    assert re.search(told, caught.value.message)
    assert caught.value.gate("quality").refuses


def test_a_model_that_is_not_there_cannot_be_measured(histories, tmp_path):
    with pytest.raises(Unmeasurable):
        weigh_recommender(fakes.request(histories, tmp_path))


def test_descriptions_are_shown_where_there_are_any(weighed):
    shown = str(weighed.plots["examples"]["rows"])
    assert "RED ROSE" in shown
    assert "19999" in shown  # has no description
    assert np.all([len(row) == 4 for row in weighed.plots["examples"]["rows"]])
