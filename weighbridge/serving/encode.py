"""From checked rows to what a model is called with, by kind of model; and joining requests into one call.

A SavedModel whose signature takes features by name gets tensors, one that takes serialized tf.Examples gets these, made
with TensorFlow's own protos, and a model of another flavour gets rows in TFX's Arrow form, as the Evaluator calls it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from weighbridge.components.evaluator.arrays import MISSING
from weighbridge.serving.rows import Feature, Kind, Names, RequestError, Rows, check_names, checked, decoded

if TYPE_CHECKING:
    from weighbridge.components.evaluator.flavours import LoadedModel
    from weighbridge.components.evaluator.signature import Signature

Outputs = dict[str, npt.NDArray[Any]]

NAMES = Names()

_KINDS: dict[str, Kind] = {"i": "int", "u": "int", "f": "float", "b": "bool", "O": "bytes"}


@dataclass(frozen=True)
class Encoded:
    """One request, ready to be joined with others.

    Attributes:
        rows: number of them.
        payload: what the encoder made.
        key: only requests of one key are joined.
    """

    rows: int
    payload: Any
    key: Hashable = ()


class Encoder(Protocol):
    """Makes what a model is called with.

    Attributes:
        features: what is known of the model's features, by name; empty where nothing is.
        only: name of the one input that takes bare values; empty where rows are objects.
        parameters: names of inputs that are given once per request.
    """

    features: Mapping[str, Feature]
    only: str
    parameters: frozenset[str]

    def encode(self, rows: Rows, parameters: Mapping[str, Any]) -> Encoded:
        """One request.

        Raises:
            RequestError: it names a feature that is wrong.
        """

    def join(self, parts: Sequence[Encoded]) -> Any:
        """What one call is given, for requests of one key."""


class TensorEncoder:
    """For a signature that takes features by name, [batch] or [batch, values], and scalars once per request.

    Args:
        signature: of the model.
        names: what becomes of other names.
    """

    def __init__(self, signature: "Signature", names: Names = NAMES) -> None:
        self._names = names
        self._constants = signature.constants
        self._inputs = {name: _Input(name, spec) for name, spec in signature.inputs.items()}
        once = {name for name, each in self._inputs.items() if each.rank == 0} | set(self._constants)
        self.parameters = frozenset(once)
        self._parameters = {name: each for name, each in self._inputs.items() if name in once}
        self._columns = {name: each for name, each in self._inputs.items() if name not in once}
        self.features: Mapping[str, Feature] = {name: each.feature for name, each in self._columns.items()}
        self.only = next(iter(self.features)) if len(self.features) == 1 else ""

    def encode(self, rows: Rows, parameters: Mapping[str, Any]) -> Encoded:
        """See `Encoder`."""
        check_names(rows, self.features, self._names)
        given = {**self._constants, **parameters}
        for name in given:
            if name not in self._parameters:
                known = ", ".join(sorted(self._parameters)) or "none"
                raise RequestError(f"unknown parameter {name!r}: the model takes {known}")
        for name in self._parameters:
            if name not in given:
                raise RequestError(f'{name!r} is needed once per request: send "parameters": {{"{name}": …}}')
        key = tuple((name, _once(given[name], self._parameters[name].feature)) for name in sorted(given))
        payload = {name: each.array(rows.columns.get(name), rows.count) for name, each in self._columns.items()}
        return Encoded(rows.count, payload, key)

    def join(self, parts: Sequence[Encoded]) -> Any:
        """See `Encoder`."""
        import tensorflow as tf

        count = sum(part.rows for part in parts)
        arrays: dict[str, Any] = {}
        for name, value in parts[0].key:  # type: ignore[attr-defined]  # a tuple, as `encode` makes it
            each = self._parameters[name]
            arrays[name] = value if each.rank == 0 else np.full(count, value, each.dtype)
        for name, each in self._columns.items():
            arrays[name] = each.joined([part.payload[name] for part in parts])
        # Strings live on the CPU; numbers are moved to an accelerator by the call.
        with tf.device("/CPU:0"):
            return {name: tf.constant(value, self._inputs[name].tensor) for name, value in arrays.items()}


class _Input:
    """An input of a signature, as rows are made into its tensor."""

    def __init__(self, name: str, spec: Any) -> None:
        self.tensor = spec.dtype
        self.rank = spec.shape.rank
        self.dtype = np.dtype(object if spec.dtype.name == "string" else spec.dtype.as_numpy_dtype)
        if self.rank not in (0, 1, 2) or self.dtype.kind not in _KINDS:
            raise RequestError(
                f"The signature's input {name!r} is {spec.dtype.name} of shape {spec.shape}, neither [batch] nor "
                "[batch, values] of numbers or text: it cannot be served as rows",
            )
        self.width = 1 if self.rank < 2 else spec.shape[1]
        self._missing = MISSING.get(self.dtype.kind, 0)
        least, most = (np.iinfo(self.dtype).min, np.iinfo(self.dtype).max) if self.dtype.kind in "iu" else (0, 0)
        self.feature = Feature(name, _KINDS[self.dtype.kind], self.width, int(least), int(most))

    def array(self, column: list[list[Any]] | None, rows: int) -> npt.NDArray[Any]:
        """The tensor's values: missing ones are those that the Evaluator sends.

        Raises:
            RequestError: values are not the input's.
        """
        feature = self.feature
        if column is None:
            if self.width not in (None, 1):
                raise RequestError(f"feature {feature.name!r} is missing: it takes {self.width} values per row")
            column = [[]] * rows
        found = [checked(values, feature, row) for row, values in enumerate(column)]
        if self.width is None:
            longest = max(max(map(len, found)), 1)
            return np.array([[*each, *[self._missing] * (longest - len(each))] for each in found], self.dtype)
        if self.width == 1:
            result = np.array([each[0] if each else self._missing for each in found], self.dtype)
            return result if self.rank == 1 else result[:, None]
        return np.array(found, self.dtype)

    def joined(self, arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The arrays of several requests as one; rows of fewer values are filled up."""
        if len(arrays) == 1:
            return arrays[0]
        if self.width is None:
            longest = max(each.shape[1] for each in arrays)
            arrays = [
                np.pad(each, ((0, 0), (0, longest - each.shape[1])), constant_values=self._missing) for each in arrays
            ]
        return np.concatenate(arrays)


