"""What pages take from the code when the site is built: `<!-- generated: commands -->` and its like."""

import ast
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # this checkout's code, whatever is installed

from weighbridge.cli.main import app  # noqa: E402

_FIRST = " run runs find_run plan submit Run Verdict Gate "  # what most people look for, in this order
_MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put what is generated where a page asks for it.

    Raises:
        KeyError: the page asks for what nobody makes.
    """
    return _MARK.sub(lambda found: MAKERS[found[1]](), markdown)


def commands() -> str:
    """Every command of the command line, with arguments, options and their defaults."""
    group = typer.main.get_command(app)
    return "\n\n".join(_command(name, command) for name, command in _all("weighbridge", group))


def api() -> str:
    """What `import weighbridge` offers, functions before classes, as mkdocstrings' directives."""
    stub = ast.parse((ROOT / "weighbridge/__init__.pyi").read_text(encoding="utf-8"))
    named = [
        (node.module, alias.asname or alias.name)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    ordered = sorted(named, key=lambda each: (each[1][0].isupper(), _FIRST.find(f" {each[1]} ") % 1000))
    return "\n\n".join(f"::: weighbridge.{module}.{name}" for module, name in ordered)


MAKERS = {"commands": commands, "api": api}


def _all(path: str, group: Any) -> Iterable[tuple[str, Any]]:
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _all(f"{path} {name}", command)
        else:
            yield f"{path} {name}", command


def _command(path: str, command: Any) -> str:
    context = typer.Context(command, info_name=path)
    usage = re.sub(r"[{}]", "", " ".join(command.collect_usage_pieces(context)))
    parts = [f"## `{path}`", _plain(command.help or ""), f"```text\n{path} {usage}\n```"]
    rows = [_row(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
    if rows:
        parts.append("\n".join(["| argument, option | | default | variable |", "| --- | --- | --- | --- |", *rows]))
    return "\n\n".join(parts)


def _row(parameter: Any) -> str:
    value = parameter.metavar or parameter.opts[0].lstrip("-").upper()
    if parameter.param_type_name == "argument":
        name = f"`{value}`"
    else:
        name = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
        name += "" if parameter.is_flag else f" `{value}`"
    default = parameter.default
    shown = "" if callable(default) or default in (None, "", False, (), []) else f"`{default}`"
    envvar = parameter.envvar if isinstance(parameter.envvar, str) else ""
    default = "required" if parameter.required else shown
    cells = [name, parameter.help or "", default, f"`{envvar}`" if envvar else ""]
    return "| " + " | ".join(re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in cells) + " |"


def _plain(text: str) -> str:
    """A docstring as Markdown: paragraphs without their indentation and without click's marks."""
    lines = [line.strip() for line in text.replace("\b", "").replace("\f", "").split("\n")]
    return re.sub(r"(?<![`\w])(--[a-z][a-z-]*)", r"`\1`", "\n".join(lines)).strip()
