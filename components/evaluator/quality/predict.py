"""Predictions of both models for all rows of a split, computed once, in large batches."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weighbridge.common.progress import report
from weighbridge.components.evaluator import arrays
from weighbridge.components.evaluator.aliases import Floats
from weighbridge.components.evaluator.flavours import LoadedModel
from weighbridge.components.evaluator.quality.metrics_api import Predictions
from weighbridge.components.evaluator.unmeasurable import Unmeasurable

Outputs = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Predictor:
    """A model that predicts.

    Attributes:
        model: that is called.
        label: column that is not sent to it; empty for none.
        output: name of the output that is the prediction; None where there is only one.
    """

    model: LoadedModel
    label: str
    output: str | None = None

    def __call__(self, batch: pa.RecordBatch) -> Floats:
        """Predict for the rows of a batch.

        Returns:
            [rows], or [rows, classes] where the model gives several numbers per row.

        Raises:
            Unmeasurable: the model raised, or has no such output, or the output is not numbers per row.
        """
        outputs = self.model.call(self.model.request(batch, self.label))
        return _prediction(outputs, self.output, batch.num_rows)


def predict(
    batches: Iterable[pa.RecordBatch],
    label: str,
    features: Iterable[str],
    candidate: Callable[[pa.RecordBatch], Floats],
    production: Callable[[pa.RecordBatch], Floats] | None,
    anchor: Callable[[pa.RecordBatch], Floats] | None = None,
    *,
    unit: str | None = None,
) -> Predictions:
    """Run all models over all rows.

    Args:
        batches: rows in TFX's Arrow form.
        label: name of the label's column; empty where there is none: labels are then NaN.
        features: columns to keep, for slicing and as the unit.
        candidate: predicts for a batch.
        production: predicts for a batch; None where no model in production can be called.
        anchor: likewise, an earlier version; None where nothing is compared with it.
        unit: the one of them whose rows with the same value belong together, which messages then say.

    Raises:
        Unmeasurable: a label, unit or slicing feature is missing, a model fails, or predictions are not finite.
    """
    labels, ours = [], []
    others: dict[str, list[Floats]] = {"production": [], "anchor": []}
    called = {name: each for name, each in (("production", production), ("anchor", anchor)) if each is not None}
    columns: dict[str, list[npt.NDArray[np.object_]]] = {name: [] for name in features}
    rows = 0
    for batch in batches:
        labels.append(arrays.labels(batch, label) if label else np.full(batch.num_rows, np.nan))
        for name, parts in columns.items():
            values = arrays.unit_values if name == unit else arrays.slice_values
            parts.append(values(batch, name))
        ours.append(candidate(batch))
        for name, call in called.items():
            others[name].append(call(batch))
        rows += batch.num_rows
        report(f"predicted {rows:,} rows")
    if not rows:
        raise Unmeasurable("rows", "present", "The split has no rows to weigh on.")
    predictions = Predictions(
        labels=np.concatenate(labels),
        candidate=np.concatenate(ours),
        columns={name: np.concatenate(parts) for name, parts in columns.items()},
        **{name: np.concatenate(parts) if parts else None for name, parts in others.items()},
    )
    bad = int((~np.isfinite(predictions.candidate.reshape(rows, -1))).any(axis=1).sum())
    if bad:
        raise Unmeasurable("predictions", "finite", f"{bad:,} of {rows:,} predictions are not finite numbers.")
    return predictions


def _prediction(outputs: Outputs, name: str | None, rows: int) -> Floats:
    if name is None and len(outputs) > 1:
        raise Unmeasurable(
            "prediction",
            "present",
            f"The signature has several outputs ({', '.join(sorted(outputs))}): name one as quality.prediction.",
        )
    chosen = name if name is not None else next(iter(outputs), "")
    if chosen not in outputs:
        raise Unmeasurable(
            "prediction",
            "present",
            f"The signature has no output {chosen!r}; it has: {', '.join(sorted(outputs)) or 'none'}.",
        )
    values = outputs[chosen]
    if values.dtype.kind not in "fiub" or values.ndim not in (1, 2) or len(values) != rows:
        raise Unmeasurable(
            "prediction",
            "numeric",
            f"Output {chosen!r} is {values.dtype} of shape {list(values.shape)} for {rows:,} rows: "
            "expected [rows] or [rows, classes] numbers.",
        )
    numbers = values.astype(np.float64)
    return numbers[:, 0] if numbers.ndim == 2 and numbers.shape[1] == 1 else numbers
