"""Which stages the model of an earlier one has yet to reach; so an interrupted delivery goes on with the next build."""

from pathlib import Path

from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.production_model.standing import read_record, recorded
from weighbridge.definition import load
from weighbridge.delivery.promote import delivered_record
from weighbridge.delivery.promotion import Promotion
from weighbridge.runs.stages import delivery_policy, stage_destinations
from weighbridge.runs.store import RunStore
from weighbridge.runs.workspace import Workspace


def pending(pipeline: str, source: str, workdir: str | Path, destinations: str = "", store: str = "") -> list[str]:
    """The stages behind `source` that do not hold its model, or have not shown what the stage asks for.

    A stage that was rolled back from this very model waits for no delivery of it.

    Args:
        pipeline: name or import path.
        source: the stage whose model is looked for.
        workdir: as for `weighbridge promote`.
        destinations: where stages lie, see `weighbridge.runs.stages`; empty for what the policy says.
        store: folder or address of what builds on all machines share; empty for nothing.

    Returns:
        Names in the order of delivery; none where `source` has no model.

    Raises:
        UsageError: there is no such pipeline or stage, or a record cannot be read.
    """
    definition = load(pipeline)
    workspace = Workspace(workdir, definition.name)
    stages, thresholds = delivery_policy(definition.folder)
    stages.stage(source)
    found = stage_destinations(workspace, stages, destinations, store)
    record = read_record(found[source])
    if record is None:
        return []
    if store:
        RunStore(store, definition.name, workdir).bring()
    names = stages.names
    return [
        name
        for name in names[names.index(source) + 1 :]
        if not _rolled_back(found[name], record)
        and delivered_record(Promotion(workspace, stages, found, source, name, thresholds=thresholds), record) is None
    ]


def _rolled_back(destination: str, record: ProductionRecord) -> bool:
    there = recorded(destination)
    return there is not None and record.model_digest in there.withdrawn
