"""The TFX face: standard artifacts, blessings as stock TFX lays them out, what the constructor refuses."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.components.evaluator.helpers import LABEL, latency_gates, quality_gates
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator import Evaluator
from weighbridge.verdict import Verdict

Models = Callable[[str], Path]


def declare(**changes: Any) -> Any:
    from tfx import types
    from tfx.types import standard_artifacts

    settings = {"quality": quality_gates(), "latency": latency_gates(), "label": LABEL}
    return Evaluator(
        types.Channel(type=standard_artifacts.Examples),
        types.Channel(type=standard_artifacts.Model),
        **{**settings, **changes},
    )


def artifact(kind: str, uri: Path, **properties: int | str) -> Any:
    from tfx.types import standard_artifacts

    made = getattr(standard_artifacts, kind)()
    made.uri = str(uri)
    for name, value in properties.items():
        if isinstance(value, int):
            made.set_int_custom_property(name, value)
        else:
            made.set_string_custom_property(name, value)
    return made


@pytest.fixture
def run(examples: Path, models: Models, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Calls the executor as TFX does; returns its output artifacts."""

    def execute(kind: str, production: list[Any] | None = None, **changes: Any) -> dict[str, Any]:
        from weighbridge.components.evaluator.component import EvaluatorExecutor

        component = declare(**changes)
        inputs = {
            "examples": [artifact("Examples", examples, content_digest="sha256:data")],
            "model": [artifact("Model", models(kind), code_digest="sha256:code", parameters_digest="sha256:set")],
        }
        if production is not None:
            inputs["production_model"] = production
        outputs = {
            name: artifact(channel.type.TYPE_NAME, tmp_path / "out" / name)
            for name, channel in component.outputs.items()
        }
        EvaluatorExecutor().Do(
            inputs, {name: [made] for name, made in outputs.items()}, dict(component.exec_properties)
        )
        return outputs

    return execute


def test_a_good_model_is_blessed_twice(run: Callable[..., dict[str, Any]]) -> None:
    outputs = run("good")
    assert [path.name for path in Path(outputs["blessing"].uri).iterdir()] == ["BLESSED"]
    assert [path.name for path in Path(outputs["infra_blessing"].uri).iterdir()] == ["INFRA_BLESSED"]
    assert outputs["blessing"].get_int_custom_property("blessed") == 1
    assert outputs["blessing"].get_string_custom_property("current_model").endswith("good")
    assert outputs["infra_blessing"].get_int_custom_property("blessed") == 1
    assert outputs["evaluation"].get_int_custom_property("passed") == 1
    verdict = Verdict.read(Path(outputs["evaluation"].uri, "verdict.json"))
    assert outputs["evaluation"].get_string_custom_property("verdict_digest") == verdict.digest
    assert verdict.subject["data"] == "sha256:data"
    assert (verdict.subject["code"], verdict.subject["parameters"]) == ("sha256:code", "sha256:set")


def test_a_bad_model_is_not_blessed(run: Callable[..., dict[str, Any]]) -> None:
    outputs = run("shuffled")
    assert [path.name for path in Path(outputs["blessing"].uri).iterdir()] == ["NOT_BLESSED"]
    assert outputs["blessing"].get_int_custom_property("blessed") == 0
    assert [path.name for path in Path(outputs["infra_blessing"].uri).iterdir()] == ["INFRA_BLESSED"]
    assert outputs["evaluation"].get_int_custom_property("passed") == 0


def test_production_is_a_model_unless_it_says_that_there_is_none(
    run: Callable[..., dict[str, Any]], models: Models, tmp_path: Path
) -> None:
    gates = quality_gates(metrics={"auc": {"min_change": -0.01}})
    for production, blessed in (
        ([artifact("Model", models("serialized"))], 1),
        ([artifact("Model", models("serialized"), exists=1)], 1),
        ([artifact("Model", tmp_path / "nothing", exists=0)], 1),
        ([], 1),
        ([artifact("Model", tmp_path / "nothing")], 0),
    ):
        outputs = run("good", production, quality=gates)
        assert outputs["blessing"].get_int_custom_property("blessed") == blessed, production


def test_stock_components_may_leave_no_gates(
    run: Callable[..., dict[str, Any]], examples: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gates = examples / "gates.json"
    kept = gates.rename(tmp_path / "kept")
    try:
        assert run("good")["blessing"].get_int_custom_property("blessed") == 0
        assert run("good", ungated=["examples"])["blessing"].get_int_custom_property("blessed") == 1
    finally:
        kept.rename(gates)


def test_the_constructor_refuses_what_cannot_work() -> None:
    with pytest.raises(UsageError, match="Unknown metric 'acu'"):
        declare(quality=quality_gates(metrics={"acu": {"min": 0.5}}))
    with pytest.raises(UsageError, match="ungated='model'"):
        declare(ungated=["model"])
    with pytest.raises(UsageError, match="weighs predictions against a label, but the Evaluator has none"):
        declare(label="")


def test_other_providers_have_other_names_need_no_label_and_their_code_counts() -> None:
    other = declare(
        label="",
        quality=quality_gates(metrics={"recall_at_20": {"min": 0.5}}),
        metrics_fn="tests.components.evaluator.quality.test_quality.ranking",
    )
    assert other.exec_properties["code_digest"] != declare().exec_properties["code_digest"]


def test_importing_the_package_loads_no_tensorflow() -> None:
    code = (
        "import sys, weighbridge.components.evaluator; "
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'tfx', 'apache_beam', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
