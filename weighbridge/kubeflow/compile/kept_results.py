"""Which steps of a package keep what they made in the volume, so that a later run need not make it again."""

from collections.abc import Iterable, Mapping
from typing import Any

from weighbridge.common.resources import Resources
from weighbridge.components.driver import OutsideStateDriver
from weighbridge.components.traits import ComponentTraits
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

    That are steps that carry the digest of their code. A verdict is come to anew, a push is made anew, and what is in
    production is looked up anew.

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
            if step in by_name and _is_kept(traits_of(by_name[step])):
                driver = getattr(by_name[step], "DRIVER_CLASS", None)
                arguments = executor(spec, step)["container"]["args"]
                arguments += ["--cache", folder]
                if isinstance(driver, type) and issubclass(driver, OutsideStateDriver):
                    arguments += ["--driver_class_path", f"{driver.__module__}.{driver.__qualname__}"]


def _is_kept(traits: ComponentTraits) -> bool:
    return bool(traits.code_digest) and not (traits.verdict or traits.pushes or traits.looked_up)
