"""Skew, and drift against production and the previous span: passed, refused, and with nothing to compare with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.components.data_validator.conftest import WriteExamples
from tests.components.data_validator.test_validate import TRIPS, gate_of, keep_statistics, validate
from weighbridge.common.errors import UsageError
from weighbridge.components.data_validator import drift
from weighbridge.components.data_validator.baseline import production_baseline
from weighbridge.components.data_validator.gates import DataGates
from weighbridge.components.data_validator.statistics import read_statistics, statistics_path


def test_skew_is_refused_with_the_value_that_moved(write_examples: WriteExamples) -> None:
    moved = TRIPS | {"paid": ["Cash", "Cash", "Cash", "Card"] * 25, "fare": [fare + 20 for fare in TRIPS["fare"]]}
    validation = validate(
        write_examples({"train": TRIPS, "eval": moved}),
        {"skew": {"paid": {"linf": {"max": 0.1}}, "fare": {"jensen_shannon": {"max": 0.5}}}},
    )
    paid, fare = (
        gate_of(validation, "data.skew.paid.linf.max"),
        gate_of(validation, "data.skew.fare.jensen_shannon.max"),
    )
    assert (paid.passed, paid.threshold) == (False, 0.1)
    assert paid.observed == pytest.approx(0.25, abs=0.07)  # less what chance brings to so few rows
    assert "The eval split against the train split: 'Card' in 25.0% of the rows against 50.0%" in paid.message
    assert fare.observed == pytest.approx(1, abs=0.1)
    assert "mean 28.75 against 8.75" in fare.message
    kept = {(found.feature, found.measure): found for found in validation.distances}
    assert kept["paid", "linf"].threshold == 0.1
    assert kept["hour", "jensen_shannon"].threshold is None
    assert kept["hour", "jensen_shannon"].value == pytest.approx(0)


@pytest.mark.parametrize(
    ("thresholds", "told"),
    [
        ({"fair": {"linf": {"max": 0.1}}}, "no feature 'fair' in the eval split, which has: fare, hour, paid, tip"),
        ({"fare": {"linf": {"max": 0.1}}}, "linf is not for numeric features"),
    ],
)
def test_what_cannot_be_compared_is_refused(write_examples: WriteExamples, thresholds: Any, told: str) -> None:
    validation = validate(write_examples({"train": TRIPS, "eval": TRIPS}), {"skew": thresholds})
    refused = [gate for gate in validation.gates if gate.refuses]
    assert [gate.status for gate in refused] == ["unmeasured"]
    assert told in refused[0].message


def test_skew_without_an_eval_split_is_refused(write_examples: WriteExamples) -> None:
    validation = validate(write_examples({"train": TRIPS}), {"skew": {"paid": {"linf": {"max": 1}}}}, splits=["train"])
    assert "no split 'eval'" in gate_of(validation, "data.skew.paid.linf.max").message
    assert gate_of(validation, "data.skew.paid.linf.max").status == "unmeasured"
    assert validation.refused


PRODUCTION = {"drift": {"production": {"paid": {"linf": {"max": 0.1}}}}}
DRIFT_GATE = "data.drift.production.paid.linf.max"


def test_drift_against_production(write_examples: WriteExamples, tmp_path: Path) -> None:
    uri = write_examples({"train": TRIPS, "eval": TRIPS})
    same = production_baseline(keep_statistics(tmp_path / "same", TRIPS))
    moved = production_baseline(keep_statistics(tmp_path / "moved", TRIPS | {"paid": ["Cash"] * 100}))
    passed = gate_of(validate(uri, PRODUCTION, production=same), DRIFT_GATE)
    assert passed.passed
    assert passed.rates is not None
    assert passed.rates.false_refusal <= 0.01
    assert 0.5 <= passed.rates.false_pass <= 1
    gate = gate_of(validate(uri, PRODUCTION, production=moved), DRIFT_GATE)
    assert (gate.status, gate.observed) == ("refused", pytest.approx(0.5, abs=0.07))
    assert "The train split against the production model's data" in gate.message


def test_a_distance_that_few_rows_bring_by_chance_is_told_and_refuses_nothing(write_examples: WriteExamples) -> None:
    few = {name: values[:8] for name, values in TRIPS.items()}
    moved = few | {"paid": ["Cash", "Cash", "Cash", "Card"] * 2}
    validation = validate(write_examples({"train": few, "eval": moved}), {"skew": {"paid": {"linf": {"max": 0.01}}}})
    gate = gate_of(validation, "data.skew.paid.linf.max")
    assert gate.status == "passed"
    assert gate.observed > gate.threshold
    assert gate.message.endswith("(must be at most 0.01); of 8 and 8 values, that proves nothing.")
    assert gate.rates is not None
    assert gate.rates.false_pass > 0.9  # so few rows hardly ever prove anything


def test_nothing_in_production_passes_and_says_so(write_examples: WriteExamples) -> None:
    validation = validate(
        write_examples({"train": TRIPS, "eval": TRIPS}), PRODUCTION, production=production_baseline(None, exists=False)
    )
    gate = gate_of(validation, DRIFT_GATE)
    assert gate.passed
    assert gate.status == "not_compared"
    assert gate.rates is None
    assert "Nothing is in production yet" in gate.message


def test_a_production_baseline_that_cannot_be_read_is_refused(write_examples: WriteExamples, tmp_path: Path) -> None:
    uri = write_examples({"train": TRIPS, "eval": TRIPS})
    path = statistics_path(tmp_path / "broken", "train")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xff\xff")
    for production in (
        production_baseline(tmp_path / "broken"),
        production_baseline(tmp_path / "nowhere"),
        production_baseline(None, problem="it came without statistics"),
    ):
        gate = gate_of(validate(uri, PRODUCTION, production=production), DRIFT_GATE)
        assert gate.refuses
        assert gate.status == "unmeasured"
        assert "the production model's data cannot be read" in gate.message


SPANS = {"drift": {"previous_span": {"paid": {"jensen_shannon": {"max": 0.05}}}}}
SPAN_GATE = "data.drift.previous_span.paid.jensen_shannon.max"


def test_each_span_is_held_against_the_newest_before_it(write_examples: WriteExamples, tmp_path: Path) -> None:
    history = str(tmp_path / "history")
    good = write_examples({"train": TRIPS, "eval": TRIPS})
    drifted = write_examples({"train": TRIPS | {"paid": ["Cash"] * 100}, "eval": TRIPS})
    first = validate(good, SPANS, history=history, span=3)
    assert "no span before 3 yet" in gate_of(first, SPAN_GATE).message
    assert gate_of(first, SPAN_GATE).status == "not_compared"
    assert gate_of(validate(good, SPANS, history=history, span=10), SPAN_GATE).status == "passed"
    refused = validate(drifted, SPANS, history=history, span=11)
    assert "against span 10: 'Card' in 0.0% of the rows" in gate_of(refused, SPAN_GATE).message
    assert refused.refused
    assert sorted(path.name for path in Path(history).iterdir()) == ["span-10", "span-3"]


def test_the_same_span_again_replaces_its_statistics(write_examples: WriteExamples, tmp_path: Path) -> None:

    history = str(tmp_path / "history")
    half = {name: values[:50] for name, values in TRIPS.items()}
    for train in (TRIPS, half):
        validate(write_examples({"train": train, "eval": TRIPS}), history=history, span=1)
    kept = read_statistics(statistics_path(Path(history, "span-1"), "train"))
    assert kept.datasets[0].num_examples == 50


def test_data_without_spans_keep_no_history(write_examples: WriteExamples, tmp_path: Path) -> None:
    validation = validate(
        write_examples({"train": TRIPS, "eval": TRIPS}), SPANS, history=str(tmp_path / "history"), span=None
    )
    assert "have no spans" in gate_of(validation, SPAN_GATE).message
    assert gate_of(validation, SPAN_GATE).status == "not_compared"
    assert not (tmp_path / "history").exists()


def test_an_earlier_span_that_cannot_be_read_is_refused(write_examples: WriteExamples, tmp_path: Path) -> None:
    path = statistics_path(tmp_path / "history/span-1", "train")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"torn")
    uri = write_examples({"train": TRIPS, "eval": TRIPS})
    gate = gate_of(validate(uri, SPANS, history=str(tmp_path / "history"), span=2), SPAN_GATE)
    assert gate.refuses
    assert gate.status == "unmeasured"
    assert "span 1 cannot be read" in gate.message


def test_an_earlier_span_that_was_changed_is_refused(write_examples: WriteExamples, tmp_path: Path) -> None:
    history = tmp_path / "history"
    drifted = write_examples({"train": TRIPS | {"paid": ["Cash"] * 100}, "eval": TRIPS})
    uri = write_examples({"train": TRIPS, "eval": TRIPS})
    for number, data in ((1, uri), (2, drifted)):
        validate(data, history=str(history), span=number)
    assert gate_of(validate(drifted, SPANS, history=str(history), span=3), SPAN_GATE).passed
    path = statistics_path(history / "span-2", "train")
    path.write_bytes(statistics_path(history / "span-1", "train").read_bytes())
    gate = gate_of(validate(uri, SPANS, history=str(history), span=3), SPAN_GATE)
    assert (gate.refuses, gate.status) == (True, "unmeasured")
    assert "Split-train/FeatureStats.pb is not what was kept of span 2" in gate.message


def test_a_span_half_written_by_a_killed_run_does_not_count(write_examples: WriteExamples, tmp_path: Path) -> None:
    history = tmp_path / "history"
    (history / "span-1/Split-train").mkdir(parents=True)
    (history / "span-1/Split-train/.staged-FeatureStats.pb-0").write_bytes(b"torn")
    uri = write_examples({"train": TRIPS, "eval": TRIPS})
    assert "no span before 2" in gate_of(validate(uri, SPANS, history=str(history), span=2), SPAN_GATE).message


@pytest.mark.parametrize(
    ("section", "why"),
    [
        (PRODUCTION, "not told what is in production"),
        ({"rows": {"train": {"min_ratio": 0.5}}}, r"data\.rows\.train with production"),
        (SPANS, "keeps no history"),
    ],
)
def test_thresholds_that_could_never_refuse_are_an_error(
    write_examples: WriteExamples, section: Mapping[str, Any], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        validate(write_examples({"train": TRIPS, "eval": TRIPS}), section)


def test_a_split_that_is_not_in_the_examples_is_an_error(write_examples: WriteExamples) -> None:
    with pytest.raises(UsageError, match="'eval'"):
        validate(write_examples({"train": TRIPS}))
    with pytest.raises(UsageError, match="no splits"):
        validate(write_examples({"train": TRIPS}), splits=[])


def test_the_features_of_wide_data_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorflow_metadata.proto.v0 import statistics_pb2

    dataset = statistics_pb2.DatasetFeatureStatistics(num_examples=1)
    for number in range(50):
        feature = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
        feature.path.step.append(f"f{number}")
        feature.string_stats.common_stats.tot_num_values = 1
        feature.string_stats.rank_histogram.buckets.add(label="a", sample_count=1)
    looked = []
    real = drift.feature_name
    monkeypatch.setattr(drift, "feature_name", lambda feature: looked.append(feature) or real(feature))
    found = drift.skew(DataGates(), {"train": dataset, "eval": dataset}).distances()
    assert len(found) == 100
    assert len(looked) == 100  # each feature of either side
