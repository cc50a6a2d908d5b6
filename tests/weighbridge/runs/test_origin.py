"""Where a run comes from."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.weighbridge.runs.test_commit import git, repository  # noqa: F401, a fixture
from weighbridge.definition import Definition, Parameters
from weighbridge.runs.origin import origin_of


@pytest.fixture
def definition(repository: Path) -> Definition:  # noqa: F811
    return Definition(
        "taxi", "pipeline.pipeline", repository / "pipeline", Parameters, lambda parameters, context: None
    )


def test_a_clean_repository_is_told_by_its_commit(definition: Definition) -> None:
    origin = origin_of(definition, {"data": "rows.csv"}, {"Trainer": "sha256:1"})
    assert origin.commit == git(definition.folder, "rev-parse", "HEAD")
    assert (origin.module, origin.folder, origin.changes) == ("pipeline.pipeline", "pipeline", "")
    assert (origin.parameters, origin.code) == ({"data": "rows.csv"}, {"Trainer": "sha256:1"})


def test_every_change_of_code_is_another_digest(definition: Definition) -> None:
    found = [origin_of(definition, {}).changes]
    for name, text in (("pipeline.py", "x = 2\n"), ("pipeline.py", "x = 3\n"), ("new.py", "y = 1\n"), ("new.py", "")):
        (definition.folder / name).write_text(text)
        found.append(origin_of(definition, {}).changes)
    assert found[0] == ""
    assert len(set(found)) == len(found)
    git(definition.folder, "checkout", "--quiet", "pipeline.py")
    (definition.folder / "new.py").unlink()
    assert origin_of(definition, {}).changes == ""


def test_what_is_no_code_is_no_change(definition: Definition) -> None:
    (definition.folder / "rows.parquet").write_bytes(b"PAR1")
    (definition.folder / "README.md").write_text("A pipeline.")
    git(definition.folder, "add", "README.md")
    (definition.folder.parent / "work").mkdir()
    (definition.folder.parent / "work/run.json").write_text("{}")
    assert origin_of(definition, {}).changes == ""


def test_no_secret_of_an_address_is_told(definition: Definition) -> None:
    git(definition.folder, "remote", "add", "origin", "https://jane:pa55word@git.example.com/taxi.git")
    origin = origin_of(definition, {"data": "https://store.example.com/rows.csv?token=pa55word"})
    assert "pa55word" not in origin.model_dump_json()
    assert origin.repository.endswith("git.example.com/taxi.git")


def test_outside_a_repository_the_module_alone_is_told(definition: Definition, tmp_path: Path) -> None:
    origin = origin_of(replace(definition, folder=tmp_path), {})
    assert (origin.module, origin.commit, origin.changes) == ("pipeline.pipeline", "", "")
