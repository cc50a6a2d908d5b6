"""Whether a run would come to a model that was rolled back from: its Pusher would refuse the same bytes."""

from weighbridge.components.production_model.standing import recorded
from weighbridge.local.request import RunRequest
from weighbridge.local.run import last_outcome


def withdrawn_warnings(request: RunRequest, *, trains: bool) -> list[str]:
    """What there is to say of the model that a run would come to, where it is the last run's, in a list of one or none.

    Args:
        request: what would run.
        trains: whether a model would be trained, which then may be any.

    Raises:
        UsageError: the record cannot be read.
        InfrastructureError: the store cannot be reached.
    """
    last = None if trains else last_outcome(request)
    record = recorded(request.context.destination) if last else None
    version = record.withdrawn.get(last.record.fingerprint.get("model", "")) if last and record else None
    if version is None:
        return []
    return [
        f"The model that comes out unchanged is that of version {version}, which was rolled back from: it is not "
        "pushed again. Change what was wrong, or put it back on purpose: "
        f"weighbridge rollback {request.definition.name} --to {version}"
    ]
