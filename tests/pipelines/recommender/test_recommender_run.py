"""The whole pipeline as its user sees it: order lines in, a verdict out, production only ever holding what passed.

All tests share one work directory, as a team does: the first run pushes, and what is wrong with an export, a model or a
setting must leave production as it is. But for the first one they run the pipeline without the larger twins, which are
weighed there.
"""

import json
import re
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from tests.command_line import in_production
from tests.pipelines.recommender import exports, small_pipeline
from weighbridge.datasets.shop.options import ShopOptions
from weighbridge.datasets.shop.output import OutputFiles
from weighbridge.datasets.shop.write import write
from weighbridge.pipelines.recommender import columns as c
from weighbridge.runs.workspace import find_run
from weighbridge.verdict import Verdict

pytestmark = pytest.mark.slow

SMALL = "tests.pipelines.recommender.small_pipeline"


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("recommender")


@pytest.fixture
def workdir(shared) -> Path:
    return shared / "work"


@pytest.fixture
def production(workdir):
    """What production holds: the record's bytes and every version's digest."""
    return lambda: in_production(workdir / "recommender/production")


@pytest.fixture
def first(weighbridge, workdir):
    """The first run ever, on the orders that come with the pipeline; later tests find it done."""
    if not (workdir / "recommender/production/production.json").exists():
        done = weighbridge("run", "recommender")
        assert done.code == 0, done.out + done.err
    return workdir


@pytest.fixture(scope="module")
def small(shared):
    """A user's own pipeline: the recommender, small."""
    name = small_pipeline.write(shared)
    sys.path.insert(0, str(shared))
    yield name
    sys.path.remove(str(shared))


@pytest.fixture
def run(weighbridge, first, small):
    """Run the small pipeline."""

    def call(data: Path | None = None, run_fn: str = "run_fn", **settings):
        arguments = [] if data is None else ["--data", data]
        for name, value in ({"run_fn": f"{SMALL}.{run_fn}"} | settings).items():
            arguments += ["--set", f"{name}={value}"]
        return weighbridge("run", small, *arguments)

    return call


def refusals(workdir) -> list[str]:
    return [gate.name for gate in Verdict.read(find_run(workdir).folder / "verdict.json").refusals]


def states(workdir) -> dict[str, str]:
    return {step.name: step.state for step in find_run(workdir).record.steps}


def test_the_first_run_weighs_everything_and_pushes(first, production):
    run = find_run(first)
    verdict = json.loads((run.folder / "verdict.json").read_text())
    assert verdict["passed"]
    assert list(states(first)) == [
        "ExampleGen",
        "ProductionModel",
        "DataValidator",
        "Histories",
        "Trainer",
        "Evaluator",
        "Pusher",
    ]
    record, versions = production()
    assert json.loads(record)["model_digest"] == versions["1"] == verdict["subject"]["model"]
    names = {gate["name"] for gate in verdict["gates"]}
    for room in ("examples", "data", "histories", "training", "quality", "latency", "push"):
        assert any(name.startswith(f"{room}.") for name in names), room
    for limited in ("batch_1.p99_ms", "batch_64.p95_ms"):
        for size in ("", "items_x10.", "items_x100."):
            assert f"latency.{size}{limited}.max" in names
    assert "quality.catalogue=items_x100.index_recall@100.min" in names
    report = (run.folder / "report.html").read_text()
    assert "What customers are recommended" in report


def test_the_pushed_model_is_made_again_bit_for_bit(first, weighbridge, production):
    before = production()
    done = weighbridge("reproduce", "recommender@1", "--json")
    assert done.code == 0, done.out + done.err
    found = json.loads(done.out)
    assert (found["identical"], found["made_again"]) == (True, before[1]["1"])
    assert production() == before


def test_a_second_run_says_that_nothing_changed(first, weighbridge, production):
    before = production()
    again = weighbridge("run", "recommender")
    assert again.code == 0
    assert "Nothing changed" in again.out
    assert production() == before


def test_lines_out_of_order_in_several_files_give_the_same_histories(run, first, tmp_path):
    shuffled = exports.orders().sample(frac=1, random_state=1)
    folder = tmp_path / "parts"
    folder.mkdir()
    exports.save(shuffled.iloc[:20_000], folder / "a.parquet")
    exports.save(shuffled.iloc[20_000:], folder / "b.parquet")
    again = run(folder)
    assert again.code == 0, again.out + again.err
    assert states(first)["ExampleGen"] == "done"
    summaries = first.glob("recommender/artifacts/Histories/histories/*/summary.json")
    assert len({json.loads(path.read_text())["content_digest"] for path in summaries}) == 1


def test_a_model_of_rubbish_is_refused_by_what_needs_no_model(run, first, production):
    before = production()
    assert run(run_fn="random_vectors").code == 1
    assert {
        "quality.recall@20.over_popularity.min",
        "quality.recall@20.over_popularity_by_country.min",
        "quality.recall@20.over_item_to_item_and_own.min",
        "quality.recall@20.min_change",
    } <= set(refusals(first))
    assert states(first)["Pusher"] == "skipped"
    assert production() == before


