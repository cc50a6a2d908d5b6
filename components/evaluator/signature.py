"""The exported serving signature, called as production calls it: quality and latency go through the same one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weighbridge.components.evaluator import arrays
from weighbridge.components.evaluator.gates import Constant
from weighbridge.components.evaluator.unmeasurable import Unmeasurable, first_line

ModelRequest = Mapping[str, Any]

# Call Python functions by a number that only the process knows which made the graph.
_PYTHON_OPS = frozenset({"EagerPyFunc", "PyFunc", "PyFuncStateless"})


@dataclass(frozen=True)
class Signature:
    """One signature of a loaded SavedModel.

    Attributes:
        name: of the signature.
        inputs: TensorSpec of each input, by name.
        function: takes a tensor per input as keyword arguments, returns a dict of tensors.
        model: what was loaded; kept so that its variables live as long as the signature.
        constants: inputs that no column gives: their one value for all requests, by name.
    """

    name: str
    inputs: Mapping[str, Any]
    function: Any
    model: Any = None
    constants: Mapping[str, Constant] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, Any]:
        """TensorSpec of each input that the data gives, by name."""
        return {name: spec for name, spec in self.inputs.items() if name not in self.constants}

    def takes_examples(self, columns: list[str]) -> bool:
        """Whether the data is sent as serialized tf.Examples: one string tensor that is not named like a column."""
        if len(self.columns) != 1:
            return False
        (name, spec), *_ = self.columns.items()
        return spec.dtype.name == "string" and spec.shape.rank in (None, 1) and name not in columns

    def request(self, batch: pa.RecordBatch, label: str | None = None) -> ModelRequest:
        """The tensors of one call, as a serving system would hand them to the signature.

        Args:
            batch: rows in TFX's Arrow form.
            label: column that does not exist at serving time, and so is not sent.

        Raises:
            Unmeasurable: the signature needs what the data does not have.
        """
        import tensorflow as tf

        names = [name for name in batch.schema.names if name != label]
        arguments: dict[str, Any] = {
            name: _repeated(value, self.inputs[name], batch.num_rows) for name, value in self.constants.items()
        }
        if self.takes_examples(batch.schema.names):
            (name,) = self.columns
            arguments[name] = _serialized(batch, names)
        else:
            arguments |= {name: _column(batch, names, name, spec) for name, spec in self.columns.items()}
        # Strings live on the CPU; numbers are moved to an accelerator by the call, as in production.
        with tf.device("/CPU:0"):
            return {name: tf.constant(value, self.inputs[name].dtype) for name, value in arguments.items()}

    def call(self, request: ModelRequest) -> dict[str, npt.NDArray[Any]]:
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


def load(folder: Path, name: str, constants: Mapping[str, Constant] | None = None) -> Signature:
    """Load a SavedModel and pick a signature.

    Args:
        folder: that holds `saved_model.pb`.
        name: of the signature.
        constants: the value that an input has in all requests, by the input's name.

    Raises:
        Unmeasurable: the model cannot be loaded, has no such signature, the signature no such input, or it calls
            Python.
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
    _check_servable(name, function)
    found = Signature(name, function.structured_input_signature[1], function, model, dict(constants or {}))
    _check_constants(found)
    return found


def _check_servable(name: str, function: Any) -> None:
    """Refuse a signature that calls Python: it answers in the trainer's process, and in no server.

    The graph says so for certain, and costs nothing to read; a call here could find the function by chance, because
    the trainer may have run in this process.

    Args:
        name: of the signature.
        function: the signature. Its graph brings the functions that it reaches, and no others of the model.
    """
    graph = function.graph.as_graph_def()
    nodes = chain(graph.node, *(inner.node_def for inner in graph.library.function))
    used = sorted({node.op for node in nodes} & _PYTHON_OPS)
    if used:
        raise Unmeasurable(
            "signature",
            "servable",
            f"Signature {name!r} calls Python (tf.numpy_function or tf.py_function: {', '.join(used)}), which lives "
            "in the process that trained and in no server: write it with TensorFlow's own operations.",
        )


def _check_constants(signature: Signature) -> None:
    for name, value in signature.constants.items():
        if wrong := _wrong(signature, name, value):
            raise Unmeasurable("signature", "callable", f"inputs of gates.yaml gives {name}={value!r}, but {wrong}.")


def _wrong(signature: Signature, name: str, value: Constant) -> str:
    """Why an input cannot have this value in all requests; empty if it can."""
    import tensorflow as tf

    if name not in signature.inputs:
        return f"signature {signature.name!r} has no such input; it has: {', '.join(signature.inputs)}"
    spec = signature.inputs[name]
    if spec.shape.rank not in (0, 1):
        return f"the signature's input {name!r} is neither a scalar nor [batch]"
    try:
        with tf.device("/CPU:0"):
            sent = tf.constant(value, spec.dtype).numpy()
        fits = not spec.dtype.is_integer or sent == value  # TensorFlow lets large numbers overflow
    except (TypeError, ValueError):
        fits = False
    return "" if fits else f"the signature's input {name!r} is {spec.dtype.name}"


def _repeated(value: Constant, spec: Any, rows: int) -> Any:
    return value if spec.shape.rank == 0 else [value] * rows


def _serialized(batch: pa.RecordBatch, names: list[str]) -> npt.NDArray[np.object_]:
    """Each row as a serialized tf.Example, without columns that have no value at all."""
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    kept = [name for name in names if not pa.types.is_null(batch.column(name).type)]
    rows = pa.RecordBatch.from_arrays([batch.column(name) for name in kept], kept)
    return np.array(RecordBatchToExamplesEncoder(None).encode(rows), object)


def _column(batch: pa.RecordBatch, names: list[str], name: str, spec: Any) -> npt.NDArray[Any]:
    rank = spec.shape.rank
    if name not in names:
        raise Unmeasurable(
            "signature",
            "callable",
            f"The signature asks for {name!r}, which is not a raw feature of the data; it has: {', '.join(names)}. "
            "One that is the same in every request stands under inputs in gates.yaml.",
        )
    if rank not in (1, 2):
        raise Unmeasurable(
            "signature",
            "callable",
            f"The signature's input {name!r} is not [batch] or [batch, values], so no column can be sent to it.",
        )
    dtype = spec.dtype.as_numpy_dtype
    if rank == 2 and spec.shape[1] is None:
        return arrays.padded(batch.column(name), name, dtype)
    return arrays.dense(batch.column(name), name, dtype, None if rank == 1 else spec.shape[1])
