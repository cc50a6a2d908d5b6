"""What inputs, outputs and parameters of our components are to whoever writes a pipeline with KFP's own DSL.

There a component is given its execution properties: what `__init__` takes as Python values comes as JSON, a file as its
text. What is the same for both is described by the docstring of `__init__` alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from weighbridge.kubeflow.step.ui_artifacts import METRICS, REPORT, ROC

if TYPE_CHECKING:
    from pydantic import BaseModel

_EVERYWHERE = {
    "code_digest": "digest of the component's code, part of Kubeflow's cache key.",
    REPORT: "page of what the step weighed, for Kubeflow's pages.",
    METRICS: "metrics of candidate and production, for Kubeflow's pages.",
    ROC: "ROC curve of the candidate, for Kubeflow's pages.",
}

_BY_COMPONENT = {
    "example_gen": {
        "splits": "JSON: weights or times of the splits, and the columns that decide.",
        "schema": "text of a reviewed `schema.pbtxt`, which fixes types; empty for none.",
        "columns": "JSON: name in the pipeline of columns, by their names in the data.",
        "sample": "JSON: the share of the rows to keep, and the columns that make groups.",
        "gates": "JSON of the `examples` section of `gates.yaml`: how many rows may be malformed.",
        "input_digest": "digest of the input's files; where it is given, other files are an error.",
        "examples": "splits of tf.Examples, the same rows as columns, and gates.",
    },
    "data_validator": {
        "schema_text": "text of the reviewed `schema.pbtxt`.",
        "gates": "JSON of the `data` section of `gates.yaml`.",
        "statistics": "statistics of each split, as stock StatisticsGen writes them.",
        "schema": "the reviewed schema as a file.",
        "anomalies": "departures from the schema, all distances, and gates.",
    },
    "trainer": {
        "base_model": "a model to start from, e.g. of ProductionModel, which may be empty.",
        "hyperparameters": "of a Tuner; becomes `fn_args.hyperparameters`.",
        "parameters": "JSON: `run_fn`, the function that trains, and what it is given.",
        "model": "the trained model, and its variants.",
        "model_run": "metrics of each epoch, TensorBoard logs, and gates.",
    },
    "evaluator": {
        "quality": "JSON of the `quality` section of `gates.yaml`.",
        "latency": "JSON of the `latency` section of `gates.yaml`.",
        "metrics_fn": "dotted name of a function that measures quality.",
        "ungated": "those of `examples,anomalies,model_run` whose components leave no gates.",
        "evaluation": "the verdict and all measurements; TFMA's files too.",
        "blessing": "as stock TFX's: whether quality and the steps before let the model pass.",
        "infra_blessing": "as stock TFX's: whether latency lets the model pass.",
    },
    "pusher": {
        "destination": "a folder, `gs://bucket/prefix` or `s3://bucket/prefix` that models are pushed to.",
        "origin": "where the run comes from, in JSON, which `weighbridge compile` fills in.",
        "push_state": "filled in by TFX's driver; leave it empty.",
        "pushed_model": "where the model was pushed to, and gates.",
    },
    "production_model": {
        "production_state": "filled in by TFX's driver; leave it empty.",
        "model": "the model in production; empty where there is none yet.",
        "statistics": "statistics of the data that it was trained on.",
    },
}

# Which parameters are JSON, and of what.
_MODELS = {
    "example_gen": {
        "splits": "weighbridge.components.example_gen.splits.Splits",
        "sample": "weighbridge.components.example_gen.sample.Sample",
        "gates": "weighbridge.components.example_gen.gates.ExamplesGates",
    },
    "data_validator": {"gates": "weighbridge.components.data_validator.gates.DataGates"},
    "trainer": {"parameters": "weighbridge.components.trainer.parameters.TrainingParameters"},
    "evaluator": {
        "quality": "weighbridge.components.evaluator.gates.QualityGates",
        "latency": "weighbridge.components.evaluator.gates.LatencyGates",
    },
}


def for_kfp(component: str) -> dict[str, str]:
    """Descriptions of a component's inputs, outputs and parameters, in one line each, by name."""
    return _EVERYWHERE | _BY_COMPONENT.get(component, {})


def json_models(component: str) -> dict[str, "type[BaseModel]"]:
    """The models that parameters of a component are JSON of, by parameter."""
    found = {}
    for parameter, path in _MODELS.get(component, {}).items():
        module, _, name = path.rpartition(".")
        found[parameter] = getattr(import_module(module), name)
    return found
