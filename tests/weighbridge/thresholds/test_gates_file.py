from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.errors import UsageError
from weighbridge.thresholds.gates_file import Gates, load_gates

TAXI = Path(__file__).parents[3] / "pipelines/taxi/gates.yaml"


@pytest.fixture
def gates(tmp_path):
    """Load the taxi thresholds after an edit of their text or content."""

    def load(edit=lambda content: content, text=None):
        path = tmp_path / "gates.yaml"
        path.write_text(text if text is not None else yaml.safe_dump(edit(yaml.safe_load(TAXI.read_text()))))
        return load_gates(path)

    return load


def test_the_taxi_thresholds_load(gates):
    assert isinstance(gates(), Gates)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"No thresholds file at .*gates\.yaml"):
        load_gates(tmp_path / "gates.yaml")


@pytest.mark.parametrize("text", ["", "- a", "quality: [", "just words"])
def test_what_is_no_mapping_is_refused(gates, text):
    with pytest.raises(UsageError, match=r"gates\.yaml"):
        gates(text=text)


def test_a_typo_in_a_section_is_named_with_a_guess(gates):
    with pytest.raises(UsageError, match=r"qualty is not known; did you mean 'quality'\?"):
        gates(lambda content: content | {"qualty": {}})


def test_a_typo_in_a_rule_is_named_with_a_guess(gates):
    def edit(content):
        content["quality"]["metrics"]["auc"] = {"minn": 0.5}
        return content

    with pytest.raises(UsageError, match=r"quality\.metrics\.auc\.minn is not known; did you mean 'min'\?"):
        gates(edit)


@pytest.mark.parametrize("section", ["quality", "latency"])
def test_a_model_must_be_weighed_by_both_sides(gates, section):
    with pytest.raises(UsageError, match=f"{section}: Field required"):
        gates(lambda content: {name: value for name, value in content.items() if name != section})


def test_a_key_given_twice_is_refused(gates):
    with pytest.raises(UsageError, match="'min' is given twice"):
        gates(text="quality:\n  metrics:\n    auc: {min: 0.9, min: 0.1}\n")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("auc: {min: }", r"line 6: quality\.metrics\.auc\.min has no value"),
        ("auc: {min: , max_change: 0.1}", r"quality\.metrics\.auc\.min has no value"),
        ("auc: {}", r"line 6: quality\.metrics\.auc: a threshold needs at least one"),
        ("auc:", r"line 6: quality\.metrics\.auc has no value"),
        ("auc: {min: true}", r"line 6: quality\.metrics\.auc\.min: true is no value"),
        ("auc: {min: yes}", "true is no value"),
        ("auc: {min: .inf}", "no finite number"),
        ("auc: {min: 'nan'}", r"line 6: quality\.metrics\.auc\.min: .*finite"),
        ("auc: {min: '1e999'}", r"line 6: quality\.metrics\.auc\.min: .*finite"),
        ("auc: {min: '0.9'}", r"line 6: quality\.metrics\.auc\.min: '0\.9' is text and no finite number"),
        ("auc: {min: 1e999}", "no finite number"),
        ("auc: {mni: 0.9}", r"line 6: quality\.metrics\.auc\.mni is not known; did you mean 'min'"),
        ("auc: {min: 0.9}\n  risk: {false_pass: true}", r"line 7: quality\.risk\.false_pass: true is no value"),
        ("auc: {min: 0.9}\n  risk: {false_pass: 0}", r"quality\.risk\.false_pass"),
        ("auc: {min: 0.9}\n  confidence: 0.95", r"quality: confidence is said by risk now"),
        ("auc: {min: 0.9}\n  judge: interval", r"quality: judge is not needed any more"),
        ("auc: {min: 0.9}\n  min_slice_rows: true", r"quality\.min_slice_rows: true is no value"),
        ("auc: {min: 0.9}\n  inputs: {training: true}", None),
        ("auc: {min: 1e-1}", None),
    ],
)
def test_no_slip_of_the_pen_opens_a_gate(gates, line, told):
    text = f"latency:\n  batch_sizes:\n    1: {{p99_ms: {{max: 40}}}}\nquality:\n  metrics:\n    {line}\n"
    if told is None:
        gates(text=text)
        return
    with pytest.raises(UsageError, match=rf"gates\.yaml, {told}" if told.startswith("line") else told):
        gates(text=text)


def test_an_endless_budget_is_none(gates):
    def edit(content):
        content["latency"]["budget_s"] = "inf"
        return content

    with pytest.raises(UsageError, match=r"latency\.budget_s: .*finite"):
        gates(edit)


def test_a_typo_in_a_step_of_ones_own_is_named_with_a_guess(gates):
    from weighbridge.components.example_gen.gates import ExamplesGates

    def edit(content):
        return content | {"steps": {"clean": {"severty": "warning"}}}

    with pytest.raises(UsageError, match=r"steps\.clean\.severty is not known; did you mean 'severity'"):
        gates(edit).of_step("clean", ExamplesGates)


def test_yaml_cannot_make_objects(gates):
    with pytest.raises(UsageError, match="not valid YAML"):
        gates(text="!!python/object/apply:os.system ['true']")


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_whatever_is_written_there_is_thresholds_or_one_clear_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("gates") / "gates.yaml"
    path.write_text(yaml.safe_dump({"quality": content, "latency": content}))
    with pytest.raises(UsageError, match=r"gates\.yaml"):
        load_gates(path)


def test_a_mistyped_section_is_named_before_the_one_that_is_missing_for_it(gates):
    with pytest.raises(UsageError, match=r"qualty is not known; did you mean 'quality'\?"):
        gates(lambda content: {name.replace("quality", "qualty"): value for name, value in content.items()})
