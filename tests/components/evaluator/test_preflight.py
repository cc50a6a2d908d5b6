"""What is wrong with an evaluation shows before anything runs."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.components.evaluator.helpers import latency_gates, quality_gates
from weighbridge.common.environment import SERVING_PYTHON_VARIABLE
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.preflight import preflight
from weighbridge.components.evaluator.request import COMPUTE

OWN = """
from weighbridge.common.errors import UsageError


def check_names(names, source):
    for name in names:
        if name != "lift":
            raise UsageError(f"Unknown metric {name!r} in {source}")


def provider(request):
    raise AssertionError("nobody asks yet")
"""
TEXT = 'feature { name: "label" type: BYTES }'


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_metrics.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "own_metrics.provider"


def check(names: list[str], schema: str = "", metrics_fn: str = COMPUTE, label: str = "label") -> None:
    quality = quality_gates(metrics={name: {"min": 0.5} for name in names})
    parameters: dict[str, Any] = {"quality": quality.model_dump_json(), "metrics_fn": metrics_fn, "label": label}
    preflight(parameters, schema)


def test_a_name_is_checked_by_whoever_measures_it(own: str) -> None:
    with pytest.raises(UsageError, match="Unknown metric 'acu'") as caught:
        check(["acu"])
    assert "Did you mean 'auc'?" in caught.value.hint
    check(["auc", "lift"], metrics_fn=own)
    with pytest.raises(UsageError, match="Unknown metric 'acu'"):
        check(["acu"], metrics_fn=own)
    with pytest.raises(UsageError, match="has no function 'provide'"):
        check(["lift"], metrics_fn="own_metrics.provide")


def test_a_label_of_text_is_refused_where_numbers_are_needed(own: str) -> None:
    with pytest.raises(UsageError, match=r"Label 'label' is text by schema\.pbtxt, and auc") as caught:
        check(["auc"], TEXT)
    assert "prepare_fn" in caught.value.hint
    check(["auc"], TEXT.replace("BYTES", "INT"))
    check(["auc"], TEXT.replace("label", "other"))
    check(["auc"], "")
    check(["lift"], TEXT, metrics_fn=own)


def test_the_names_of_the_recommender_are_checked_too() -> None:
    shop = "weighbridge.pipelines.recommender.weigh.provider.weigh_recommender"
    check(["recall@20", "recall@20.over_best", "index_recall@20"], metrics_fn=shop, label="")
    with pytest.raises(UsageError, match="Unknown metric 'recal@20'"):
        check(["recal@20"], metrics_fn=shop, label="")


def test_the_label_is_no_unit() -> None:
    quality = quality_gates(unit="label")
    with pytest.raises(UsageError, match=r"quality\.unit in gates\.yaml is 'label', the label"):
        preflight({"quality": quality.model_dump_json(), "metrics_fn": COMPUTE, "label": "label"}, "")


def test_a_served_model_needs_an_environment_for_servers_before_hours_of_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters: dict[str, Any] = {
        "quality": quality_gates().model_dump_json(),
        "latency": latency_gates(served={"rate_rps": 100}).model_dump_json(),
        "metrics_fn": COMPUTE,
        "label": "label",
    }
    monkeypatch.setenv(SERVING_PYTHON_VARIABLE, sys.executable)
    preflight(parameters, "")
    monkeypatch.setenv(SERVING_PYTHON_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="which is no program") as raised:
        preflight(parameters, "")
    assert "sh requirements/bootstrap.sh serving" in raised.value.hint


def test_a_served_model_needs_time_for_its_percentiles() -> None:
    latency = latency_gates(served={"rate_rps": 10, "p999_ms": {"max": 100}})
    parameters = {
        "quality": quality_gates().model_dump_json(),
        "latency": latency.model_dump_json(),
        "metrics_fn": COMPUTE,
        "label": "label",
    }
    with pytest.raises(UsageError, match=r"3,688 tell it at the earliest: no model can pass"):
        preflight(parameters, "")
