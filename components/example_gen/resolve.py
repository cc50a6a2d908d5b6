"""Which files an input means: a file, folder, glob or span pattern, on disk or in a store. No tfx.

A pattern holds `{SPAN}`, or `{YYYY}`, `{MM}` and `{DD}`; a day's span is its number of days since 1970-01-01, as
in TFX. `latest` takes the highest span there is; a window of n takes the n highest spans up to the wanted one.
`package:name/path` is a file inside an installed Python package: wherever that is, on a laptop or in an image.
A pointer of DVC's, `trips.csv.dvc`, means the data that it names, wherever a file may be named: see `dvc`.
"""

import difflib
import glob
import importlib.util
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path, PurePosixPath

from weighbridge.common.digests import value_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen import dvc, formats
from weighbridge.storage import inputs
from weighbridge.storage.schemes import addresses, is_address

_EPOCH = date(1970, 1, 1)
_PACKAGE = "package:"
_FIELDS = {"SPAN": r"\d+", "YYYY": r"\d{4}", "MM": r"\d{2}", "DD": r"\d{2}"}


@dataclass(frozen=True)
class Resolved:
    """What an input came to.

    Attributes:
        files: paths of the files, sorted; the spans in ascending order.
        format: name of the files' format, such as `csv`.
        span: number of the wanted span; None where the input is not a pattern.
        spans: the span of each file, by path; empty where the input is not a pattern.
        names: what a file is called, by path, where its path does not say so: one in DVC's cache.
        pointed: MD5 of the files that DVC's pointers name, by what they are called.
    """

    files: tuple[str, ...]
    format: str
    span: int | None = None
    spans: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    pointed: Mapping[str, str] = field(default_factory=dict)

    def digest(self, digests: Mapping[str, str]) -> str:
        """Digest of the files, given each one's digest by path: their own names (not their folders') and bytes count.

        So it is the same wherever DVC keeps the bytes.
        """
        named = ([PurePosixPath(self.names.get(path, path)).name, digests[path]] for path in self.files)
        return value_digest(sorted(named))


def resolve(input: str, span: str = "latest", window: int = 1) -> Resolved:
    """Find the files that `input` means now.

    Args:
        input: path, `gs://` or `s3://` address or `package:name/path` of a file, folder, glob or span pattern.
        span: `latest`, a span's number, or a day as `2026-11-23`; only for patterns.
        window: how many spans to take, the wanted one the last.

    Raises:
        UsageError: nothing is there, the format is not known or mixed, or the span is not there.
    """
    if not input:
        raise UsageError("No input data is named", "Give a file, folder, glob or pattern, e.g. --data rows.csv.")
    input = located(input)
    if "://" in input and not is_address(input):
        hint = f"Give a path, or {addresses('bucket/…')}, or mount it."
        raise UsageError(f"{input} is not an address that can be read", hint)
    if window < 1:
        raise UsageError(f"window={window} is not a valid number of spans", "It must be at least 1.")
    fields = re.findall(r"\{(\w+)(?::\d+)?\}", input)
    # Braces may as well be part of a name.
    if fields and (_FIELDS.keys() & fields or not (inputs.is_file(input) or inputs.is_folder(input))):
        number, spans = _spans(input, span, window)
    else:
        if span != "latest":
            raise UsageError(f"span={span!r} is given, but {input} has no {{SPAN}} or {{YYYY}}, {{MM}} and {{DD}}")
        number, spans = None, dict.fromkeys(_files(input))
    spans, pointed = _without_pointers(spans)
    files = list(spans)
    for path in files:
        if not _is_text(path):
            hint = "Rename it: what was read is told by name."
            raise UsageError(f"The name of the file {os.fsencode(path)!r} is not UTF-8", hint)
    names = {each.path: each.name for each in pointed if each.path != each.name}
    found = Resolved(
        tuple(files),
        _format([names.get(path, path) for path in files]),
        number,
        {path: of_file for path, of_file in spans.items() if of_file is not None},
        names,
        {each.name: each.md5 for each in pointed},
    )
    if found.format == "tfrecord" and names:  # nothing but the name tells whether it is compressed
        pointer = f"{next(iter(names.values()))}{dvc.POINTER}"
        raise UsageError(f"TFRecord files are not read from DVC's cache: {files[0]}", f"Run: dvc checkout {pointer}")
    return found


def input_digest(input: str, span: str = "latest", window: int = 1) -> str:
    """Digest of the input's files, names and bytes: it changes exactly when the input does.

    Raises:
        UsageError: as `resolve`.
    """
    resolved = resolve(input, span, window)
    return resolved.digest({path: inputs.digest(path) for path in resolved.files})


def _without_pointers(spans: Mapping[str, int | None]) -> tuple[dict[str, int | None], list[dvc.Pointed]]:
    """The files, by path their span, with what pointers name in place of these; and what they name."""
    pointed = {path: dvc.pointed(path) for path in spans if dvc.is_pointer(path)}
    named = {each.name for found in pointed.values() for each in found}
    files: dict[str, int | None] = {}
    for path, span in spans.items():
        if path in pointed:
            known = [each for each in pointed[path] if formats.format_of(each.name)]
            for each in known or pointed[path]:
                if each.path in files:
                    hint = "Remove one of them, or name the files with a glob that leaves it out."
                    raise UsageError(f"{path} names bytes that another pointer names: each row would count twice", hint)
                files[each.path] = span
        elif is_address(path) or str(Path(path).absolute()) not in named:  # beside its pointer it is read once
            files[path] = span
    return files, [each for found in pointed.values() for each in found if each.path in files]


