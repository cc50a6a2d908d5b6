"""The libraries of a model: those that are here, or an environment of their own, made with the recorded lock."""

import os
from pathlib import Path

import pytest

from tests.weighbridge.reproduce.pushed import training
from weighbridge.common import pinned
from weighbridge.common.digests import file_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.evidence.provenance import Software
from weighbridge.reproduce.libraries import find_libraries, make_environment

FAKE_UV = """#!/bin/sh
printf '%s\\n' "$*" >> "$UV_CALLS"
case "$1 $2" in
  "venv "*) for last; do :; done; mkdir -p "$last/bin" "$last/lib/python3.11/site-packages"; touch "$last/bin/python";;
esac
[ -z "$UV_FAILS" ] || { [ "$1" = venv ] || { echo "no route to host" >&2; exit 1; }; }
"""


def software(**changed: str) -> Software:
    """Recorded as it is here, but for some versions."""
    found = training().software
    return found.model_copy(update={"libraries": found.libraries | changed})


@pytest.fixture
def uv(tmp_path, monkeypatch) -> Path:
    """Stands for uv: writes down what it is called with."""
    program = tmp_path / "bin/uv"
    program.parent.mkdir()
    program.write_text(FAKE_UV)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("UV_CALLS", str(tmp_path / "calls.txt"))
    return tmp_path / "calls.txt"


def test_the_same_versions_are_taken_as_they_are():
    assert find_libraries(software()).differing == {}
    assert find_libraries(software(keras=f"{software().libraries['keras']}+local")).differing == {}


def test_another_version_is_named_and_can_be_ignored():
    found = find_libraries(software(keras="2.0", pyarrow="1.0"))
    here = software().libraries
    assert found.differing == {"keras": ("2.0", here["keras"]), "pyarrow": ("1.0", here["pyarrow"])}
    assert f"keras 2.0 (here {here['keras']})" in found.described
    ignored = find_libraries(software(keras="2.0"), as_installed=True)
    assert (ignored.differing, "though the model had keras 2.0" in ignored.described) == ({}, True)


def test_libraries_that_a_model_is_trained_with_count_too():
    import sklearn  # noqa: F401, a process that trains with it loads it

    found = training().software
    assert found.libraries["scikit-learn"] == pinned.installed()["scikit-learn"]
    assert set(find_libraries(software(**{"scikit-learn": "0.1"})).differing) == {"scikit-learn"}
    assert "lightgbm 4.5 (here none)" in find_libraries(software(lightgbm="4.5")).described


def test_python_counts_without_its_last_part():
    found = software().model_copy(update={"python": ".".join(software().python.split(".")[:2]) + ".99"})
    assert find_libraries(found).differing == {}
    assert "python" in find_libraries(found.model_copy(update={"python": "3.7.1"})).differing


def test_the_lock_of_the_commit_with_the_recorded_digest_is_installed(uv, tmp_path):
    locks = tmp_path / "code/requirements"
    locks.mkdir(parents=True)
    (locks / "a.lock").write_text("keras==1.0\n")
    versions = software(keras="2.0").libraries
    (locks / "b.lock").write_text("".join(f"{name}=={version}\n" for name, version in versions.items()))
    wanted = software(keras="2.0").model_copy(update={"lock": file_digest(locks / "b.lock")})
    python = make_environment(wanted, tmp_path / "code", tmp_path / "environment")
    assert python == tmp_path / "environment/bin/python"
    made, installed = uv.read_text().splitlines()
    assert made.startswith("venv --quiet --python ")
    assert installed.endswith(f"--python {python} -r {locks / 'b.lock'}")
    # What no lock holds, such as a pipeline's own libraries, is found here, behind what was installed.
    [fallback] = (tmp_path / "environment").glob("lib/python*/site-packages/*.pth")
    assert any(path.endswith("site-packages") for path in fallback.read_text().splitlines())


def test_what_was_recorded_in_another_version_than_the_lock_has_is_installed_over_it(uv, tmp_path):
    make_environment(software(keras="2.0", lightgbm="4.5"), tmp_path, tmp_path / "environment")
    _, first, second = uv.read_text().splitlines()
    assert first.endswith(f"-r {pinned.lock_of()}")
    assert second.endswith(f"--no-deps -r {tmp_path}/environment/recorded.txt")
    recorded = pinned.pins((tmp_path / "environment/recorded.txt").read_text())
    assert (recorded["keras"], recorded["lightgbm"]) == ("2.0", "4.5")


def test_the_lock_that_comes_with_weighbridge_is_installed(uv, tmp_path):
    make_environment(training().software, tmp_path, tmp_path / "environment")
    assert uv.read_text().endswith(f"-r {pinned.lock_of()}\n")


def test_without_the_lock_the_recorded_versions_are_installed(uv, tmp_path):
    wanted = software(keras="2.0").model_copy(update={"lock": "sha256:gone"})
    make_environment(wanted, tmp_path, tmp_path / "environment")
    chosen = tmp_path / "environment/recorded.txt"
    assert uv.read_text().endswith(f"--no-deps -r {chosen}\n")
    found = pinned.pins(chosen.read_text())
    assert found["keras"] == "2.0"
    assert found["tfx"] == wanted.libraries["tfx"]
    assert found["numpy"] == pinned.pins(pinned.lock_of().read_text())["numpy"]


def test_what_cannot_be_installed_is_safe_to_run_again(uv, tmp_path, monkeypatch):
    monkeypatch.setenv("UV_FAILS", "1")
    with pytest.raises(InfrastructureError, match="no route to host") as failed:
        make_environment(training().software, tmp_path, tmp_path / "environment")
    assert "--as-installed" in failed.value.hint


def test_without_uv_the_message_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("weighbridge.reproduce.libraries._uv", lambda: None)
    with pytest.raises(UsageError, match="there is no uv") as refused:
        make_environment(training().software, tmp_path, tmp_path / "environment")
    assert "--as-installed" in refused.value.hint
