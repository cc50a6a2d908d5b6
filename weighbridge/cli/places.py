"""Which destination of a pipeline a command looks at: a stage of its delivery, or an address."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    from weighbridge.definition import Definition
    from weighbridge.thresholds.delivery import Stage

StageOption = Annotated[
    str,
    typer.Option("--deliver-to", "--stage", metavar="STAGE", help="Of this stage, e.g. staging, not of production."),
]
AddressOption = Annotated[
    str, typer.Option("--destination", metavar="FOLDER|URI", help="Where versions lie, e.g. gs://models/taxi.")
]


@dataclass(frozen=True)
class PlaceOfModels:
    """Where a pipeline's models lie.

    Attributes:
        definition: of the pipeline.
        destination: folder or address.
        stage: that it is; empty for a destination that is none of a stage.
        policy: what is asked of models that go there; of a destination that is no stage's, what production asks.
    """

    definition: "Definition"
    destination: str
    stage: str
    policy: "Stage"


def place_of_models(
    pipeline: str, stage: str, destination: str, workdir: str, store: str, destinations: str
) -> PlaceOfModels:
    """Find where a pipeline's models lie.

    Args:
        pipeline: name or import path.
        stage: empty for production.
        destination: folder or address; empty for the stage's.
        workdir: the work directory.
        store: what builds share; empty for nothing.
        destinations: file that says where stages lie; empty for what the policy says.

    Raises:
        UsageError: there is no such pipeline or stage, both a stage and a destination are given, or the policy cannot
            be read.
    """
    from weighbridge.definition import load
    from weighbridge.runs.stages import delivery_policy, stage_destinations
    from weighbridge.runs.workspace import Workspace
    from weighbridge.storage.destination import open_destination
    from weighbridge.thresholds.delivery import PRODUCTION

    if stage and destination:
        raise UsageError(
            "--deliver-to and --destination exclude each other", "A stage has a destination: see delivery."
        )
    definition = load(pipeline)
    delivery, _ = delivery_policy(definition.folder)
    policy = delivery.stage(stage or PRODUCTION)  # refuses an unknown one
    found = stage_destinations(Workspace(workdir, definition.name), delivery, destinations, store)
    if not destination:
        return PlaceOfModels(definition, found[policy.stage], policy.stage, policy)
    address = open_destination(destination).address
    known = next((name for name, place in found.items() if place == address), "")
    return PlaceOfModels(definition, destination, known, delivery.stage(known or PRODUCTION))
