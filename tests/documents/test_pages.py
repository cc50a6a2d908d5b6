"""Every page works: its blocks are executed in order, as by somebody who follows it, and print what it shows.

In the place of something else, as `tests.documents.stage` says: a folder for the bucket `gs://models`, a double for
`https://kubeflow.example.com/pipeline`, a server on this machine for `https://mlflow.example.com`, a whole digest for
one that is cut short. Calls of models are timed by a double of a quiet machine (`tests.documents.quiet`).
"""

import re
import sys
from collections.abc import Iterator

import pytest

from tests.documents.blocks import ROOT, Block, begins_with, blocks, documents
from tests.documents.page import Page
from tests.documents.stage import ENDPOINT, Call, Stage
from weighbridge.cli import main
from weighbridge.common import digests

pytestmark = [pytest.mark.documents, pytest.mark.slow]

RUN = ("console", "sh", "bash", "python")
# Examples in docstrings are executed behind a page that shows them, or tells of them; what each takes for granted.
DOCSTRINGS = {
    "docs/lineage.md": {"weighbridge/api/tracing.py": ""},
    "docs/looking.md": {"weighbridge/runs/comparison/compare.py": ""},
    "docs/reference/python.md": {
        "weighbridge/api/running.py": "",
        "weighbridge/api/models.py": "import tensorflow as tf\nrows = run.examples('eval', rows=5)",
        "weighbridge/api/cluster.py": "",
    },
}


def followed() -> list[str]:
    """Documents with something to execute."""
    return [name for name in documents() if any(b.language in RUN and not b.not_run for b in blocks(name))]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("pages")) as stage:
        yield stage


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """The command line in this process."""

    def called(words: list[str], environment: dict[str, str]) -> tuple[int, str]:
        digests._code_digest.cache_clear()
        capfd.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["weighbridge", *words])
            patch.setattr(sys, "path", [environment["PYTHONPATH"], *sys.path])
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out + err

    return called


@pytest.mark.parametrize("document", followed())
def test_a_page_works_as_it_is_written(
    document: str, stage: Stage, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stage.prepare(document, begins_with(document), call)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    # Only Python sees it: commands have an environment of their own.
    monkeypatch.setenv("WEIGHBRIDGE_KFP_ENDPOINT", stage.here(ENDPOINT))
    Page(folder, stage, call).follow([*blocks(document), *docstrings(document)])


def docstrings(document: str) -> list[Block]:
    """The examples in docstrings that are executed behind a page."""
    told = DOCSTRINGS.get(document, {})
    first = {name: Block(name, 0, "python", granted) for name, granted in told.items()}
    return [block for name in told for block in (first[name], *blocks(name, (ROOT / name).read_text()))]


def test_every_example_in_a_docstring_is_executed() -> None:
    sources = [path for folder in ("weighbridge", "components", "pipelines") for path in (ROOT / folder).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in sources if re.search("```(python|console)", path.read_text())}
    found.remove("weighbridge/thresholds/reference/page.py")  # what it writes is docs/reference/gates.md
    assert found == {name for told in DOCSTRINGS.values() for name in told}


def test_a_page_that_begins_with_what_nobody_makes_is_found(stage: Stage, call: Call) -> None:
    with pytest.raises(KeyError, match="a run of tea"):
        stage.prepare("x.md", "a run of tea", call)


def test_a_command_that_fails_or_prints_something_else_fails_the_page(stage: Stage, call: Call) -> None:
    page = Page(stage.prepare("x.md", "", call), stage, call)

    def say(text: str) -> None:
        page.follow(blocks("x.md", f"```console\n{text}\n```\n"))

    say("$ weighbridge --version\nweighbridge 0.0.0\n$ weighbridge weigh\n…\n$ echo $?\n2")
    say("$ echo 1 of 2\n3 of 4\n$ export A=b\n$ echo $A\nb\n$ false\n$ echo $?\n1")
    with pytest.raises(AssertionError, match="shows but did not print"):
        say("$ echo yes\nno")
    with pytest.raises(AssertionError, match="ended in 1"):
        say("$ false")
