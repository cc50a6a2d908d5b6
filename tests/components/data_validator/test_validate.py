"""Each gate of the data: where it passes, where it refuses, and where its input is broken."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.components.data_validator.conftest import WriteExamples, to_batch
from weighbridge.components.data_validator.baseline import production_baseline
from weighbridge.components.data_validator.gates import DataGates, LabelGates
from weighbridge.components.data_validator.rows_and_labels import label_gates
from weighbridge.components.data_validator.schema import infer_schema, schema_text
from weighbridge.components.data_validator.statistics import compute_statistics, statistics_path, write_statistics
from weighbridge.components.data_validator.validate import Validation, validate_examples
from weighbridge.verdict import Gate

TRIPS: dict[str, list[Any]] = {
    "fare": [5.0, 7.5, 10.0, 12.5] * 25,
    "paid": ["Cash", "Card", "Cash", "Card"] * 25,
    "hour": [1, 2, 3, 4] * 25,
    "tip": [0, 1, 0, 1] * 25,
}
SCHEMA = """
feature {
  name: "fare" type: FLOAT float_domain { min: 0 max: 500 } presence { min_fraction: 1 } shape { dim { size: 1 } }
}
feature { name: "paid" type: BYTES domain: "paid" presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "hour" type: INT presence { min_fraction: 0.5 } value_count { min: 1 max: 1 } }
feature { name: "tip" type: INT int_domain { min: 0 max: 1 } presence { min_fraction: 1 } shape { dim { size: 1 } } }
string_domain { name: "paid" value: "Cash" value: "Card" }
"""
DECIMAL = "numbers with a decimal point"


def validate(
    uri: str, section: Mapping[str, Any] | None = None, schema: str = SCHEMA, splits: Any = ("train", "eval"), **kw: Any
) -> Validation:
    return validate_examples(uri, splits, schema, DataGates.model_validate(section or {}), **kw)


def gate_of(validation: Validation, name: str) -> Gate:
    found = [gate for gate in validation.gates if gate.name == name]
    assert len(found) == 1, [gate.name for gate in validation.gates]
    return found[0]


def keep_statistics(folder: Path, columns: Mapping[str, Any]) -> Path:
    write_statistics(statistics_path(folder, "train"), compute_statistics([to_batch(columns)]))
    return folder


def test_good_data_pass_every_gate(write_examples: WriteExamples) -> None:
    validation = validate(
        write_examples({"train": TRIPS, "eval": TRIPS}),
        {
            "rows": {"train": {"min": 100}},
            "label": {"feature": "tip"},
            "skew": {"paid": {"linf": {"max": 0}}, "fare": {"jensen_shannon": {"max": 0}}},
        },
    )
    assert [gate.name for gate in validation.gates] == [
        "data.rows.eval.min",
        "data.rows.train.min",
        "data.label.present",
        "data.label.distinct.min",
        "data.train.schema",
        "data.eval.schema",
        "data.skew.paid.linf.max",
        "data.skew.fare.jensen_shannon.max",
    ]
    assert all(gate.passed for gate in validation.gates)
    assert not validation.refused


def test_real_trips_fit_the_schema_inferred_from_them(taxi_examples: str, taxi_statistics: dict[str, Any]) -> None:
    schema = infer_schema(taxi_statistics["train"], max_domain_size=10)
    thresholds = {name: {"jensen_shannon": {"max": 0.01}} for name in ("fare", "trip_miles", "trip_seconds", "company")}
    validation = validate(taxi_examples, {"skew": thresholds, "label": {"feature": "tips"}}, schema_text(schema))
    assert [gate.message for gate in validation.gates if not gate.passed] == []


# Rows


def test_too_few_rows_are_refused_with_both_numbers(write_examples: WriteExamples) -> None:
    gate = gate_of(
        validate(write_examples({"train": TRIPS, "eval": TRIPS}), {"rows": {"train": {"min": 101}}}),
        "data.rows.train.min",
    )
    assert (gate.passed, gate.observed, gate.threshold, gate.unit) == (False, 100, 101, "rows")


def test_an_empty_split_is_refused_without_any_threshold(write_examples: WriteExamples) -> None:
    validation = validate(write_examples({"train": TRIPS, "eval": {}}))
    assert not gate_of(validation, "data.rows.eval.min").passed
    assert "no rows" in gate_of(validation, "data.eval.schema").message
    assert gate_of(validation, "data.train.schema").passed


def test_a_split_that_is_not_there_is_refused(write_examples: WriteExamples) -> None:
    gate = gate_of(
        validate(write_examples({"train": TRIPS, "eval": TRIPS}), {"rows": {"trian": {"min": 1}}}),
        "data.rows.trian.min",
    )
    assert not gate.passed
    assert "eval, train" in gate.message


def test_rows_can_be_held_against_those_of_production(write_examples: WriteExamples, tmp_path: Path) -> None:
    uri, section = write_examples({"train": TRIPS, "eval": TRIPS}), {"rows": {"train": {"min_ratio": 0.9}}}
    double = {name: values * 2 for name, values in TRIPS.items()}
    shrunk = validate(uri, section, production=production_baseline(keep_statistics(tmp_path / "p", double)))
    first = validate(uri, section, production=production_baseline(None, exists=False))
    unreadable = validate(uri, section, production=production_baseline(tmp_path / "nowhere"))
    assert [gate_of(found, "data.rows.train.min_ratio").passed for found in (shrunk, first, unreadable)] == [0, 1, 0]


# The label


@pytest.mark.parametrize(
    ("label", "gate", "told"),
    [
        ([1] * 100, "data.label.distinct.min", "All labels are equal: 'tip' in the train split"),
        ([float("nan"), 1.0] * 50, "data.label.distinct.min", "All labels are equal"),
        ([0, 1, None, 1] * 25, "data.label.present", "only 75.00% of the rows of the train split"),
        ([0, 1, [], 1] * 25, "data.label.present", "only 75.00% of the rows of the train split"),
        (None, "data.label.present", "is missing from the train split. Columns there: fare, hour, paid."),
        (None, "data.label.distinct.min", "has 0 distinct values"),
    ],
)
def test_a_label_that_says_nothing_is_refused(
    write_examples: WriteExamples, label: list[Any] | None, gate: str, told: str
) -> None:
    columns = {name: values for name, values in TRIPS.items() if name != "tip"} | ({"tip": label} if label else {})
    validation = validate(write_examples({"train": columns, "eval": TRIPS}), {"label": {"feature": "tip"}})
    assert not gate_of(validation, gate).passed
    assert told in gate_of(validation, gate).message
    assert validation.refused


def test_without_any_split_the_label_is_unmeasured_whatever_is_allowed() -> None:
    label = LabelGates(feature="tip", max_missing_fraction=0.99, min_distinct=1)
    assert [gate.status for gate in label_gates(label, {}, {})] == ["unmeasured", "unmeasured"]


def test_the_label_may_be_missing_as_often_as_allowed(write_examples: WriteExamples) -> None:
    uri = write_examples({"train": TRIPS | {"tip": [0, 1, None, 1] * 25}, "eval": TRIPS})
    section = {"label": {"feature": "tip", "max_missing_fraction": 0.25, "min_distinct": 3}}
    validation = validate(uri, section)
    assert gate_of(validation, "data.label.present").passed
    gate = gate_of(validation, "data.label.distinct.min")
    assert (gate.status, gate.observed, gate.threshold) == ("refused", 2, 3)


# The schema


@pytest.mark.parametrize(
    ("change", "observed", "allowed", "told"),
    [
        ({"colour": ["red"] * 100}, "in the data", "only the features of the schema", "is not in the schema."),
        ({"fare": ["n/a"] + ["5.0"] * 99}, "text", DECIMAL, f"holds text, such as 'n/a', but must hold {DECIMAL}."),
        ({"hour": ["late"] * 100}, "text", "whole numbers", "holds text, such as 'late', but must hold whole numbers."),
        ({"hour": [1.5] * 100}, DECIMAL, "whole numbers", f"holds {DECIMAL} but must hold whole numbers."),
        ({"paid": [1] * 100}, "whole numbers", "text", "holds whole numbers but must hold text."),
        ({"paid": ["Coin"] + ["Cash"] * 99}, "'Coin'", "'Cash', 'Card'", "does not know: 'Coin' (1.00% of the rows)."),
        ({"fare": [-3.0] + [501.0] * 99}, "from -3 to 501", "0 to 500", "from -3 to 501, but 0 to 500 is allowed."),
        (
            {"hour": [1] * 40 + [None] * 60},
            "in 40.00% of the rows",
            "in at least 50% of the rows",
            "is there in 40.00%",
        ),
        ({"fare": [1.0] * 90 + [None] * 10}, "in 90.00% of the rows", "in every row", "but must be in every row."),
        ({"fare": [None] * 100}, "no value", "in every row", "has no value in any row."),
        ({"hour": [[1, 2]] * 100}, "2 values", "1 value", "has 2 values in a row, but must have 1 value."),
        ({"fare": [[1.0, 2.0]] + [1.0] * 99}, "1 to 2 values", "1 value", "has 1 to 2 values in a row, but must"),
    ],
)
def test_a_departure_names_the_feature_and_what_was_observed_and_allowed(
    write_examples: WriteExamples, change: Mapping[str, Any], observed: str, allowed: str, told: str
) -> None:
    validation = validate(write_examples({"train": TRIPS | change, "eval": TRIPS}))
    [name] = change
    gate = gate_of(validation, f"data.train.{name}.schema")
    assert (gate.observed, gate.threshold) == (observed, allowed)
    assert gate.message.startswith(f"{name} in the train split ")
    assert told in gate.message
    assert "weighbridge schema" in gate.message
    assert validation.refused
    assert validation.clean_splits == {"train": False, "eval": True}
    assert [gate.name for gate in validation.gates if gate.rule == "schema"] == [
        f"data.train.{name}.schema",
        "data.eval.schema",
    ]


def test_a_category_out_of_its_range_is_told(write_examples: WriteExamples) -> None:
    schema = SCHEMA.replace(
        'name: "hour" type: INT', 'name: "hour" type: INT int_domain { max: 3 is_categorical: true }'
    )
    gate = gate_of(validate(write_examples({"train": TRIPS, "eval": TRIPS}), schema=schema), "data.train.hour.schema")
    assert (gate.observed, gate.threshold) == ("from 1 to 4", "-∞ to 3")


def test_a_missing_column_is_told(write_examples: WriteExamples) -> None:
    columns = {name: values for name, values in TRIPS.items() if name != "paid"}
    gate = gate_of(validate(write_examples({"train": TRIPS, "eval": columns})), "data.eval.paid.schema")
    assert gate.message.startswith("paid in the eval split is missing: the data have no such column.")
    assert (gate.observed, gate.threshold) == ("no column", "in every row")


def test_departures_can_be_warnings(write_examples: WriteExamples) -> None:
    columns = TRIPS | {"colour": ["red"] * 100}
    validation = validate(write_examples({"train": columns, "eval": TRIPS}), {"anomalies": "warning"})
    assert not gate_of(validation, "data.train.colour.schema").passed
    assert not validation.refused
