"""The `data` section of a thresholds file: what it takes and what it refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from weighbridge.components.data_validator import DataGates, Distances


def test_a_full_section_survives_the_way_through_json() -> None:
    section = DataGates.model_validate(
        {
            "rows": {"train": {"min": 5000, "min_ratio": 0.5}},
            "label": {"feature": "tips", "min_distinct": 3},
            "anomalies": "warning",
            "skew": {"payment_type": {"linf": {"max": 0.1}}},
            "drift": {"production": {"fare": {"jensen_shannon": {"max": 0.1, "severity": "warning"}}}},
        }
    )
    assert DataGates.model_validate_json(section.model_dump_json()) == section


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({"skew": {"x": {}}}, "needs linf"),
        ({"skew": {"x": {"linf": {"min": 0.1}}}}, "is a distance"),
        ({"skew": {"x": {"linf": {"max": 0.1, "max_ratio": 2}}}}, "is a distance"),
        ({"skew": {"x": {"linf": {"max": 1.5}}}}, "between 0 and 1"),
        ({"skew": {"x": {"js": {"max": 0.1}}}}, "Extra inputs"),
        ({"drift": {"yesterday": {}}}, "Extra inputs"),
        ({"label": {"feature": ""}}, "at least 1 character"),
        ({"label": {"feature": "tips", "min_distinct": 0}}, "greater than or equal to 1"),
        ({"anomalies": "ignored"}, "'blocking' or 'warning'"),
        ({"rows": {"train": {}}}, "at least one of"),
    ],
)
def test_what_cannot_be_meant_is_refused(section: object, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        DataGates.model_validate(section)


@given(st.floats())
def test_a_distance_takes_exactly_the_thresholds_it_can_reach(threshold: float) -> None:
    try:
        Distances.model_validate({"linf": {"max": threshold}})
        taken = True
    except ValidationError:
        taken = False
    assert taken == (0 <= threshold <= 1)
