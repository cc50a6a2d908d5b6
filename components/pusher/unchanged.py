"""Whether production is still what a model was weighed against. Imports no tfx."""

from collections.abc import Mapping
from pathlib import Path

from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.components.production_model.standing import read_record
from weighbridge.storage.schemes import is_address
from weighbridge.verdict import Gate, passed_if

_NOTHING = "nothing yet"


def weighed_at(destination: str | Path, subject: Mapping[str, str]) -> bool:
    """Whether a verdict compared its model with what was in production at `destination`, or found nothing there.

    A model that goes to a stage was compared with production, which lies elsewhere; a promotion then looks there.
    """
    return _plain(str(destination)) == _plain(subject.get(LOOKED_UP_AT, ""))


def unchanged_gate(destination: str | Path, subject: Mapping[str, str]) -> Gate:
    """Refuses where production is another model now: one that nothing was weighed against would replace it.

    Args:
        destination: where production is.
        subject: of the verdict: `production` is the digest of the model that was compared with, absent for nothing yet.

    Raises:
        UsageError: the record cannot be read, or contradicts the versions beside it.
        InfrastructureError: the store cannot be reached.
    """
    record = read_record(destination)
    now, then = (record.model_digest if record else None), subject.get("production")
    message = (
        "The model was weighed against what is in production."
        if now == then
        else "Production changed since the model was weighed against it. Weigh it again: run the pipeline anew."
    )
    return Gate(
        name="push.production.unchanged",
        status=passed_if(now == then),
        observed=now or _NOTHING,
        threshold=then or _NOTHING,
        message=message,
    )


def _plain(destination: str) -> str:
    """An address without a slash at its end; the absolute path of a folder."""
    if not destination or is_address(destination):
        return destination.rstrip("/")
    return str(Path(destination).absolute())
