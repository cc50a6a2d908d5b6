"""The one way in which YAML that people wrote is read: plain data, bounded work, every mistake with its line.

YAML forgives what thresholds must not: a key without a value is null and would open a gate, of two equal keys the later
wins, a few lines of aliases grow to gigabytes. Here each of these is an error.
"""

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from weighbridge.common.errors import UsageError

# Far above any file that a person writes, far below what costs a second.
MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_NODES = 20_000


class _Loader(yaml.SafeLoader):
    """Reads 1e-5 and 1.5e3 as numbers, as editors and YAML 1.2 do; for PyYAML they are text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)

# YAML 1.1 reads 010 as eight, and 1:30 as ninety.
_AMBIGUOUS = re.compile(r"[-+]?0[0-9_]+$|.*:")
_TAG = "tag:yaml.org,2002:"

Location = tuple[str, ...]


@dataclass(frozen=True)
class YamlFile:
    """What a file holds.

    Attributes:
        path: of the file.
        content: mappings with keys that are text or whole numbers, lists, text, finite numbers, booleans, dates.
        lines: the line of each key and item by where it stands, e.g. `("quality", "metrics", "auc")`.
    """

    path: Path
    content: Any
    lines: dict[Location, int] = field(default_factory=dict)

    def place(self, location: tuple[int | str, ...] = ()) -> str:
        """File and line of a key, or of the nearest that is there above it, for a message.

        Args:
            location: keys and positions from the outermost; what the file does not have, such as the name of a type
                that a validator puts in between, is skipped.
        """
        found = self.location(location)
        return f"{self.path}, line {self.lines[found]}" if found in self.lines else str(self.path)

    def location(self, location: tuple[int | str, ...]) -> Location:
        """Where a key stands, or the nearest that is there above it; see `place`."""
        found: Location = ()
        for part in location:
            if (*found, str(part)) in self.lines:
                found = (*found, str(part))
        return found


def read_yaml(path: str | Path) -> YamlFile:
    """Read a YAML (or JSON) file.

    Raises:
        OSError: the file cannot be read.
        UsageError: it is not UTF-8, no YAML, larger or deeper than any that a person writes, or holds a null, a
            number that is not finite, a key twice, or a key that is neither text nor a whole number.
    """
    path = Path(path)
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES // 1024} KiB: nobody wrote that", "Is it the right file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line}: the file is not UTF-8", "Save it as UTF-8.") from error
    try:
        _check_size(text, path)
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            return YamlFile(path, None)
        checker = _Checker(path)
        checker.check(node)
        return YamlFile(path, _construct(node), checker.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise UsageError(f"{where}: this is not valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # of values such as 2020-02-31
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error


def _check_size(text: str, path: Path) -> None:
    """Refuse a file that is too deep or too long, before anything is made of it."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or count > 2 * MAX_NODES:
            much = f"nested deeper than {MAX_DEPTH}" if depth > MAX_DEPTH else f"more than {MAX_NODES:,} values"
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise UsageError(f"{path}, line {line}: {much}: nobody wrote that")


class _Checker:
    """Walks a file's values, aliases as often as they stand, and refuses what would silently mean something else.

    Attributes:
        lines: see `YamlFile`.
    """

    def __init__(self, path: Path) -> None:
        self.lines: dict[Location, int] = {}
        self._path = path
        self._visits = 0

    def check(self, node: yaml.Node, location: Location = (), above: tuple[int, ...] = ()) -> None:
        """Check a value and all in it.

        Args:
            node: the value.
            location: where it stands.
            above: ids of the values that it stands in.

        Raises:
            UsageError: something is wrong.
        """
        where = ".".join(location) or "the file"
        line = self.lines.setdefault(location, node.start_mark.line + 1)
        self._visits += 1
        if id(node) in above:
            raise self._refusal(line, f"{where} holds itself")
        if self._visits > MAX_NODES:
            raise self._refusal(line, f"aliases grow to more than {MAX_NODES:,} values: nobody wrote that")
        if isinstance(node, yaml.ScalarNode):
            self._check_scalar(node, where, line)
            return
        for key, child in self._children(node, where, location):
            # `<<: *others` puts another mapping's keys here.
            self.check(child, location if key == "<<" else (*location, key), (*above, id(node)))

    def _children(self, node: yaml.Node, where: str, location: Location) -> list[tuple[str, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            return [(str(position), item) for position, item in enumerate(node.value)]
        keys = self._keys(node, where)
        self.lines |= {(*location, key): line for key, line in keys.items() if key != "<<"}
        return [(key, child) for key, (_, child) in zip(keys, node.value, strict=True)]

    def _check_scalar(self, node: yaml.ScalarNode, where: str, line: int) -> None:
        kind = node.tag.removeprefix(_TAG)
        if kind == "null":
            raise self._refusal(line, f"{where} has no value", "Give it one, or leave the key out.")
        if kind == "float" and _endless(node.value):
            raise self._refusal(line, f"{where} is {node.value}, which is no finite number")
        if kind in ("int", "float") and _AMBIGUOUS.match(node.value):
            raise self._refusal(
                line, f"{where}: YAML reads {node.value} as another number", "Write it in plain decimals."
            )

    def _keys(self, node: yaml.MappingNode, where: str) -> dict[str, int]:
        """The line of each key of a mapping; keys are text or whole numbers, each given once."""
        found: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            kind = key.tag.removeprefix(_TAG)
            if kind not in ("str", "int", "merge") or (kind == "int" and _AMBIGUOUS.match(key.value)):
                text = key.value if isinstance(key, yaml.ScalarNode) else "a list or mapping"
                raise self._refusal(
                    line,
                    f"the key {text} in {where} is neither text nor a whole number for YAML",
                    "Put quotes around it if it is meant.",
                )
            if key.value in found:
                problem = f"the key {key.value!r} is given twice in {where}, first in line {found[key.value]}"
                raise self._refusal(line, problem, "Keep one of them.")
            found[key.value] = line
        return found

    def _refusal(self, line: int, problem: str, hint: str = "") -> UsageError:
        return UsageError(f"{self._path}, line {line}: {problem}", hint)


def _endless(text: str) -> bool:
    """Whether a YAML float is NaN, infinite, or more than a float can hold."""
    if text.lower().lstrip("+-") in (".nan", ".inf"):
        return True
    return "e" in text.lower() and not math.isfinite(float(text.replace("_", "")))


def _construct(node: yaml.Node) -> Any:
    loader = _Loader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()
