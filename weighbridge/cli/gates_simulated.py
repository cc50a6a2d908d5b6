"""What `weighbridge gates PIPELINE --simulate N` prints: how often each gate, and the verdict, is wrong."""

from typing import TYPE_CHECKING, TextIO

from weighbridge.cli.output import print_json
from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    from weighbridge.simulate.simulation import Simulation


def simulate(pipeline: str | None, workdir: str, trainings: int, seed: int, as_json: bool) -> None:
    """Simulate the gates of a pipeline, and print what came of it.

    Raises:
        UsageError: no pipeline is named, there is nothing to repeat, or it cannot be repeated.
    """
    if pipeline is None:
        raise UsageError(
            "--simulate needs a PIPELINE whose last run it repeats", "weighbridge gates taxi --simulate 30"
        )
    from weighbridge.definition import load
    from weighbridge.simulate.quietly import simulate_quietly

    found = simulate_quietly(load(pipeline), workdir, trainings, seed, lambda out: _Told(out, as_json))
    if as_json:
        print_json(found.document())
    else:
        _print(found)


class _Told:
    """Prints a line for each piece of work.

    Args:
        stream: to print to.
        silent: print nothing.
    """

    def __init__(self, stream: TextIO, silent: bool) -> None:
        from weighbridge.cli.display import console

        self._console = console(stream)
        self._console.quiet = silent

    def __call__(self, message: str) -> None:
        self._console.print(f"{message} …", markup=False)


def _print(found: "Simulation") -> None:
    from rich.table import Table
    from rich.text import Text

    from weighbridge.cli.display import console
    from weighbridge.simulate.shown import HEADS, cells, headline, spread_lines

    out = console()
    out.print(Text(f"\n{found.pipeline}: {found.file} · the training of run {found.run}, {found.trainings} times"))
    for part in found.parts:
        if not part.gates:
            continue
        table = Table(box=None, pad_edge=False)
        for head in (part.part, *HEADS[1:]):
            table.add_column(head, overflow="fold")
        for tally in part.gates.values():
            table.add_row(*map(Text, cells(tally)))
        out.print()
        out.print(table)
    if lines := spread_lines(found):
        out.print()
    for line in [*lines, "", *found.notes, *headline(found)]:
        out.print(Text(line))
