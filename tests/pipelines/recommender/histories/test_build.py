"""The whole step on files. First of all: nothing that is learned from may know what the evaluation asks for."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.pipelines.recommender.orders import EVALUATION, START, line, make_examples, make_histories, moment, shop
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.examples import read_batches
from weighbridge.evidence.thresholds import ThresholdsInForce
from weighbridge.pipelines.recommender import columns as c
from weighbridge.pipelines.recommender.histories.build import HistoriesOptions, build
from weighbridge.pipelines.recommender.histories.catalogue import Catalogue
from weighbridge.pipelines.recommender.histories.gates import HistoriesGates
from weighbridge.pipelines.recommender.histories.past import read_past
from weighbridge.pipelines.recommender.histories.windows import DAY
from weighbridge.verdict import Bounds, read_gates

BOUNDARY = START + pd.Timedelta(days=EVALUATION)


def rows(folder: Path, split: str) -> list[dict]:
    return [row for batch in read_batches(str(folder / "histories"), split) for row in batch.to_pylist()]


def known(folder: Path, summary: dict) -> dict:
    """All that training, popularity and baselines look at; the evaluation's own rows are not among it."""
    histories = folder / "histories"
    catalogue, past = Catalogue.read(histories), read_past(histories)
    found = {
        "rows": rows(folder, "train"),
        "digest": summary["splits"]["train"]["content_digest"],
        "evaluate_from": summary["evaluate_from"],
        "cleaning": summary["cleaning"]["train"],
    }
    found |= {f"catalogue.{field.name}": getattr(catalogue, field.name).tolist() for field in fields(catalogue)}
    found |= {f"past.{field.name}": getattr(past, field.name).tolist() for field in fields(past)}
    return found


def removed(frame, rng):
    return frame[(frame[c.DATE] < BOUNDARY) | (rng.random(len(frame)) < 0.4)]


def no_first_week(frame, rng):
    return frame[(frame[c.DATE] < BOUNDARY) | (frame[c.DATE] >= BOUNDARY + pd.Timedelta(days=7))]


def changed(frame, rng):
    later = frame[c.DATE] >= BOUNDARY
    frame = frame.copy()
    for name in (c.ITEM, c.CUSTOMER, c.COUNTRY, c.DESCRIPTION, c.PRICE, c.QUANTITY):
        frame.loc[later, name] = rng.permutation(frame.loc[later, name].to_numpy())
    frame.loc[later & (rng.random(len(frame)) < 0.3), c.DESCRIPTION] = "WHAT NOBODY KNEW"
    frame.loc[later, c.PRICE] *= 3
    return frame


def added(frame, rng):
    news = [
        line(
            EVALUATION + float(rng.uniform(0, 60)), f"new{rng.integers(5)}", str(20_000 + rng.integers(9)), Country="X"
        )
        for _ in range(50)
    ]
    return pd.concat([frame, pd.DataFrame(news)])


def moved_within(frame, rng):
    later = (frame[c.DATE] >= BOUNDARY).to_numpy()
    frame = frame.copy()
    frame.loc[later, c.DATE] = [BOUNDARY + pd.Timedelta(minutes=int(m)) for m in rng.integers(0, 43_200, later.sum())]
    return frame


@pytest.mark.parametrize("corrupt", [removed, no_first_week, changed, added, moved_within])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_learned_from_knows_nothing_of_the_evaluation(tmp_path, corrupt, seed):
    frame = shop(seed=seed)
    plain = make_histories(tmp_path / "a", frame)
    other = make_histories(tmp_path / "b", corrupt(frame, np.random.default_rng(seed)))
    assert other["splits"]["eval"] != plain["splits"]["eval"], "the corruption changed nothing"
    assert known(tmp_path / "b", other) == known(tmp_path / "a", plain)


@pytest.mark.parametrize("seed", [1, 2])
def test_histories_of_the_evaluation_end_before_it_and_targets_of_training_too(tmp_path, seed):
    frame = shop(seed=seed)
    summary = make_histories(tmp_path, frame)
    assert summary["evaluate_from"] == moment(EVALUATION)
    frame["day"] = (frame[c.DATE] - START).dt.total_seconds() / 86_400

    def bought(customer, after, before):
        own = frame[(frame[c.CUSTOMER] == customer) & (frame.day >= after) & (frame.day < before)]
        return set(own[c.ITEM].str.encode("utf8"))

    checked = 0
    for split, length in (("train", 14), ("eval", 30)):
        for row in rows(tmp_path, split):
            (at,), (customer,) = row["at"], row["customer"]
            day = (at - moment(0)) / DAY
            assert day + 14 <= EVALUATION if split == "train" else day == EVALUATION
            assert set(row["history"] or []) <= bought(customer.decode(), 0, day)
            assert set(row["items"]) == bought(customer.decode(), day, day + length)
            assert all(age > 0 for age in row["ages"] or [])
            checked += 1
    assert checked == summary["total_rows"] > 20