def located(input: str) -> str:
    """The path of a `package:name/path`; other inputs stay as they are. The package is not imported."""
    if not input.startswith(_PACKAGE):
        return input
    name, _, inside = input.removeprefix(_PACKAGE).partition("/")
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or spec.origin is None:
        raise UsageError(f"{input}: there is no Python package {name!r} here", "Write package:<package>/<path in it>.")
    return str(Path(spec.origin).parent / inside)


def _files(path: str) -> list[str]:
    if inputs.is_folder(path):
        below = inputs.glob(f"{glob.escape(path.rstrip('/'))}/**")
        found = [name for name in below if _names_data(name)]
        if not found:
            raise UsageError(f"There are no {formats.titles()} files in {path}")
        return found
    found = [path] if inputs.is_file(path) else inputs.glob(path) if _is_glob(path) else []
    if not found:
        hint = "Give a file, a folder, a glob, or a {SPAN} pattern."
        if not is_address(path) and Path(path).exists():
            raise UsageError(f"The input {path} is neither a file nor a folder, but a pipe, a socket or a device", hint)
        raise UsageError(f"There is no input at {path}{_nearest(path)}", hint)
    return found


def _names_data(path: str) -> bool:
    """Whether a file in a folder is of a known format, or a pointer to such a one, or to a folder."""
    if not dvc.is_pointer(path):
        return formats.format_of(path) is not None
    name = path.removesuffix(dvc.POINTER)
    return formats.format_of(name) is not None or "." not in PurePosixPath(name).name


def _nearest(path: str) -> str:
    """The file or folder beside a path whose name is nearest to its own, as part of a sentence."""
    if is_address(path) or not (folder := Path(path).absolute().parent).is_dir():
        return ""
    close = difflib.get_close_matches(Path(path).name, [each.name for each in folder.iterdir()], n=1)
    return f"; did you mean {str(Path(path).with_name(close[0]))!r}?" if close else ""


def _spans(pattern: str, span: str, window: int) -> tuple[int, dict[str, int | None]]:
    fields = re.findall(r"\{(\w+)(?::\d+)?\}", pattern)
    if not (set(fields) == {"SPAN"} or set(fields) == {"YYYY", "MM", "DD"}):
        raise UsageError(f"{pattern} holds {fields}", "A pattern holds {SPAN}, or {YYYY}, {MM} and {DD}.")
    by_span: dict[int, list[str]] = {}
    expression = _expression(pattern)
    for path in inputs.glob(re.sub(r"\{\w+(:\d+)?\}", "*", pattern)):
        if (match := expression.fullmatch(path)) and (number := _number(match)) is not None:
            by_span.setdefault(number, []).append(path)
    if not by_span:
        raise UsageError(f"No span matches {pattern}")
    wanted = max(by_span) if span == "latest" else _wanted(span)
    if wanted not in by_span:
        known = ", ".join(map(str, sorted(by_span)[-5:]))
        raise UsageError(f"span={span!r} is not among the spans of {pattern}", f"The last ones are {known}.")
    chosen = [number for number in sorted(by_span) if number <= wanted][-window:]
    if len(chosen) < window:
        raise UsageError(f"window={window} wants {window} spans up to {wanted}, {pattern} has {len(chosen)}")
    return wanted, {path: number for number in chosen for path in sorted(by_span[number])}


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wanted(span: str) -> int:
    try:
        return int(span) if span.isdigit() else (date.fromisoformat(span) - _EPOCH).days
    except ValueError as error:
        raise UsageError(f"span={span!r} is not a span", "Give 'latest', a number, or a day as 2026-11-23.") from error


def _number(match: re.Match[str]) -> int | None:
    fields = match.groupdict()
    if "SPAN" in fields:
        return int(fields["SPAN"])
    try:
        return (date(int(fields["YYYY"]), int(fields["MM"]), int(fields["DD"])) - _EPOCH).days
    except ValueError:  # the 31st of February is not a span
        return None


def span_day(span: int) -> date:
    """The day of a span that was resolved from `{YYYY}`, `{MM}`, `{DD}`."""
    return _EPOCH + timedelta(days=span)


def _expression(pattern: str) -> re.Pattern[str]:
    """A regular expression of a pattern; a field that stands twice must be the same both times."""
    parts, seen = [], set()
    for token in re.split(r"(\{\w+(?::\d+)?\}|\*\*|\*|\?)", pattern):
        if token.startswith("{"):
            name, _, width = token.strip("{}").partition(":")
            digits = rf"\d{{{width}}}" if width else _FIELDS[name]
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>{digits})")
            seen.add(name)
        else:
            parts.append({"**": ".*", "*": "[^/]*", "?": "[^/]"}.get(token, re.escape(token)))
    return re.compile("".join(parts))


def _is_glob(path: str) -> bool:
    return any(character in path for character in "*?[")


def _format(files: list[str]) -> str:
    found: dict[str, str] = {}
    for path in files:
        format_ = formats.format_of(path)
        if format_ is None:
            raise UsageError(f"{path} has no known format", f"Files are told apart by name: {formats.names()}.")
        found[format_] = path
    if len(found) > 1:
        raise UsageError(f"The input mixes formats: {', '.join(sorted(found.values()))}", "Give one format at a time.")
    return next(iter(found))
