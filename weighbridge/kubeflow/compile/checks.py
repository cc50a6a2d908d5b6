"""What cannot run on open-source Kubeflow Pipelines is refused here, with its name and the way out."""

import re
from typing import Any

from weighbridge.common import secrets
from weighbridge.common.errors import UsageError
from weighbridge.common.resources import Resources
from weighbridge.runs.component_traits import is_stock
from weighbridge.runs.preflight import check_secrets
from weighbridge.storage.destination import is_remote
from weighbridge.storage.schemes import addresses

_DIGEST = re.compile(r"^\S+@sha256:[0-9a-f]{64}$")
_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,127}$")


def check_image(image: str, *, allow_tag: bool) -> None:
    """An image must be named by its digest.

    Raises:
        UsageError: it is not, or is not the name of an image.
    """
    if not image or any(character.isspace() for character in image):
        raise UsageError(
            f"--image {image!r} is not an image", "Give the image that the steps run in: REPOSITORY@sha256:<digest>."
        )
    if not allow_tag and not _DIGEST.match(image):
        raise UsageError(
            f"--image {image!r} names no digest: Kubeflow caches steps by the image's name, and would keep results of"
            " an older image under the same tag",
            "Give REPOSITORY@sha256:<digest>, as the registry prints it after a push; --allow-tag accepts a tag.",
        )


def check_reachable(stage: str, place: str, pipeline: str) -> None:
    """A stage must lie in a store: from a folder, nobody but a step's own pod could take the model on.

    Args:
        stage: its name.
        place: its destination.
        pipeline: the pipeline's name.

    Raises:
        UsageError: it is a folder.
    """
    if not is_remote(place) or place.startswith("git+file:"):
        raise UsageError(
            f"The stage {stage} is the folder {place}, which the steps on Kubeflow and the commands here do not share",
            f"Put the stages into a store: --store {addresses('BUCKET')} has {stage} at …/{pipeline}/{stage}; "
            "or name each, such as models:/NAME in MLflow's registry, in a file or in the section delivery of "
            "gates.yaml.",
        )


def check_pipeline(pipeline: Any) -> None:
    """Every node must be one that open-source Kubeflow Pipelines can run.

    Raises:
        UsageError: one is not; names it and what to use instead.
    """
    from tfx.dsl.components.common import resolver
    from tfx.dsl.placeholder.placeholder_base import Placeholder
    from tfx.types import channel_utils

    name = pipeline.pipeline_info.pipeline_name
    if not _NAME.match(name):
        raise UsageError(
            f"Pipeline name {name!r} is not valid for Kubeflow",
            "Use small letters, digits and hyphens, 128 at most: name its folder so, or set NAME in its module.",
        )
    check_secrets(pipeline.components)
    for node in pipeline.components:
        _check_secrets_are_mounted(node)
        _check_conditions(node, pipeline.dsl_context_registry)
        if isinstance(node, resolver.Resolver):
            raise UsageError(
                f"{node.id}: open-source Kubeflow Pipelines runs no Resolver",
                "Use weighbridge's ProductionModel: it asks the push destination what is in production.",
            )
        if is_stock(node, "InfraValidator"):
            raise UsageError(
                f"{node.id}: InfraValidator cannot run inside a Kubeflow step",
                "The Evaluator's latency gates load and call the exported model.",
            )
        for property_name, value in node.exec_properties.items():
            if isinstance(value, Placeholder):
                try:
                    channel_utils.unwrap_simple_channel_placeholder(value)
                except ValueError as error:
                    raise UsageError(
                        f"{node.id}: {property_name} is an expression, which Kubeflow Pipelines cannot evaluate",
                        "Pass component.outputs['name'].future()[0].value alone, and compute inside the component.",
                    ) from error


def _check_secrets_are_mounted(node: Any) -> None:
    """What a step's parameters refer to must be in its pod."""
    mounted = (getattr(node, "resources", None) or Resources()).secrets
    for name in sorted(secrets.names(dict(node.exec_properties)) - mounted.keys()):
        raise UsageError(
            f"{node.id} refers to the environment variable {name}, which its pod does not have",
            f"Give it resources=Resources(secrets={{{name!r}: 'SECRET/KEY'}}): the Kubernetes secret and its key.",
        )


def _check_conditions(node: Any, registry: Any) -> None:
    """Conditions must look at what Kubeflow's expressions can see."""
    from tfx.dsl.compiler.compiler_utils import implicit_channel_key
    from tfx.dsl.experimental.conditionals import conditional
    from tfx.orchestration.kubeflow.v2.compiler_utils import placeholder_to_cel
    from tfx.types import channel_utils

    for predicate in conditional.get_predicates(node, registry):
        try:
            placeholder_to_cel(channel_utils.encode_placeholder_with_channels(predicate, implicit_channel_key))
        except ValueError as error:
            raise UsageError(
                f"{node.id}: its condition cannot be expressed for Kubeflow Pipelines: {error}",
                "A condition sees properties, not values: let the component before set a custom property, and use"
                " channel.future()[0].custom_property('name').",
            ) from error
