"""The gates that the walking of a canary adds to those of its requests. All are called `canary.…`."""

from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.standing import version_digest
from weighbridge.rollout.walking import Ended
from weighbridge.storage.destination import open_destination
from weighbridge.thresholds.canary import CanaryGates
from weighbridge.verdict import Gate, passed_if

GROUP = "canary"


def bytes_gate(address: str, state: CanaryState) -> Gate:
    """Whether the canary's version lies at `address` as it was weighed.

    Raises:
        InfrastructureError: the destination cannot be reached.
    """
    place, record = open_destination(address), state.canary
    where = place.path(str(record.version))
    try:
        found = version_digest(place, record.version)
    except UsageError as error:
        found, where = "", f"{where} ({error.message})"
    same = found == record.model_digest
    message = (
        "The canary's bytes are those that were weighed."
        if same
        else f"{where} is gone, or was changed since the canary began. Deliver the model again."
    )
    return Gate(
        name=f"{GROUP}.bytes.equal",
        status=passed_if(same) if found else "unmeasured",
        observed=found or None,
        threshold=record.model_digest,
        message=message,
    )


def walked_gate(gates: CanaryGates, ended: Ended) -> Gate:
    """Whether a canary came through all of its steps, and why not."""
    promoted = ended.outcome == "promoted"
    at = gates.steps[ended.state.step].name if ended.state.step < len(gates.steps) else "an unknown step"
    return Gate(
        name=f"{GROUP}.steps.passed",
        status=passed_if(promoted),
        observed="production" if promoted else at,
        threshold="production",
        message=ended.reason if promoted else f"Rolled back at {at}: {ended.reason}",
    )
