"""`weighbridge.plan`: what changed since production, and what a run would do."""

from collections.abc import Mapping
from typing import Any

from weighbridge.api.fresh import fresh_code
from weighbridge.api.given import Pipeline, Place, data_of, place_of, reference, settings_of, workdir_of
from weighbridge.local.output_capture import discarded_output
from weighbridge.local.request import WHOLE, make_request
from weighbridge.plan.make import make_plan
from weighbridge.plan.model import Plan
from weighbridge.runs.explain import explain_outside_run


def plan(
    pipeline: Pipeline,
    *,
    data: Place | None = None,
    settings: Mapping[str, Any] | None = None,
    workdir: Place | None = None,
    base: str = "",
    push: bool = False,
    to: str = "",
    sample: float = WHOLE,
    deliver_to: str = "",
    destination: Place = "",
    destinations: Place | None = None,
    store: Place | None = None,
    force: bool = False,
    **parameters: Any,
) -> Plan:
    """Say what changed since the run that made production, and which steps `weighbridge.run` would run.

    Nothing is run and nothing is written.

    Args:
        pipeline: as for `weighbridge.run`, like all that is not named here.
        data: input data.
        settings: parameters to change whose names are arguments here too.
        workdir: folder that keeps runs and artifacts.
        base: a git revision to compare with instead of production.
        push: whether the run would push.
        to: the step to end after.
        sample: share of the data.
        deliver_to: the stage to push to.
        destination: folder or address that production lies at.
        destinations: file that says where stages lie.
        store: what builds on all machines share.
        force: whether the run would start even if nothing changed.
        parameters: parameters of the pipeline to change.

    Raises:
        WeighbridgeError: what `weighbridge plan` would report.
    """
    named = reference(pipeline)
    with fresh_code(named):
        request = make_request(
            named,
            data_of(data),
            settings_of(settings, parameters),
            workdir_of(workdir),
            to=to,
            sample=sample,
            deliver_to=deliver_to,
            destinations=place_of(destinations, "WEIGHBRIDGE_DESTINATIONS"),
            store=place_of(store, "WEIGHBRIDGE_STORE"),
            destination=str(destination),
            experiment=not (push or deliver_to),
        )
        with discarded_output():
            try:
                return make_plan(request, force=force, revision_name=base)
            except Exception as error:
                raise explain_outside_run(error, f"{request.definition.name} cannot be planned") from error
