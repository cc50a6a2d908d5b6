"""What the statistics that were kept with a version tell of its features."""

import math

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from weighbridge.serving.features import kept_features, synthetic_row, usual_row
from weighbridge.serving.rows import Feature

Statistics = statistics_pb2.FeatureNameStatistics


@pytest.fixture
def evidence(tmp_path):
    """Statistics as DataValidator keeps them: some numbers name something, and are counted as text."""
    told = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = told.datasets.add(name="train")

    def add(name, kind, **stats):
        each = dataset.features.add(type=kind, **({"name": name} if "." not in name else {}))
        if "." in name:
            each.path.step.extend(name.split("."))
        if "median" in stats:
            each.num_stats.median = stats["median"]
        if "top" in stats:
            each.string_stats.top_values.add(value=stats["top"], frequency=3)

    add("fare", Statistics.FLOAT, median=7.85)
    add("hour", Statistics.INT, median=13.0)
    add("area", Statistics.INT, top="8")
    add("company", Statistics.STRING, top="Taxi")
    add("odd", Statistics.INT, median=math.inf)
    add("garbled", Statistics.INT, top="eight")
    add("nested.part", Statistics.FLOAT, median=1.0)
    add("empty", Statistics.BYTES)
    folder = tmp_path / "statistics/Split-train"
    folder.mkdir(parents=True)
    (folder / "FeatureStats.pb").write_bytes(told.SerializeToString())
    return tmp_path


def test_types_are_those_of_the_training_data(evidence):
    kinds = {name: each.kind for name, each in kept_features(evidence).items()}
    assert kinds == {
        "fare": "float",
        "hour": "int",
        "area": "int",
        "company": "bytes",
        "odd": "int",
        "garbled": "int",
        "nested.part": "float",
        "empty": "bytes",
    }


def test_a_usual_row_has_medians_and_the_most_frequent_in_the_features_type(evidence):
    assert usual_row(evidence) == {"fare": 7.85, "hour": 13, "area": 8, "company": "Taxi", "nested.part": 1.0}


def test_without_statistics_or_with_damaged_ones_nothing_is_known(tmp_path):
    assert kept_features(tmp_path) == {}
    (tmp_path / "statistics/Split-eval").mkdir(parents=True)
    (tmp_path / "statistics/Split-eval/FeatureStats.pb").write_text("no statistics")
    assert usual_row(tmp_path) == {}


def test_a_made_up_row_fits_what_the_signature_takes():
    features = {
        "a": Feature("a", "int", 1),
        "b": Feature("b", "float", 3),
        "c": Feature("c", "bytes", None),
        "d": Feature("d", "bool", 1),
    }
    assert synthetic_row(features) == {"a": 1, "b": [1.0, 1.0, 1.0], "c": [""], "d": False}
