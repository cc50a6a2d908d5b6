"""The whole pipeline as its user sees it: order lines in, a verdict out, production only ever holding what passed.

All tests share one work directory, as a team does: the first run pushes, and what is wrong with an export, a model or a
setting must leave production as it is. But for the first one they run the pipeline without the larger twins, which are
weighed there.
"""

import json
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pyarrow import parquet

from components.common.digests import tree_digest
from pipelines.recommender import columns as c
from pipelines.recommender.shop.options import Options
from pipelines.recommender.shop.places import Place
from pipelines.recommender.shop.write import write
from pipelines.workspace import find_run

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[3] / "pipelines/recommender"
SMALL = "tests.pipelines.recommender.small_pipeline"
LAST = pd.Timestamp("2010-11-30")


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("recommender")


@pytest.fixture
def workdir(shared) -> Path:
    return shared / "work"


@pytest.fixture
def production(workdir):
    """What production holds: the record's bytes and every version's digest."""

    def look():
        folder = workdir / "recommender/production"
        record = folder / "production.json"
        versions = {path.name: tree_digest(path) for path in folder.glob("[0-9]*")}
        return (record.read_text() if record.exists() else "", versions)

    return look


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
    package = shared / "small_recommender"
    package.mkdir()
    code = 'from pipelines.recommender.pipeline import Parameters, create_pipeline\n\nNAME = "recommender"\n'
    (package / "__init__.py").write_text(f'{code}__all__ = ["Parameters", "create_pipeline"]\n')
    gates = yaml.safe_load((FOLDER / "gates.yaml").read_text())
    del gates["latency"]["variants"]
    gates["latency"]["budget_s"] = 10
    gates["quality"]["slice_metrics"] = [
        each for each in gates["quality"]["slice_metrics"] if "catalogue" not in each["slice"]
    ]
    (package / "gates.yaml").write_text(yaml.safe_dump(gates))
    (package / "schema.pbtxt").write_text((FOLDER / "schema.pbtxt").read_text())
    sys.path.insert(0, str(shared))
    yield package.name
    sys.path.remove(str(shared))


@pytest.fixture
def run(weighbridge, first, small):
    """Run the small pipeline."""

    def call(data: Path | None = None, run_fn: str = "run_fn", **settings):
        arguments = [] if data is None else ["--data", data]
        for name, value in {"run_fn": f"{SMALL}.{run_fn}", "epochs": 1, "dim": 32} | settings.items():
            arguments += ["--set", f"{name}={value}"]
        return weighbridge("run", small, *arguments)

    return call


def orders() -> pd.DataFrame:
    return parquet.read_table(FOLDER / "orders.parquet").to_pandas()


