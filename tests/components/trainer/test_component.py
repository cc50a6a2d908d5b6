"""The TFX face: its constructor, and its executor with real artifacts."""

import json
import shutil
from pathlib import Path

import pytest
from tfx.types import channel_utils, standard_artifacts

from weighbridge.common import secrets, text
from weighbridge.common.errors import UsageError
from weighbridge.common.resources import Resources
from weighbridge.components.trainer import Trainer, TrainJob
from weighbridge.components.trainer.component import TrainerExecutor
from weighbridge.components.trainer.parameters import TrainingParameters, checkpoint_folder
from weighbridge.verdict import read_gates

EXAMPLES = channel_utils.as_channel([standard_artifacts.Examples()])
SEEN = ("train_files", "eval_files", "train_steps", "eval_steps", "schema_path", "schema_file", "transform_graph_path")
SEEN += ("base_model", "serving_model_dir", "eval_model_dir", "hyperparameters", "custom_config")
TOY = "tests.components.trainer.toy"


def seen(fn_args):
    """A run_fn that writes down what it was given, and trains as `toy.run_fn`."""
    from tfx.components.trainer.fn_args_utils import FnArgs

    from tests.components.trainer import toy

    assert isinstance(fn_args, FnArgs)
    Path(fn_args.model_run_dir).mkdir(parents=True, exist_ok=True)
    told = {name: getattr(fn_args, name) for name in SEEN}
    Path(fn_args.model_run_dir, "seen.json").write_text(json.dumps(told))
    assert callable(fn_args.data_accessor.tf_dataset_factory)
    toy.run_fn(fn_args)


def artifact(kind, folder, *files, **properties):
    made = kind()
    made.uri = str(folder)
    for name in files:
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}")
    for name, value in properties.items():
        setattr(made, name, value)
    return made


@pytest.fixture
def artifacts(tmp_path):
    splits = json.dumps(["train", "eval"])
    inputs = {
        "examples": artifact(
            standard_artifacts.Examples,
            tmp_path / "examples",
            "Split-train/data.gz",
            "Split-eval/data.gz",
            split_names=splits,
        ),
        "schema": artifact(standard_artifacts.Schema, tmp_path / "schema", "schema.pbtxt"),
        "statistics": artifact(
            standard_artifacts.ExampleStatistics,
            tmp_path / "statistics",
            "Split-train/FeatureStats.pb",
            "Split-eval/FeatureStats.pb",
            split_names=splits,
        ),
    }
    outputs = {
        "model": artifact(standard_artifacts.Model, tmp_path / "model"),
        "model_run": artifact(standard_artifacts.ModelRun, tmp_path / "model_run"),
    }
    return {name: [one] for name, one in inputs.items()}, {name: [one] for name, one in outputs.items()}


def properties(run_fn, **values):
    options = {name: values.pop(name) for name in ("checkpoint_dir", "code_digest") if name in values}
    parameters = TrainingParameters.of(run_fn=run_fn, **values).model_dump_json()
    return {"parameters": parameters, "checkpoint_dir": "", "code_digest": "sha256:c", **options}


def test_the_executor_trains_with_tfx_own_fn_args(tmp_path, artifacts):
    inputs, outputs = artifacts
    given = properties(f"{__name__}.seen", train_steps=40, custom_config={"mine": 1}, hyperparameters={"units": 3})
    TrainerExecutor().Do(inputs, outputs, given)

    told = json.loads((tmp_path / "model_run/seen.json").read_text())
    assert told["train_files"] == [f"{tmp_path}/examples/Split-train/*"]
    assert told["eval_files"] == [f"{tmp_path}/examples/Split-eval/*"]
    assert (told["train_steps"], told["eval_steps"]) == (40, None)
    assert told["schema_path"] == told["schema_file"] == f"{tmp_path}/schema/schema.pbtxt"
    assert told["serving_model_dir"] == f"{tmp_path}/model/Format-Serving"
    assert told["hyperparameters"] == {"units": 3}
    assert (told["transform_graph_path"], told["base_model"]) == (None, None)
    assert told["custom_config"]["mine"] == 1
    assert told["custom_config"]["statistics_path"] == f"{tmp_path}/statistics/Split-train/FeatureStats.pb"

    model = outputs["model"][0]
    assert model.get_string_custom_property("code_digest") == "sha256:c"
    assert model.get_string_custom_property("parameters_digest").startswith("sha256:")
    assert model.get_string_custom_property("model_digest").startswith("sha256:")
    assert all(gate.passed for gate in read_gates(tmp_path / "model_run"))
    assert (tmp_path / "model_run/history.json").is_file()


