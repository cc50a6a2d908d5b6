"""What is weighed, and the running of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from benchmarks.gates import drift, latency, quality
from benchmarks.gates.call_streams import CallStream, call_streams
from benchmarks.gates.columns import ColumnStream, column_streams
from benchmarks.gates.outcomes import AT_MARGIN, EQUAL, GOOD, TWICE, Cell, Verdict, weigh
from benchmarks.gates.predictions import PredictionStream, prediction_streams

Gate = Literal["latency", "quality", "drift"]
Stream = TypeVar("Stream", CallStream, PredictionStream, ColumnStream)
GATES: tuple[Gate, ...] = ("latency", "quality", "drift")

_DRIFT_ROWS = (500, 5000)
LADDER = (250, 500, 1000, 2000, 4000, 8000, 16000)
_CLIMBED = {"quality": ("made-up rows, AUC", "made-up rows, accuracy"), "drift": ("normal numbers", "30 categories")}
# Rules that take long: so many times fewer verdicts on equals, and on others.
_COSTLY = {latency.EVALUATOR: (2.5, 1.0), latency.CANARY: (20.0, 4.0)}


@dataclass(frozen=True)
class Task:
    """A cell that is to be filled.

    Attributes:
        gate: kind of gate.
        stream: name of the stream.
        rows: of each sample; 0 for calls, of which a rule takes as many as it likes.
        rule: name of the rule.
        truth: how the candidate differs.
        verdicts: how many.
        seed: another one, other samples.
    """

    gate: Gate
    stream: str
    rows: int
    rule: str
    truth: str
    verdicts: int
    seed: int = 0

    @property
    def shown(self) -> str:
        """The stream as tables show it."""
        return f"{self.stream}, {self.rows:,} rows" if self.rows else self.stream

    def run(self) -> Cell:
        """Weigh."""
        found = weigh(self.verdicts, f"{self.seed} {self.gate} {self.shown} {self.truth}", _judge(self))
        return Cell(self.gate, self.shown, self.rule, self.truth, self.verdicts, *found)


def tasks(gate: Gate, equal: int, worse: int, seed: int = 0) -> list[Task]:
    """All cells of a kind of gate.

    Args:
        gate: the kind.
        equal: verdicts on equal models or data for each rule, all streams together.
        worse: the same of each other truth.
        seed: see `Task`.
    """
    found = list(_of(gate))
    streams = len({(task.stream, task.rows) for task in found})
    for index, task in enumerate(found):
        costs = _COSTLY.get(task.rule, (1.0, 1.0))
        verdicts = int(equal / streams / costs[0] if task.truth == EQUAL else worse / streams / costs[1])
        found[index] = replace(task, verdicts=max(verdicts, 1), seed=seed)
    return found


def climb(gate: Gate, verdicts: int, seed: int = 0) -> list[Task]:
    """Cells for more and more rows, of which the fewest that decide are read off; none for calls."""
    found = [task for task in _of(gate, LADDER) if task.stream in _CLIMBED.get(gate, ())]
    if not verdicts:
        return []
    truths = (EQUAL, AT_MARGIN, TWICE)
    return [replace(task, verdicts=verdicts, seed=seed) for task in found if task.truth in truths]


def _of(gate: Gate, rows: tuple[int, ...] = ()) -> Iterator[Task]:
    if gate == "latency":
        for stream in call_streams():
            for rule in latency.RULES:
                yield from (Task(gate, stream.name, 0, rule, truth, 0) for truth in latency.TRUTHS)
    elif gate == "quality":
        for predicted in prediction_streams():
            for count in rows or predicted.rows:
                for rule in quality.RULES:
                    yield from (Task(gate, predicted.name, count, rule, truth, 0) for truth in quality.TRUTHS)
    else:
        for column in column_streams():
            for count in rows or _DRIFT_ROWS:
                for rule in drift.rules(column.kind):
                    yield from (Task(gate, column.name, count, rule, truth, 0) for truth in column.shifts)


def _judge(task: Task) -> Callable[[np.random.Generator], Verdict]:
    """What gives the verdicts of a cell."""
    if task.gate == "latency":
        calls = _named(call_streams(), task.stream)
        timed, ratio = latency.RULES[task.rule], latency.TRUTHS[task.truth]
        return lambda rng: timed(calls.draw(rng, ratio), calls)
    if task.gate == "quality":
        predicted = _named(prediction_streams(), task.stream)
        weighed, loss = quality.RULES[task.rule], quality.TRUTHS[task.truth] * predicted.margin
        return lambda rng: (weighed(predicted.draw(rng, task.rows, loss), predicted), task.rows)
    column = _named(column_streams(), task.stream)
    compared, shift = drift.rules(column.kind)[task.rule], column.shifts[task.truth]

    def judge(rng: np.random.Generator) -> Verdict:
        reference = column.draw(rng, task.rows, 0.0)
        return compared(column.draw(rng, task.rows, shift), reference, column.kind), task.rows

    return judge


def _named(streams: Iterable[Stream], name: str) -> Stream:
    return next(stream for stream in streams if stream.name == name)


def run(todo: Iterable[Task], jobs: int = 1) -> Iterator[Cell]:
    """Fill cells, in their order.

    Args:
        todo: what is to be filled.
        jobs: processes at once.
    """
    if jobs == 1:
        yield from (task.run() for task in todo)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(Task.run, todo)


def fewest_rows(cells: Iterable[Cell], most_wrong: float = 0.05) -> dict[tuple[str, str], int | None]:
    """The fewest rows of the ladder with which a rule is right: equals pass, and twice the margin does not.

    Args:
        cells: of `climb`.
        most_wrong: share of either that may go wrong.

    Returns:
        By stream and rule; None where no rows of the ladder suffice.
    """
    wrong: dict[tuple[str, str], dict[int, float]] = {}
    for cell in cells:
        if cell.truth in (EQUAL, TWICE):
            stream, _, rows = cell.stream.rpartition(", ")
            shares = wrong.setdefault((stream, cell.rule), {})
            count = cell.verdicts - cell.passed if cell.truth in GOOD else cell.passed
            number = int(rows.removesuffix(" rows").replace(",", ""))
            shares[number] = max(shares.get(number, 0.0), count / cell.verdicts)
    return {
        key: next((rows for rows, share in sorted(shares.items()) if share <= most_wrong), None)
        for key, shares in wrong.items()
    }
