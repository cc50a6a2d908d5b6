"""Every page works: its blocks are executed in order, as by somebody who follows it, and print what it shows.

In the place of something else, as `tests.documents.stage` says: a folder for the bucket `gs://models`, a double for
`https://kubeflow.example.com/pipeline`, a whole digest for one that is cut short.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents.blocks import BEGINS, begins_with, blocks, documents
from tests.documents.page import Page
from tests.documents.stage import Stage

pytestmark = [pytest.mark.documents, pytest.mark.slow]

RUN = ("console", "sh", "bash", "python")


def followed() -> list[str]:
    """Documents with something to execute."""
    return [name for name in documents() if any(b.language in RUN and not b.not_run for b in blocks(name))]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("pages")) as stage:
        yield stage


@pytest.mark.parametrize("document", followed())
def test_a_page_works_as_it_is_written(document: str, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stage.prepare(document, begins_with(document))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    page = Page(folder, stage)
    for block in blocks(document):
        if not block.not_run:
            page.run(block)


def test_a_page_that_begins_with_what_nobody_makes_is_found(stage: Stage) -> None:
    with pytest.raises(KeyError, match="a run of tea"):
        stage.prepare("x.md", "a run of tea")


def test_a_command_that_fails_or_prints_something_else_fails_the_page(stage: Stage) -> None:
    page = Page(stage.prepare("x.md", ""), stage)

    def say(text: str) -> None:
        for block in blocks("x.md", f"```console\n{text}\n```\n"):
            page.run(block)

    say("$ echo 1 of 2\n3 of 4\n$ export A=b\n$ echo $A\nb\n$ false\n$ echo $?\n1")
    with pytest.raises(AssertionError, match="shows but did not print"):
        say("$ echo yes\nno")
    with pytest.raises(AssertionError, match="ended in 1"):
        say("$ false")
    assert BEGINS == "begins with"