def save(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


def gates_of(workdir) -> dict[str, dict]:
    verdict = json.loads((find_run(workdir).folder / "verdict.json").read_text())
    return {gate["name"]: gate for gate in verdict["gates"]}


def refusals(workdir) -> list[str]:
    return [name for name, gate in gates_of(workdir).items() if not gate["passed"] and gate["severity"] == "blocking"]


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
    for batch in ("batch_1", "batch_64"):
        for size in ("", "items_x10.", "items_x100."):
            assert f"latency.{size}{batch}.p99_ms.max" in names
    assert "quality.catalogue=items_x100.index_recall@100.min" in names
    report = (run.folder / "report.html").read_text()
    assert "What customers are recommended" in report


def test_a_second_run_says_that_nothing_changed(first, weighbridge, production):
    before = production()
    again = weighbridge("run", "recommender")
    assert again.code == 0
    assert "Nothing changed" in again.out
    assert production() == before


def test_lines_out_of_order_in_several_files_are_the_same_data(run, first, tmp_path):
    assert run().code == 0
    shuffled = orders().sample(frac=1, random_state=1)
    folder = tmp_path / "parts"
    folder.mkdir()
    save(shuffled.iloc[:20_000], folder / "a.parquet")
    save(shuffled.iloc[20_000:], folder / "b.parquet")
    again = run(folder)
    assert again.code == 0, again.out + again.err
    assert {states(first)[name] for name in ("Histories", "Trainer", "Evaluator")} == {"cached"}


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


def test_markup_in_a_description_is_text_in_the_report(run, first, tmp_path):
    frame = orders()
    frame[c.DESCRIPTION] = "<script>alert(1)</script>" + frame[c.DESCRIPTION].fillna("")
    assert run(save(frame, tmp_path / "markup.parquet")).code == 0
    report = (find_run(first).folder / "report.html").read_text()
    assert "&lt;script&gt;alert(1)" in report
    assert "<script" not in report


def evaluation(frame: pd.DataFrame) -> pd.Series:
    return frame[c.DATE] >= LAST + pd.Timedelta(days=1) - pd.Timedelta(days=28)


def one_customer_buys_everything(frame):
    busy = evaluation(frame) & (frame.index % 2 == 0)
    frame.loc[busy, c.CUSTOMER] = "17850"
    return frame


def all_items_are_new(frame):
    later = evaluation(frame)
    frame.loc[later, c.ITEM] = "9" + frame.loc[later, c.ITEM].str[1:5] + "NW"
    return frame


def negative_prices(frame):
    frame.loc[evaluation(frame) & (frame.index % 20 == 0), c.PRICE] *= -1
    return frame


def mixed_currencies(frame):
    abroad = evaluation(frame) & (frame[c.COUNTRY] != "United Kingdom")
    frame[c.PRICE] = frame[c.PRICE].astype(object)
    frame.loc[abroad, c.PRICE] = "€" + frame.loc[abroad, c.PRICE].astype(str)
    return frame


def text_in_quantity(frame):
    frame[c.QUANTITY] = frame[c.QUANTITY].astype(object)
    some = evaluation(frame) & (frame.index % 30 == 0)
    frame.loc[some, c.QUANTITY] = frame.loc[some, c.QUANTITY].astype(str) + " pcs"
    return frame


def one_week_twice(frame):
    return pd.concat([frame, frame[frame[c.DATE] >= LAST - pd.Timedelta(days=6)]])


def a_new_market(frame):
    frame.loc[evaluation(frame) & (frame.index % 4 == 0), c.COUNTRY] = "Atlantis"
    return frame


def codes_in_another_format(frame):
    changed = evaluation(frame) & (frame[c.ITEM].map(hash) % 10 < 3)
    frame.loc[changed, c.ITEM] = "SKU-" + frame.loc[changed, c.ITEM]
    return frame


def codes_that_look_right_but_are_others(frame):
    changed = evaluation(frame) & (frame[c.ITEM].map(lambda code: int(code[:5]) if code[:5].isdigit() else 0) % 10 < 4)
    frame.loc[changed, c.ITEM] = "9" + frame.loc[changed, c.ITEM].str[:4]
    return frame


@pytest.mark.parametrize(
    ("spoil", "suffix", "gate"),
    [
        (one_customer_buys_everything, ".parquet", "histories.eval.top_customer_share.max"),
        (all_items_are_new, ".parquet", "histories.eval.known_items.min"),
        (negative_prices, ".parquet", "histories.eval.no_price.max"),
        (mixed_currencies, ".csv", "examples.quarantined_fraction.max"),
        (text_in_quantity, ".csv", "examples.quarantined_fraction.max"),
        (one_week_twice, ".parquet", "histories.eval.duplicate.max"),
        (a_new_market, ".parquet", "data.Country."),
        (codes_in_another_format, ".parquet", "histories.eval.no_product.max"),
        (codes_that_look_right_but_are_others, ".parquet", "histories.eval.known_items.min"),
    ],
)
def test_a_bad_export_stops_before_anything_trains(run, first, production, tmp_path, spoil, suffix, gate):
    before = production()
    data = save(spoil(orders()), tmp_path / f"bad{suffix}")
    refused = run(data)
    assert (refused.code, "Traceback" in refused.out + refused.err) == (1, False), refused.out + refused.err
    assert any(name.startswith(gate) for name in refusals(first)), refusals(first)
    assert states(first)["Trainer"] == "skipped"
    assert "REFUSED" in refused.out
    assert production() == before


def test_a_few_customers_of_an_unknown_country_are_served(run, tmp_path):
    frame = orders()
    frame.loc[frame[c.CUSTOMER].isin(frame[c.CUSTOMER].dropna().unique()[::100]), c.COUNTRY] = "Atlantis"
    assert 0 < (frame[c.COUNTRY] == "Atlantis").mean() < 0.02
    done = run(save(frame, tmp_path / "few.parquet"))
    assert done.code == 0, done.out + done.err


def test_a_week_without_orders_is_no_reason_to_stop(run, tmp_path):
    frame = orders()
    start = LAST + pd.Timedelta(days=1) - pd.Timedelta(days=28)
    closed = (frame[c.DATE] >= start) & (frame[c.DATE] < start + pd.Timedelta(days=7))
    done = run(save(frame[~closed], tmp_path / "closed.parquet"))
    assert done.code == 0, done.out + done.err


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"evaluate_from": "2011-01-01"}, "'eval'.*is empty"),
        ({"evaluate_from": "2010-11-01", "until": "2010-10-01"}, "nothing to weigh on before until=2010-10-01"),
        ({"evaluate_from": "1/11/2010"}, "no day"),
        ({"until": "2010-01-15"}, "days of purchases before the evaluation"),
        ({"product": "[A-Z]{12}"}, "no purchase of a product.*no_product"),
        ({"product": "("}, "no regular expression"),
        ({"columns": '{"Nothing": "StockCode"}'}, "Nothing"),
        ({"index": "magic"}, "index='magic'"),
    ],
)
def test_a_setting_that_cannot_be_gets_one_clear_message(run, first, production, settings, told):
    import re

    before = production()
    wrong = run(**settings)
    words = " ".join((wrong.out + wrong.err).split())
    assert (wrong.code, "Traceback" in words) == (2, False), words
    assert re.search(told, words), words
    assert production() == before


@pytest.mark.parametrize(
    "kind", ["unordered", "negative-prices", "text-quantity", "codes", "one-customer", "new-items"]
)
def test_the_made_up_shop_goes_wrong_in_the_same_ways(weighbridge, first, small, production, tmp_path, kind):
    """What `weighbridge data ecommerce --drift` makes, against a work directory of its own."""
    before = production()
    path = tmp_path / ("orders.csv" if kind == "text-quantity" else "orders.parquet")
    write(Options(40_000, drift=(kind,), drift_from=date(2010, 11, 3)), Place.of(str(path), "", False))
    done = weighbridge("run", small, "--data", path, "--workdir", tmp_path, "--set", f"run_fn={SMALL}.run_fn")
    assert done.code == (0 if kind == "unordered" else 1), done.out + done.err
    assert production() == before


def test_real_orders_are_recommended_for_better_than_any_yardstick(weighbridge, online_retail, tmp_path):
    done = weighbridge("run", "recommender", "--data", online_retail, "--workdir", tmp_path)
    assert done.code == 0, done.out + done.err
    (metrics,) = tmp_path.glob("recommender/artifacts/Evaluator/evaluation/*/metrics.json")
    bars = json.loads(metrics.read_text())["plots"]["yardsticks_recall"]["rows"]
    intervals = {bar["name"]: (bar["low"], bar["high"]) for bar in bars}
    for name in ("popularity", "popularity by country", "item to item", "item to item and own"):
        assert intervals["candidate"][0] > intervals[name][1], (name, intervals)
