"""The same model, the same bytes: an exported SavedModel without what only tells of the process that wrote it.

TensorFlow numbers functions and tables with a counter that runs through the whole process, and names some tables by
chance or by the path of a file. None of this is part of the model, but all of it is part of `saved_model.pb`, so that
a training after other steps, in one process, exported other bytes than the same training alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from weighbridge.common import files

_MODEL_FILE = "saved_model.pb"
_FINGERPRINT_FILE = "fingerprint.pb"
# Names that TensorFlow gives to functions, whether or not the function itself was saved.
_TRACED = re.compile(r"__(?:inference|forward|backward)_.*_\d+")
_NUMBERED = re.compile(r".*_(\d+)")
_NUMBER = re.compile(r"_\d+(?=_|$)")
_GRADIENT = "_gradient_op_type"
_GIVEN_NAME = "_user_specified_name"
_GRADIENT_NUMBER = re.compile(r"([A-Za-z]+)-(\d+)")
_INITIALIZER = re.compile(r"key_value_init(\d+)")
_PLACEHOLDER = re.compile(r"(.*_)(\d+)(___redundant_placeholder\d+)")
_TABLE_OPS = re.compile(r".*(?:Table|TableV2|TableOfTensors|TableOfTensorsV2)")
_TENSOR = "tensorflow.TensorProto"  # constants: nothing in them names a function


def make_canonical(folder: str | Path) -> bool:
    """Rename what `folder/saved_model.pb` names by chance, and write its fingerprint anew.

    Functions and tables are numbered in the order in which they were made; the model computes what it did.

    Args:
        folder: of a SavedModel; one that is not there, or not in one binary file, is left as it is.

    Returns:
        Whether the file was changed.

    Raises:
        OSError: the folder cannot be written.
    """
    path = Path(folder, _MODEL_FILE)
    if not path.is_file():
        return False
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    before = path.read_bytes()
    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString(before)
    except DecodeError:  # not TensorFlow's: whoever loads it says so
        return False
    rename(model)
    after = model.SerializeToString(deterministic=True)
    if after == before:
        return False
    fingerprint = Path(folder, _FINGERPRINT_FILE)
    had_one = fingerprint.is_file()
    fingerprint.unlink(missing_ok=True)  # none is better than that of another model
    files.write_bytes(path, after)
    if had_one and (data := _fingerprint(Path(folder))):
        files.write_bytes(fingerprint, data)
    return True


def rename(model: Any) -> None:
    """Rename what a `SavedModel` message names by chance, in place; see `make_canonical`."""
    for graph in model.meta_graphs:
        names = _functions(graph)
        _apply(graph, partial(_renamed, names, {_last_number(old): _last_number(new) for old, new in names.items()}))
        library = graph.graph_def.library.function
        library.sort(key=lambda function: _last_number(function.signature.name))
        nodes = [*graph.graph_def.node, *(node for function in library for node in function.node_def)]
        arguments = [argument.attr for function in library for argument in function.arg_attr.values()]
        _rename_tables(nodes)
        _rename_captures([*arguments, *(node.attr for node in nodes)])
        for function in library:
            _rename_captured_arguments(function)
        _rename_gradients(graph, nodes)
        _rename_initializers(graph)


def _functions(graph: Any) -> dict[str, str]:
    """New names of functions by their old ones. The last number counts the functions that the process made."""
    names = {function.signature.name for function in graph.graph_def.library.function}
    names = {name for name in names if _NUMBERED.fullmatch(name)}
    names |= {text for text in _texts(graph) if _TRACED.fullmatch(text)}
    ordered = sorted(names, key=lambda name: (_last_number(name), _NUMBER.sub("", name)))
    return {name: f"{_NUMBER.sub('', name)}_{rank}" for rank, name in enumerate(ordered, 1)}


def _renamed(names: Mapping[str, str], numbers: Mapping[int, int], text: str) -> str:
    """The new name of a function; also within the name of an argument that a loop does not use, which holds it."""
    if text in names:
        return names[text]
    match = _PLACEHOLDER.fullmatch(text)
    if match is None or int(match[2]) not in numbers:
        return text
    return f"{match[1]}{numbers[int(match[2])]}{match[3]}"


def _rename_initializers(graph: Any) -> None:
    """Number what fills tables, in the order in which it was made; operations and arguments hold the name."""
    found = {int(number) for text in _texts(graph) for number in _INITIALIZER.findall(text)}
    ranks = {str(number): f"key_value_init{rank}" for rank, number in enumerate(sorted(found), 1)}
    if ranks:
        _apply(graph, lambda text: _INITIALIZER.sub(lambda match: ranks[match[1]], text))


def _rename_captures(attributes: list[Any]) -> None:
    """Number what functions capture, which TensorFlow names by a counter, in its order."""
    named = [each[_GIVEN_NAME] for each in attributes if _GIVEN_NAME in each]
    named = [value for value in named if value.s.isdigit()]
    ranks = {number: rank for rank, number in enumerate(sorted({int(value.s) for value in named}), 1)}
    for value in named:
        value.s = b"%d" % ranks[int(value.s)]


def _rename_captured_arguments(function: Any) -> None:
    """Name what a function captures by the number that it was given, where its name ends in that of the counter."""
    names = {}
    for place, argument in enumerate(function.signature.input_arg):
        given = function.arg_attr[place].attr if place in function.arg_attr else {}
        number = given[_GIVEN_NAME].s.decode() if _GIVEN_NAME in given else ""
        match = _NUMBERED.fullmatch(argument.name)
        if number.isdigit() and match and not argument.name.startswith("unknown_"):
            names[argument.name] = f"{argument.name[: match.start(1)]}captured_{number}"
            argument.name = names[argument.name]
    for node in function.node_def if names else ():
        node.input[:] = [_renamed_input(names, each) for each in node.input]
    for returned in (function.ret, function.control_ret) if names else ():
        for key, value in list(returned.items()):
            returned[key] = _renamed_input(names, value)


def _renamed_input(names: Mapping[str, str], text: str) -> str:
    """The name of a node's input or a function's result, which may say which output, or that it is only waited for."""
    waits, name = ("^", text[1:]) if text.startswith("^") else ("", text)
    name, colon, output = name.partition(":")
    return f"{waits}{names.get(name, name)}{colon}{output}"


def _last_number(name: str) -> int:
    match = _NUMBERED.fullmatch(name)
    return int(match[1]) if match else 0


def _rename_tables(nodes: list[Any]) -> None:
    """Number tables in the order of the operations that make them; what shared a name shares one still."""
    names: dict[bytes, bytes] = {}
    for node in nodes:
        if _TABLE_OPS.fullmatch(node.op) and node.attr["shared_name"].s:
            attribute = node.attr["shared_name"]
            attribute.s = names.setdefault(attribute.s, b"table_%d" % (len(names) + 1))


def _rename_gradients(graph: Any, nodes: list[Any]) -> None:
    """Number the gradients that operations name, in the order in which they were registered."""
    named = [node.attr[_GRADIENT] for node in nodes if _GRADIENT in node.attr]
    found = {value.s.decode() for value in named if _GRADIENT_NUMBER.fullmatch(value.s.decode())}
    ordered = sorted(found, key=lambda name: (int(name.rpartition("-")[2]), name))
    names = {name: f"{name.rpartition('-')[0]}-{rank}" for rank, name in enumerate(ordered, 1)}
    if names:  # the functions that compute them carry the name as well
        _apply(graph, lambda text: names.get(text, text))


def _texts(message: Any) -> Iterator[str]:
    """All text in a message, keys of maps included, that of constants excluded."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    _apply(message, note)
    yield from found


