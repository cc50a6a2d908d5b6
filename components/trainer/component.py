"""The TFX face of the Trainer."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils, json_utils, path_utils

from weighbridge.common import secrets
from weighbridge.common.digests import code_digest
from weighbridge.common.errors import UsageError
from weighbridge.common.import_string import module_of
from weighbridge.common.memory import gc_paused
from weighbridge.common.resources import Resources
from weighbridge.components import interactive
from weighbridge.components.artifacts.models import find_saved_model, is_absent
from weighbridge.components.trainer.origin import training_origin
from weighbridge.components.trainer.parameters import TrainingParameters, checkpoint_folder
from weighbridge.components.trainer.run import train
from weighbridge.components.trainer.session import DEFAULT_SEED
from weighbridge.components.trainer.strategy import PrecisionName, StrategyName
from weighbridge.components.trainer.train_job import access, training
from weighbridge.components.trainer.train_job.exchange import Request
from weighbridge.components.trainer.train_job.options import TrainJob
from weighbridge.components.traits import ComponentTraits

_TRAIN_SPLIT = "train"
_BASE_MODEL = "base_model"

_log = logging.getLogger(__name__)
Artifacts = dict[str, list[types.Artifact]]


class TrainerSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters of the Trainer."""

    PARAMETERS = {
        "parameters": component_spec.ExecutionParameter(type=str),
        "checkpoint_dir": component_spec.ExecutionParameter(type=str),
        "code_digest": component_spec.ExecutionParameter(type=str),
        "train_job": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema, optional=True),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        "transform_graph": component_spec.ChannelParameter(type=standard_artifacts.TransformGraph, optional=True),
        "base_model": component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
        "hyperparameters": component_spec.ChannelParameter(type=standard_artifacts.HyperParameters, optional=True),
    }
    OUTPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "model_run": component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
    }


class TrainerExecutor(base_executor.BaseExecutor):
    """Turns artifacts into TFX's FnArgs, and what came of the training into properties."""

    def Do(
        self,
        input_dict: Artifacts,
        output_dict: Artifacts,
        exec_properties: dict[str, Any],
    ) -> None:
        """Train, weigh, and leave model, history and gates in the output artifacts."""
        exec_properties = secrets.concealed(exec_properties)  # run_fn alone gets them
        self._log_startup(input_dict, output_dict, exec_properties)
        input_dict = _without_absent_base(input_dict)
        parameters = TrainingParameters.model_validate_json(exec_properties["parameters"])
        model = artifact_utils.get_single_instance(output_dict["model"])
        model_digest = _train(input_dict, output_dict, parameters, exec_properties)
        model.set_string_custom_property("code_digest", exec_properties["code_digest"])
        model.set_string_custom_property("parameters_digest", parameters.digest)
        model.set_int_custom_property("deterministic", int(parameters.deterministic))
        if model_digest:
            model.set_string_custom_property("model_digest", model_digest)


