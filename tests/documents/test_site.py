"""The documentation as a site: it builds without a warning or a dead link, and holds all that there is."""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import typer

from tests.documents.blocks import ROOT
from tests.made_once import made_once
from weighbridge.cli.main import app

pytestmark = pytest.mark.documents


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def build(folder: Path) -> None:
        process = subprocess.run(
            [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.returncode == 0, process.stdout

    return made_once(tmp_path_factory, "site", build)


def texts(site: Path) -> list[Path]:
    return [path for path in site.rglob("*") if path.suffix in (".html", ".css")]


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    sys.path.insert(0, str(ROOT / "docs/_site"))
    try:
        return importlib.import_module("pages")
    finally:
        sys.path.remove(str(ROOT / "docs/_site"))


def test_it_builds_strictly_and_every_document_is_a_page(site):
    documents = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    built = {path.relative_to(site) for path in site.rglob("*.html")}
    assert {path.with_suffix(".html") for path in documents} <= built
    assert (site / "components/evaluator/index.html").is_file()
    assert not list(site.rglob("*.py"))


def test_nothing_is_loaded_from_elsewhere(site):
    loads = re.compile(
        r"""<(script|img|iframe|source)[^>]*\ssrc=["']?(https?:)?//|<link[^>]*stylesheet[^>]*//|@import"""
    )
    assert [path for path in texts(site) if loads.search(path.read_text())] == []


def test_no_page_tells_of_this_machine(site):
    here = re.compile("|".join(map(re.escape, (str(ROOT), f"{Path.home()}/"))))
    assert [path for path in texts(site) if here.search(path.read_text())] == []


def test_every_command_and_every_option_is_in_the_reference(site):
    text = (site / "reference/commands.html").read_text()

    def named(path: str, command: typer.core.TyperGroup) -> set[str]:
        if hasattr(command, "commands"):
            return {name for key, inner in command.commands.items() for name in named(f"{path} {key}", inner)}
        return {path, *(option for parameter in command.params for option in parameter.opts if option.startswith("-"))}

    wanted = named("weighbridge", typer.main.get_command(app))
    assert len(wanted) > 50
    assert [name for name in sorted(wanted) if f"<code>{name}</code>" not in text] == []


def test_every_name_of_the_package_is_in_the_reference(site):
    text = (site / "reference/python.html").read_text()
    stub = ast.parse((ROOT / "weighbridge/__init__.pyi").read_text())
    names = [alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert len(names) > 10
    assert [name for name in names if not re.search(rf'id="weighbridge\.[\w.]*\b{name}"', text)] == []


def test_every_variable_is_in_the_reference():
    text = (ROOT / "docs/reference/environment.md").read_text()
    code = [path for folder in ("weighbridge", "components", "infra") for path in (ROOT / folder).rglob("*")]
    sources = [path.read_text() for path in code if path.suffix in (".py", ".groovy")]
    read = {name for source in sources for name in re.findall(r"(?<!_)\bWEIGHBRIDGE_[A-Z_]*[A-Z]\b", source)}
    assert len(read) > 15
    assert [name for name in sorted(read - {"WEIGHBRIDGE_KFP"}) if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("link", "page"),
    [
        ("[a](../README.md)", "[a](index.md)"),
        ("[a](../components/pusher/README.md#gates)", "[a](components/pusher/index.md#gates)"),
        ("[a](../components)", "[a](components/index.md)"),
        ("[a](hooks.md)", "[a](hooks.md)"),
        ("[a](../Jenkinsfile)", "[a](source/Jenkinsfile.md)"),
        ("[a](../tests/infra/jenkins)", "[a](source/tests/infra/jenkins/index.md)"),
        ("![a](images/verdict.png)", "![a](images/verdict.png)"),
        ("[a](https://example.org/README.md)", "[a](https://example.org/README.md)"),
        ("[a](nowhere.md)", "[a](nowhere.md)"),
        ("`[a](../README.md)`", "`[a](../README.md)`"),
        ("```\n[a](../README.md)\n```", "```\n[a](../README.md)\n```"),
    ],
)
def test_links_of_the_repository_lead_to_pages(pages, link, page):
    assert pages.linked(link, "docs/ci.md", "ci.md") == page


def test_lists_are_read_as_on_github(pages):
    code = "```text\n- kept\n   as it is\n```"
    text = f"Text:\n- one\n  more\n- two\n\n1. First.\n\n   ```sh\n   a\n   ```\n\nEnd.\n\n{code}"
    read = "Text:\n\n- one\n    more\n- two\n\n1. First.\n\n    ```sh\n    a\n    ```\n\nEnd.\n\n"
    assert pages.listed(text) == read + code


def test_a_notebook_is_a_page_with_the_outputs_of_its_executed_copy(pages, tmp_path):
    code = {"cell_type": "code", "source": ["1 + 1"], "outputs": []}
    cells = [{"cell_type": "markdown", "source": ["# Title"]}, code]
    kept, executed = tmp_path / "kept.ipynb", tmp_path / "executed.ipynb"
    kept.write_text(json.dumps({"cells": cells}))
    assert "Shown without its outputs" in pages.notebook_page(kept, executed)
    result = {"output_type": "execute_result", "data": {"text/plain": ["<2>"]}}
    place = {"output_type": "display_data", "data": {"text/html": ["<p>/tmp/ann-x/work/taxi</p>\n\n<p>/a/b</p>"]}}
    shown = [cells[0], code | {"outputs": [result, place]}]
    executed.write_text(json.dumps({"cells": shown}))
    page = pages.notebook_page(kept, executed)
    assert page.startswith("# Title\n")
    assert '````python\n1 + 1\n````\n\n<div class="notebook-output"><pre>&lt;2&gt;</pre></div>' in page
    assert '<div class="notebook-output"><p>…/work/taxi</p>\n<p>/a/b</p></div>' in page
    executed.write_text(json.dumps({"cells": [*shown, code]}))
    assert "&lt;2&gt;" not in pages.notebook_page(kept, executed)
