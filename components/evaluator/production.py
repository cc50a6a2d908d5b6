"""The model in production, where it can be called: what a candidate is compared with."""

from dataclasses import dataclass

from weighbridge.components.evaluator.flavours import LoadedModel, StoredModel, find_model
from weighbridge.components.evaluator.gates import LatencyGates, QualityGates
from weighbridge.components.evaluator.request import EvaluationRequest
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.verdict import Gate

_TRIED_ROWS = 32


@dataclass(frozen=True)
class ProductionModel:
    """The model in production: its files, and what was loaded from them."""

    stored: StoredModel
    loaded: LoadedModel


def load_production(
    request: EvaluationRequest, group: str, gates: QualityGates | LatencyGates
) -> tuple[ProductionModel | None, list[Gate]]:
    """The model in production, called once with real rows; where that fails, the gate that refuses to go without.

    Args:
        request: names the model and the rows.
        group: first part of the gate's name.
        gates: name the signature and its inputs.

    Returns:
        None where nothing is in production, or it cannot be called; then with the gate.
    """
    if request.production is None:
        return None, []
    try:
        stored = find_model(request.production, gates.signature, gates.inputs)
        loaded = stored.load()
        for batch in request.batches(batch_rows=_TRIED_ROWS):
            loaded.call(loaded.request(batch, request.label))
            break
        return ProductionModel(stored, loaded), []
    except Unmeasurable as error:
        error.check_not_the_machine()
        message = f"The model in production cannot be compared with. {error.message}"
        return None, [Gate(name=f"{group}.production.readable", status="unmeasured", message=message)]