def test_run_fn_alone_gets_a_secret(tmp_path, artifacts, monkeypatch):
    monkeypatch.setattr(secrets, "_resolved", {})
    monkeypatch.setattr(text, "_hidden", {})
    monkeypatch.setenv("DB_PASSWORD", "c0rrect-h0rse")
    inputs, outputs = artifacts
    given = properties(f"{__name__}.seen", custom_config={"login": {"password": "{env:DB_PASSWORD}"}})
    TrainerExecutor().Do(inputs, outputs, secrets.resolved(given))  # as a runner calls it
    told = json.loads((tmp_path / "model_run/seen.json").read_text())
    assert told["custom_config"]["login"] == {"password": "c0rrect-h0rse"}
    digest = outputs["model"][0].get_string_custom_property("parameters_digest")
    assert digest == TrainingParameters.model_validate_json(given["parameters"]).digest


def test_a_train_job_gets_no_secret():
    job = TrainJob(folder="/shared")
    with pytest.raises(UsageError, match="cannot be given the secret DB_PASSWORD"):
        Trainer(f"{TOY}.run_fn", EXAMPLES, custom_config={"password": "{env:DB_PASSWORD}"}, train_job=job)


def test_a_refusing_gate_is_data_not_an_error(tmp_path, artifacts):
    inputs, outputs = artifacts
    TrainerExecutor().Do(inputs, outputs, properties(f"{TOY}.exports_nothing"))
    assert [gate.name for gate in read_gates(tmp_path / "model_run") if gate.refuses] == [
        "training.model.exported",
        "training.weights.finite",
    ]
    assert not outputs["model"][0].has_custom_property("model_digest")


def test_checkpoints_lie_in_a_folder_of_their_own_per_training(tmp_path, artifacts):
    inputs, outputs = artifacts
    TrainerExecutor().Do(inputs, outputs, properties(f"{__name__}.seen", checkpoint_dir=str(tmp_path / "checkpoints")))
    told = json.loads((tmp_path / "model_run/seen.json").read_text())["custom_config"]["checkpoint_dir"]
    assert Path(told).parent == tmp_path / "checkpoints"
    assert list((tmp_path / "checkpoints").iterdir()) == []


def base_model(folder, content, exists=None):
    """A Model artifact of ProductionModel, or of another component where `exists` is None."""
    model = artifact(standard_artifacts.Model, folder)
    if content:
        (folder / "Format-Serving").mkdir(parents=True, exist_ok=True)
        (folder / "Format-Serving/saved_model.pb").write_text(content)
    if exists is not None:
        model.set_int_custom_property("exists", exists)
    return model


@pytest.mark.parametrize("exists", [1, None])
def test_a_base_model_is_the_folder_of_its_saved_model(tmp_path, artifacts, exists):
    inputs, outputs = artifacts
    base = base_model(tmp_path / "base", "1", exists)
    TrainerExecutor().Do({**inputs, "base_model": [base]}, outputs, properties(f"{__name__}.seen"))
    assert json.loads((tmp_path / "model_run/seen.json").read_text())["base_model"] == f"{tmp_path}/base/Format-Serving"


def test_nothing_in_production_yet_is_no_base_model(tmp_path, artifacts):
    inputs, outputs = artifacts
    base = base_model(tmp_path / "base", "", exists=0)
    given = properties(f"{__name__}.seen", checkpoint_dir=str(tmp_path / "checkpoints"))
    TrainerExecutor().Do({**inputs, "base_model": [base]}, outputs, given)
    told = json.loads((tmp_path / "model_run/seen.json").read_text())
    assert told["base_model"] is None
    assert Path(told["custom_config"]["checkpoint_dir"]).parent == tmp_path / "checkpoints"


def test_a_base_model_that_cannot_be_read_is_an_error(tmp_path, artifacts):
    inputs, outputs = artifacts
    base = base_model(tmp_path / "base", "", exists=1)
    with pytest.raises(UsageError, match=r"base_model holds no SavedModel"):
        TrainerExecutor().Do({**inputs, "base_model": [base]}, outputs, properties(f"{__name__}.seen"))


def test_another_base_model_is_another_training(tmp_path, artifacts):
    """Its checkpoints are not those of a training that started from another one, nor from nothing."""
    inputs, outputs = artifacts
    folders = set()
    for content, exists in (("1", 1), ("2", 1), ("2", 1), ("", 0)):
        shutil.rmtree(tmp_path / "base", ignore_errors=True)
        base = base_model(tmp_path / "base", content, exists)
        given = properties(f"{__name__}.seen", checkpoint_dir=str(tmp_path / "checkpoints"))
        TrainerExecutor().Do({**inputs, "base_model": [base]}, outputs, given)
        folders.add(json.loads((tmp_path / "model_run/seen.json").read_text())["custom_config"]["checkpoint_dir"])
    assert len(folders) == 3


