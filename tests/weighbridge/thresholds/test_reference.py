"""The reference of `gates.yaml`: fresh, complete, and of one mind with what reads the file."""

import copy
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weighbridge.common import files
from weighbridge.common.errors import UsageError
from weighbridge.common.yaml_file import read_yaml
from weighbridge.thresholds.gates_file import load_gates
from weighbridge.thresholds.reference import SHIPPED_SCHEMA, gates_schema, markdown_page, reference_keys

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/reference/gates.md"
FILES = sorted(ROOT.glob("pipelines/*/gates.yaml"))
CONTENTS = [yaml.safe_load(path.read_text()) for path in FILES]

validator = jsonschema.Draft7Validator(gates_schema())


def as_json(content):
    """What an editor makes of it: every key is text."""
    if isinstance(content, dict):
        return {str(key): as_json(value) for key, value in content.items()}
    return [as_json(each) for each in content] if isinstance(content, list) else content


def test_the_committed_page_and_schema_are_fresh():
    assert PAGE.read_text() == markdown_page(), f"run: weighbridge gates --markdown -o {PAGE.relative_to(ROOT)}"
    command = f"weighbridge gates --json-schema -o {SHIPPED_SCHEMA.relative_to(ROOT)}"
    assert SHIPPED_SCHEMA.read_text() == files.json_text(gates_schema()), f"run: {command}"


def test_the_schema_is_a_schema():
    jsonschema.Draft7Validator.check_schema(gates_schema())


def test_no_rule_stands_beside_a_reference_where_draft_7_would_not_see_it():
    def beside(node):
        if isinstance(node, dict):
            yield from [node] if "$ref" in node and node.keys() - {"$ref", "description", "default"} else []
            for each in node.values():
                yield from beside(each)
        elif isinstance(node, list):
            for each in node:
                yield from beside(each)

    assert list(beside(gates_schema())) == []


def test_every_key_is_described_and_says_what_happens_without_data_where_it_judges():
    keys = reference_keys()
    assert len(keys) > 50
    assert [key.path for key in keys if not key.description.endswith(".")] == []
    assert [key.path for key in keys if "threshold" in key.type and not (key.unit and key.missing)] == []
    assert [key.path for key in keys if key.type in ("number", "whole number") and not key.unit] == []


def test_the_schema_describes_every_property_to_an_editor():
    definitions = {"": gates_schema()} | gates_schema()["definitions"]
    found = {
        f"{name}.{key}": each
        for name, model in definitions.items()
        for key, each in model.get("properties", {}).items()
        if name != "Bounds"
    }
    of_models = {f"#/definitions/{name}": model for name, model in definitions.items()}
    described = {key: of_models.get(each.get("$ref"), each) for key, each in found.items()}
    assert [key for key, each in described.items() if not each.get("description")] == []
    assert "Unit: ms." in found["BatchGates.p99_ms"]["description"]
    assert "Default: 50." in found["QualityGates.min_slice_rows"]["description"]
    assert "Missing data: what could not be measured refuses." in found["BatchGates.p99_ms"]["description"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_the_thresholds_of_our_pipelines_are_as_the_schema_says_and_name_it(path):
    assert [error.message for error in validator.iter_errors(as_json(read_yaml(path).content))] == []
    [named] = re.findall(r"^# yaml-language-server: \$schema=(\S+)$", path.read_text(), re.MULTILINE)
    assert (path.parent / named).resolve() == SHIPPED_SCHEMA.resolve()


def changed(path, edit):
    content = yaml.safe_load((ROOT / "pipelines" / path / "gates.yaml").read_text())
    edit(content)
    return as_json(content)


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content.pop("quality"),
        lambda content: content["quality"].update(mertics={}),
        lambda content: content["quality"]["metrics"].update(auc={}),
        lambda content: content["quality"]["metrics"].update(auc={"severity": "warning"}),
        lambda content: content["quality"]["metrics"].update(auc={"min": "0.9"}),
        lambda content: content["quality"]["metrics"].update(auc={"min": True}),
        lambda content: content["quality"]["metrics"].update(auc={"min": None}),
        lambda content: content["quality"]["metrics"].update(auc={"min_ratio": 0}),
        lambda content: content["quality"].update(risk={"false_pass": 5}),
        lambda content: content["quality"].update(
            slice_metrics=[{"slice": {"region": True}, "metrics": {"auc": {"min": 0}}}]
        ),
        lambda content: content["data"]["skew"].update(fare={"linf": {"min": 0.1}}),
        lambda content: content["data"]["skew"].update(fare={"linf": {"max": 1.5}}),
        lambda content: content["data"]["skew"].update(fare={}),
        lambda content: content["latency"]["batch_sizes"].update({"0": {}}),
        lambda content: content["latency"].update(calls=10),
        lambda content: content["delivery"].pop(),
        lambda content: content["delivery"][0].update(calls=7),
        lambda content: content["delivery"][0].update(p99_ms={"max": 3}),
        lambda content: content["delivery"][0].update(approved_in={"jenkins": "https://jenkins/job/a/"}),
        lambda content: content["delivery"][0].update(approval="maybe"),
    ],
)
def test_what_is_wrong_is_wrong_to_the_schema_and_to_what_reads_the_file(tmp_path, edit):
    content = changed("taxi", edit)
    assert not validator.is_valid(content)
    path = tmp_path / "gates.yaml"
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=r"gates\.yaml"):
        load_gates(path)


WORDS = ["", "a", "1", "0.5", "1e3", "nan", "true", "min", "max", "severity", "warning", "production", "stage", "calls"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats(-2, 2) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=2),
    max_leaves=4,
)


def places(content, above=()):
    """Every place of a document."""
    yield above
    children = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in children:
        yield from places(value, (*above, key))


@st.composite
def documents(draw):
    """The thresholds of a pipeline with something taken out, put in, or replaced."""
    content = copy.deepcopy(draw(st.sampled_from(CONTENTS)))
    for _ in range(draw(st.integers(1, 2))):
        *above, last = draw(st.sampled_from([place for place in places(content) if place]))
        within = content
        for key in above:
            within = within[key]
        act = draw(st.sampled_from(["replace", "remove", "add"]))
        if act == "remove":
            del within[last]
        elif act == "add" and isinstance(within, dict):
            within[draw(st.sampled_from([*WORDS, "min_change", "label", "linf", "approval"]))] = draw(VALUES)
        else:
            within[last] = draw(VALUES)
    return content


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents())
def test_what_the_schema_refuses_is_refused_when_it_is_read(tmp_path, content):
    path = tmp_path / "gates.yaml"
    path.write_text(yaml.safe_dump(content))
    try:
        load_gates(path)
    except UsageError:
        return
    assert [error.message for error in validator.iter_errors(as_json(read_yaml(path).content))] == []
