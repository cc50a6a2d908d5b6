"""A notebook as a page. It is kept without outputs; those of an executed copy are shown where there is one."""

import html
import json
import re
from pathlib import Path
from typing import Any

_LARGEST = 400_000  # characters of an output
_MACHINE = re.compile(r"/[^\s<>\"'&;]*/(?=work/|site-packages/)")  # where it happened to run
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def page(notebook: Path, executed: Path) -> str:
    """The page of a notebook, as Markdown.

    Args:
        notebook: as it is kept.
        executed: the same with outputs; need not be there. One of another text is not shown.
    """
    cells = _cells(notebook)
    shown = _cells(executed) if executed.is_file() else []
    current = [_source(cell) for cell in shown] == [_source(cell) for cell in cells]
    parts = [part for cell in (shown if current else cells) for part in _cell(cell)]
    note = f'??? note "Run it yourself"\n\n    `notebooks/{notebook.name}` in the repository, in Jupyter.'
    without = "" if current else " Shown without its outputs: `make docs-notebooks` executes it first."
    return "\n\n".join([*parts[:1], note + without, *parts[1:]]) + "\n"


def _cells(notebook: Path) -> list[dict[str, Any]]:
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def _cell(cell: dict[str, Any]) -> list[str]:
    if cell["cell_type"] != "code":
        return [_source(cell)]
    return [f"````python\n{_source(cell)}\n````", *filter(None, map(_output, cell.get("outputs", [])))]


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    if "text/html" in data:
        return _block(_MACHINE.sub("…/", re.sub(r"\n\s*\n", "\n", "".join(data["text/html"]))))
    if "image/png" in data:
        return _block(f'<img alt="" src="data:image/png;base64,{"".join(data["image/png"]).strip()}">')
    text = "".join(data.get("text/plain", output.get("text", "")))
    shown = html.escape(_MACHINE.sub("…/", _ESCAPES.sub("", text))).replace("\n\n", "\n&#8203;\n")
    return _block(f"<pre>{shown}</pre>") if text else ""


def _block(content: str) -> str:
    """HTML that Markdown leaves alone."""
    return f'<div class="notebook-output">{content}</div>' if len(content) < _LARGEST else ""
