"""A pipeline of somebody else's by import path and by file: which module it is, or why it cannot be."""

import json
import shutil
from pathlib import Path

import pytest

from tests.foreign.installed import Installed
from tests.foreign.repository import PIPELINE, write_repository

_PROBE = """
import json, os, sys
sys.path.insert(0, os.getcwd())
from weighbridge.definition import load
found = load(sys.argv[1])
print(json.dumps([found.name, found.module, str(found.folder)]))
"""


@pytest.fixture(params=[True, False], ids=["packages", "namespaces"])
def repository(request, tmp_path) -> Path:
    return write_repository(tmp_path / "payments", packages=request.param)


def loaded(installed: Installed, reference: str, cwd: Path, **environment: str) -> list[str]:
    done = installed.run("python", "-c", _PROBE, reference, cwd=cwd, **environment)
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.mark.parametrize("reference", [PIPELINE, f"./{PIPELINE}", "pipelines.fraud.pipeline"])
def test_it_is_the_same_pipeline_by_file_and_by_import_path(installed, repository, reference):
    folder = str((repository / PIPELINE).parent)
    assert loaded(installed, reference, repository) == ["fraud", "pipelines.fraud.pipeline", folder]


@pytest.mark.parametrize("where", [".", "..", "/"])
def test_a_file_is_the_same_pipeline_wherever_the_command_is_typed(installed, repository, where):
    name, module, _ = loaded(installed, str(repository / PIPELINE), repository / where)
    assert (name, module) == ("fraud", "pipelines.fraud.pipeline")


def test_a_file_in_a_package_is_the_same_pipeline_from_inside_of_it(installed, tmp_path):
    repository = write_repository(tmp_path / "payments")
    assert loaded(installed, "./pipeline.py", repository / "pipelines/fraud")[:2] == [
        "fraud",
        "pipelines.fraud.pipeline",
    ]


def test_the_packages_of_the_folder_that_the_command_is_typed_in_are_not_taken_for_it(installed, tmp_path):
    repository = write_repository(tmp_path / "payments")
    for name in ("components", "pipelines", "tests"):
        write(tmp_path / f"other/{name}/__init__.py", "raise ImportError('another project')\n")
    assert loaded(installed, str(repository / PIPELINE), tmp_path / "other")[0] == "fraud"


def test_a_namespace_that_a_package_of_that_folder_shadows_is_told_how_to_win(installed, tmp_path):
    """Python takes a package with an `__init__.py` wherever it lies."""
    repository = write_repository(tmp_path / "payments", packages=False)
    other = write(tmp_path / "other/pipelines/__init__.py", "")
    told = refused(installed, str(repository / PIPELINE), tmp_path / "other")
    assert f"for Python 'pipelines' is {other}" in told
    assert "give it an __init__.py" in told


def test_a_source_folder_on_the_path_is_where_names_begin(installed, repository):
    (repository / "src").mkdir()
    for name in ("components", "pipelines", "tests"):
        shutil.move(repository / name, repository / "src" / name)
    found = loaded(installed, f"src/{PIPELINE}", repository, PYTHONPATH=str(repository / "src"))
    assert found[:2] == ["fraud", "pipelines.fraud.pipeline"]


def test_a_file_on_its_own_is_called_like_its_folder(installed, tmp_path):
    (tmp_path / "churn").mkdir()
    (tmp_path / "churn/pipeline.py").write_text(_SMALLEST)
    assert loaded(installed, "./pipeline.py", tmp_path / "churn")[:2] == ["churn", "pipeline"]
    (tmp_path / "churn/weekly.py").write_text(_SMALLEST)
    assert loaded(installed, "weekly.py", tmp_path / "churn")[:2] == ["weekly", "weekly"]


_SMALLEST = """
from weighbridge import Parameters as Base
class Parameters(Base): ...
def create_pipeline(parameters, context): ...
"""


def refused(installed: Installed, reference: str, cwd: Path) -> str:
    """What `plan` says of a pipeline that it cannot load."""
    done = installed.run("weighbridge", "plan", reference, cwd=cwd)
    assert done.code == 2, done.out + done.err
    assert "Traceback" not in done.err
    return " ".join(done.err.split())


def write(path: Path, text: str = _SMALLEST) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["my-fraud/pipeline.py", "fraud/my-pipeline.py", "fraud/2nd.py", "class/pipeline.py"])
def test_a_file_that_has_no_name_in_python_is_told_which_part_of_it(installed, tmp_path, name):
    write(tmp_path / name)
    told = refused(installed, name, tmp_path)
    part = next(part for part in Path(name).with_suffix("").parts if part not in ("fraud", "pipeline"))
    assert f"{part!r} is not a name that Python can import" in told
    assert "Rename it" in told


def test_a_file_that_another_module_shadows_is_told_which(installed, tmp_path):
    write(tmp_path / "json/pipeline.py")
    told = refused(installed, "./json/pipeline.py", tmp_path)
    assert "cannot be imported as json.pipeline: for Python 'json' is /" in told
    assert "Rename the file's folder" in told
    assert "There is no pipeline 'json.pipeline': 'json' is /" in refused(installed, "json.pipeline", tmp_path)


def test_a_namespace_that_an_installed_package_shadows_is_told_how_to_win(installed, tmp_path):
    write(tmp_path / "yaml/pipeline.py")
    told = refused(installed, "yaml/pipeline.py", tmp_path)
    assert str(installed.site_packages / "yaml/__init__.py") in told
    assert "give it an __init__.py" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nowhere_to_be_found\n", "No module named 'nowhere_to_be_found'"),
        ("from json import nothing\n", "cannot import name 'nothing'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("x = (\n", "SyntaxError: '(' was never closed"),
    ],
)
def test_what_a_module_raises_is_told_with_its_place_and_is_no_refusal(installed, tmp_path, text, told):
    file = write(tmp_path / "broken/pipeline.py", text)
    for reference in ("broken/pipeline.py", "broken.pipeline"):
        error = refused(installed, reference, tmp_path)
        assert told in error
        assert f"{file}, line 1." in error


def test_a_file_that_is_not_there_is_named(installed, tmp_path):
    assert "There is no file fraud/pipeline.py" in refused(installed, "fraud/pipeline.py", tmp_path)
