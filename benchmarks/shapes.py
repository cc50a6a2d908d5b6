"""What malformed values and many columns cost ExampleGen and DataValidator, against clean and narrow data of one run.

python -m benchmarks.shapes [--rows 500000] [--columns 2000] [--cells 6000000]
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer
from pyarrow import csv

from weighbridge.components.data_validator.gates import DataGates
from weighbridge.components.data_validator.validate import validate_examples
from weighbridge.components.example_gen.gates import ExamplesGates
from weighbridge.components.example_gen.generate import generate
from weighbridge.components.example_gen.process import ReadRequest

_NARROW = 20  # columns
_BAD = 5  # values
_KINDS = ("FLOAT", "FLOAT", "INT", "BYTES")


def main(
    rows: Annotated[int, typer.Option(help="Of the clean and of the malformed file.")] = 500_000,
    columns: Annotated[int, typer.Option(help="Of the wide file.")] = 2_000,
    cells: Annotated[int, typer.Option(help="Of the narrow and of the wide file, each.")] = 6_000_000,
) -> None:
    """Print CPU seconds and their ratios."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        read(write_csv(folder / "first.csv", 1_000, 4), 4)  # imports
        clean = write_csv(folder / "clean.csv", rows, 4)
        malformed = folder / "malformed.csv"
        lines = clean.read_text().splitlines()
        for row in np.linspace(1, rows, _BAD, dtype=int):
            lines[row] = f"many{lines[row]}"
        malformed.write_text("\n".join(lines) + "\n")
        costs = {
            f"ExampleGen, {path.stem}": cpu_seconds(lambda path=path: read(path, 4)) for path in (clean, malformed)
        }
        show(f"{rows:,} rows, {_BAD} malformed", costs)
        by_width: dict[str, dict[int, float]] = {"ExampleGen": {}, "DataValidator": {}}
        weigh(folder / "first.csv", 4)  # imports
        for width in (_NARROW, columns):
            path = write_csv(folder / f"{width}.csv", cells // width, width)
            reading = cpu_seconds(lambda path=path, width=width: read(path, width))
            weighing = cpu_seconds(lambda path=path, width=width: weigh(path, width))
            by_width["ExampleGen"][width], by_width["DataValidator"][width] = reading, weighing
        for step, found in by_width.items():
            show(f"{cells:,} cells", {f"{step}, {width:,} columns": cost for width, cost in found.items()})


def write_csv(path: Path, rows: int, columns: int) -> Path:
    """Write columns of floats, whole numbers and texts."""
    random = np.random.default_rng(0)
    make: dict[str, Callable[[], np.ndarray]] = {
        "FLOAT": lambda: random.normal(size=rows).astype(np.float32),
        "INT": lambda: random.integers(0, 1_000, rows),
        "BYTES": lambda: np.array([f"v{value}" for value in random.integers(0, 50, rows)], object),
    }
    table = pa.table({f"f{number:05}": make[_KINDS[number % 4]]() for number in range(columns)})
    csv.write_csv(table, path)
    return path


def _schema(columns: int) -> str:
    return "".join(
        f'feature {{ name: "f{number:05}" type: {_KINDS[number % 4]} shape {{ dim {{ size: 1 }} }} }}\n'
        for number in range(columns)
    )


def read(path: Path, columns: int) -> None:
    """ExampleGen's work on a file."""
    gates = ExamplesGates(max_quarantined_fraction=0.1)
    generate(ReadRequest(input=str(path), schema_text=_schema(columns)), path.with_suffix(".examples"), gates)


def weigh(path: Path, columns: int) -> None:
    """DataValidator's work on what `read` made of a file."""
    validate_examples(str(path.with_suffix(".examples")), ["train", "eval"], _schema(columns), DataGates())


def cpu_seconds(work: Callable[[], object]) -> float:
    """What a call takes in all threads."""
    began = time.process_time()
    work()
    return time.process_time() - began


def show(title: str, costs: dict[str, float]) -> None:
    """Print costs, and their ratios to the first."""
    print(title)
    first = next(iter(costs.values()))
    for name, cost in costs.items():
        print(f"  {name:32} {cost:7.2f} s CPU {cost / first:6.2f}x")


if __name__ == "__main__":
    typer.run(main)