def _apply(message: Any, change: Callable[[str], str]) -> None:
    """Put `change(text)` in the place of every text in a message, keys of maps included, constants excluded."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _apply_to_map(field.message_type.fields_by_name, value, change)
        elif field.type == field.TYPE_MESSAGE:
            if field.message_type.full_name == _TENSOR:
                continue
            for each in value if field.label == field.LABEL_REPEATED else (value,):
                _apply(each, change)
        elif field.type in (field.TYPE_STRING, field.TYPE_BYTES):
            if field.label == field.LABEL_REPEATED:
                for place, each in enumerate(value):
                    if (changed := _changed(each, change)) != each:
                        value[place] = changed
            elif (changed := _changed(value, change)) != value:
                setattr(message, field.name, changed)


def _apply_to_map(fields: Any, value: Any, change: Callable[[str], str]) -> None:
    key, content = fields["key"], fields["value"]
    of_messages = content.type == content.TYPE_MESSAGE
    for old in list(value):
        if of_messages:
            _apply(value[old], change)
        elif content.type in (content.TYPE_STRING, content.TYPE_BYTES):
            value[old] = _changed(value[old], change)
    renamed = {old: new for old in list(value) if key.type == key.TYPE_STRING and (new := change(old)) != old}
    moved = {}
    for old in renamed:  # all are taken out before one is put in: a new name may be another's old one
        moved[old] = type(value[old]).FromString(value[old].SerializeToString()) if of_messages else value[old]
        del value[old]
    for old, new in renamed.items():
        if of_messages:
            value[new].CopyFrom(moved[old])
        else:
            value[new] = moved[old]


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    try:
        return change(value.decode()).encode()
    except UnicodeDecodeError:  # bytes that are no text
        return value


def _fingerprint(folder: Path) -> bytes:
    """TensorFlow's fingerprint of a SavedModel; empty where this version of it makes none."""
    try:
        from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

        create, failed = fingerprinting.CreateFingerprintDef, fingerprinting.FingerprintException
    except (ImportError, AttributeError):
        return b""
    try:
        return bytes(create(str(folder)))
    except failed:
        return b""
