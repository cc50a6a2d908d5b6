"""A lineage on a console: a tree in a window, plain lines elsewhere."""

from typing import TYPE_CHECKING

from weighbridge.report.lineage_rows import Branch
from weighbridge.report.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

_STYLES = {"passed": "green", "refused": "red", "warning": "yellow", "": ""}


def print_lineage(console: "Console", branches: "Iterable[Branch]", notes: "Iterable[str]") -> None:
    """Print trees, and what could not be read.

    Args:
        console: where to; whether it is a terminal decides the layout.
        branches: the trees.
        notes: one sentence each.
    """
    from rich.text import Text

    for branch in branches:
        if console.is_terminal:
            console.print(_tree(branch), soft_wrap=False)
        else:
            _print_lines(console, branch, 0)
    for note in notes:
        console.print(Text(f"note: {one_line(note)}", style="dim"))


def _tree(branch: Branch) -> "Tree":
    from rich.tree import Tree

    tree = Tree(_text(branch, root=True), guide_style="dim")
    waiting = [(tree, branch)]
    while waiting:
        above, current = waiting.pop()
        for each in current.below:
            waiting.append((above.add(_text(each)), each))
    return tree


def _print_lines(console: "Console", branch: Branch, depth: int) -> None:
    from rich.text import Text

    console.print(Text("  " * depth) + _text(branch, root=depth == 0))
    for each in branch.below:
        _print_lines(console, each, depth + 1)


def _text(branch: Branch, root: bool = False) -> "Text":
    from rich.text import Text

    style = _STYLES[branch.state]
    text = Text(one_line(branch.name), style=f"bold {style}".strip() if root or branch.below else style or "cyan")
    return text.append(f" {one_line(branch.value)}", style=f"not bold {style or 'default'}") if branch.value else text
