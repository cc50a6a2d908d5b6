"""Where a parameter goes is found out by changing it, and what cannot be left open is not."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.errors import UsageError
from weighbridge.kubeflow.compile.parameters import ParameterPath, find_parameter_paths


def pipeline(**properties: Any) -> Any:
    return SimpleNamespace(components=[SimpleNamespace(id="Step", exec_properties=properties)])


SCALARS = st.one_of(st.text(), st.integers(-(2**50), 2**50), st.booleans(), st.floats(-1e6, 1e6, width=32))


@given(value=SCALARS)
def test_a_value_by_itself_and_inside_json(value: Any) -> None:
    def build(given: Any) -> Any:
        return pipeline(plain=given, text=json.dumps({"a": [1, {"b": given}], "c": "other"}), constant="other")

    assert find_parameter_paths(build, value) == (
        ParameterPath("Step", "plain"),
        ParameterPath("Step", "text", ("a", 1, "b")),
    )


@pytest.mark.parametrize(
    "build",
    [
        lambda value: pipeline(computed=value * 2),
        lambda value: pipeline(plain=value, computed=json.dumps({"steps": value * 10})),
        lambda value: pipeline(text=f"every {value} rows"),
        lambda value: pipeline(**{f"name_{value}": 1}),
        lambda value: pipeline(length=json.dumps([0] * value)),
        lambda value: pipeline(constant=1),
    ],
    ids=["computed", "also computed", "in a text", "decides names", "decides lengths", "unused"],
)
def test_what_was_computed_with_is_fixed(build: Any) -> None:
    assert find_parameter_paths(build, 3) == ()


def test_what_decides_which_steps_there_are_is_fixed() -> None:
    def build(value: int) -> Any:
        steps = [SimpleNamespace(id=f"Step{number}", exec_properties={"n": value}) for number in range(value)]
        return SimpleNamespace(components=steps)

    assert find_parameter_paths(build, 3) == ()


def test_what_allows_no_other_value_is_fixed() -> None:
    def build(value: str) -> Any:
        if value != "only":
            raise UsageError("no")
        return pipeline(plain=value)

    assert find_parameter_paths(build, "only") == ()


def test_a_default_of_tfxs_own_parameter_is_fixed() -> None:
    def build(value: str) -> Any:
        return pipeline(plain=SimpleNamespace(default=value))

    assert find_parameter_paths(build, "a") == ()


def test_the_same_text_elsewhere_is_left_alone() -> None:
    assert find_parameter_paths(lambda value: pipeline(plain=value, same="a"), "a") == (ParameterPath("Step", "plain"),)
