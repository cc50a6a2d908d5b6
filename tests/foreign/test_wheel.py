"""What a wheel brings: one top-level package, with every file that the code reads."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.foreign.installed import ROOT, build_wheel, copy_of_the_sources

# Files of these kinds below `weighbridge/` are read by the code or by its users' tools.
_DATA = {".yaml", ".pbtxt", ".md", ".j2", ".css", ".parquet", ".json", ".lock", ".pyi", ".typed"}


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _in_the_tree(kinds: set[str]) -> set[str]:
    """Files of the source tree under the names that they are installed by."""
    roots = {"weighbridge": ROOT / "weighbridge"}
    roots |= {f"weighbridge/{name}": ROOT / name for name in ("components", "pipelines")}
    locks = {f"weighbridge/requirements/{path.name}" for path in (ROOT / "requirements").glob("tfx-*.lock")}
    licences = {"weighbridge/requirements/licences.yaml"} if ".yaml" in kinds else set()
    return (
        (locks if ".lock" in kinds else set())
        | licences
        | {
            f"{prefix}/{path.relative_to(folder).as_posix()}"
            for prefix, folder in roots.items()
            for path in folder.rglob("*")
            if path.is_file() and (path.suffix in kinds or path.name == "py.typed")
        }
    )


def test_it_installs_one_package_and_nothing_that_could_collide(names):
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"weighbridge"}


def test_every_module_and_every_file_beside_them_is_in_it(names):
    wanted = _in_the_tree({".py"} | _DATA)
    assert "weighbridge/components/evaluator/README.md" in wanted
    assert "weighbridge/pipelines/recommender/orders.parquet" in wanted
    assert "weighbridge/report/templates/report.css" in wanted
    assert "weighbridge/py.typed" in wanted
    assert "weighbridge/requirements/tfx-1.16-py311.lock" in wanted
    assert "weighbridge/thresholds/gates.schema.json" in wanted
    assert wanted - names == set()


def test_nothing_else_is_in_it(names):
    """A file of another kind would be missing from the wheel without a word."""
    others = {name for name in _in_the_tree({""}) | names if name.startswith("weighbridge/")}
    assert others - _in_the_tree({".py"} | _DATA) == set()


def test_a_source_distribution_makes_the_same_wheel(names, tmp_path):
    """In it the links are folders."""
    sources = copy_of_the_sources(tmp_path / "sources")
    command = [sys.executable, "setup.py", "--quiet", "sdist", "--dist-dir", str(tmp_path / "sdist")]
    subprocess.run(command, cwd=sources, check=True, capture_output=True)
    [archive] = (tmp_path / "sdist").glob("*.tar.gz")
    shutil.unpack_archive(archive, tmp_path / "unpacked")  # Python's own filter is there from 3.11.4 on only
    [unpacked] = (tmp_path / "unpacked").iterdir()
    with zipfile.ZipFile(build_wheel(unpacked, tmp_path / "dist")) as wheel:
        assert set(wheel.namelist()) == names


def test_it_brings_its_license(names, wheel):
    [name] = [name for name in names if name.endswith("/LICENSE")]
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(name) == (ROOT / "LICENSE").read_bytes()


def test_what_is_installed_is_the_wheel(installed, tmp_path):
    told = installed.run("python", "-c", "import weighbridge; print(weighbridge.__file__)", cwd=tmp_path)
    assert told.out.strip() == str(installed.site_packages / "weighbridge/__init__.py")
    names = "('components', 'pipelines', 'tests', 'benchmarks')"
    code = f"from importlib.util import find_spec; print([n for n in {names} if find_spec(n)])"
    assert installed.run("python", "-c", code, cwd=tmp_path).out.strip() == "[]"


def test_it_brings_its_lock_and_the_schema_of_thresholds(installed, tmp_path):
    done = installed.run("weighbridge", "lock", "-o", "weighbridge.lock", cwd=tmp_path)
    assert done.code == 0, done.err
    [lock] = (ROOT / "requirements").glob("tfx-*.lock")
    assert (tmp_path / "weighbridge.lock").read_bytes() == lock.read_bytes()
    done = installed.run("weighbridge", "gates", "--json-schema", "-o", "gates.schema.json", cwd=tmp_path)
    assert done.code == 0, done.err
    committed = ROOT / "weighbridge/thresholds/gates.schema.json"
    assert (tmp_path / "gates.schema.json").read_bytes() == committed.read_bytes()


def test_a_doctor_finds_nothing_wrong_with_the_environment(installed, tmp_path):
    found = json.loads(installed.run("weighbridge", "doctor", "--json", cwd=tmp_path).out)["findings"]
    about = {each["about"]: each for each in found if each["about"] in ("python", "glibc", "lock", "tfx")}
    assert {name: each["state"] for name, each in about.items()} == dict.fromkeys(about, "ok")
