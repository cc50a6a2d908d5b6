"""A TFX pipeline as a PipelineSpec that open-source Kubeflow Pipelines 2 accepts and runs.

TFX's own builder writes for Vertex AI. What open-source Kubeflow refuses or ignores of that is corrected here.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from weighbridge.common.resources import Resources
from weighbridge.components.traits import ComponentTraits
from weighbridge.kubeflow.compile import platform
from weighbridge.kubeflow.compile.parameters import TYPES, RuntimeParameter
from weighbridge.kubeflow.step.ui_artifacts import METRICS, REPORT, ROC
from weighbridge.runs.component_traits import traits_of

SCHEMA_VERSION = "2.1.0"
COMMAND = ["python", "-m", "weighbridge.kubeflow.step.entrypoint"]
RUNTIME_PREFIX = "runtime_"

_SPEC_ARGUMENT = "--json_serialized_inputs_spec_args"
_UI_ARTIFACT_TYPES = {REPORT: "system.HTML", METRICS: "system.Metrics", ROC: "system.ClassificationMetrics"}


def pipeline_spec(
    pipeline: Any, image: str, parameters: Iterable[RuntimeParameter], pipeline_root: str, description: str
) -> dict[str, Any]:
    """Build the first document of a package.

    Args:
        pipeline: the TFX pipeline, as `checks.check_pipeline` lets it pass.
        image: that steps run in.
        parameters: the runtime parameters, each with the places its value goes to.
        pipeline_root: where artifacts go; empty for the server's own default.
        description: of the pipeline, for people.

    Raises:
        UsageError: something in it cannot run on open-source Kubeflow Pipelines.
    """
    from google.protobuf import json_format
    from tfx import version
    from tfx.orchestration.kubeflow.v2 import pipeline_builder

    built = pipeline_builder.PipelineBuilder(
        tfx_pipeline=pipeline, default_image=image, default_commands=COMMAND, use_pipeline_spec_2_1=True
    ).build()
    built.schema_version = SCHEMA_VERSION
    built.sdk_version = f"tfx-{version.__version__}"
    built.default_pipeline_root = pipeline_root
    built.pipeline_info.description = description
    spec: dict[str, Any] = json_format.MessageToDict(built)
    nodes = {node.id: node for node in pipeline.components}
    for name in spec["root"]["dag"]["tasks"]:
        _normalize_step(spec, name, nodes[name], pipeline.pipeline_info.pipeline_name)
    _restore_defaults(spec, nodes.values())
    for parameter in parameters:
        _leave_open(spec, parameter, nodes)
    for name in spec["root"]["dag"]["tasks"]:
        _declare_inputs(spec, name)
    return spec


def executor(spec: dict[str, Any], step: str) -> dict[str, Any]:
    """The executor of a step: `container` or `importer`."""
    return spec["deploymentSpec"]["executors"][spec["components"][step]["executorLabel"]]


def is_ours(spec: dict[str, Any], step: str) -> bool:
    """Whether a step runs our entry point, and no container of the user's own choice."""
    return _SPEC_ARGUMENT in executor(spec, step).get("container", {}).get("args", [])


def ui_artifacts(traits: ComponentTraits) -> dict[str, Any]:
    """Outputs that Kubeflow's pages show of a step, besides those it hands on; the entry point writes them."""
    names = [*([REPORT] if traits.report else []), *([METRICS, ROC] if traits.metrics else [])]
    return {
        name: {"artifactType": {"schemaTitle": _UI_ARTIFACT_TYPES[name], "schemaVersion": "0.0.1"}} for name in names
    }


