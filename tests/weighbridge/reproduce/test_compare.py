"""Where and by how much two models differ, and whether the metrics stay within their intervals."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from weighbridge.reproduce.compare import compare_files, compare_values, compare_variables
from weighbridge.reproduce.intervals import compare_metrics
from weighbridge.reproduce.result import Reproduction
from weighbridge.verdict import Gate, Verdict


def saved(folder: Path, *, weights=(1.0, 2.0), bias=0.5, factor=3.0, words=("a", "b"), upside_down=False) -> Path:
    """A SavedModel with two variables, a constant and texts."""
    import tensorflow as tf

    module = tf.Module()
    made = [("weights", np.float32(weights)), ("bias", np.float32(bias))]
    # As exports of before kept variables: under keys that say nothing, in whatever order.
    module.all = [tf.Variable(value, name=name) for name, value in (made[::-1] if upside_down else made)]
    of = {variable.name.partition(":")[0]: variable for variable in module.all}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def serve(x):
        known = tf.constant(words)
        return {"y": tf.linalg.matvec(x, of["weights"]) * factor + of["bias"], "words": known}

    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})
    return folder


def test_the_same_model_differs_in_nothing(tmp_path):
    first, second = saved(tmp_path / "1"), saved(tmp_path / "2")
    assert compare_variables(first, second) == ()  # though functions have other numbers


def test_variables_are_compared_by_name_with_largest_differences_first(tmp_path):
    first = saved(tmp_path / "1")
    found = compare_variables(first, saved(tmp_path / "2", weights=(1.0, 2.5), bias=0.25))
    assert [each.name for each in found] == ["bias", "weights"]
    named = {each.name: each for each in found}
    assert (named["weights"].values, named["weights"].largest, named["weights"].relative) == (1, 0.5, 0.2)
    assert (named["bias"].shape, named["bias"].largest, named["bias"].relative) == ((), 0.25, 0.5)


def test_variables_are_found_by_name_under_other_keys(tmp_path):
    found = compare_variables(saved(tmp_path / "1"), saved(tmp_path / "2", upside_down=True))
    assert not {"bias", "weights"} & {each.name for each in found}


def test_constants_of_the_graph_are_part_of_the_model(tmp_path):
    first = saved(tmp_path / "1")
    [factor] = compare_variables(first, saved(tmp_path / "2", factor=3.5))
    assert factor.name.startswith("constant __inference_serve")
    assert factor.largest == 0.5
    [words] = compare_variables(first, saved(tmp_path / "3", words=("a", "c")))
    assert (words.what, words.values) == ("texts differ", 1)


def test_variables_of_other_shapes_or_that_are_gone_are_told_in_words(tmp_path):
    found = compare_variables(saved(tmp_path / "1"), saved(tmp_path / "2", bias=(0.5, 0.5)))
    [bias] = [each for each in found if each.name == "bias"]
    assert bias.what == "is float32 [] as pushed and float32 [2] made again"
    assert bias.largest is None


def test_files_of_both_are_listed(tmp_path):
    for side, names in (("1", ("a", "b")), ("2", ("b", "c"))):
        for name in names:
            path = tmp_path / side / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(name)
    found = {file.path: file for file in compare_files(tmp_path / "1", tmp_path / "2")}
    assert [found[name].same for name in "abc"] == [False, True, False]
    assert (found["a"].made_again, found["c"].pushed) == ("", "")
    assert compare_variables(tmp_path / "1", tmp_path / "2") is None  # neither is a SavedModel


finite = st.floats(-1e6, 1e6, width=32)


@given(arrays(np.float32, 5, elements=finite), arrays(np.float32, 5, elements=finite))
def test_the_largest_difference_is_the_largest(first, second):
    found = compare_values("w", first, second)
    if found is None:
        assert first.tobytes() == second.tobytes()
        return
    apart = np.abs(first.astype(float) - second.astype(float))
    assert found.largest == apart.max()
    assert found.values == np.count_nonzero(apart)
    assert 0 <= found.relative <= 2


def test_values_that_are_not_finite_have_no_largest_difference():
    found = compare_values("w", np.float32([1, np.nan]), np.float32([2, np.inf]))
    assert (found.values, found.largest, found.what) == (2, None, "holds values that are not finite")
    same = compare_values("w", np.float32([np.nan, 1]), np.float32([np.nan, 2]))
    assert (same.values, same.largest, same.relative) == (1, 1.0, 0.5)


def verdict(*gates: tuple) -> Verdict:
    made = [
        Gate(name=name, status="passed", observed=value, interval=interval, message="It is.")
        for name, value, interval in gates
    ]
    return Verdict.of(made, pipeline="p", run_id="r", subject={})


def test_metrics_are_looked_for_in_the_intervals_of_the_verdict():
    pushed = verdict(
        ("quality.auc.min", 0.9, (0.88, 0.92)),
        ("quality.loss.max", 0.3, (None, 0.35)),
        ("quality.recall.min", 0.5, (0.4, 0.6)),
        ("quality.auc.min_change", 0.01, (0.0, 0.02)),  # of a change: no value of the model itself
        ("training.loss.finite", 0.2, None),
        ("latency.batch_1.p50_ms.max", 1.0, (0.9, 1.1)),  # of this machine in that minute
    )
    again = verdict(("quality.auc.min", 0.91, None), ("quality.loss.max", 0.4, None)).model_dump(mode="json")
    found = {metric.gate: metric for metric in compare_metrics(pushed, again)}
    assert {name: metric.inside for name, metric in found.items()} == {
        "quality.auc.min": True,
        "quality.loss.max": False,
        "quality.recall.min": False,  # not measured this time
    }
    assert found["quality.recall.min"].made_again is None


@pytest.mark.parametrize(
    ("made_again", "variables", "values", "state"),
    [
        ("a", (), (), "identical"),
        ("b", (), (), "same_weights"),
        ("b", None, (), "different"),
        ("b", None, (0.9,), "within_intervals"),
        ("b", None, (0.9, 0.5), "beyond_intervals"),
    ],
)
def test_the_outcome_in_a_word(made_again, variables, values, state):
    pushed = verdict(*((f"quality.m{number}.min", 0.9, (0.8, 1.0)) for number, _ in enumerate(values)))
    again = verdict(*((f"quality.m{number}.min", value, None) for number, value in enumerate(values)))
    found = Reproduction(
        model="m",
        pipeline="p",
        run_id="r",
        code="c",
        data="d",
        libraries="l",
        seed=1,
        pushed="a",
        made_again=made_again,
        files=(),
        variables=variables,
        metrics=compare_metrics(pushed, again.model_dump(mode="json")) if values else (),
    )
    assert found.state == state
    assert found.exit_code == (0 if state == "identical" else 1)
