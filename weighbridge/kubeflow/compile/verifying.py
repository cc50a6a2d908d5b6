"""`weighbridge verify` as a KFP component, for a pipeline that uses a model and wants to know first what it is."""

from typing import Any

from weighbridge.kubeflow.compile.spec import SCHEMA_VERSION

NAME = "verify"
SUMMARY = "Verifies a model: bytes, signature, verdict, thresholds, age; the task fails where one check refuses"

# Each is an option of the command, but for the model.
PARAMETERS = {
    "model": "address of a model's version, or of a destination: its version in production.",
    "key": "public key that is trusted, in PEM, or the path of its file.",
    "policy": "path of a gates.yaml in the image or a volume: the model was weighed at least as strictly.",
    "max_age": "the model was weighed no longer ago, such as 30d.",
    "pipeline": "name of the pipeline that it must have been weighed for.",
    "production": "destination or digest of the model that it must have been weighed against; none for nothing yet.",
}


def verify_component(image: str) -> dict[str, Any]:
    """The component's document.

    Args:
        image: that it runs in, by digest.
    """
    described = {
        name: {"parameterType": "STRING", "description": f"{text[0].upper()}{text[1:]}"}
        | ({} if name == "model" else {"defaultValue": "", "isOptional": True})
        for name, text in PARAMETERS.items()
    }
    options = [
        word
        for name in PARAMETERS
        if name != "model"
        for word in (f"--{name.replace('_', '-')}", f"{{{{$.inputs.parameters['{name}']}}}}")
    ]
    task = {
        "cachingOptions": {},  # what lies at an address may be another model the next time
        "componentRef": {"name": f"comp-{NAME}"},
        "inputs": {"parameters": {name: {"componentInputParameter": name} for name in PARAMETERS}},
        "taskInfo": {"name": NAME},
    }
    container = {
        "image": image,
        "command": ["weighbridge", "verify"],
        "args": ["{{$.inputs.parameters['model']}}", *options],
    }
    return {
        "components": {
            f"comp-{NAME}": {"executorLabel": f"exec-{NAME}", "inputDefinitions": {"parameters": described}}
        },
        "deploymentSpec": {"executors": {f"exec-{NAME}": {"container": container}}},
        "pipelineInfo": {"name": NAME, "description": SUMMARY},
        "root": {"dag": {"tasks": {NAME: task}}, "inputDefinitions": {"parameters": described}},
        "schemaVersion": SCHEMA_VERSION,
        "sdkVersion": "kfp-2.13.0",
    }
