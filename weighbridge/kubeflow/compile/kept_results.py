"""Which steps of a package keep what they made in the volume, so that a later run need not make it again."""

from collections.abc import Iterable, Mapping
from typing import Any

from weighbridge.common.resources import Resources
from weighbridge.components.driver import OutsideStateDriver
from weighbridge.kubeflow.compile.fuse import group_name
from weighbridge.kubeflow.compile.spec import executor
from weighbridge.runs.component_traits import traits_of


def keep_results(
    spec: dict[str, Any],
    nodes: Iterable[Any],
    groups: Iterable[list[str]],
    resources: Mapping[str, Resources],
    folder: str,
) -> None:
    """Tell the steps whose pods mount the volume anyway where they find what they made before.

    That are the steps that declare that their outcome follows from what the key is made of. Others do their work anew:
    DataValidator, which compares with earlier spans and keeps its own, Evaluator, Pusher, ProductionModel.

    Args:
        spec: a PipelineSpec whose steps are not fused yet; changed.
        nodes: of the TFX pipeline.
        groups: of steps that share a pod.
        resources: of the pods, by label.
        folder: `<mount path>/cache/<pipeline>`.
    """
    by_name = {node.id: node for node in nodes}
    for steps in groups:
        mounted = resources[label].volumes if (label := f"{group_name(steps)}_executor") in resources else {}
        if not any(folder.startswith(f"{path}/") for path in mounted):
            continue
        for step in steps:
            if step in by_name and traits_of(by_name[step]).reproducible:
                driver = getattr(by_name[step], "DRIVER_CLASS", None)
                arguments = executor(spec, step)["container"]["args"]
                arguments += ["--cache", folder, "--image", executor(spec, step)["container"]["image"]]
                if isinstance(driver, type) and issubclass(driver, OutsideStateDriver):
                    arguments += ["--driver_class_path", f"{driver.__module__}.{driver.__qualname__}"]