def test_a_tuners_hyperparameters(tmp_path, artifacts):
    inputs, outputs = artifacts
    best = artifact(standard_artifacts.HyperParameters, tmp_path / "best", "best_hyperparameters.txt")
    Path(best.uri, "best_hyperparameters.txt").write_text('{"values": {"units": 9}}')
    TrainerExecutor().Do({**inputs, "hyperparameters": [best]}, outputs, properties(f"{__name__}.seen"))
    told = json.loads((tmp_path / "model_run/seen.json").read_text())
    assert told["hyperparameters"] == {"values": {"units": 9}}


def test_the_constructor_checks_and_declares():
    trainer = Trainer(
        f"{TOY}.run_fn",
        EXAMPLES,
        custom_config={"epochs": 2},
        hyperparameters={"units": 3},
        resources=Resources(cpu="4", accelerator="nvidia.com/gpu", accelerator_count=1),
    )
    assert set(trainer.outputs) == {"model", "model_run"}
    assert trainer.resources.accelerator_count == 1
    parameters = TrainingParameters.model_validate_json(trainer.exec_properties["parameters"])
    assert (parameters.custom_config, parameters.hyperparameters) == ({"epochs": 2}, {"units": 3})
    assert trainer.exec_properties["code_digest"].startswith("sha256:")


def test_a_train_job_is_declared_and_its_volume_mounted_in_the_step():
    from weighbridge.kubeflow.compile.platform import executor_config

    option = TrainJob(nodes=2, resources=Resources(accelerator="nvidia.com/gpu", accelerator_count=1))
    trainer = Trainer(f"{TOY}.run_fn", EXAMPLES, train_job=option, resources=Resources(cpu="1"))
    assert TrainJob.model_validate_json(trainer.exec_properties["train_job"]) == option
    config = executor_config(trainer.resources)
    assert config["pvcMount"] == [{"constant": "weighbridge-training", "mountPath": "/weighbridge/training"}]
    assert not trainer.resources.accelerator  # the step itself needs none
    assert Trainer(f"{TOY}.run_fn", EXAMPLES).exec_properties["train_job"] == ""


def test_a_tuners_channel_is_an_input():
    channel = channel_utils.as_channel([standard_artifacts.HyperParameters()])
    trainer = Trainer(f"{TOY}.run_fn", EXAMPLES, hyperparameters=channel)
    assert trainer.inputs["hyperparameters"] is channel


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train_steps": -1}, "train_steps=-1"),
        ({"strategy": "gpu"}, "strategy='gpu'"),
        ({"mixed_precision": True}, "mixed_precision=True"),
        ({"seed": "a"}, "seed='a'"),
        ({"custom_config": {"seed": 3}}, "custom_config holds seed"),
        ({"custom_config": {"f": print}}, "custom_config.f"),
    ],
)
def test_wrong_values_are_refused_when_the_pipeline_is_declared(values, message):
    with pytest.raises(UsageError, match=message):
        Trainer(f"{TOY}.run_fn", EXAMPLES, **values)


def test_a_run_fn_in_a_module_that_is_not_there_is_refused_when_declared():
    with pytest.raises(UsageError, match=r"tests\.nowhere"):
        Trainer("tests.nowhere.run_fn", EXAMPLES)


def test_what_decides_the_outcome_decides_the_parameters_digest():
    base = {"run_fn": "a.b", "custom_config": {"x": 1, "y": 2}}
    digest = TrainingParameters.of(**base).digest
    assert digest == TrainingParameters.of(run_fn="a.b", custom_config={"y": 2, "x": 1}).digest
    changes = ({"seed": 1}, {"train_steps": 5}, {"deterministic": False}, {"hyperparameters": {"x": 1}})
    assert len({digest, *(TrainingParameters.of(**base, **change).digest for change in changes)}) == 5


def test_what_decides_the_outcome_decides_the_checkpoint_folder(tmp_path):
    def folder(content="1", known="", parameters="p", code="c"):
        (tmp_path / "statistics").mkdir(exist_ok=True)
        (tmp_path / "statistics/file").write_text(content)
        inputs = {"examples": (str(tmp_path), known or "sha256:e"), "statistics": (str(tmp_path / "statistics"), "")}
        return checkpoint_folder("/checkpoints", inputs, parameters, code)

    assert folder() == folder()
    others = {folder(content="2"), folder(known="sha256:f"), folder(parameters="q"), folder(code="d")}
    assert len({folder(), *others}) == 5
    assert checkpoint_folder("", {}, "p", "c") == ""


def test_stock_examples_without_a_digest_are_known_by_names_and_sizes(tmp_path):
    def folder():
        return checkpoint_folder("/checkpoints", {"examples": (str(tmp_path), "")}, "p", "c")

    (tmp_path / "data").write_text("1")
    first = folder()
    assert first == folder()
    (tmp_path / "data").write_text("12")
    assert first != folder()
