"""The schema: missing and broken files, the first inferred one, differences in words."""

from pathlib import Path
from typing import Any

import pytest

from weighbridge.common.errors import UsageError
from weighbridge.components.data_validator.schema import (
    infer_schema,
    parse_schema,
    read_schema_text,
    schema_diff,
    schema_text,
)

SCHEMA = """
feature { name: "fare" type: FLOAT presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } } }
feature { name: "paid" type: BYTES domain: "paid" presence { min_fraction: 0.9 } }
string_domain { name: "paid" value: "Cash" value: "Card" }
"""


def test_a_missing_schema_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no schema at .*schema\.pbtxt") as raised:
        read_schema_text(tmp_path / "schema.pbtxt")
    assert "weighbridge schema PIPELINE --write" in raised.value.hint


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("feature { nam: 'x' }", "is not a schema"),
        ("feature { name: 'x' } feature { name: 'x' }", "'x' is there twice"),
        ("feature { type: INT }", "no name"),
        ("feature { name: 'x' skew_comparator { infinity_norm { threshold: 1 } } }", "skew_comparator"),
        ("feature { name: 'x' drift_comparator { infinity_norm { threshold: 1 } } }", "drift_comparator"),
    ],
)
def test_a_broken_schema_names_the_file_and_the_reason(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "schema.pbtxt"
    path.write_text(text)
    with pytest.raises(UsageError, match=rf"schema\.pbtxt.*{why}"):
        read_schema_text(path)


def test_comments_of_a_reviewed_schema_survive(tmp_path: Path) -> None:
    path = tmp_path / "schema.pbtxt"
    path.write_text(f"# Dollars.\n{SCHEMA}")
    assert read_schema_text(path) == path.read_text()


def test_the_inferred_schema_fits_the_data_and_its_text_reads_back(taxi_statistics: dict[str, Any]) -> None:
    from weighbridge.components.data_validator.anomalies import find_anomalies, is_clean

    schema = parse_schema(schema_text(infer_schema(taxi_statistics["train"])))
    assert [feature.name for feature in schema.feature] == sorted(feature.name for feature in schema.feature)
    assert is_clean(find_anomalies(taxi_statistics["train"], schema))
    assert schema_diff(schema, infer_schema(taxi_statistics["train"])) == []


def test_long_domains_are_left_out_on_request(taxi_statistics: dict[str, Any]) -> None:
    schema = infer_schema(taxi_statistics["train"], max_domain_size=10)
    assert [domain.name for domain in schema.string_domain] == ["payment_type"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            'feature { name: "paid"',
            'feature { name: "how" type: INT } feature { name: "paid"',
            ["Feature 'how' is new: type INT; presence optional."],
        ),
        (
            'name: "fare"',
            'name: "price"',
            [
                "Feature 'fare' is gone.",
                "Feature 'price' is new: type FLOAT; presence in every row; shape { dim { size: 1 } }.",
            ],
        ),
        ("type: FLOAT", "type: INT", ["Feature 'fare': type FLOAT → INT."]),
        (
            "min_fraction: 0.9",
            "min_fraction: 0.5",
            ["Feature 'paid': presence in at least 90% of the rows → in at least 50% of the rows."],
        ),
        (
            "presence { min_fraction: 0.9 }",
            "presence { min_count: 1 }",
            ["Feature 'paid': presence in at least 90% of the rows → in at least one row."],
        ),
        (
            'value: "Cash"',
            'value: "Coin" value: "Chip"',
            ["Feature 'paid': allowed values gain 'Chip', 'Coin'; allowed values lose 'Cash'."],
        ),
        (' domain: "paid"', "", ["Feature 'paid': allowed values 'Card', 'Cash' → any."]),
        ("type: FLOAT", "type: FLOAT float_domain { min: 0 }", ["Feature 'fare': float domain any → { min: 0.0 }."]),
        ("type: FLOAT", "type: FLOAT deprecated: true", ["Feature 'fare': deprecated any → true."]),
        (
            "string_domain",
            'default_environment: "SERVING" string_domain',
            ['Schema: default environment any → "SERVING".'],
        ),
        ('value: "Cash" value: "Card"', 'value: "Card" value: "Cash"', []),
    ],
)
def test_each_difference_is_one_sentence(old: str, new: str, told: list[str]) -> None:
    assert old in SCHEMA
    assert schema_diff(parse_schema(SCHEMA), parse_schema(SCHEMA.replace(old, new, 1))) == told


def test_a_domain_inside_the_feature_is_the_same_as_one_beside_it() -> None:
    inside = """
    feature { name: "fare" type: FLOAT presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } } }
    feature { name: "paid" type: BYTES presence { min_fraction: 0.9 } string_domain { value: "Card" value: "Cash" } }
    """
    assert schema_diff(parse_schema(SCHEMA), parse_schema(inside)) == []