def _normalize_step(spec: dict[str, Any], name: str, node: Any, pipeline_name: str) -> None:
    task, component = spec["root"]["dag"]["tasks"][name], spec["components"][name]
    traits = traits_of(node)
    types = _property_types(node)
    for key, given in task.get("inputs", {}).get("parameters", {}).items():
        produced = given.get("taskOutputParameter")
        if produced:
            # The builder names a task that does not exist, and calls every value a text.
            produced["producerTask"] = produced["producerTask"].removesuffix("_task")
            component["inputDefinitions"]["parameters"][key]["parameterType"] = types.get(key, "STRING")
    if traits.outside_state:
        # Locally TFX's drivers put the difference into the cache's key; Kubeflow runs no drivers.
        task.pop("cachingOptions", None)
    container = executor(spec, name).get("container")
    if container is None:
        return
    requested = getattr(node, "resources", None) or Resources()
    container |= {"resources": resources} if (resources := platform.container_resources(requested)) else {}
    task |= {"retryPolicy": policy} if (policy := platform.retry_policy(requested)) else {}
    if not is_ours(spec, name):
        return
    arguments = [
        "--pipeline_name",
        pipeline_name,
        "--traits",
        traits.outputs_json(),
        "--retries",
        str(requested.retries),
        "--backoff_s",
        f"{requested.backoff_s:g}",
    ]
    if container.pop("lifecycle", None):
        # Ignored by open-source Kubeflow: spans would not be resolved. The entry point does it.
        arguments.append("--file_based_driver")
    container["args"] += arguments
    outputs = component.setdefault("outputDefinitions", {}).setdefault("artifacts", {})
    outputs |= ui_artifacts(traits)


def _property_types(node: Any) -> dict[str, str]:
    """KFP's types of a component's execution properties, as its specification declares them."""
    parameters = getattr(getattr(node, "SPEC_CLASS", None), "PARAMETERS", {})
    return {name: TYPES[parameter.type] for name, parameter in parameters.items() if parameter.type in TYPES}


def _restore_defaults(spec: dict[str, Any], nodes: Iterable[Any]) -> None:
    """The builder drops the defaults of TFX's RuntimeParameters; without one a run is refused."""
    from tfx.orchestration.data_types import RuntimeParameter as TfxParameter

    root = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for node in nodes:
        for value in node.exec_properties.values():
            if isinstance(value, TfxParameter) and value.default is not None and value.name in root:
                root[value.name] |= {"defaultValue": value.default, "isOptional": True}
                if value.description:
                    root[value.name]["description"] = value.description


def _leave_open(spec: dict[str, Any], parameter: RuntimeParameter, nodes: Mapping[str, Any]) -> None:
    """Make a parameter of the pipeline, and lead it to its paths.

    One that is a whole execution property takes its place. One that stands inside a JSON text comes beside it as an
    input of its own, and the entry point puts it in.
    """
    root = spec["root"].setdefault("inputDefinitions", {}).setdefault("parameters", {})
    root[parameter.name] = {"parameterType": parameter.type, "defaultValue": parameter.default, "isOptional": True}
    if parameter.description:
        root[parameter.name]["description"] = parameter.description
    for place in parameter.paths:
        key = f"{RUNTIME_PREFIX}{parameter.name}" if place.path else place.property
        component, task = spec["components"][place.step], spec["root"]["dag"]["tasks"][place.step]
        definitions = component.setdefault("inputDefinitions", {}).setdefault("parameters", {})
        definitions[key] = {"parameterType": parameter.type}
        given = task.setdefault("inputs", {}).setdefault("parameters", {})
        given[key] = {"componentInputParameter": parameter.name}
        container = executor(spec, place.step)["container"]
        if place.path:
            container["args"] += ["--runtime_value", json.dumps([place.property, list(place.path), key])]
        if parameter.fixed:
            container["args"] += ["--fixed_value", json.dumps([key, parameter.default])]
        reads = traits_of(nodes[place.step]).reads
        if reads and place.property == reads.digest and not parameter.default:
            task.pop("cachingOptions", None)  # the cache would not see that the data changed


def _declare_inputs(spec: dict[str, Any], name: str) -> None:
    """An argument of the entry point holds the inputs' types: make it hold those that were corrected above."""
    arguments = executor(spec, name).get("container", {}).get("args", [])
    if _SPEC_ARGUMENT in arguments:
        inputs = spec["components"][name].get("inputDefinitions", {})
        arguments[arguments.index(_SPEC_ARGUMENT) + 1] = json.dumps(inputs, sort_keys=True)
