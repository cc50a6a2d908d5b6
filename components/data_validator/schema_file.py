"""Changes the text of a reviewed schema and leaves the rest of the file as people wrote it: comments, order, layout."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<comment>\#[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<mark>[{}<>\[\]:;,])|(?P<word>[^\s\#"'{}<>\[\]:;,]+)|(?P<other>.)"""
)
_OPENING, _CLOSING = frozenset("{<["), frozenset("}>]")


@dataclass(frozen=True)
class _Entry:
    """One field in the text: `name: value` or `name { … }`.

    Attributes:
        name: of the field.
        start: where its name begins.
        end: behind its value.
        inside: start and end of what stands between the braces of a message; None for other values.
    """

    name: str
    start: int
    end: int
    inside: tuple[int, int] | None = None


def edited(text: str, target: "schema_pb2.Schema") -> str:
    """`text` changed so that it reads as `target`: what says the same in both is kept, byte for byte.

    Args:
        text: of a schema in protobuf text format.
        target: what it is to say.
    """
    from google.protobuf import text_format

    current = text_format.Parse(text, type(target)())
    if current == target:
        return text
    try:
        changed = _edited_message(text, (0, len(text)), current, target, "")
        if text_format.Parse(changed, type(target)()) == target:
            return changed
    except (text_format.ParseError, ValueError, IndexError):
        pass  # a notation that is not understood here
    return text_format.MessageToString(target)


def _edited_message(text: str, span: tuple[int, int], current: Any, target: Any, indent: str) -> str:
    """The text of a message's fields between the ends of `span`, changed from `current` to `target`."""
    entries = list(_entries(text, span))
    pieces: list[tuple[int, int, str]] = []  # start and end of what is replaced, and by what
    for field in {field.name: field for field, _ in (*current.ListFields(), *target.ListFields())}.values():
        there = [entry for entry in entries if entry.name == field.name]
        before, after = _values(current, field), _values(target, field)
        if before == after:
            continue
        if len(there) != len(before):
            raise ValueError(field.name)
        kept = _kept(field, before, after)
        for entry, value, stays in zip(there, before, kept, strict=True):
            if stays is None:
                pieces.append((*_whole(text, entry), ""))
            elif stays != value:
                pieces.append(_replacement(text, entry, field, value, stays, indent))
        added = after[sum(stays is not None for stays in kept) :]
        if added:
            position = _line_end(text, there[-1].end if there else entries[-1].end if entries else span[0])
            pieces.append((position, position, _new(field, added, indent, text, position)))
    return _spliced(text, span, pieces)


def _kept(field: Any, before: list[Any], after: list[Any]) -> list[Any | None]:
    """What becomes of each earlier value, None for one that is gone; those in `after` behind them are new."""
    names = [_key(field, value) for value in after]
    kept: list[Any | None] = [
        after[names.index(_key(field, value))] if _key(field, value) in names else None for value in before
    ]
    order = [value for value in kept if value is not None]
    if order != after[: len(order)]:
        raise ValueError(f"{field.name} in another order")
    return kept


def _key(field: Any, value: Any) -> Any:
    """What tells the values of a repeated field apart."""
    if field.label != field.LABEL_REPEATED:
        return ""
    return getattr(value, "name", value) if field.message_type is not None else value


def _values(message: Any, field: Any) -> list[Any]:
    if field.label == field.LABEL_REPEATED:
        return list(getattr(message, field.name))
    return [getattr(message, field.name)] if message.HasField(field.name) else []


def _replacement(text: str, entry: _Entry, field: Any, before: Any, after: Any, indent: str) -> tuple[int, int, str]:
    multiline = entry.inside is not None and "\n" in text[slice(*entry.inside)]
    if multiline and entry.inside is not None:
        return (*entry.inside, _edited_message(text, entry.inside, before, after, indent + "  "))
    return entry.start, entry.end, _rendered(field, after)


def _new(field: Any, values: list[Any], indent: str, text: str, position: int) -> str:
    """New fields, each on lines of its own; a feature or a domain as in a file written anew."""
    from google.protobuf import text_format

    if field.message_type is not None and not indent:
        new = "".join(text_format.MessageToString(_alone(field, value)) for value in values)
    else:
        new = "".join(f"{indent}{_rendered(field, value)}\n" for value in values)
    return new if text[:position].endswith("\n") or not position else "\n" + new.rstrip("\n")


def _rendered(field: Any, value: Any) -> str:
    """A field on one line."""
    from google.protobuf import text_format

    return text_format.MessageToString(_alone(field, value), as_one_line=True)


def _alone(field: Any, value: Any) -> Any:
    """A message that has this field alone."""
    message = field.containing_type._concrete_class()
    if field.label == field.LABEL_REPEATED:
        getattr(message, field.name).extend([value])
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(value)
        getattr(message, field.name).SetInParent()
    else:
        setattr(message, field.name, value)
    return message


def _spliced(text: str, span: tuple[int, int], pieces: list[tuple[int, int, str]]) -> str:
    result, position = [], span[0]
    for start, end, new in sorted(pieces, key=lambda piece: piece[:2]):
        result += [text[position:start], new]
        position = end
    return "".join([*result, text[position : span[1]]])


def _whole(text: str, entry: _Entry) -> tuple[int, int]:
    """Where an entry begins and ends with the comments on the lines right above it and at its end."""
    start, end = entry.start, entry.end
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip():
        return start, end  # others stand before it on its line
    rest = _line_end(text, end)
    if re.fullmatch(r"[ \t;,]*(#[^\n]*)?\n?", text[end:rest]):
        end = rest
    first = line
    while first and text[(above := text.rfind("\n", 0, first - 1) + 1) : first].lstrip().startswith("#"):
        first = above
    # What stands at the head of the file is about the whole file.
    return (first or line), end


def _line_end(text: str, position: int) -> int:
    """Behind the line break, where nothing but a comment is left on the line; else `position` itself."""
    rest = re.compile(r"[ \t;,]*(#[^\n]*)?(\n|$)").match(text, position)
    return rest.end() if rest else position


def _entries(text: str, span: tuple[int, int]) -> Iterator[_Entry]:
    """The fields on the outermost level between the ends of `span`.

    Raises:
        ValueError: it is no protobuf text that is understood here.
    """
    tokens = [match for match in _TOKEN.finditer(text, *span) if match.lastgroup not in ("space", "comment")]
    index = 0
    while index < len(tokens):
        name = tokens[index]
        if name.lastgroup != "word":
            if name.group() in ";,":
                index += 1
                continue
            raise ValueError(name.group())
        index += 1
        if tokens[index].group() == ":":
            index += 1
        first = tokens[index]
        if first.group() in _OPENING:
            index = _closing(tokens, index)
            inside = (first.end(), tokens[index].start()) if first.group() != "[" else None
            yield _Entry(name.group(), name.start(), tokens[index].end(), inside)
        else:
            index += first.group() == "-"
            while first.lastgroup == "string" and index + 1 < len(tokens) and tokens[index + 1].lastgroup == "string":
                index += 1
            yield _Entry(name.group(), name.start(), tokens[index].end())
        index += 1


def _closing(tokens: list[re.Match[str]], index: int) -> int:
    """Index of the token that closes what the one at `index` opens."""
    depth = 0
    for position in range(index, len(tokens)):
        depth += (tokens[position].group() in _OPENING) - (tokens[position].group() in _CLOSING)
        if not depth:
            return position
    raise ValueError("a bracket is not closed")
