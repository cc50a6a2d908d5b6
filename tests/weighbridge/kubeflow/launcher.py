"""A double of Kubeflow's driver and launcher: runs a package's steps as they do, each in a process of its own.

It resolves a step's inputs from the package, puts `ExecutorInput` in for `{{$}}`, runs the command, and reads what the
step left from files alone. What the real ones were seen to do to artifacts is done here too: types of inputs are lost,
whole numbers become floats, addresses keep their scheme while files lie under `/minio`, outputs get an `executor-logs`,
inputs names and session information, and only the parents of outputs are made.
"""

import json
import os
import re
import shutil
import subprocess
import uuid
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from tests.patience import PATIENCE_S

MOUNT = Path("/minio")


@dataclass
class StepResult:
    """How a step ended: its exit code (None if it was skipped), its log and its outputs as the launcher keeps them."""

    code: int | None
    log: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


class Launcher:
    """Runs one package.

    Args:
        package: its YAML file.
        python: what `python` in a step's command stands for.
        environment: of the steps.
    """

    def __init__(self, package: Path, python: str, environment: dict[str, str]) -> None:
        self.spec, *_ = yaml.safe_load_all(package.read_text())
        self._python, self._environment = python, environment
        self._run_id = str(uuid.uuid4())
        self.bucket = f"weighbridge-{uuid.uuid4().hex[:8]}"
        self.folder = MOUNT / self.bucket / self.spec["pipelineInfo"]["name"] / self._run_id
        self.results: dict[str, StepResult] = {}

    def run(self, **given: Any) -> dict[str, StepResult]:
        """Run all steps in their order; after one that fails, those that depend on it are skipped."""
        inputs = self.spec["root"].get("inputDefinitions", {}).get("parameters", {})
        unknown = given.keys() - inputs.keys()
        assert not unknown, f"the pipeline has no parameters {unknown}"
        values = {name: given.get(name, definition.get("defaultValue")) for name, definition in inputs.items()}
        tasks = self.spec["root"]["dag"]["tasks"]
        order = TopologicalSorter({name: task.get("dependentTasks", []) for name, task in tasks.items()})
        for name in order.static_order():
            before = [self.results[other].code for other in tasks[name].get("dependentTasks", [])]
            skipped = any(code != 0 for code in before) or not self._triggered(tasks[name])
            self.results[name] = StepResult(None) if skipped else self._step(name, tasks[name], values)
        return self.results

    def remove(self) -> None:
        """Remove what the steps left."""
        shutil.rmtree(MOUNT / self.bucket, ignore_errors=True)

    def _triggered(self, task: dict[str, Any]) -> bool:
        """Whether a task's condition holds. Of CEL only TFX's comparisons and `||` are known."""
        condition = task.get("triggerPolicy", {}).get("condition", "")
        return not condition or any(self._holds(task, part) for part in condition.split(" || "))

    def _holds(self, task: dict[str, Any], condition: str) -> bool:
        found = re.fullmatch(
            r"\(inputs\.artifacts\['([\w.]+)'\]\.artifacts\[0\]\.metadata\['(\w+)'\] (>|<|==) ([\d.]+)\)", condition
        )
        assert found, f"this double cannot tell whether {condition}"
        produced = task["inputs"]["artifacts"][found[1]]["taskOutputArtifact"]
        artifact = self.results[produced["producerTask"]].outputs[produced["outputArtifactKey"]]
        value, limit = artifact["metadata"][found[2]], float(found[4])
        return {">": value > limit, "<": value < limit, "==": value == limit}[found[3]]

    def _step(self, name: str, task: dict[str, Any], values: dict[str, Any]) -> StepResult:
        component = self.spec["components"][task["componentRef"]["name"]]
        executor = self.spec["deploymentSpec"]["executors"][component["executorLabel"]]
        declared = component.get("inputDefinitions", {}).get("parameters", {})
        parameters = {
            key: self._parameter(given, values, declared[key])
            for key, given in task.get("inputs", {}).get("parameters", {}).items()
        }
        for key, definition in declared.items():  # as the launcher's addDefaultParams
            if "defaultValue" in definition:
                parameters.setdefault(key, definition["defaultValue"])
        if "importer" in executor:
            return self._import(executor["importer"], component, parameters)
        relative = f"{self.bucket}/{self.spec['pipelineInfo']['name']}/{self._run_id}/{name}/{uuid.uuid4()}"
        executor_input = {
            "inputs": {"parameterValues": parameters, "artifacts": self._artifacts(task)},
            "outputs": {
                "artifacts": self._outputs(component, relative),
                "parameters": {
                    key: {"outputFile": f"/tmp/kfp/outputs/{key}"}
                    for key in component.get("outputDefinitions", {}).get("parameters", {})
                },
                "outputFile": str(MOUNT / relative / "output_metadata.json"),
            },
        }
        container = executor["container"]
        filled = json.dumps(executor_input)
        command = [part.replace("{{$}}", filled) for part in [*container.get("command", []), *container["args"]]]
        command[0] = self._python if command[0] == "python" else command[0]
        done = subprocess.run(
            command,
            env=self._environment,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        if done.returncode:
            return StepResult(done.returncode, done.stdout)  # outputs of a failed step are not kept
        written = json.loads((MOUNT / relative / "output_metadata.json").read_text())
        return StepResult(
            0, done.stdout, self._kept(component, executor_input, written), written.get("parameterValues", {})
        )

    def _parameter(self, given: dict[str, Any], values: dict[str, Any], definition: dict[str, Any]) -> Any:
        if "componentInputParameter" in given:
            value = values[given["componentInputParameter"]]
            assert value is not None, "parameter is not optional, yet has neither default nor value"
        elif "taskOutputParameter" in given:
            produced = given["taskOutputParameter"]
            value = self.results[produced["producerTask"]].parameters[produced["outputParameterKey"]]
        else:
            value = given["runtimeValue"]["constant"]
        if definition["parameterType"] == "STRING":
            return str(value)
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    def _artifacts(self, task: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for key, given in task.get("inputs", {}).get("artifacts", {}).items():
            produced = given["taskOutputArtifact"]
            artifact = self.results[produced["producerTask"]].outputs[produced["outputArtifactKey"]]
            metadata = artifact["metadata"] | {"display_name": key, "store_session_info": "{}"}
            found[key] = {
                "artifacts": [
                    {"name": "17", "uri": artifact["uri"], "type": {"instanceSchema": ""}, "metadata": metadata}
                ]
            }
        return found

    def _outputs(self, component: dict[str, Any], relative: str) -> dict[str, Any]:
        declared = component.get("outputDefinitions", {}).get("artifacts", {})
        (MOUNT / relative).mkdir(parents=True)
        outputs = {
            key: {
                "artifacts": [{"uri": f"minio://{relative}/{key}", "type": definition["artifactType"], "metadata": {}}]
            }
            for key, definition in declared.items()
        }
        logs = {"uri": f"minio://{relative}/executor-logs", "type": {"schemaTitle": "system.Artifact"}, "metadata": {}}
        return outputs | {"executor-logs": {"artifacts": [logs]}}

    def _kept(
        self, component: dict[str, Any], executor_input: dict[str, Any], written: dict[str, Any]
    ) -> dict[str, Any]:
        kept = {}
        for key in component.get("outputDefinitions", {}).get("artifacts", {}):
            [before] = executor_input["outputs"]["artifacts"][key]["artifacts"]
            [after] = written.get("artifacts", {}).get(key, {}).get("artifacts", [{}])
            uri = after.get("uri", before["uri"])
            assert uri.startswith("minio://"), f"{key} lies at {uri}, where nobody else can read it"
            metadata = after.get("metadata", {})
            assert all(value is not None for value in metadata.values()), f"{key}: null metadata is refused"
            kept[key] = {
                "uri": uri,
                "metadata": {
                    name: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
                    for name, value in metadata.items()
                },
            }
        return kept

    def _import(self, importer: dict[str, Any], component: dict[str, Any], parameters: dict[str, Any]) -> StepResult:
        uri = importer["artifactUri"]
        found = parameters[uri["runtimeParameter"]] if "runtimeParameter" in uri else uri["constant"]
        [key] = component["outputDefinitions"]["artifacts"]
        return StepResult(0, "", {key: {"uri": found, "metadata": importer.get("metadata", {})}})


def writable() -> bool:
    """Whether the mount can be made here, as it is in a container."""
    try:
        MOUNT.mkdir(exist_ok=True)
    except OSError:
        return False
    return os.access(MOUNT, os.W_OK)