class ExampleEncoder:
    """For a signature that takes serialized tf.Examples.

    Args:
        signature: of the model.
        features: what is known of the features in them; what is not is told by the values sent.
        names: what becomes of other names.
    """

    parameters: frozenset[str] = frozenset()

    def __init__(self, signature: "Signature", features: Mapping[str, Feature], names: Names = NAMES) -> None:
        [self.only] = signature.columns
        self._spec = signature.columns[self.only]
        self._names = names
        self.features: Mapping[str, Feature] = dict(features)

    def encode(self, rows: Rows, parameters: Mapping[str, Any]) -> Encoded:
        """See `Encoder`."""
        _no_parameters(parameters)
        serialized = rows.columns.get(self.only)
        if serialized is not None and len(rows.columns) == 1:
            payload = [_bytes_of(values, self.only, row) for row, values in enumerate(serialized)]
            return Encoded(rows.count, payload)
        check_names(rows, self.features, self._names)
        columns = typed_columns(rows, self.features)
        return Encoded(rows.count, [_example(columns, row) for row in range(rows.count)])

    def join(self, parts: Sequence[Encoded]) -> Any:
        """See `Encoder`."""
        import tensorflow as tf

        with tf.device("/CPU:0"):
            joined = np.array([each for part in parts for each in part.payload], object)
            return {self.only: tf.constant(joined, self._spec.dtype)}


class ArrowEncoder:
    """For models of other flavours: rows in TFX's Arrow form, every column a list of int64, float32 or binary.

    Args:
        loaded: the model.
        features: what is known of its features.
        names: what becomes of other names.
    """

    only = ""
    parameters: frozenset[str] = frozenset()

    def __init__(self, loaded: "LoadedModel", features: Mapping[str, Feature], names: Names = NAMES) -> None:
        self._loaded = loaded
        self._names = names
        self.features: Mapping[str, Feature] = {name: each for name, each in features.items() if name != names.label}

    def encode(self, rows: Rows, parameters: Mapping[str, Any]) -> Encoded:
        """See `Encoder`."""
        import pyarrow as pa

        _no_parameters(parameters)
        check_names(rows, self.features, self._names)
        types = {"int": pa.int64(), "float": pa.float32(), "bytes": pa.binary(), None: pa.int64()}
        found = typed_columns(rows, self.features)
        for name, each in self.features.items():  # a feature that nobody sent is a column without values
            found.setdefault(name, (each.kind or "float", [[]] * rows.count))
        columns = [
            pa.array([values or None for values in column], pa.list_(types[kind])) for kind, column in found.values()
        ]
        batch = pa.RecordBatch.from_arrays(columns, list(found))
        return Encoded(rows.count, batch, tuple((each.name, str(each.type)) for each in batch.schema))

    def join(self, parts: Sequence[Encoded]) -> Any:
        """See `Encoder`."""
        import pyarrow as pa

        batch = parts[0].payload
        if len(parts) > 1:
            [batch] = pa.Table.from_batches([part.payload for part in parts]).combine_chunks().to_batches()
        return self._loaded.request(batch, self._names.label or None)


def typed_columns(rows: Rows, features: Mapping[str, Feature]) -> dict[str, tuple[Kind, list[list[Any]]]]:
    """Kind and checked values of each column, by the known features, else by what was sent.

    Raises:
        RequestError: values do not fit, or are of several kinds.
    """
    found: dict[str, tuple[Kind, list[list[Any]]]] = {}
    for name, column in rows.columns.items():
        feature = features.get(name) or Feature(name)
        values = [checked(each, feature, row) for row, each in enumerate(column)]
        kinds = {type(value) for each in values for value in each}
        kind = feature.kind
        if kind is None:
            if bytes in kinds and len(kinds) > 1:
                raise RequestError(f"feature {name!r} has text in some rows and numbers in others")
            kind = "bytes" if bytes in kinds else "float" if float in kinds or not kinds else "int"
        if kind == "bool":
            kind = "int"
        found[name] = (kind, values)
    return found


def _example(columns: Mapping[str, tuple[Kind, list[list[Any]]]], row: int) -> bytes:
    import tensorflow as tf

    features: dict[str, Any] = {}
    for name, (kind, column) in columns.items():
        values = column[row]
        if not values:
            continue
        if kind == "float":
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
        elif kind == "int":
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        else:
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


def _bytes_of(values: list[Any], name: str, row: int) -> bytes:
    if len(values) == 1 and isinstance(values[0], bytes):
        return values[0]
    if len(values) == 1 and isinstance(values[0], dict) and set(values[0]) == {"b64"}:
        return decoded(values[0]["b64"], name, row)
    raise RequestError(f'row {row}: {name!r} takes a serialized tf.Example as {{"b64": "…"}}, or send the features')


def _once(value: Any, feature: Feature) -> Any:
    [found] = checked([value], Feature(feature.name, feature.kind, 1, feature.least, feature.most), 0)
    return found


def _no_parameters(parameters: Mapping[str, Any]) -> None:
    if parameters:
        raise RequestError(f"unknown parameter {next(iter(parameters))!r}: the model takes none")
