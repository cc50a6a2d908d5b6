"""What a training was told, and what it ran on, kept beside its history. Imports no tfx."""

from weighbridge.attestation import here
from weighbridge.common.digests import tree_digest
from weighbridge.common.text import masked
from weighbridge.components.trainer.parameters import TrainingParameters
from weighbridge.evidence.provenance import TrainingOrigin


def training_origin(parameters: TrainingParameters, base_model: str | None) -> TrainingOrigin:
    """Describe the training that ended in this process.

    Args:
        parameters: what it was told.
        base_model: folder of the SavedModel that it started from; None where it started from nothing.
    """
    return TrainingOrigin(
        run_fn=parameters.run_fn,
        parameters=masked(parameters.model_dump(mode="json")),
        seed=parameters.seed,
        deterministic=parameters.deterministic,
        warm_start=tree_digest(base_model) if base_model else "",
        machine=here.machine(),
        software=here.software(),
    )
