"""What `weighbridge gates PIPELINE` prints: a table per section of the file."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from weighbridge.cli.display import console
from weighbridge.cli.gate_canary import print_steps
from weighbridge.cli.gate_risks import print_risks
from weighbridge.runs.thresholds_in_force import Explained, Reading
from weighbridge.thresholds.in_force import KeyInForce
from weighbridge.verdict.gate import format_value

# Units that stand behind a number; the others tell what it is a share of.
_SHORT = ("ms", "s", "x", "rows", "rows/s", "bytes", "lines")

# A window that is narrower has no room for what a key is compared with.
_WIDE = 140


def print_explained(found: Explained, details: bool) -> None:
    """Print the keys in force, and what the last run observed.

    Args:
        found: what is to be shown.
        details: a paragraph for each key, which says what it is and what happens where data are missing, instead of a
            line.
    """
    out = console()
    of = f"run {found.run.record.run_id}, {found.run.record.state}" if found.run else "nothing was weighed yet"
    out.print(Text(f"{found.pipeline}: {found.thresholds.file} · {of}"))
    wide = out.width >= _WIDE
    for section, keys in groupby(found.thresholds.keys, lambda key: key.location[0]):
        out.print()
        if details:
            for key in keys:
                _print_details(out, key, found)
        else:
            _print_table(out, section, list(keys), found, wide)
    print_risks(out, found)
    if any(key.location[0] == "canary" and key.line is not None for key in found.thresholds.keys):
        print_steps(out, found.thresholds.gates.canary)
    if not (wide or details):
        out.print(Text("\nWhat each is compared with, what it is, and what missing data do: --details"))
    if found.changed:
        names = ", ".join(key.path for key in found.changed)
        out.print(Text(f"\nChanged since that run, margins are of the values in force: {names}"))


def _print_table(out: Console, section: str, keys: Sequence[KeyInForce], found: Explained, wide: bool) -> None:
    heads = [section, "in force", "from", *(("observed", "interval", "margin") if found.run else ())]
    table = Table(box=None, pad_edge=False)
    for head in [*heads, *(["compared with"] if wide else [])]:
        table.add_column(head, overflow="fold")
    for key in keys:
        if key.value is not None:
            cells = [_name(key), _value(key), _origin(key)]
            cells += _observed(found.readings.get(key.path, [])) if found.run else []
            table.add_row(*map(Text, [*cells, *([key.against] if wide else [])]))
    if table.row_count:
        out.print(table)
    unset = [_name(key) for key in keys if key.value is None]
    if unset == [section]:
        out.print(Text(f"{section}: not set", style="dim"))
    elif unset:
        out.print(Text(f"{section}, not set: {', '.join(unset)}", style="dim"))


def _print_details(out: Console, key: KeyInForce, found: Explained) -> None:
    out.print(Text(f"{key.path}: {'not set' if key.value is None else _value(key)} ({_origin(key)})", style="bold"))
    observed = zip(("", "interval ", "margin "), _observed(found.readings.get(key.path, [])), strict=True)
    told = {
        "": key.description,
        "Compared with: ": key.against,
        "Missing data: ": key.missing,
        "Last run: ": ", ".join(f"{what}{each}" for what, each in observed if each),
    }
    for head, text in told.items():
        if text:
            out.print(Text(f"    {head}{text}"))


def _name(key: KeyInForce) -> str:
    """A key without its section."""
    return ".".join(key.location[1:]) or key.path


def _origin(key: KeyInForce) -> str:
    return "default" if key.line is None else f"line {key.line}"


def _value(key: KeyInForce) -> str:
    value: Any = key.value
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, list):
        text = ", ".join("×".join(each) if isinstance(each, tuple) else str(each) for each in value)
    else:
        text = format_value(value, key.unit if key.unit in _SHORT else "")
    sign = "" if not key.is_rule else "≥ " if key.location[-1].startswith("min") else "≤ "
    return f"{sign}{text}" + (" (warning)" if key.severity == "warning" else "")


def _observed(readings: Sequence[Reading]) -> list[str]:
    """What the gate of a key observed; of several, the one that is closest to being refused."""
    if not readings:
        return ["", "", ""]
    first = readings[0]
    gate = first.gate
    if first.observed is None:
        return [gate.status.replace("_", " "), "", ""]
    interval = "" if first.interval is None else " – ".join(format_value(end) for end in first.interval)
    margin = "" if first.margin is None else format_value(first.margin, gate.unit)
    which = f", closest of {len(readings)}: {gate.name}" if len(readings) > 1 else ""
    status = "" if gate.status == "passed" else f", {gate.status}"
    return [format_value(first.observed, gate.unit) + status + which, interval, margin]
