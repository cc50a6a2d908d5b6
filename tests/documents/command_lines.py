"""Whether `weighbridge …` as a document writes it is a command that there is, with options that it has."""

import re
import shlex
from functools import cache
from typing import Any

import typer

_INLINE = re.compile(r"`(weighbridge [a-z][^`\n]*)`")
_IN_BLOCK = re.compile(r"(?:^|[\s;&|(/])(weighbridge [a-z][^\n]*(?:\\\n[^\n]*)*)")


@cache
def _root() -> Any:
    from weighbridge.cli.main import app

    return typer.main.get_command(app)


def inline(text: str) -> list[str]:
    """Commands in the running text of a document."""
    return _INLINE.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def in_block(text: str) -> list[str]:
    """Commands in a block of any language: a console, a script, the steps of a CI server."""
    lines = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith(("#", "FROM", "COPY")))
    return _IN_BLOCK.findall(lines)


def unknown(line: str) -> str | None:
    """What of a command line there is not; None where all is known."""
    try:
        words = shlex.split(line.replace("\\\n", " "), comments=True)[1:]
    except ValueError:
        words = line.replace("\\\n", " ").split()[1:]
    command, known = _root(), {"--help", "-h", "--version", "--install-completion"}
    while words and hasattr(command, "commands"):
        name = words.pop(0)
        if name.startswith("-") or not re.fullmatch(r"[a-z-]+", name):
            return None if name in known or not re.fullmatch(r"[a-z-]+", name) else name
        if name not in command.commands:
            return name
        command = command.commands[name]
    known |= {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
    for word in words:
        if word in ("|", "&&", "||", ";", ">", ">>"):
            return None
        option = word.split("=")[0].rstrip(",;)")
        if re.fullmatch(r"--[a-z-]+", option) and option not in known:
            return f"{option} of {command.name}"
    return None
