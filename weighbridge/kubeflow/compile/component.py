"""One of our components as a KFP component, for pipelines that are written with KFP's own `@dsl.pipeline`."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from weighbridge.common import files
from weighbridge.common.digests import code_digest
from weighbridge.common.errors import UsageError
from weighbridge.common.memory import gc_paused
from weighbridge.kubeflow.compile import checks, platform
from weighbridge.kubeflow.compile.parameters import TYPES
from weighbridge.kubeflow.compile.spec import COMMAND, SCHEMA_VERSION, ui_artifacts
from weighbridge.runs.component_traits import traits_of

_COMPONENTS = "weighbridge.components"
_VERSION = "0.0.1"
# KFP checks types between components, and knows its own only; all others are artifacts to it. TFX says which of its
# types are of these base types; an argument of the entry point says which of TFX's types each artifact has.
_KFP_TYPES = {"Dataset": "system.Dataset", "Model": "system.Model"}


def export_component(name: str, output: Path, *, image: str, allow_tag: bool = False) -> tuple[list[str], list[str]]:
    """Write a component that `kfp.components.load_component_from_file` loads.

    Its parameters are the component's execution properties; thresholds and the like are JSON texts, as
    `gates.yaml`'s sections are in JSON.

    Args:
        name: folder of the component below `components`.
        output: YAML file to write.
        image: that it runs in, by digest.
        allow_tag: accept an image that is named by a tag.

    Returns:
        Names of its inputs and of its outputs.

    Raises:
        UsageError: there is no such component, or the image is not named by digest.
    """
    import yaml

    checks.check_image(image, allow_tag=allow_tag)
    with gc_paused():
        kind = _component_class(name)
        document = _document(name, kind, image)
    text = yaml.safe_dump_all([document, platform.platform_document({f"exec-{name}": _no_resources()})], sort_keys=True)
    files.write_text(output, f"# {kind.__name__}: {(kind.__doc__ or '').strip().splitlines()[0]}\n{text}")
    root = document["root"]
    inputs = [*root["inputDefinitions"].get("artifacts", {}), *root["inputDefinitions"].get("parameters", {})]
    return inputs, list(root["outputDefinitions"]["artifacts"])


def _no_resources() -> Any:
    from weighbridge.common.resources import Resources

    return Resources()


def _component_class(name: str) -> Any:
    root = Path(str(import_module(_COMPONENTS).__file__)).parent
    known = sorted(path.parent.name for path in root.glob("*/component.py"))
    if name not in known:
        raise UsageError(f"There is no component {name!r}", f"Components: {', '.join(known)}.")
    module = import_module(f"{_COMPONENTS}.{name}.component")
    wanted = name.replace("_", "")
    return next(value for key, value in vars(module).items() if key.lower() == wanted)


def _document(name: str, kind: Any, image: str) -> dict[str, Any]:
    inputs = _inputs(name, kind)
    traits = traits_of(kind)
    outputs = {key: _artifact(channel.type) for key, channel in kind.SPEC_CLASS.OUTPUTS.items()} | ui_artifacts(traits)
    executor = kind.EXECUTOR_SPEC.executor_class
    arguments = [
        *("--executor_class_path", f"{executor.__module__}.{executor.__qualname__}"),
        *("--json_serialized_invocation_args", "{{$}}"),
        *("--json_serialized_inputs_spec_args", json.dumps(inputs, sort_keys=True)),
        *("--artifact_types", json.dumps(_tfx_types(kind), sort_keys=True)),
        *("--traits", traits.outputs_json()),
    ]
    interface = {"inputDefinitions": inputs, "outputDefinitions": {"artifacts": outputs}}
    task = {
        "cachingOptions": {} if traits.outside_state else {"enableCache": True},
        "componentRef": {"name": f"comp-{name}"},
        "inputs": {
            "artifacts": {key: {"componentInputArtifact": key} for key in inputs["artifacts"]},
            "parameters": {key: {"componentInputParameter": key} for key in inputs["parameters"]},
        },
        "taskInfo": {"name": name},
    }
    passed_on = {key: {"artifactSelectors": [{"outputArtifactKey": key, "producerSubtask": name}]} for key in outputs}
    return {
        "components": {f"comp-{name}": {"executorLabel": f"exec-{name}", **interface}},
        "deploymentSpec": {
            "executors": {f"exec-{name}": {"container": {"image": image, "command": COMMAND, "args": arguments}}}
        },
        "pipelineInfo": {"name": name.replace("_", "-"), "description": (kind.__doc__ or "").strip()},
        "root": {"dag": {"outputs": {"artifacts": passed_on}, "tasks": {name: task}}, **interface},
        "schemaVersion": SCHEMA_VERSION,
        "sdkVersion": "kfp-2.13.0",
    }


def _inputs(name: str, kind: Any) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    traits = traits_of(kind)
    for key, parameter in kind.SPEC_CLASS.PARAMETERS.items():
        parameters[key] = {"parameterType": TYPES.get(parameter.type, "STRING")}
        if key == traits.code_digest:
            parameters[key] |= {"defaultValue": code_digest([f"{_COMPONENTS}.{name}"]), "isOptional": True}
        elif key in traits.filled_in:
            parameters[key] |= {"defaultValue": "", "isOptional": True}
        elif key in traits.defaults:
            parameters[key] |= {"defaultValue": traits.defaults[key], "isOptional": True}
    artifacts = {
        key: _artifact(channel.type) | ({"isOptional": True} if channel.optional else {})
        for key, channel in kind.SPEC_CLASS.INPUTS.items()
    }
    return {"artifacts": artifacts, "parameters": parameters}


def _artifact(artifact_type: Any) -> dict[str, Any]:
    base = getattr(artifact_type.TYPE_ANNOTATION, "__name__", "")
    title = _KFP_TYPES.get(base, "system.Artifact")
    return {"artifactType": {"schemaTitle": title, "schemaVersion": _VERSION}}


def _tfx_types(kind: Any) -> dict[str, str]:
    channels = {**kind.SPEC_CLASS.INPUTS, **kind.SPEC_CLASS.OUTPUTS}
    return {key: f"tfx.{channel.type.TYPE_NAME}" for key, channel in channels.items()}
