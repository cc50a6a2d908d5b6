"""A model of one label over the columns of a table: what is written, and what its first run proposes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common.errors import UsageError
from weighbridge.init.columns import read_rows
from weighbridge.init.measured import permissive_gates, proposed_gates, read_measured
from weighbridge.init.plan import Plan, make_plan
from weighbridge.init.write import code_files

if TYPE_CHECKING:
    from weighbridge.verdict import Verdict

_SHOWN = 12


@dataclass(frozen=True)
class Tabular:
    """What is written for a table; see `weighbridge.init.make.Start`.

    Attributes:
        plan: what its columns are for.
        start: `tabular` or `bare`.
        guessed: whether nobody named the label.
    """

    plan: Plan
    start: str
    guessed: bool

    def lines(self) -> list[str]:
        """What was found, for people."""
        target = self.plan.target
        kind = {"binary": "one of two classes", "classes": f"one of {target.count} classes", "number": "a quantity"}
        guessed = " (guessed by its name; --label names another)" if self.guessed else ""
        found = [f"Label: {target.column!r}, {kind[target.task]}{guessed}."]
        if target.classes and target.task == "binary":
            found.append(f"{target.classes[1]!r} is predicted as class 1, {target.classes[0]!r} as class 0.")
        found.append(f"Features: {len(self.plan.features)}.")
        left_out = self.plan.left_out
        found += [f"Left out: {each.name!r} {each.reason}." for each in left_out[:_SHOWN]]
        if len(left_out) > _SHOWN:
            found.append(f"Left out: {len(left_out) - _SHOWN:,} more, see LEFT_OUT in features.py.")
        if self.plan.renamed:
            some = ", ".join(f"{old!r} → {new}" for old, new in list(self.plan.renamed.items())[:3])
            more = ", …" if len(self.plan.renamed) > 3 else ""
            found.append(f"Renamed, since a model's input has a plain name: {some}{more}.")
        return found

    def facts(self) -> dict[str, Any]:
        """What was found, for machines."""
        return {
            "label": self.plan.target.column,
            "task": self.plan.target.task,
            "features": list(self.plan.features),
            "left_out": {each.name: each.reason for each in self.plan.left_out},
        }

    def code(self, values: Mapping[str, Any]) -> dict[str, str]:
        """The texts of the package's files, by their path in it."""
        return code_files(self.plan, self.start, values)

    def permissive(self) -> str:
        """`gates.yaml` of the first run."""
        return permissive_gates(self.plan)

    def proposed(self, name: str, root: Path, verdict: "Verdict", date: str) -> str:
        """`gates.yaml` as that run proposes it."""
        return proposed_gates(name, self.plan, read_measured(root), date)


def look_at_table(data: str, label: str | None, shown: str, start: str, command: str) -> Tabular:
    """What the columns of a table are for.

    Args:
        data: file, folder, glob or pattern.
        label: the label's name; None to guess it.
        shown: the data as the user gave them, for messages.
        start: `tabular` or `bare`.
        command: to run next, for messages.

    Raises:
        UsageError: the data cannot be read, or the label is not known, or nothing can tell it.
    """
    plan = make_plan(read_rows(data), label, shown, command)
    if start == "bare" and not plan.has_numbers:
        raise UsageError(
            f"--from bare needs a column of numbers, and {shown} has none beside the label",
            "Its model reads numbers alone: begin with --from tabular.",
        )
    return Tabular(plan, start, label is None)
