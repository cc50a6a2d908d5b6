"""The exported serving signature, called as production calls it: quality and latency go through the same one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.evaluator import arrays
from components.evaluator.measured import Unmeasurable, first_line

Request = Mapping[str, Any]


@dataclass(frozen=True)
class Signature:
    """One signature of a loaded SavedModel.

    Attributes:
        name: of the signature.
        inputs: TensorSpec of each input, by name.
        function: takes a tensor per input as keyword arguments, returns a dict of tensors.
        model: what was loaded; kept so that its variables live as long as the signature.
    """

    name: str
    inputs: Mapping[str, Any]
    function: Any
    model: Any = None

    def takes_examples(self, columns: list[str]) -> bool:
        """Whether the input is serialized tf.Examples: one string tensor that is not named like a column."""
        if len(self.inputs) != 1:
            return False
        (name, spec), *_ = self.inputs.items()
        return spec.dtype.name == "string" and name not in columns

    def request(self, batch: pa.RecordBatch, label: str | None = None) -> Request:
        """The tensors of one call, as a serving system would hand them to the signature.

        Args:
            batch: rows in TFX's Arrow form.
            label: column that does not exist at serving time, and so is not sent.

        Raises:
            Unmeasurable: the signature needs what the data does not have.
        """
        import tensorflow as tf

        names = [name for name in batch.schema.names if name != label]
        if self.takes_examples(batch.schema.names):
            (name,) = self.inputs
            arguments: dict[str, npt.NDArray[Any]] = {name: _serialized(batch, names)}
        else:
            arguments = {name: _column(batch, names, name, spec) for name, spec in self.inputs.items()}
        # Strings live on the CPU; numbers are moved to an accelerator by the call, as in production.
        with tf.device("/CPU:0"):
            return {name: tf.constant(value, self.inputs[name].dtype) for name, value in arguments.items()}

    def call(self, request: Request) -> dict[str, npt.NDArray[Any]]:
        """Call the signature and wait for its outputs.

        Raises:
            Unmeasurable: the signature raised.
        """
        try:
            return {name: tensor.numpy() for name, tensor in self.function(**request).items()}
        except Exception as error:  # whatever a user's graph raises, it could not have served
            raise Unmeasurable(
                "signature", "callable", f"Signature {self.name!r} raised on real rows: {first_line(error)}"
            ) from error


def load(folder: Path, name: str) -> Signature:
    """Load a SavedModel and pick a signature.

    Args:
        folder: that holds `saved_model.pb`.
        name: of the signature.

    Raises:
        Unmeasurable: the model cannot be loaded, or has no such signature.
    """
    import tensorflow as tf

    try:
        model = tf.saved_model.load(str(folder))
        signatures = model.signatures
    except Exception as error:  # a damaged export fails in many ways; none of them may be served
        raise Unmeasurable("model", "loadable", f"The exported model cannot be loaded: {first_line(error)}") from error
    if name not in signatures:
        known = ", ".join(sorted(signatures)) or "none"
        raise Unmeasurable("signature", "present", f"The exported model has no signature {name!r}; it has: {known}.")
    function = signatures[name]
    return Signature(name, function.structured_input_signature[1], function, model)


def serving_folder(model: str | Path) -> Path:
    """The SavedModel inside a Model artifact's folder, in TFX's layout or as a plain SavedModel.

    Raises:
        Unmeasurable: there is none: the model was not exported.
    """
    for folder in (Path(model, "Format-Serving"), Path(model, "serving_model_dir"), Path(model)):
        if (folder / "saved_model.pb").is_file():
            return folder
    raise Unmeasurable("model", "loadable", f"No model was exported: there is no saved_model.pb in {Path(model).name}.")


def _serialized(batch: pa.RecordBatch, names: list[str]) -> npt.NDArray[np.object_]:
    """Each row as a serialized tf.Example, without columns that have no value at all."""
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    kept = [name for name in names if not pa.types.is_null(batch.column(name).type)]
    rows = pa.RecordBatch.from_arrays([batch.column(name) for name in kept], kept)
    return np.array(RecordBatchToExamplesEncoder(None).encode(rows), object)


def _column(batch: pa.RecordBatch, names: list[str], name: str, spec: Any) -> npt.NDArray[Any]:
    if name not in names:
        raise Unmeasurable(
            "signature",
            "callable",
            f"The signature asks for {name!r}, which is no raw feature of the data; it has: {', '.join(names)}.",
        )
    rank = spec.shape.rank
    if rank not in (1, 2):
        raise Unmeasurable(
            "signature", "callable", f"The signature's input {name!r} is not [batch] or [batch, values]."
        )
    width = None if rank == 1 else spec.shape[1] or 1
    return arrays.dense(batch.column(name), name, spec.dtype.as_numpy_dtype, width)