@pytest.mark.parametrize(
    ("spoil", "suffix", "gate"),
    [
        (exports.one_customer_buys_everything, ".parquet", "histories.eval.top_customer_share.max"),
        (exports.all_items_are_new, ".parquet", "histories.eval.known_items.min"),
        (exports.negative_prices, ".parquet", "histories.eval.no_price.max"),
        (exports.mixed_currencies, ".csv", "examples.quarantined_fraction.max"),
        (exports.text_in_quantity, ".csv", "examples.quarantined_fraction.max"),
        (exports.one_week_twice, ".parquet", "histories.eval.duplicate.max"),
        (exports.a_new_market, ".parquet", "data.eval.Country.schema"),
        (exports.codes_in_another_format, ".parquet", "histories.eval.no_product.max"),
        (exports.codes_that_look_right_but_are_others, ".parquet", "histories.eval.known_items.min"),
    ],
)
def test_a_bad_export_stops_before_anything_trains(run, first, production, tmp_path, spoil, suffix, gate):
    before = production()
    data = exports.save(spoil(exports.orders()), tmp_path / f"bad{suffix}")
    refused = run(data)
    assert (refused.code, "Traceback" in refused.out + refused.err) == (1, False), refused.out + refused.err
    assert any(name.startswith(gate) for name in refusals(first)), refusals(first)
    assert states(first)["Trainer"] == "skipped"
    assert "REFUSED" in refused.out
    assert production() == before


def test_what_is_odd_but_no_fault_passes(run, first, tmp_path):
    """A week without orders, a few customers of a country that nobody listed, and markup in what things are called."""
    frame = exports.orders()
    closed = exports.evaluation(frame) & (frame[c.DATE] < exports.EVALUATION + pd.Timedelta(days=7))
    frame = frame[~closed]
    few = frame[c.CUSTOMER].isin(frame[c.CUSTOMER].dropna().unique()[::100])
    assert 0 < few.mean() < 0.02
    frame.loc[few, c.COUNTRY] = "Atlantis"
    frame[c.DESCRIPTION] = "<script>alert(1)</script>" + frame[c.DESCRIPTION].fillna("")
    done = run(exports.save(frame, tmp_path / "odd.parquet"))
    assert done.code == 0, done.out + done.err
    report = (find_run(first).folder / "report.html").read_text()
    assert "&lt;script&gt;alert(1)" in report
    assert "<script" not in report


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"evaluate_from": "2011-01-01"}, "'eval'.*is empty"),
        ({"evaluate_from": "2010-11-01", "until": "2010-10-01"}, "nothing to weigh on before until=2010-10-01"),
        ({"evaluate_from": "1/11/2010"}, "is not a day"),
        ({"window_days": 200}, "less than 400 days of purchases before the evaluation"),
        ({"product": "[A-Z]{12}"}, "no purchase of a product.*no_product"),
        ({"columns": '{"Nothing": "StockCode"}'}, "Nothing"),
        ({"index": "magic"}, "index='magic'"),
    ],
)
def test_a_setting_that_cannot_be_gets_one_clear_message(run, first, production, settings, told):
    before = production()
    wrong = run(**settings)
    words = " ".join((wrong.out + wrong.err).split())
    assert (wrong.code, "Traceback" in words) == (2, False), words
    assert re.search(told, words), words
    assert production() == before


@pytest.mark.parametrize("kind", ["codes", "one-customer"])
def test_the_made_up_shop_goes_wrong_in_the_same_ways(weighbridge, first, small, production, tmp_path, kind):
    """What `weighbridge data ecommerce --drift` makes, against a work directory of its own."""
    before = production()
    path = tmp_path / "orders.parquet"
    options = ShopOptions(60_000, customers=3000, items=600, basket=4, drift=(kind,), drift_from=date(2010, 11, 3))
    write(options, OutputFiles.of(str(path), "", False))
    done = weighbridge("run", small, "--data", path, "--workdir", tmp_path, "--set", f"run_fn={SMALL}.run_fn")
    assert done.code == 1, done.out + done.err
    assert "✗ Histories" in done.out
    assert production() == before


def test_real_orders_are_recommended_for_better_than_any_baseline(weighbridge, small, online_retail, tmp_path):
    done = weighbridge("run", small, "--data", online_retail, "--workdir", tmp_path, "--set", f"run_fn={SMALL}.run_fn")
    assert done.code == 0, done.out + done.err
    (metrics,) = tmp_path.glob("recommender/artifacts/Evaluator/evaluation/*/metrics.json")
    bars = json.loads(metrics.read_text())["plots"]["baselines_recall"]["rows"]
    intervals = {bar["name"]: (bar["low"], bar["high"]) for bar in bars}
    for name in ("popularity", "popularity by country", "item to item", "item to item and own"):
        assert intervals["candidate"][0] > intervals[name][1], (name, intervals)
