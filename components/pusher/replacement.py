"""What may replace a model: what was weighed against it, approved where it was, and not rolled back from. No tfx."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from weighbridge.common.errors import WeighbridgeError
from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.production_model.standing import read_record, recorded
from weighbridge.components.production_model.withdrawn import rollback_from
from weighbridge.storage.destination import is_remote, open_destination
from weighbridge.storage.layout import CANARY_FILE
from weighbridge.verdict import Gate, Verdict, passed_if

_NOTHING = "nothing yet"


def replacement_gates(destination: str | Path, verdict: Verdict, *, promoted: bool, canary_run: str = "") -> list[Gate]:
    """Whether a model may replace what is at a destination.

    Args:
        destination: what is pushed to; the caller holds it, so that nothing changes meanwhile.
        verdict: of the model. `production` in its subject is the digest of the model that it was compared with, absent
            for nothing yet.
        promoted: whether the model comes from another stage; then the policy was asked already.
        canary_run: the run whose canary passed its steps there and is promoted by this; empty for none.

    Raises:
        UsageError: the record cannot be read, or contradicts the versions beside it.
        InfrastructureError: the store cannot be reached.
    """
    gates = _canary_gates(destination, verdict, canary_run)
    if weighed_at(destination, verdict.subject):
        gates.append(unchanged_gate("push", read_record(destination), verdict.subject, "run the pipeline anew."))
    record = None if promoted else recorded(destination)
    if record is not None and record.approved_by:
        gates.append(_approved_gate(record))
    return gates


def weighed_at(destination: str | Path, subject: Mapping[str, str]) -> bool:
    """Whether a verdict compared its model with what was in production at `destination`, or found nothing there.

    A model that goes to a stage was compared with production, which lies elsewhere; a promotion then looks there.
    """
    return _plain(str(destination)) == _plain(subject.get(LOOKED_UP_AT, ""))


def unchanged_gate(group: str, record: ProductionRecord | None, subject: Mapping[str, str], again: str) -> Gate:
    """Refuses where production is another model now: one that nothing was weighed against would replace it.

    Args:
        group: first part of the gate's name.
        record: of what is in production now; None for nothing yet.
        subject: of the model's verdict.
        again: how to weigh it again, as the end of a sentence.
    """
    now, then = (record.model_digest if record else None), subject.get("production")
    message = (
        "The model was weighed against what is in production."
        if now == then
        else f"Production changed since the model was weighed against it. Weigh it again: {again}"
    )
    return Gate(
        name=f"{group}.production.unchanged",
        status=passed_if(now == then),
        observed=now or _NOTHING,
        threshold=then or _NOTHING,
        message=message,
    )


def withdrawn_gate(destination: str | Path, record: ProductionRecord | None, model_digest: str) -> Gate | None:
    """Refuses a model that a rollback took out of production: its verdict passed, and it was bad all the same.

    Args:
        destination: what is pushed to.
        record: of what is in production now; None for nothing yet.
        model_digest: of the model that is pushed.

    Returns:
        None for a model that was never rolled back from, or that a person put back since.
    """
    bad = None if record is None else record.withdrawn.get(model_digest)
    if record is None or bad is None:
        return None
    found = _rollback(destination, record, bad)
    when = f" on {found.pushed_at:%Y-%m-%d %H:%M} UTC" if found else ""
    why = f": {found.rollback.reason}" if found and found.rollback and found.rollback.reason else ""
    return Gate(
        name="push.production.rolled_back",
        status="refused",
        observed=f"version {bad}",
        threshold="never rolled back from",
        message=f"These bytes are those of version {bad}, which was rolled back from{when}{why}. Change what was wrong "
        "(the code, the data, a gate that catches it) and run again; or put the model back on purpose: "
        f"weighbridge rollback {record.pipeline} --to {bad} --reason TEXT",
    )


def _rollback(destination: str | Path, record: ProductionRecord, version: int) -> ProductionRecord | None:
    try:
        return rollback_from(open_destination(destination), record, version)
    except WeighbridgeError:
        return None  # it only tells when and why


def _canary_gates(destination: str | Path, verdict: Verdict, canary_run: str) -> list[Gate]:
    """Refuses while a canary is on its way: what it is judged beside must stay, and it must pass its own steps.

    The promotion of a canary is refused where that was ended meanwhile, or is walked by another run.
    """
    place = open_destination(destination)
    data = place.read(CANARY_FILE)
    if data is None and not canary_run:
        return []
    state = None if data is None else _state(data)
    ours = state is not None and (state.run_id, state.phase) == (canary_run, "walking")
    own = state is not None and ours and state.canary.model_digest == verdict.subject.get("model", "")
    if own:
        message = "The canary that is on its way is of this model."
    elif canary_run:
        message = (
            "The canary was ended meanwhile, or another run walks it: what it has shown promotes nothing any more."
        )
    else:
        told = f"Version {state.canary.version}" if state else "A model"
        share = f", at {state.percent:g} % of the requests" if state else ""
        message = (
            f"{told} is on its way as a canary{share}: {place.path(CANARY_FILE)}. "
            f"Wait for its end, or end it: weighbridge canary {verdict.pipeline} --abort"
        )
    observed = f"version {state.canary.version}" if state else "none" if data is None else "unreadable"
    return [Gate(name="push.canary.none", status=passed_if(own), observed=observed, message=message)]


def _state(data: bytes) -> CanaryState | None:
    """The state in a canary's file; None for one that cannot be read, which is a canary of another model."""
    try:
        return CanaryState.model_validate_json(data)
    except ValidationError:
        return None


def _approved_gate(record: ProductionRecord) -> Gate:
    """Refuses what nobody approved where what is there was approved: the policy is the destination's."""
    command = f"weighbridge run {record.pipeline} --deliver-to STAGE, then weighbridge promote {record.pipeline}"
    return Gate(
        name="push.production.approved",
        status="refused",
        observed=None,
        threshold="required",
        message=f"{record.approved_by} approved what is in production, so a run alone does not replace it. "
        f"Deliver it by stages: {command} --from STAGE --to production --approved-by NAME.",
    )


def _plain(destination: str) -> str:
    """An address in the form that all its forms have; the absolute path of a folder."""
    if not destination or is_remote(destination):
        return open_destination(destination).address if destination else ""
    return str(Path(destination).absolute())
