"""Five hundred columns pass through ExampleGen and DataValidator, each looked at as often as one of five columns is."""

import cProfile
import pstats
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from weighbridge.components.artifacts.examples import read_batches
from weighbridge.components.data_validator.gates import DataGates
from weighbridge.components.data_validator.schema import infer_schema, schema_text
from weighbridge.components.data_validator.statistics import compute_statistics
from weighbridge.components.data_validator.validate import validate_examples
from weighbridge.components.example_gen.gates import ExamplesGates
from weighbridge.components.example_gen.generate import generate
from weighbridge.components.example_gen.process import ReadRequest

_ROWS = 60


def _write(path: Path, columns: int) -> str:
    random = np.random.default_rng(0)
    kinds = (
        lambda: random.normal(size=_ROWS).astype(np.float32),
        lambda: random.integers(0, 300, _ROWS),
        lambda: np.array([f"v{value}" for value in random.integers(0, 5, _ROWS)], object),
    )
    csv.write_csv(pa.table({f"f{number:03}": kinds[number % 3]() for number in range(columns)}), path)
    return str(path)


def _calls(profile: cProfile.Profile) -> int:
    return sum(calls for _, calls, *_ in pstats.Stats(profile).stats.values())  # type: ignore[attr-defined]


def _run(folder: Path, columns: int) -> int:
    """How many functions it takes to read and weigh a file."""
    data, examples = _write(folder / f"{columns}.csv", columns), str(folder / f"{columns}")
    with cProfile.Profile() as reading:
        summary = generate(ReadRequest(input=data), examples, ExamplesGates())
    assert len(summary.columns) == columns
    schema = schema_text(infer_schema(compute_statistics(read_batches(examples, "train"))))
    for domain in ("string_domain", "presence"):
        assert domain in schema
    with cProfile.Profile() as weighing:
        validation = validate_examples(examples, ["train", "eval"], schema, DataGates())
    assert all(len(found.datasets[0].features) == columns for found in validation.statistics.values())
    assert not validation.refused
    return _calls(reading) + _calls(weighing)


@pytest.mark.filterwarnings("ignore")
def test_wide_data_pass_at_a_price_in_proportion_to_their_columns(tmp_path: Path) -> None:
    _run(tmp_path, 3)  # imports
    few, many = _run(tmp_path, 50), _run(tmp_path, 500)
    assert many < 12 * few
