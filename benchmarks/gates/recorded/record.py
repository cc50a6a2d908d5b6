"""Record the streams of this folder: `python -m benchmarks.gates.recorded.record [--turns 20000] [--models 6]`.

Trains the taxi model with several seeds, times three loads of the first of them in turn, as a canary does, and keeps
what all of them predict for the eval split, and which of its trips were paid by card. Takes two minutes.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.gates.recorded import CALLS, PREDICTIONS

LABEL = "big_tipper"
_REQUESTS = 2048


def main(
    turns: Annotated[int, typer.Option(help="Calls of each of the three loads.")] = 20_000,
    models: Annotated[int, typer.Option(help="How often the model is trained, each time with another seed.")] = 6,
) -> None:
    """Record call times and predictions into this folder."""
    with tempfile.TemporaryDirectory() as folder:
        artifacts = Path(folder, "taxi/artifacts")
        for seed in range(models):
            print(f"training with seed {seed} …", flush=True)
            subprocess.run([*_run(folder), "--set", f"seed={seed}"], check=True, stdout=subprocess.DEVNULL)
        trained = sorted((artifacts / "Trainer/model").iterdir(), key=lambda path: int(path.name))
        rows = _rows(next((artifacts / "ExampleGen/examples").iterdir()))
        _record_predictions(trained, rows)
        _record_calls(trained[0], rows, turns)


def _run(folder: str) -> list[str]:
    return [sys.executable, "-m", "weighbridge", "run", "taxi", "--to", "Trainer", "--workdir", folder]


def _rows(examples: Path) -> Any:
    """The eval split as one batch in TFX's Arrow form."""
    from weighbridge.components.artifacts.examples import read_batches

    [batch] = read_batches(str(examples), "eval", batch_rows=10**6)
    return batch


def _column(rows: Any, name: str) -> Any:
    """The values of a column that no row lacks [rows]."""
    values = rows.column(rows.schema.get_field_index(name)).flatten()
    return np.array(values.to_pylist())


def _load(model: Path) -> tuple[Any, Any]:
    from weighbridge.components.evaluator.flavours import find_model

    stored = find_model(model, "serving_default")
    return stored, stored.load()


def _record_predictions(trained: list[Path], rows: Any) -> None:
    from weighbridge.components.evaluator.quality.predict import Predictor

    predicted = [Predictor(_load(model)[1], LABEL)(rows) for model in trained]
    np.savez_compressed(
        PREDICTIONS,
        labels=_column(rows, LABEL).astype(np.uint8),
        by_card=_column(rows, "payment_type") == b"Credit Card",
        predictions=np.array(predicted, np.float16),
    )
    print(f"{len(trained)} models, {rows.num_rows:,} rows: {PREDICTIONS}")


def _record_calls(model: Path, rows: Any, turns: int) -> None:
    """Times of calls with one row each, the three loads in random order within a turn."""
    from weighbridge.components.evaluator.latency.served import ServedModel
    from weighbridge.components.evaluator.latency.timing import settled_heap, time_calls, warm_up

    rng = np.random.default_rng(0)
    loads = ("production", "control", "candidate")
    callers = {name: ServedModel(*_load(model), rows, LABEL, 1).caller(1, _REQUESTS) for name in loads}
    with settled_heap():
        warm_up(callers, rng, 2.0)
        times = time_calls(callers, turns, rng)
    np.savez_compressed(CALLS, ms=np.array(list(times.values()), np.float16), distinct=_REQUESTS)
    print(f"{turns:,} turns: {CALLS}")


if __name__ == "__main__":
    typer.run(main)
