"""What a delivered copy must show: the answers of the copy it was made of, and its time beside production's.

Imports no tfx.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common import progress
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.thresholds.delivery import Stage
from weighbridge.verdict import Bounds, Gate

if TYPE_CHECKING:
    import pyarrow as pa

    from weighbridge.components.evaluator.flavours import LoadedModel, StoredModel

_EVAL = "eval"


@dataclass(frozen=True)
class Copies:
    """The folders of the SavedModels: the delivered copy, what it was made of, and production's (None for none)."""

    delivered: Path
    source: Path
    production: Path | None


def check_copy(name: str, stage: Stage, copies: Copies, examples: Path | None, thresholds: LatencyGates) -> list[Gate]:
    """Call a delivered copy with real rows.

    Args:
        name: of the stage; the gates are called `<name>.…`.
        stage: how many calls, and the thresholds.
        copies: the models.
        examples: folder of the examples that the model was weighed on; None where they are not here.
        thresholds: name the signature and the inputs that are the same in all requests.

    Returns:
        The gates. A copy that cannot be loaded or called, or has no rows to be called with, is refused by one.
    """
    try:
        rows = _rows(examples, stage.rows)
        delivered = _stored(copies.delivered, thresholds).load()
        source = _stored(copies.source, thresholds).load()
        difference = largest_difference(_answers(delivered, rows), _answers(source, rows))
        advice = "Its files are damaged or its machine computes otherwise: deliver it again."
        gates = Bounds(max=stage.max_difference).judge(f"{name}.outputs.difference", difference, advice=advice)
        return [*gates, *_weigh_calls(name, stage, copies, delivered, rows, thresholds)]
    except Unmeasurable as error:
        return [error.gate(name)]


def _rows(examples: Path | None, most: int) -> "pa.RecordBatch":
    from weighbridge.components.artifacts.examples import read_batches, split_names

    again = "Run the pipeline on the same data here, at least as far as its examples (--to ExampleGen), then promote."
    if examples is None or not examples.is_dir():
        raise Unmeasurable("examples", "present", f"The examples that the model was weighed on are not here. {again}")
    names = split_names(str(examples))
    split = _EVAL if _EVAL in names or not names else names[-1]
    try:
        found = next((batch for batch in read_batches(str(examples), split, batch_rows=most) if batch.num_rows), None)
    except UsageError as error:
        raise Unmeasurable("examples", "present", f"{error.message}. {again}") from error
    if found is None:
        raise Unmeasurable("examples", "present", f"Split {split!r} of {examples} has no rows. {again}")
    return found


def _stored(folder: Path, thresholds: LatencyGates) -> "StoredModel":
    from weighbridge.components.evaluator.flavours import find_model

    return find_model(folder, thresholds.signature, thresholds.inputs)


def _production(folder: Path, thresholds: LatencyGates) -> "tuple[StoredModel, LoadedModel]":
    try:
        stored = _stored(folder, thresholds)
        return stored, stored.load()
    except Unmeasurable as error:
        message = f"The model in production cannot be compared with. {error.message}"
        raise Unmeasurable("production", "readable", message) from error


def _answers(loaded: "LoadedModel", rows: "pa.RecordBatch") -> dict[str, Any]:
    return loaded.call(loaded.request(rows))


def largest_difference(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """The largest difference between two answers.

    Args:
        ours: answer of one model, arrays of any shape by output name.
        theirs: answer of the other model to the same rows.

    Returns:
        The largest absolute difference of two numbers in the same place; infinite where the outputs have other names
        or shapes, where text differs, or where only one of two numbers is finite.
    """
    import numpy as np

    if set(ours) != set(theirs):
        return float("inf")
    worst = 0.0
    for name, values in ours.items():
        others = theirs[name]
        if values.shape != others.shape:
            return float("inf")
        if values.dtype.kind not in "fiub":
            worst = max(worst, 0.0 if np.array_equal(values, others) else float("inf"))
            continue
        left, right = values.astype(np.float64), others.astype(np.float64)
        same = (left == right) | (np.isnan(left) & np.isnan(right))
        with np.errstate(invalid="ignore"):
            apart = np.where(same, 0.0, np.abs(left - right))
        worst = max(worst, float(np.nan_to_num(apart, nan=np.inf, posinf=np.inf).max(initial=0.0)))
    return worst


def _weigh_calls(
    name: str,
    stage: Stage,
    copies: Copies,
    delivered: "LoadedModel",
    rows: "pa.RecordBatch",
    thresholds: LatencyGates,
) -> list[Gate]:
    """Calls with one row each, in turn with production's; without thresholds on time they must only be answered."""
    from weighbridge.components.evaluator.latency.served import ServedModel
    from weighbridge.delivery.canary import answered, weigh_calls

    candidate = ServedModel(_stored(copies.delivered, thresholds), delivered, rows, "", 1)
    if stage.p50_ms is None and stage.p99_ms is None:
        call = candidate.caller(1, candidate.requests(1))
        deadline = time.monotonic() + stage.budget_s
        for turn in range(stage.calls):
            call(turn)
            progress.report(f"{turn + 1:,} of {stage.calls:,} calls answered")
            if time.monotonic() > deadline:
                break
        return [answered(name, turn + 1)]
    contenders = {"candidate": candidate}
    if copies.production is not None:
        for contender in ("production", "control"):
            contenders[contender] = ServedModel(*_production(copies.production, thresholds), rows, "", 1)
    return weigh_calls(name, stage, contenders, thresholds)
