"""What components declare of their outputs, and what a plan makes of two fingerprints."""

from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.plan.changes import differences, step_differences, subject_differences

COMPONENTS = ("example_gen.ExampleGen", "data_validator.DataValidator", "trainer.Trainer", "evaluator.Evaluator")

FACTS = {
    "pipeline": "sha256:p",
    "code": {"ExampleGen": "sha256:e", "Trainer": "sha256:t"},
    "files": {"model.py": "sha256:m", "words.txt": "sha256:w"},
    "gates": {"data": "sha256:d", "quality": "sha256:q"},
    "schema": "sha256:s",
    "parameters": {"data": "trips.csv", "epochs": 5},
    "libraries": {"tensorflow": "2.16"},
    "image": "",
    "data": ["sha256:1"],
    "sample": 1.0,
}


@pytest.mark.parametrize("name", COMPONENTS)
def test_only_what_is_there_is_declared(name):
    module, _, component = name.partition(".")
    found = getattr(import_module(f"weighbridge.components.{module}"), component)
    spec = found.SPEC_CLASS
    for output, reached_by in found.TRAITS.output_depends_on.items():
        assert output in spec.OUTPUTS
        assert set(reached_by) <= {*spec.INPUTS, *spec.PARAMETERS}


@pytest.mark.parametrize(
    ("edit", "what", "part"),
    [
        ({"code": {"ExampleGen": "sha256:e", "Trainer": "x"}, "files": {"model.py": "x"}}, "code", "Trainer"),
        ({"pipeline": "x"}, "code", "pipeline"),
        ({"files": {"model.py": "x", "words.txt": "sha256:w"}}, "code", "model.py"),
        ({"files": {"model.py": "sha256:m", "words.txt": "x"}}, "code", "words.txt"),
        ({"gates": {"data": "sha256:d", "quality": "x"}}, "gates", "quality"),
        ({"gates": {"data": "sha256:d"}}, "gates", "quality"),
        ({"schema": "x"}, "schema", ""),
        ({"parameters": {"data": "trips.csv", "epochs": 6}}, "parameters", "epochs"),
        ({"parameters": {"data": "other.csv", "epochs": 5}}, "data", "data"),
        ({"data": ["sha256:2"]}, "data", "data"),
        ({"libraries": {"tensorflow": "2.17"}}, "libraries", "tensorflow"),
        ({"image": "image@sha256:1"}, "image", ""),
    ],
)
def test_every_kind_of_change_is_named(edit, what, part):
    assert differences(FACTS, FACTS) == []
    found = [(change.what, change.part) for change in differences(FACTS, FACTS | edit)]
    assert (what, part) in found
    assert {kind for kind, _ in found} == {what}


@given(st.sets(st.sampled_from(sorted(FACTS))))
def test_facts_that_an_older_run_did_not_keep_are_no_change(kept):
    assert differences({name: FACTS[name] for name in kept}, FACTS) == []


def test_a_record_of_production_tells_what_it_can():
    assert (
        subject_differences({"schema": "a", "gates": "g"}, {"schema": "b", "gates": "g", "image": "i"})[0].what
        == "schema"
    )
    assert subject_differences({}, {"schema": "b"}) == []


def test_differences_of_a_step_are_told_in_words():
    before = {"code_digest": "a", "gates": {"rows": 1, "skew": 2}, "window": 1}
    assert step_differences(before, before) == []
    assert step_differences(before, before | {"code_digest": "b"}) == ["its code or a library changed"]
    assert step_differences(before, before | {"gates": {"rows": 2, "skew": 2}}) == ["thresholds changed: gates (rows)"]
    assert step_differences(before, before | {"window": 2}) == ["window changed"]
