"""The reviewed schema and later data: what departs, what taking it over changes, and that all else stays."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.components.data_validator.conftest import Columns, to_batch
from weighbridge.components.data_validator.schema import infer_schema, parse_schema, schema_diff, schema_text
from weighbridge.components.data_validator.schema_changes import Departures, departing, departures
from weighbridge.components.data_validator.schema_file import edited
from weighbridge.components.data_validator.statistics import compute_statistics

REVIEWED = """# About the whole file.
# Its second line.

# The label.
feature { name: "label" type: INT bool_domain {} presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } } }
# Dollars.
feature {
  name: "fare"
  type: FLOAT
  float_domain { min: 0 max: 500 }  # reviewed by hand
  presence { min_count: 1 }
  value_count { min: 1 max: 1 }
}
feature {
  name: "zone"
  type: INT
  int_domain { min: 0 max: 77 is_categorical: true }
  not_in_environment: "SERVING"
}

# Longer than what the data hold.
feature {
  name: "paid"
  type: BYTES
  domain: "paid"  # a closed list
  presence { min_fraction: 1 min_count: 1 }
  shape { dim { size: 1 } }
}
string_domain {
  name: "paid"
  # These two are the only ones.
  value: "Cash"
  value: "Card"
  value: "Token"
}
default_environment: "SERVING"
"""
CLEAN: Columns = {"label": [0, 1, 1], "fare": [1.5, 2.5, None], "zone": [1, 2, 3], "paid": ["Cash", "Card", "Cash"]}


def look(reviewed: str, splits: Mapping[str, Columns]) -> Departures:
    """What `weighbridge schema` finds in the columns of each split."""
    schema = parse_schema(reviewed)
    statistics = {name: compute_statistics([to_batch(columns)], schema=schema) for name, columns in splits.items()}
    return departures(schema, statistics, first(splits), max_domain_size=20)


def first(splits: Mapping[str, Columns]) -> Any:
    batches = [to_batch(columns) for columns in splits.values()]
    having = [{name for name, values in each.items() if any(v is not None for v in values)} for each in splits.values()]
    lacking = set().union(*having) - set.intersection(*having)
    return infer_schema(compute_statistics(batches), max_domain_size=20, lacking=lacking)


def left(reviewed: str, splits: Mapping[str, Columns]) -> list[str]:
    """What a run refuses in each split."""
    return list(look(reviewed, splits).features)


def taking_over(reviewed: str, found: Departures, *names: str) -> str:
    return edited(reviewed, found.taken_over(names or found.features))


def test_data_as_reviewed_change_no_byte_however_narrow_they_are() -> None:
    found = look(REVIEWED, {"train": CLEAN})
    assert found.features == ()
    assert taking_over(REVIEWED, found) == REVIEWED


def test_each_change_touches_its_own_lines_only() -> None:
    later = {
        "label": [0, 1, 1],
        "fare": [-2.5, 2.5, 3.5],
        "zone": [1, 2, 3],
        "paid": ["Cash", "Barter", "Cash"],
        "weather": ["sun", "rain", "sun"],
    }
    found = look(REVIEWED, {"train": CLEAN, "eval": later})
    assert found.features == ("fare", "paid", "weather")
    assert found.added == ("weather",)
    fare = taking_over(REVIEWED, found, "fare")
    # The comment on the line stays, as do the upper bound that nobody exceeded and all other lines.
    assert fare == REVIEWED.replace("{ min: 0 max: 500 }", "{ min: -2.5 max: 500.0 }")
    paid = taking_over(fare, look(fare, {"train": CLEAN, "eval": later}), "paid")
    assert paid == fare.replace('"Token"\n', '"Token"\n  value: "Barter"\n')
    whole = taking_over(paid, look(paid, {"train": CLEAN, "eval": later}), "weather")
    assert left(whole, {"train": CLEAN, "eval": later}) == []
    assert [line for line in paid.splitlines() if line not in whole.splitlines()] == []
    assert whole.index('name: "weather"') > whole.index('name: "paid"')
    # The eval split has the column, the train split lacks it: neither is refused.
    assert "presence" not in whole[whole.index('name: "weather"') : whole.index("string_domain")]


def test_a_feature_of_another_type_and_one_that_is_gone() -> None:
    later = {"label": [0, 1, 1], "fare": [1.0, 2.0, 3.0], "zone": ["a", "b", "a"]}
    found = look(REVIEWED, {"train": later})
    assert found.features == ("paid", "zone")
    text = taking_over(REVIEWED, found)
    assert left(text, {"train": later}) == []
    assert "Longer than" not in text
    assert "These two" not in text
    assert text.startswith("# About the whole file.\n# Its second line.\n")
    assert schema_diff(parse_schema(REVIEWED), parse_schema(text))[0] == "Feature 'paid' is gone."


def test_a_domain_that_others_use_is_left_to_them() -> None:
    reviewed = """
