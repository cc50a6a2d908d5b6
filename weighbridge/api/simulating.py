"""`weighbridge.simulate`: how often a pipeline's gates are wrong."""

from weighbridge.api.fresh import fresh_code
from weighbridge.api.given import Pipeline, Place, reference, workdir_of
from weighbridge.definition import load
from weighbridge.simulate.quietly import simulate_quietly
from weighbridge.simulate.simulation import Simulation


def simulate(pipeline: Pipeline, trainings: int = 30, *, seed: int = 0, workdir: Place | None = None) -> Simulation:
    """Train the model of the last run again and again, and weigh equally good models by the gates in force.

    What `weighbridge gates PIPELINE --simulate N` prints, as a value. Nothing of the pipeline or of its work directory
    changes.

    Args:
        pipeline: its name, or a module of one's own by import path or file, or the module itself.
        trainings: how many models to train, two or more.
        seed: of all that is drawn: trainings' seeds, samples of rows, replays.
        workdir: folder that keeps runs; None for `WEIGHBRIDGE_WORKDIR`, else `work`.

    Raises:
        UsageError: no run can be repeated, or the code that trains raised.
        InfrastructureError: memory or disk ran out.
    """
    named = reference(pipeline)
    with fresh_code(named):
        return simulate_quietly(load(named), workdir_of(workdir), trainings, seed)
