"""One of our components as a KFP component, for pipelines that are written with KFP's own `@dsl.pipeline`."""

from pathlib import Path
from typing import Any

from weighbridge.common import files
from weighbridge.common.memory import gc_paused
from weighbridge.common.resources import Resources
from weighbridge.kubeflow.compile import checks, platform, verifying
from weighbridge.kubeflow.compile.interface import ComponentInterface, component_interface
from weighbridge.kubeflow.compile.spec import COMMAND, SCHEMA_VERSION


def export_component(name: str, output: Path, *, image: str, allow_tag: bool = False) -> tuple[list[str], list[str]]:
    """Write a component that `kfp.components.load_component_from_file` loads.

    Its parameters are the component's execution properties; thresholds and the like are JSON texts, as
    `gates.yaml`'s sections are in JSON.

    Args:
        name: folder of the component below `components`; or `verify`, which runs `weighbridge verify`.
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
    if name == verifying.NAME:
        text = yaml.safe_dump(verifying.verify_component(image), sort_keys=True)
        files.write_text(output, f"# weighbridge verify: {verifying.SUMMARY}.\n{text}")
        return list(verifying.PARAMETERS), []
    with gc_paused():
        interface = component_interface(name)
    documents = [_document(interface, image), platform.platform_document({f"exec-{name}": Resources()})]
    text = yaml.safe_dump_all(documents, sort_keys=True)
    files.write_text(output, f"# {interface.kind.__name__}: {interface.summary}.\n{text}")
    return [*interface.inputs["artifacts"], *interface.inputs["parameters"]], list(interface.outputs)


def _document(component: ComponentInterface, image: str) -> dict[str, Any]:
    name, inputs = component.name, component.described_inputs
    interface = {"inputDefinitions": inputs, "outputDefinitions": {"artifacts": component.outputs}}
    task = {
        "cachingOptions": {} if component.traits.outside_state else {"enableCache": True},
        "componentRef": {"name": f"comp-{name}"},
        "inputs": {
            "artifacts": {key: {"componentInputArtifact": key} for key in inputs["artifacts"]},
            "parameters": {key: {"componentInputParameter": key} for key in inputs["parameters"]},
        },
        "taskInfo": {"name": name},
    }
    passed_on = {
        key: {"artifactSelectors": [{"outputArtifactKey": key, "producerSubtask": name}]} for key in component.outputs
    }
    container = {"image": image, "command": COMMAND, "args": component.arguments}
    return {
        "components": {f"comp-{name}": {"executorLabel": f"exec-{name}", **interface}},
        "deploymentSpec": {"executors": {f"exec-{name}": {"container": container}}},
        "pipelineInfo": {"name": name.replace("_", "-"), "description": f"{component.summary}."},
        "root": {"dag": {"outputs": {"artifacts": passed_on}, "tasks": {name: task}}, **interface},
        "schemaVersion": SCHEMA_VERSION,
        "sdkVersion": "kfp-2.13.0",
    }
