"""Two models, file by file, and where these differ variable by variable."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weighbridge.common.digests import file_digest
from weighbridge.local.output_capture import discarded_output
from weighbridge.reproduce.result import FileComparison, VariableComparison

_MODEL_FILE = "saved_model.pb"
_VARIABLES = "variables/variables"
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"

Values = Mapping[str, Any]


def compare_files(pushed: Path, made_again: Path) -> tuple[FileComparison, ...]:
    """The files of both models, in the order of their names."""
    sides = [_digests(pushed), _digests(made_again)]
    names = sorted(sides[0].keys() | sides[1].keys())
    return tuple(
        FileComparison(path=name, pushed=sides[0].get(name, ""), made_again=sides[1].get(name, "")) for name in names
    )


def compare_variables(pushed: Path, made_again: Path) -> tuple[VariableComparison, ...] | None:
    """The variables and constants that differ, those that differ most first; None where one is no SavedModel."""
    if not all((folder / _MODEL_FILE).is_file() for folder in (pushed, made_again)):
        return None
    with discarded_output():  # of TensorFlow, as it is imported
        ours, theirs = (_variables(folder) for folder in (pushed, made_again))
        graphs = [_graph(folder) for folder in (pushed, made_again)]
        found = [*_differences(ours, theirs)]
        if graphs[0] != graphs[1]:
            constants = [*_differences(*(_constants(graph) for graph in graphs))]
            found += constants or [VariableComparison(name=_MODEL_FILE, what="the graphs differ, but in no constant")]
    return tuple(sorted(found, key=lambda each: (each.relative is not None, -(each.relative or 0.0), each.name)))


def _digests(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in folder.rglob("*") if path.is_file()}


def _differences(pushed: Values, made_again: Values) -> Iterator[VariableComparison]:
    for name in sorted(pushed.keys() | made_again.keys()):
        if name not in made_again:
            yield VariableComparison(name=name, shape=np.shape(pushed[name]), what="is not in the model made again")
        elif name not in pushed:
            yield VariableComparison(name=name, what="is not in the pushed model")
        elif (difference := compare_values(name, np.asarray(pushed[name]), np.asarray(made_again[name]))) is not None:
            yield difference


def compare_values(name: str, pushed: Any, made_again: Any) -> VariableComparison | None:
    """How far two arrays are apart; None where they hold the same bits.

    Args:
        name: of the variable.
        pushed: values, of any shape and type.
        made_again: likewise.
    """
    shape = tuple(pushed.shape)
    if pushed.shape != made_again.shape or pushed.dtype != made_again.dtype:
        what = f"is {_kind(pushed)} as pushed and {_kind(made_again)} made again"
        return VariableComparison(name=name, shape=shape, what=what)
    if pushed.dtype == object or pushed.dtype.kind in "SU":
        count = int(np.sum(pushed != made_again))
        return VariableComparison(name=name, shape=shape, values=count, what="texts differ") if count else None
    if pushed.tobytes() == made_again.tobytes():
        return None
    wide = np.complex128 if pushed.dtype.kind == "c" else np.float64
    ours, theirs = pushed.astype(wide), made_again.astype(wide)
    differing = ~((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)))
    apart = np.abs(ours[differing] - theirs[differing])
    largest = np.maximum(np.abs(ours[differing]), np.abs(theirs[differing]))
    finite = bool(np.isfinite(apart).all())
    return VariableComparison(
        name=name,
        shape=shape,
        values=int(differing.sum()),
        largest=float(np.max(apart, initial=0.0)) if finite else None,
        relative=float(np.max(apart / largest, initial=0.0)) if finite else None,
        what="" if finite else "holds values that are not finite",
    )


def _kind(values: Any) -> str:
    return f"{values.dtype} {list(values.shape)}"


def _variables(folder: Path) -> dict[str, Any]:
    """Values of a SavedModel's variables, by the names that their makers gave them where these are unique."""
    import tensorflow as tf

    if not (folder / f"{_VARIABLES}.index").is_file():
        return {}
    reader = tf.train.load_checkpoint(str(folder / _VARIABLES))
    keys = [key for key in reader.get_variable_to_shape_map() if key != _OBJECT_GRAPH]
    names = _full_names(reader) if reader.has_tensor(_OBJECT_GRAPH) else {}
    given = [names.get(key) for key in keys]
    return {
        (name if name and given.count(name) == 1 else key.removesuffix(_SUFFIX)): reader.get_tensor(key)
        for key, name in zip(keys, given, strict=True)
    }


def _full_names(reader: Any) -> dict[str, str]:
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(reader.get_tensor(_OBJECT_GRAPH))
    return {each.checkpoint_key: each.full_name for node in graph.nodes for each in node.attributes}


def _graph(folder: Path) -> Any:
    """A SavedModel's message without the names that only tell of the process that wrote it."""
    from tensorflow.core.protobuf import saved_model_pb2

    from weighbridge.components.trainer.canonical import rename

    model = saved_model_pb2.SavedModel()
    model.ParseFromString((folder / _MODEL_FILE).read_bytes())
    rename(model)
    return model


def _constants(model: Any) -> dict[str, Any]:
    """Values of a graph's constants by function and name."""
    import tensorflow as tf

    found = {}
    for graph in model.meta_graphs:
        parts = [
            ("", graph.graph_def.node),
            *((each.signature.name, each.node_def) for each in graph.graph_def.library.function),
        ]
        for function, nodes in parts:
            for node in nodes:
                if node.op == "Const":
                    name = f"constant {function}/{node.name}" if function else f"constant {node.name}"
                    found[name] = tf.make_ndarray(node.attr["value"].tensor)
    return found
