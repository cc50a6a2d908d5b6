"""A simulation without what libraries print, and with errors that a person can act on."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from weighbridge.common import progress
from weighbridge.definition import Definition
from weighbridge.local.output_capture import captured_output
from weighbridge.runs.explain import explain_outside_run
from weighbridge.simulate.simulation import Simulation, simulate_gates

Told = Callable[[str], None]


def simulate_quietly(
    definition: Definition,
    workdir: str | Path,
    trainings: int,
    seed: int = 0,
    open_told: Callable[[TextIO], Told] = lambda _: lambda _: None,
) -> Simulation:
    """As `simulate_gates`.

    Args:
        definition: the pipeline.
        workdir: folder that keeps its runs.
        trainings: how many models to train.
        seed: of all that is drawn.
        open_told: makes what is told of each piece of work, from a stream that writes to the real stdout.

    Raises:
        WeighbridgeError: what went wrong.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        captured_output(Path(folder, "log.txt"), verbose=False) as terminal,
        progress.listening(lambda _: None),
    ):
        try:
            return simulate_gates(definition, workdir, trainings, seed, open_told(terminal))
        except BaseException as error:
            raise explain_outside_run(error, f"The gates of {definition.name} cannot be simulated") from error
