"""Steps that share a pod: of tasks that follow each other, one task whose process runs one after the other.

Kubeflow starts a driver and an executor per task, 12 to 25 s before any work. Fused steps keep their executors,
outputs, gates and reports; only what one hands to the next does not go through Kubeflow.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from weighbridge.common.resources import Resources
from weighbridge.kubeflow.compile.spec import is_ours
from weighbridge.runs.component_traits import traits_of

COMMAND = ["python", "-m", "weighbridge.kubeflow.step.fused"]

_INVOCATION = "--json_serialized_invocation_args"
_LONGEST_NAME = 47  # older servers name an annotation `implementations-<name>`, which has 63 characters at most
_MODEL = "Model"
# What goes from task to task, and how a spec names where it comes from.
_SOURCES = (
    ("artifacts", "taskOutputArtifact", "outputArtifactKey"),
    ("parameters", "taskOutputParameter", "outputParameterKey"),
)

Spec = dict[str, Any]


def group(order: Iterable[str], alike: Mapping[str, Any]) -> list[list[str]]:
    """Groups of steps that follow each other and want the same machine.

    Args:
        order: names of the steps, each after those it depends on.
        alike: what a step wants; a step that is not in it shares its pod with none.
    """
    groups: list[list[str]] = []
    for name in order:
        last = groups[-1][-1] if groups else ""
        if name in alike and last in alike and alike[name] == alike[last]:
            groups[-1].append(name)
        else:
            groups.append([name])
    return groups


def alike(nodes: Iterable[Any], spec: Spec) -> dict[str, Resources]:
    """What the steps want that may share a pod.

    A step stays alone that trains, that wants an accelerator or a node that can be taken away, or that Kubeflow may
    leave out.

    Args:
        nodes: of the TFX pipeline.
        spec: its PipelineSpec.
    """
    tasks = spec["root"]["dag"]["tasks"]
    found = {}
    for node in nodes:
        wanted: Resources = getattr(node, "resources", None) or Resources()
        trains = {key for key, channel in node.outputs.items() if channel.type_name == _MODEL} - {
            *traits_of(node).looked_up
        }
        alone = trains or wanted.accelerator or wanted.spot or "triggerPolicy" in tasks[node.id] or "_" in node.id
        if is_ours(spec, node.id) and not alone:
            found[node.id] = wanted
    return found


def resources(groups: Iterable[list[str]], wanted: Mapping[str, Resources]) -> dict[str, Resources]:
    """What the executors want, by label, after `fuse`: a group has the volumes, folders and secrets of all its steps.

    Args:
        groups: as given to `fuse`.
        wanted: of each step, by the label of its executor.
    """
    found = {}
    for steps in groups:
        each = [wanted[label] for step in steps if (label := f"{step}_executor") in wanted]
        if each:
            volumes = {path: claim for one in each for path, claim in one.volumes.items()}
            folders = tuple(dict.fromkeys(folder for one in each for folder in one.empty_folders))
            keys = {name: key for one in each for name, key in one.secrets.items()}
            update: dict[str, Any] = {"volumes": volumes, "empty_folders": folders, "secrets": keys}
            if each[0].timeout_s:
                update["timeout_s"] = each[0].timeout_s * len(each)
            found[f"{group_name(steps)}_executor"] = each[0].model_copy(update=update)
    return found


def group_name(steps: list[str]) -> str:
    """Name of the task that runs these steps."""
    name = "-".join(steps)
    return name if len(steps) == 1 or len(name) <= _LONGEST_NAME else f"{steps[0]}-to-{steps[-1]}"


def fuse(spec: Spec, groups: Iterable[list[str]]) -> list[str]:
    """Make one task of each group.

    Args:
        spec: a PipelineSpec; changed.
        groups: names of tasks that run our entry point. A group of one stays as it is.

    Returns:
        Names of the tasks that are there now, in the order of the groups.
    """
    groups = list(groups)
    tasks, components = spec["root"]["dag"]["tasks"], spec["components"]
    executors = spec["deploymentSpec"]["executors"]
    task_of = {step: group_name(steps) for steps in groups for step in steps}
    fused = {step for steps in groups if len(steps) > 1 for step in steps}
    for steps in groups:
        if len(steps) > 1:
            name = group_name(steps)
            tasks[name], components[name], executors[f"{name}_executor"] = _fused(spec, steps, name)
    for step in fused:
        executors.pop(components.pop(step)["executorLabel"])
        del tasks[step]
    for name, task in tasks.items():
        before = {task_of.get(other, other) for other in task.get("dependentTasks", [])} - {name}
        if before:
            task["dependentTasks"] = sorted(before)
        for kind, produced, key in _SOURCES:
            for given in task.get("inputs", {}).get(kind, {}).values():
                source = given.get(produced)
                if source and source["producerTask"] in fused:
                    step = source["producerTask"]
                    given[produced] = {"producerTask": task_of[step], key: _key(step, source[key])}
    return [group_name(steps) for steps in groups]


def _key(step: str, key: str) -> str:
    """Name of a step's input or output among those of its group."""
    return f"{step}_{key}"


def _fused(spec: Spec, steps: list[str], name: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Task, component and executor of a group."""
    tasks, executors = spec["root"]["dag"]["tasks"], spec["deploymentSpec"]["executors"]
    inputs: dict[str, Any] = {"artifacts": {}, "parameters": {}}
    given: dict[str, Any] = {"artifacts": {}, "parameters": {}}
    outputs: dict[str, Any] = {"artifacts": {}, "parameters": {}}
    before: set[str] = set()
    arguments = []
    for step in steps:
        component, task = spec["components"][step], tasks[step]
        handed: dict[str, Any] = {"artifacts": {}, "parameters": {}}
        for kind, produced, key in _SOURCES:
            for own, definition in component.get("inputDefinitions", {}).get(kind, {}).items():
                value = task.get("inputs", {}).get(kind, {}).get(own)
                if value is not None and value.get(produced, {}).get("producerTask") in steps:
                    handed[kind][own] = [value[produced]["producerTask"], value[produced][key]]
                    continue
                inputs[kind][_key(step, own)] = definition
                if value is not None:
                    given[kind][_key(step, own)] = value
            for own, definition in component.get("outputDefinitions", {}).get(kind, {}).items():
                outputs[kind][_key(step, own)] = definition
        before |= set(task.get("dependentTasks", []))
        container = executors[component["executorLabel"]]["container"]
        arguments.append({"name": step, "arguments": _without_invocation(container["args"]), "handed": handed})
    first = executors[spec["components"][steps[0]]["executorLabel"]]["container"]
    executor = {
        "container": {
            **{key: value for key, value in first.items() if key not in ("args", "command")},
            "command": COMMAND,
            "args": [_INVOCATION, "{{$}}", "--steps", json.dumps(arguments, sort_keys=True)],
        }
    }
    component = {"executorLabel": f"{name}_executor", "inputDefinitions": inputs, "outputDefinitions": outputs}
    cached = all(tasks[step].get("cachingOptions", {}).get("enableCache") for step in steps)
    task = {
        "cachingOptions": {"enableCache": True} if cached else {},
        "componentRef": {"name": name},
        "dependentTasks": sorted(before - set(steps)),
        "inputs": given,
        "taskInfo": {"name": name},
    }
    return task, component, executor


def _without_invocation(arguments: list[str]) -> list[str]:
    at = arguments.index(_INVOCATION)
    return arguments[:at] + arguments[at + 2 :]
