"""The step Verdict, added to a package: it fails a run that was refused, so that the steps that refuse need not fail.

Kubeflow keeps no artifacts of a step that fails. So a step whose gates refuse succeeds, with its report; those after it
do nothing; and Verdict, which comes after all that weighs and before all that pushes, fails with the gates' sentences.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.components.traits import ComponentTraits
from weighbridge.kubeflow.compile.spec import executor
from weighbridge.kubeflow.step.normalize import STEP_VERDICT_OF
from weighbridge.kubeflow.step.step_verdict import REFUSED_PROPERTY, STEP_VERDICT
from weighbridge.kubeflow.step.ui_artifacts import REPORT
from weighbridge.kubeflow.step.verdict import OUTPUT

NAME = "Verdict"
COMMAND = ["python", "-m", "weighbridge.kubeflow.step.verdict"]

_ANY = {"artifactType": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}}
_HTML = {"artifactType": {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"}}

Spec = dict[str, Any]


def add_verdict_step(
    spec: Spec,
    order: list[str],
    traits: Mapping[str, ComponentTraits],
    image: str,
    pipeline: str,
    *,
    last: bool = False,
) -> list[str]:
    """Add the step to a PipelineSpec; it is left out where no step of ours weighs.

    Args:
        spec: the spec; changed.
        order: names of the steps, each after those it depends on.
        traits: of the steps that run our entry point, by name.
        image: that the step runs in.
        pipeline: the pipeline's name.
        last: let it come after what pushes too, and start only where something was refused: for packages whose steps
            share pods, where what pushes is told of a refusal inside its pod.

    Returns:
        Names of the steps with the new one, in order.

    Raises:
        UsageError: the pipeline has a step of that name.
    """
    tasks = spec["root"]["dag"]["tasks"]
    if NAME in tasks:
        raise UsageError(f"A step is named {NAME!r}, as the step that ends refused runs", "Give it another id.")
    pushing = _with_followers(tasks, order, [name for name in traits if traits[name].pushes])
    order = [*(name for name in order if name not in pushing), *(name for name in order if name in pushing)]
    conditional = _with_followers(tasks, order, [name for name in order if "triggerPolicy" in tasks[name]])
    weighed = [name for name in order if name in traits and name not in conditional and (last or name not in pushing)]
    if not weighed:
        return order
    # A container of the user's own knows nothing of refusals. Where something that weighs builds on it, or there is no
    # verdict to wait for, the steps that it builds on fail when they refuse; else it waits for the verdict.
    foreign = {name for name in order if name not in traits and "container" in executor(spec, name)}
    leading = {name for name in foreign if last or _with_followers(tasks, order, [name]) & set(weighed)}
    strict = _with_origins(tasks, order, leading) | conditional
    waiting = set() if last else pushing | (foreign - leading)
    for name in order:
        if name in weighed:
            before = _direct(tasks, name, weighed)
            if name in pushing:  # nothing comes between it and the verdict: it is told of everything
                before = list(dict.fromkeys([*(other for other in weighed if other not in pushing), *before]))
            _tell(spec, name, before)
            if name not in strict:
                executor(spec, name)["container"]["args"].append("--verdict_follows")
        elif name in traits and name in conditional:
            # Kubeflow may leave it out, so nobody waits for what it weighs; it must know what refused before.
            origins = _with_origins(tasks, order, [name])
            _tell(spec, name, [other for other in weighed if other in origins and other != name])
    for name in waiting:
        _depend(tasks[name], [NAME])
    _add(spec, weighed, image, pipeline, conditional=last)
    waiting = _with_followers(tasks, order, waiting)
    return [*(name for name in order if name not in waiting), NAME, *(name for name in order if name in waiting)]


def _direct(tasks: Mapping[str, Any], name: str, weighed: Iterable[str]) -> list[str]:
    return [other for other in tasks[name].get("dependentTasks", []) if other in weighed]


def _depend(task: dict[str, Any], others: Iterable[str]) -> None:
    if before := sorted({*task.get("dependentTasks", []), *others}):
        task["dependentTasks"] = before


def _with_followers(tasks: Mapping[str, Any], order: Iterable[str], names: Iterable[str]) -> set[str]:
    """The steps named, and all that depend on them."""
    found = set(names)
    for name in order:
        if found & set(tasks[name].get("dependentTasks", [])):
            found.add(name)
    return found


def _with_origins(tasks: Mapping[str, Any], order: list[str], names: Iterable[str]) -> set[str]:
    """All that the steps named depend on."""
    found = set(names)
    for name in reversed(order):
        if name in found:
            found |= set(tasks[name].get("dependentTasks", []))
    return found


def _tell(spec: Spec, name: str, before: Iterable[str]) -> None:
    """Let a step tell what it weighed, and be told it of the steps before."""
    component, task = spec["components"][name], spec["root"]["dag"]["tasks"][name]
    component.setdefault("outputDefinitions", {}).setdefault("artifacts", {})[STEP_VERDICT] = _ANY
    before = list(before)
    _depend(task, before)
    if parameters := component.get("outputDefinitions", {}).get("parameters"):
        types = {key: definition["parameterType"] for key, definition in parameters.items()}
        executor(spec, name)["container"]["args"] += ["--output_types", json.dumps(types, sort_keys=True)]
    for other in before:
        _take(component, task, other)
        executor(spec, name)["container"]["args"] += ["--after", other]


def _take(component: dict[str, Any], task: dict[str, Any], other: str) -> None:
    key = f"{STEP_VERDICT_OF}{other}"
    component.setdefault("inputDefinitions", {}).setdefault("artifacts", {})[key] = _ANY
    produced = {"producerTask": other, "outputArtifactKey": STEP_VERDICT}
    task.setdefault("inputs", {}).setdefault("artifacts", {})[key] = {"taskOutputArtifact": produced}


def _add(spec: Spec, weighed: list[str], image: str, pipeline: str, *, conditional: bool) -> None:
    component: dict[str, Any] = {
        "executorLabel": f"{NAME}_executor",
        "outputDefinitions": {"artifacts": {REPORT: _HTML, OUTPUT: _ANY}},
    }
    task: dict[str, Any] = {
        "cachingOptions": {"enableCache": True},
        "componentRef": {"name": NAME},
        "dependentTasks": weighed,
        "taskInfo": {"name": NAME},
    }
    for name in weighed:
        _take(component, task, name)
    arguments = ["--json_serialized_invocation_args", "{{$}}", "--pipeline_name", pipeline]
    arguments += [part for name in weighed for part in ("--after", name)]
    if conditional:
        refused = (
            f"inputs.artifacts['{STEP_VERDICT_OF}{name}'].artifacts[0].metadata['{REFUSED_PROPERTY}'] > 0.0"
            for name in weighed
        )
        task["triggerPolicy"] = {"condition": " || ".join(f"({each})" for each in refused)}
    spec["components"][NAME] = component
    spec["deploymentSpec"]["executors"][f"{NAME}_executor"] = {
        "container": {"image": image, "command": COMMAND, "args": arguments}
    }
    spec["root"]["dag"]["tasks"][NAME] = task