class Trainer(base_component.BaseComponent):
    """Trains a model with the user's `run_fn`; see the README beside this file.

    Attributes:
        resources: the machine this step needs, honoured on Kubeflow.
    """

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(TrainerExecutor)
    TRAITS = ComponentTraits(
        gates=("model_run",),
        code_digest="code_digest",
        places=("checkpoint_dir",),
        defaults={"train_job": ""},
        reproducible=True,
    )

    def __init__(
        self,
        run_fn: str,
        examples: types.BaseChannel,
        *,
        schema: types.BaseChannel | None = None,
        statistics: types.BaseChannel | None = None,
        transform_graph: types.BaseChannel | None = None,
        base_model: types.BaseChannel | None = None,
        hyperparameters: types.BaseChannel | Mapping[str, Any] | None = None,
        train_steps: int = 0,
        eval_steps: int = 0,
        custom_config: Mapping[str, Any] | None = None,
        seed: int = DEFAULT_SEED,
        deterministic: bool = True,
        strategy: StrategyName = "auto",
        mixed_precision: PrecisionName = "auto",
        checkpoint_dir: str = "",
        resources: Resources | None = None,
        train_job: TrainJob | None = None,
    ) -> None:
        """Declare a training.

        Args:
            run_fn: dotted name of the function that trains and exports, `run_fn(fn_args)` as in TFX.
            examples: raw or transformed examples with the splits `train` and `eval`.
            schema: becomes `fn_args.schema_path`.
            statistics: those of the train split become `fn_args.custom_config["statistics_path"]`.
            transform_graph: becomes `fn_args.transform_graph_path`.
            base_model: a model to start from, e.g. of ProductionModel; `fn_args.base_model` is its SavedModel's
                folder, or None while nothing is in production.
            hyperparameters: a Tuner's output, or a mapping; becomes `fn_args.hyperparameters`.
            train_steps: becomes `fn_args.train_steps`; 0 leaves it to run_fn.
            eval_steps: becomes `fn_args.eval_steps`; 0 leaves it to run_fn.
            custom_config: further entries of `fn_args.custom_config`; JSON values.
            seed: seed of initialisation, dropout and shuffling.
            deterministic: whether the same seed must give the same weights.
            strategy: where to train; `auto` takes the most that is there.
            mixed_precision: Keras' dtype policy; `auto` means half precision where the hardware is built for it.
            checkpoint_dir: folder for the checkpoints of all trainings, outside the artifacts; empty for none.
            resources: the machine this step needs; with `train_job` it only hands over files and waits.
            train_job: on Kubeflow, train in pods of Kubeflow Trainer instead of the step's own.

        Raises:
            UsageError: a value is not allowed, or run_fn's module cannot be found.
        """
        given = dict(hyperparameters) if isinstance(hyperparameters, Mapping) else None
        parameters = TrainingParameters.of(
            run_fn=run_fn,
            hyperparameters=given,
            train_steps=train_steps,
            eval_steps=eval_steps,
            custom_config=dict(custom_config or {}),
            seed=seed,
            deterministic=deterministic,
            strategy=strategy,
            mixed_precision=mixed_precision,
        )
        self.resources = resources or Resources()
        if train_job and (named := sorted(secrets.names(parameters.model_dump()))):
            raise UsageError(
                f"A training in a TrainJob cannot be given the secret {named[0]}: what its nodes get is in plain view",
                "Let a step before it use the secret, or train without train_job.",
            )
        if train_job:
            mounted = {train_job.folder: train_job.claim}
            self.resources = self.resources.model_copy(update={"volumes": mounted | self.resources.volumes})
        interactive.show_gates()
        super().__init__(
            TrainerSpec(
                examples=examples,
                schema=schema,
                statistics=statistics,
                transform_graph=transform_graph,
                base_model=base_model,
                hyperparameters=None if given is not None else hyperparameters,
                parameters=parameters.model_dump_json(),
                checkpoint_dir=checkpoint_dir,
                train_job=train_job.model_dump_json(exclude_defaults=True) if train_job else "",
                code_digest=code_digest(["weighbridge.components.trainer", module_of(run_fn)]),
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            )
        )


def train_requested(inputs: str, outputs: str, properties: dict[str, Any]) -> str:
    """Train in this process what a step asked for, as one node of its TrainJob.

    Args:
        inputs: artifacts in TFX's JSON.
        outputs: likewise.
        properties: execution properties.

    Returns:
        Digest of the exported model; empty where nothing was exported, and on nodes that are not the chief.
    """
    parameters = TrainingParameters.model_validate_json(properties["parameters"])
    found, made = json_utils.loads(inputs), json_utils.loads(outputs)
    return _train_here(found, made, parameters, properties)


def _train(
    input_dict: Artifacts, output_dict: Artifacts, parameters: TrainingParameters, exec_properties: dict[str, Any]
) -> str:
    """Train here or in a TrainJob; returns the digest of the exported model."""
    if text := exec_properties.get("train_job"):
        if access.in_kubeflow_step():
            return _train_in_job(TrainJob.model_validate_json(text), input_dict, output_dict, exec_properties)
        _log.info("train_job is for steps of Kubeflow Pipelines: training in this process")
    return _train_here(input_dict, output_dict, parameters, exec_properties)


def _train_here(
    input_dict: Artifacts, output_dict: Artifacts, parameters: TrainingParameters, exec_properties: dict[str, Any]
) -> str:
    fn_args = _fn_args(input_dict, output_dict, parameters, exec_properties)
    trained = train(parameters.run_fn, fn_args)
    if trained.gates:  # on the chief alone
        training_origin(parameters, _base_model(input_dict)).write(fn_args.model_run_dir)
    return trained.model_digest


