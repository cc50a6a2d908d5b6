"""The first rows of the data against the schema: columns that are missing, new, or of another type.

Of a file its first rows are read, and prepare_fn is tried on them; no step runs, and nothing is written.
"""

import contextlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from weighbridge.checks.finding import Finding, Level, listed, nearest
from weighbridge.checks.functions import place_of_error
from weighbridge.checks.subject import Node, Subject
from weighbridge.common import invocation
from weighbridge.common.errors import WeighbridgeError
from weighbridge.storage.schemes import is_address

if TYPE_CHECKING:
    import pyarrow as pa

    from weighbridge.components.example_gen.process import ReadRequest

_DATA = "data"
_ROWS = 1000
_NEEDED = ("input", "span", "window", "splits", "schema", "prepare_fn", "columns", "sample")
_KINDS = {"BYTES": "text", "INT": "whole numbers", "FLOAT": "numbers"}


def columns(subject: Subject) -> Iterator[Finding]:
    """What the first rows show to be wrong with data, prepare_fn or schema."""
    for node in subject.nodes_with(*_NEEDED):
        try:
            found = first_rows(node)
        except WeighbridgeError as error:
            file, line = place_of_error(error, subject.definition.folder)
            yield Finding.of(_DATA, error, file, line)
            continue
        if found is not None and found.num_rows:
            yield from _against_schema(subject, node, found)


def first_rows(node: Node) -> "pa.RecordBatch | None":
    """The first rows of an ExampleGen's input, renamed and prepared as it would; None for data in a store.

    Raises:
        WeighbridgeError: they cannot be read, or prepare_fn does not take them.
    """
    from weighbridge.components.example_gen import formats
    from weighbridge.components.example_gen.feature_types import TypeChanged
    from weighbridge.components.example_gen.process import Processor
    from weighbridge.components.example_gen.resolve import resolve

    request = request_of(node)
    if is_address(request.input):
        return None  # to look into it is to download it
    resolved = resolve(request.input, request.span, request.window)
    path, kind = resolved.files[0], formats.formats()[resolved.format]
    kinds = request.feature_types()
    kinds.inferring = True
    for batch in formats.read(path, resolved.format, kinds, _ignore, columns=request.columns):
        rows = batch.slice(0, _ROWS)
        process = Processor(request, kinds, check=kind.all_columns)
        prepared = process.prepared(rows, path)
        with contextlib.suppress(TypeChanged):  # the whole input decides
            process.settled(rows, path)  # for what it refuses: a column without a place in a tf.Example, a split's
        return prepared
    return None


def request_of(node: Node) -> "ReadRequest":
    """What an ExampleGen is to read, and how."""
    from weighbridge.components.example_gen.process import ReadRequest
    from weighbridge.components.example_gen.sample import Sample
    from weighbridge.components.example_gen.splits import Splits

    given = node.parameters
    return ReadRequest(
        input=given["input"],
        span=given["span"],
        window=given["window"],
        splits=Splits.model_validate_json(given["splits"]),
        prepare_fn=given["prepare_fn"],
        columns=json.loads(given["columns"]),
        sample=Sample.model_validate_json(given["sample"]),
    )


def _ignore(_row: int, _reason: str, _line: str) -> None:
    pass


def _against_schema(subject: Subject, node: Node, rows: "pa.RecordBatch") -> Iterator[Finding]:
    names = rows.schema.names
    yield from _label(subject, node, names)
    if subject.schema is None or not node.parameters["schema"]:
        return
    level: Level = "warning" if subject.gates and subject.gates.data.anomalies == "warning" else "error"
    for name, feature in subject.features.items():
        if name not in names and _is_required(feature):
            yield Finding(
                check=_DATA,
                level=level,
                message=f"The data have no column {name!r}, which the schema requires."
                f"{nearest(name, [each for each in names if each not in subject.features])}",
                hint=f"Columns of the data: {listed(names, 40)}. If it is gone for good: "
                f"{invocation.command('schema', '--accept', name)}",
                file=subject.context.schema,
                line=subject.schema_lines.get(name),
            )
    for name, column in zip(names, rows.columns, strict=True):
        if name not in subject.features:
            yield Finding(
                check=_DATA,
                level=level,
                message=f"The data have a column {name!r}, which the schema does not know."
                f"{nearest(name, [each for each in subject.features if each not in names])}",
                hint=f"If it is right, take it over: {invocation.command('schema', '--accept', name)}",
                file=subject.context.schema,
            )
        else:
            yield from _type(subject, name, column, level)


def _type(subject: Subject, name: str, column: Any, level: Level) -> Iterator[Finding]:
    from weighbridge.checks.schema import TYPES

    wanted = TYPES.get(subject.features[name].type, "")
    found = _kind(column.type)
    if not found or wanted not in _KINDS or found == wanted or (wanted == "FLOAT" and found == "INT"):
        return
    if column.null_count == len(column) or (wanted == "BYTES"):
        return  # whatever has a text is taken for one
    yield Finding(
        check=_DATA,
        level=level,
        message=f"Column {name!r} holds {_KINDS[found]}, and the schema says {_KINDS[wanted]} ({wanted})",
        hint=f"Mend it in prepare_fn; or take the type over: {invocation.command('schema', '--accept', name)}",
        file=subject.context.schema,
        line=subject.schema_lines.get(name),
    )


def _kind(type_: Any) -> str:
    """The schema's name of a column's type; empty for one that is not told apart here."""
    import pyarrow as pa

    inner = type_.value_type if pa.types.is_list(type_) or pa.types.is_large_list(type_) else type_
    if pa.types.is_integer(inner) or pa.types.is_boolean(inner) or pa.types.is_temporal(inner):
        return "INT"
    if pa.types.is_floating(inner) or pa.types.is_decimal(inner):
        return "FLOAT"
    if pa.types.is_string(inner) or pa.types.is_binary(inner) or pa.types.is_large_string(inner):
        return "BYTES"
    return ""


def _label(subject: Subject, node: Node, names: list[str]) -> Iterator[Finding]:
    """The label must be a column of what ExampleGen makes, unless another step makes the examples that are weighed."""
    for evaluator in subject.nodes_with("quality", "label"):
        wanted = evaluator.parameters["label"]
        fed = dict(evaluator.component.inputs).get("examples")
        if wanted and wanted not in names and getattr(fed, "producer_component_id", None) == node.id:
            yield Finding(
                check="label",
                message=f"The data have no column {wanted!r}, the label that {evaluator.id} weighs against."
                f"{nearest(wanted, names)}",
                hint=f"Columns of the data: {listed(names, 40)}.",
            )


def _is_required(feature: Any) -> bool:
    from weighbridge.checks.schema import is_deprecated

    return bool(feature.presence.min_count or feature.presence.min_fraction) and not is_deprecated(feature)
