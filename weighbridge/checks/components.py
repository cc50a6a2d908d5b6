"""The components as the pipeline builds them: what each refuses, where the model goes, what Kubeflow would refuse."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from weighbridge.checks.finding import Finding
from weighbridge.checks.subject import Subject
from weighbridge.common.errors import UsageError
from weighbridge.runs.preflight import check_secrets, component_problems
from weighbridge.runs.stages import stage_destinations
from weighbridge.runs.workspace import Workspace

_IMAGE = f"check@sha256:{'0' * 64}"  # stands for the image, which changes nothing of what is refused


def preflight(subject: Subject) -> Iterator[Finding]:
    """What a run would refuse before its first step."""
    for _, error in component_problems(node.component for node in subject.nodes or ()):
        yield Finding.of("components", error)
    for node in subject.nodes or ():
        try:
            check_secrets([node.component])
        except UsageError as error:
            yield Finding.of("components", error)


def destinations(subject: Subject) -> Iterator[Finding]:
    """Stages that share a destination or have none, or that no run and no promotion can reach."""
    if subject.gates is None:
        return
    delivery, line = subject.gates.delivery, subject.line("delivery")
    workspace = Workspace(Path(subject.context.root).parents[1], subject.definition.name)
    try:
        stage_destinations(workspace, delivery)
    except UsageError as error:
        yield Finding.of("delivery", error, subject.gates_path, line)
    first = delivery.root[0]
    if first.approval == "required":
        yield Finding(
            check="delivery",
            level="warning",
            message=f"delivery: {first.stage}, the first stage, must be approved, so no run can deliver to any stage",
            hint="Put a stage before it, e.g. `- stage: staging`, from which people promote.",
            file=subject.gates_path,
            line=line,
        )


def pushes(subject: Subject) -> Iterator[Finding]:
    """A Pusher that pushes elsewhere than it is told, so that no stage can be delivered to."""
    for node in subject.nodes or ():
        if not node.traits.pushes or not node.traits.destination:
            continue
        place = node.parameters.get(node.traits.destination)
        if isinstance(place, str) and subject.context.destination.rstrip("/") not in place:
            yield Finding(
                check="delivery",
                level="warning",
                message=f"{node.id} pushes to {place} whatever a run is told, so --deliver-to and stages do not work",
                hint="Give it destination=context.destination.",
            )


def on_kubeflow(subject: Subject) -> Iterator[Finding]:
    """What cannot be compiled for Kubeflow, where that is asked for."""
    if not subject.kubeflow or subject.nodes is None or subject.parameters is None:
        return
    from weighbridge.kubeflow.compile.package import compile_package

    with tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
        try:
            compile_package(subject.definition, subject.parameters, Path(folder, "package.yaml"), image=_IMAGE)
        except UsageError as error:
            yield Finding.of("kubeflow", error)
