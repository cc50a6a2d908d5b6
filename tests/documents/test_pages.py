"""Every page works: its blocks are executed in order, as by somebody who follows it, and print what it shows.

In the place of something else, as `tests.documents.stage` says: a folder for the bucket `gs://models`, a double for
`https://kubeflow.example.com/pipeline`, a whole digest for one that is cut short.
"""

import sys
from collections.abc import Iterator

import pytest

from tests.documents.blocks import begins_with, blocks, documents
from tests.documents.page import Call, Page
from tests.documents.stage import Stage
from weighbridge.cli import main
from weighbridge.common import digests

pytestmark = [pytest.mark.documents, pytest.mark.slow]

RUN = ("console", "sh", "bash", "python")


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
    folder = stage.prepare(document, begins_with(document))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    Page(folder, stage, call).follow(blocks(document))


def test_a_page_that_begins_with_what_nobody_makes_is_found(stage: Stage) -> None:
    with pytest.raises(KeyError, match="a run of tea"):
        stage.prepare("x.md", "a run of tea")


def test_a_command_that_fails_or_prints_something_else_fails_the_page(stage: Stage, call: Call) -> None:
    page = Page(stage.prepare("x.md", ""), stage, call)

    def say(text: str) -> None:
        page.follow(blocks("x.md", f"```console\n{text}\n```\n"))

    say("$ weighbridge --version\nweighbridge 0.0.0\n$ weighbridge weigh\n…\n$ echo $?\n2")
    say("$ echo 1 of 2\n3 of 4\n$ export A=b\n$ echo $A\nb\n$ false\n$ echo $?\n1")
    with pytest.raises(AssertionError, match="shows but did not print"):
        say("$ echo yes\nno")
    with pytest.raises(AssertionError, match="ended in 1"):
        say("$ false")