def _train_in_job(
    option: TrainJob, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
) -> str:
    targets = {name: artifact_utils.get_single_uri(artifacts) for name, artifacts in output_dict.items()}
    name = training.job_name([targets, exec_properties])
    exchange = training.exchange_of(option, name)
    properties = {key: value for key, value in exec_properties.items() if key != "train_job"}
    if properties["checkpoint_dir"]:
        properties["checkpoint_dir"] = str(Path(option.folder, "checkpoints"))  # where every node sees them

    def request() -> Request:
        inputs = {
            key: [
                _moved(artifact, exchange.stage(f"{key}-{number}", artifact.uri))
                for number, artifact in enumerate(artifacts)
            ]
            for key, artifacts in input_dict.items()
        }
        outputs = {key: [_moved(artifacts[0], exchange.output(key))] for key, artifacts in output_dict.items()}
        return Request(inputs=json_utils.dumps(inputs), outputs=json_utils.dumps(outputs), properties=properties)

    jobs = access.connect()
    pod = jobs.own_pod(os.environ[access.POD_NAME_VARIABLE])
    return training.run(jobs, pod, option, exchange, request, targets).model_digest


def _moved(artifact: types.Artifact, folder: Path) -> types.Artifact:
    copy = json_utils.loads(json_utils.dumps(artifact))
    copy.uri = str(folder)
    return copy


def _fn_args(
    input_dict: Artifacts,
    output_dict: Artifacts,
    parameters: TrainingParameters,
    exec_properties: dict[str, Any],
) -> Any:
    """TFX's own FnArgs, filled as stock Trainer fills them."""
    with gc_paused():
        from tfx.components.trainer import fn_args_utils  # brings all of tfx.components, so not before it is needed

    statistics = input_dict.get("statistics")
    config = parameters.config(
        statistics_path=_statistics_path(statistics[0]) if statistics else "",
        checkpoint_dir=_checkpoint_dir(input_dict, parameters, exec_properties),
    )
    fn_args = fn_args_utils.get_common_fn_args(
        input_dict,
        {
            # JSON of the protos TrainArgs and EvalArgs, as it lies in the metadata of TFX's own Trainer.
            "train_args": json.dumps({"num_steps": parameters.train_steps}),
            "eval_args": json.dumps({"num_steps": parameters.eval_steps}),
            "custom_config": json.dumps(secrets.resolved(config)),
        },
    )
    model = artifact_utils.get_single_uri(output_dict["model"])
    fn_args.serving_model_dir = path_utils.serving_model_dir(model)
    fn_args.eval_model_dir = path_utils.eval_model_dir(model)
    fn_args.model_run_dir = artifact_utils.get_single_uri(output_dict["model_run"])
    fn_args.transform_output = fn_args.transform_graph_path
    fn_args.schema_file = fn_args.schema_path
    fn_args.base_model = cast(Any, _base_model(input_dict))
    fn_args.hyperparameters = cast(Any, secrets.resolved(parameters.hyperparameters))
    if input_dict.get("hyperparameters"):
        folder = artifact_utils.get_single_uri(input_dict["hyperparameters"])
        fn_args.hyperparameters = json.loads(io_utils.read_string_file(io_utils.get_only_uri_in_dir(folder)))
    return fn_args


def _without_absent_base(input_dict: Artifacts) -> Artifacts:
    """Without the base model where ProductionModel says that there is none: training then starts from nothing."""
    absent = any(is_absent(artifact) for artifact in input_dict.get(_BASE_MODEL) or [])
    return {name: found for name, found in input_dict.items() if not (absent and name == _BASE_MODEL)}


def _base_model(input_dict: Artifacts) -> str | None:
    if not input_dict.get(_BASE_MODEL):
        return None
    folder = artifact_utils.get_single_uri(input_dict[_BASE_MODEL])
    saved = find_saved_model(folder)
    if saved is None:
        raise UsageError(f"base_model holds no SavedModel: there is no saved_model.pb in {folder}")
    return str(saved)


def _statistics_path(statistics: types.Artifact) -> str:
    return io_utils.get_only_uri_in_dir(artifact_utils.get_split_uri([statistics], _TRAIN_SPLIT))


def _checkpoint_dir(input_dict: Artifacts, parameters: TrainingParameters, exec_properties: dict[str, Any]) -> str:
    inputs = {
        name: (artifact.uri, artifact.get_string_custom_property("content_digest"))
        for name, artifacts in input_dict.items()
        for artifact in artifacts[:1]
    }
    return checkpoint_folder(
        exec_properties["checkpoint_dir"], inputs, parameters.digest, exec_properties["code_digest"]
    )
