"""What the catalogue takes over of a component's own README."""

import re
from importlib import import_module
from pathlib import Path

from weighbridge.kubeflow.compile.interface import ROOT

_PROSE = re.compile(r"^[A-Za-z`\"]")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def component_readme(name: str) -> str:
    """The text of a component's README."""
    return Path(str(import_module(f"{ROOT}.{name}").__file__)).with_name("README.md").read_text()


def overview(readme: str) -> list[str]:
    """The paragraphs before the first section, each in one line; without lists, pictures of folders and their leads."""
    before = re.sub(r"```.*?```", "", readme.partition("\n## ")[0], flags=re.DOTALL)
    paragraphs = [" ".join(paragraph.split()) for paragraph in before.split("\n\n")]
    return [_plain(text) for text in paragraphs if _PROSE.match(text) and not text.endswith(":")]


def section(readme: str, title: str) -> str:
    """The text of a section without its head; empty where there is none."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", readme, flags=re.DOTALL | re.MULTILINE)
    return _plain(found[1].strip()) if found else ""


def _plain(text: str) -> str:
    """Without links: they lead to files that are not there in the catalogue."""
    return _LINK.sub(r"\1", text)
