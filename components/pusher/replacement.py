"""What a model may replace: the production that it was weighed against, and no approved one without asking. No tfx."""

from collections.abc import Mapping
from pathlib import Path

from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.production_model.standing import read_record, recorded
from weighbridge.storage.destination import is_remote, open_destination
from weighbridge.verdict import Gate, Verdict, passed_if

_NOTHING = "nothing yet"


def replacement_gates(destination: str | Path, verdict: Verdict, *, promoted: bool) -> list[Gate]:
    """Whether a model may replace what is at a destination.

    Args:
        destination: what is pushed to; the caller holds it, so that nothing changes meanwhile.
        verdict: of the model. `production` in its subject is the digest of the model that it was compared with, absent
            for nothing yet.
        promoted: whether the model comes from another stage; then the policy was asked already.

    Raises:
        UsageError: the record cannot be read, or contradicts the versions beside it.
        InfrastructureError: the store cannot be reached.
    """
    gates = []
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
