"""The standard pipeline: the wiring that a pipeline need not repeat, and the ways out of it."""

import inspect
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.command_line import ROOT
from weighbridge.common.errors import UsageError
from weighbridge.definition import Context, load
from weighbridge.standard import StandardParameters, data_steps, model_steps, standard_pipeline

_WIRING = 25  # lines that a pipeline of one's own may take


class Parameters(StandardParameters):
    data: str = "rows.csv"
    run_fn: str = "weighbridge.pipelines.taxi.model.run_fn"
    hidden: int = 7
    token: SecretStr = SecretStr("env:TOKEN")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    place = str(tmp_path / "production")
    return Context("trips", ROOT / "pipelines/taxi", str(tmp_path), place, str(tmp_path / "h"), str(tmp_path / "c"))


def test_the_taxi_pipeline_is_wired_in_a_few_lines() -> None:
    definition = load("taxi")
    source = (definition.folder / "pipeline.py").read_text()
    assert len(inspect.getsource(definition.create_pipeline).splitlines()) <= _WIRING // 2
    assert len([line for line in source.splitlines() if line.strip() and not line.startswith(("#", '"""'))]) <= _WIRING


def test_six_components_in_order_and_the_model_gets_every_parameter_that_is_its_own(context: Context) -> None:
    pipeline = standard_pipeline(Parameters(epochs=2), context, label="big_tipper", splits={"train": 3, "eval": 1})
    names = "ExampleGen ProductionModel DataValidator Trainer Evaluator Pusher"
    assert [component.id for component in pipeline.components] == names.split()
    training = json.loads(pipeline.components[3].exec_properties["parameters"])
    expected = {"epochs": 2, "batch_size": 256, "learning_rate": 0.002, "hidden": 7, "token": "{env:TOKEN}"}
    assert training["custom_config"] == expected
    assert json.loads(pipeline.components[0].exec_properties["splits"])["weights"] == {"train": 3.0, "eval": 1.0}
    assert pipeline.components[4].exec_properties["label"] == "big_tipper"


def test_attempts_are_counted_where_models_are_pushed_to_and_not_in_a_rehearsal(context: Context) -> None:
    def counted(context: Context, **options: Any) -> tuple[str, int]:
        properties = (
            standard_pipeline(Parameters(), context, label="big_tipper", **options).components[4].exec_properties
        )
        return properties["ledger"], properties["rehearsal"]

    assert counted(context) == (context.production, 0)
    assert counted(replace(context, deliver_to="gs://models/staging")) == ("gs://models/staging", 0)
    assert counted(context, pusher={"destination": "gs://elsewhere/model"}) == ("gs://elsewhere/model", 0)
    assert counted(replace(context, rehearsal=True)) == (context.production, 1)


def test_an_option_of_a_component_wins(context: Context) -> None:
    pipeline = standard_pipeline(
        Parameters(),
        context,
        label="big_tipper",
        example_gen={"key_columns": ["company"], "splits": {"train": 8, "eval": 2}},
        trainer={"custom_config": {"epochs": 9}, "train_steps": 5},
        evaluator={"split": "train"},
        pusher={"destination": "gs://elsewhere/model"},
    )
    example_gen, _, _, trainer, evaluator, pusher = pipeline.components
    splits = json.loads(example_gen.exec_properties["splits"])
    assert (splits["key_columns"], splits["weights"]["train"]) == (["company"], 8.0)
    training = json.loads(trainer.exec_properties["parameters"])
    assert (training["custom_config"], training["train_steps"]) == ({"epochs": 9}, 5)
    assert evaluator.exec_properties["split"] == "train"
    assert pusher.exec_properties["destination"] == "gs://elsewhere/model"


def test_a_mistyped_option_is_refused_with_those_that_are_known(context: Context) -> None:
    with pytest.raises(UsageError, match="ExampleGen has no argument 'key_column'") as refused:
        standard_pipeline(Parameters(), context, label="big_tipper", example_gen={"key_column": "company"})
    assert "key_columns" in refused.value.hint


def test_a_pipeline_without_a_function_that_trains_is_refused(context: Context) -> None:
    with pytest.raises(UsageError, match="run_fn is empty"):
        standard_pipeline(Parameters(run_fn=""), context, label="big_tipper")


def test_a_step_of_ones_own_stands_between_data_and_model(context: Context) -> None:
    parameters = Parameters()
    data = data_steps(parameters, context)
    other = data_steps(parameters, context).example_gen.with_id("Between")
    model = model_steps(parameters, context, data, label="big_tipper", examples=other.outputs["examples"])
    pipeline = context.pipeline([*data, other, *model])
    assert [component.id for component in pipeline.components][3] in ("Between", "DataValidator")
    assert model.trainer.inputs["examples"] is other.outputs["examples"]
    assert model.evaluator.inputs["examples"] is other.outputs["examples"]