feature { name: "a" type: INT }
feature { name: "b" type: BYTES domain: "a" }
string_domain { name: "a" value: "x" value: "y" }
"""
    splits: dict[str, Columns] = {"train": {"a": ["p", "q", "p"], "b": ["x", "y", "x"]}}
    text = taking_over(reviewed, look(reviewed, splits))
    assert left(text, splits) == []
    assert 'string_domain { name: "a" value: "x" value: "y" }' in text


def test_a_notation_that_cannot_be_edited_still_says_what_was_taken_over() -> None:
    reviewed = 'feature { name: "paid" type: BYTES domain: "d" }\nstring_domain { name: "d" value: ["a",\n"b"] }\n'
    splits: dict[str, Columns] = {"train": {"paid": ["a", "b", "c"]}}
    text = taking_over(reviewed, look(reviewed, splits))
    assert left(text, splits) == []
    assert 'value: "c"' in text


VALUES = {
    "flag": st.integers(0, 1),
    "whole": st.integers(-(2**40), 2**40),
    "float": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "text": st.sampled_from(["a", "b", "true", "false", "1", "0", "ü", "a b", 'quo"te', "#"]),
    "truth": st.sampled_from(["true", "false"]),
    "many": st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=3),
    "list": st.lists(st.integers(0, 3), min_size=1, max_size=3),
}


@st.composite
def tables(draw: st.DrawFn, columns: list[str]) -> Columns:
    rows = draw(st.integers(1, 6))
    table = {}
    for name in columns:
        value = VALUES[name.split("_")[0]]
        value = value | st.none() if draw(st.booleans()) else value
        table[name] = draw(st.lists(value, min_size=rows, max_size=rows))
    return table


names = st.lists(st.sampled_from([f"{kind}_{end}" for kind in VALUES for end in "xy"]), unique=True, min_size=1)
pairs = names.flatmap(lambda chosen: st.tuples(tables(chosen), tables(chosen)))
FEW = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=80, derandomize=False)


def typed(table: Columns, other: Columns) -> Columns:
    """A column without any value gets none here if the other split knows its type: it would be written as one."""
    return {name: values for name, values in table.items() if any(v is not None for v in values)} or dict(other)


def check_first(pair: tuple[Columns, Columns]) -> None:
    """What is inferred and written refuses nothing, and is written again unchanged."""
    splits = {"train": typed(*pair), "eval": typed(*reversed(pair))}
    text = schema_text(first(splits))
    assert left(text, splits) == []
    assert taking_over(text, look(text, splits)) == text


def check_later(pair: tuple[Columns, Columns], later: Columns) -> None:
    """What is taken over refuses nothing, and keeps what was reviewed."""
    before = {"train": typed(*pair)}
    later = typed(later, {"flag_x": [0, 1]})
    written = schema_text(first(before))
    reviewed = f"# Reviewed.\n\n# First of all.\n{written}"
    found = look(reviewed, {"train": later})
    text = taking_over(reviewed, found)
    assert left(text, {"train": later}) == []
    assert taking_over(text, look(text, {"train": later})) == text
    assert text.startswith("# Reviewed.\n")
    kept = {each.name: each for each in parse_schema(reviewed).feature if each.name not in found.features}
    assert {each.name: each for each in parse_schema(text).feature if each.name in kept} == kept


@FEW
@given(pairs)
def test_what_is_written_refuses_nothing(pair: tuple[Columns, Columns]) -> None:
    check_first(pair)


@FEW
@given(pairs, names.flatmap(tables))
def test_what_is_taken_over_refuses_nothing(pair: tuple[Columns, Columns], later: Columns) -> None:
    check_later(pair, later)


@pytest.mark.slow
@MANY
@given(pairs)
def test_what_is_written_refuses_nothing_of_many_tables(pair: tuple[Columns, Columns]) -> None:
    check_first(pair)


@pytest.mark.slow
@MANY
@given(pairs, names.flatmap(tables))
def test_what_is_taken_over_refuses_nothing_of_many_tables(pair: tuple[Columns, Columns], later: Columns) -> None:
    check_later(pair, later)


def test_departing_is_what_a_run_refuses() -> None:
    schema = parse_schema(REVIEWED)
    statistics = compute_statistics([to_batch({**CLEAN, "fare": [-1.0, 1.0, 2.0]})], schema=schema)
    assert departing(schema, {"train": statistics}) == ["fare"]