def test_the_order_of_lines_and_files_is_irrelevant(tmp_path):
    frame = shop()
    rng = np.random.default_rng(3)
    plain = make_histories(tmp_path / "a", frame)
    shuffled = frame.iloc[rng.permutation(len(frame))]
    again = make_histories(tmp_path / "b", [shuffled.iloc[100:], shuffled.iloc[:100]])
    assert again["content_digest"] == plain["content_digest"]
    assert known(tmp_path / "b", again) == known(tmp_path / "a", plain)
    assert rows(tmp_path / "b", "eval") == rows(tmp_path / "a", "eval")


def test_an_export_that_comes_twice_changes_no_row_but_is_counted(tmp_path):
    frame = shop()
    week = frame[(frame[c.DATE] >= BOUNDARY) & (frame[c.DATE] < BOUNDARY + pd.Timedelta(days=7))]
    plain = make_histories(tmp_path / "a", frame)
    twice = make_histories(tmp_path / "b", [frame, week])
    assert twice["content_digest"] == plain["content_digest"]
    more = twice["cleaning"]["eval"]["duplicate"] - plain["cleaning"]["eval"]["duplicate"]
    assert more == len(week) > 0
    refused = [gate.name for gate in read_gates(tmp_path / "b/histories") if gate.refuses]
    assert refused == ["histories.eval.duplicate.max"]


@pytest.mark.parametrize("change", [{"longest": 3}, {"window_days": 10}, {"step_days": 5}])
def test_the_digest_changes_with_the_options(tmp_path, change):
    frame = shop()
    digests = {
        make_histories(tmp_path / str(number), frame, **options)["content_digest"]
        for number, options in enumerate([{}, change])
    }
    assert len(digests) == 2


def test_everything_is_counted_and_judged(tmp_path):
    frame = pd.concat([shop(), pd.DataFrame([line(70, "x", "POST"), line(70, None), line(70, "x", UnitPrice=-1.0)])])
    gates = HistoriesGates(removed={"no_product": Bounds(max=1.0), "no_customer": Bounds(max=1.0)})
    summary = make_histories(tmp_path, frame, gates)
    counts = summary["cleaning"]["eval"]
    assert (counts["no_product"], counts["no_customer"], counts["no_price"]) == (1, 1, 1)
    assert counts["lines"] == counts["purchases"] + 3
    refused = [gate.name for gate in read_gates(tmp_path / "histories") if gate.refuses]
    assert refused == ["histories.eval.no_price.max"]
    assert json.loads((tmp_path / "histories/summary.json").read_text()) == summary


@pytest.mark.parametrize(
    ("spoil", "refused"),
    [
        (lambda frame, later: frame[c.CUSTOMER].mask(later, "everything"), "histories.eval.top_customer_share.max"),
        (lambda frame, later: frame[c.ITEM].mask(later, "9" + frame[c.ITEM].str[1:]), "histories.eval.known_items.min"),
    ],
)
def test_one_customer_and_items_that_nobody_knows_are_refused(tmp_path, spoil, refused):
    frame = shop()
    name = c.CUSTOMER if "customer" in refused else c.ITEM
    frame[name] = spoil(frame, frame[c.DATE] >= BOUNDARY)
    make_histories(tmp_path, frame)
    assert refused in [gate.name for gate in read_gates(tmp_path / "histories") if gate.refuses]


def test_an_evaluation_in_which_nothing_is_left_says_what_took_it(tmp_path):
    frame = shop()
    frame.loc[frame[c.DATE] >= BOUNDARY, c.CUSTOMER] = None
    with pytest.raises(UsageError, match=r"'eval' has no purchase.*no_customer \d+") as caught:
        make_histories(tmp_path, frame)
    assert "StockCodes" in caught.value.hint


def test_too_few_days_say_how_many_it_takes(tmp_path):
    with pytest.raises(UsageError, match="less than 80 days") as caught:
        make_histories(tmp_path, shop(), window_days=40)
    assert "window_days" in caught.value.hint


def test_lines_that_are_not_split_by_time_are_refused(tmp_path):
    examples = Path(make_examples(tmp_path / "lines", shop()))
    summary = json.loads((examples / "summary.json").read_text())
    for start in (None, (START + pd.Timedelta(days=70)).isoformat(), (START + pd.Timedelta(days=50)).isoformat()):
        (examples / "summary.json").write_text(json.dumps(summary | {"time_splits": {"train": None, "eval": start}}))
        with pytest.raises(UsageError, match="not split by time") as caught:
            build(str(examples), tmp_path / "histories", HistoriesOptions(), HistoriesGates())
        assert "time_splits" in caught.value.hint


def test_the_thresholds_in_force_are_left_for_whoever_attests_the_model(tmp_path):
    gates = HistoriesGates(customers=Bounds(min=1))
    make_histories(tmp_path, shop(), gates)
    left = ThresholdsInForce.require(tmp_path / "histories")
    assert left.sections["steps"] == {"Histories": gates.model_dump(mode="json")}
    assert "examples" in left.sections  # of the lines that it was made from
