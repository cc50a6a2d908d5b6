"""A file of ML Metadata that cannot be used is said: another program has locked it, or it is not the artifacts' own."""

import sqlite3
import subprocess
from contextlib import closing

import pytest

from tests.weighbridge.local.test_cached_artifacts import DELIVERING
from tests.weighbridge.local.tiny import CALLS
from weighbridge.common import progress
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.production_model.standing import read_record
from weighbridge.local import metadata_lock
from weighbridge.local.metadata_lock import check_belongs, wait_until_writable


@pytest.fixture
def database(tmp_path):
    connection = sqlite3.connect(tmp_path / "metadata.sqlite", isolation_level=None)
    connection.execute("CREATE TABLE t (a)")
    yield tmp_path / "metadata.sqlite", connection
    connection.close()


def test_the_end_is_an_error_that_is_safe_to_retry(database):
    path, other = database
    other.execute("BEGIN IMMEDIATE")
    told = []
    with progress.listening(told.append), pytest.raises(InfrastructureError, match="Another program has locked"):
        wait_until_writable(path, 0.2)
    assert told[0] == f"waiting for another program that has locked {path}"
    other.execute("ROLLBACK")
    wait_until_writable(path, 0.0)


def test_it_goes_on_when_the_other_lets_go(database):
    path, other = database
    other.execute("BEGIN EXCLUSIVE")
    with progress.listening(lambda _: other.in_transaction and other.execute("COMMIT")):
        wait_until_writable(path)
    assert not other.in_transaction


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_what_is_no_database_is_not_waited_for(tmp_path, content):
    path = tmp_path / "metadata.sqlite"
    if content is not None:
        path.write_bytes(content)
    wait_until_writable(path, 0.0)
    wait_until_writable("", 0.0)


def test_a_run_tells_on_whom_it_waits_and_ends_safe_to_retry(weighbridge, workdir, monkeypatch, tmp_path):
    monkeypatch.setenv(CALLS, str(tmp_path / "calls"))
    assert weighbridge("run", DELIVERING).code == 0
    path = workdir / "delivering/metadata.sqlite"
    monkeypatch.setattr(metadata_lock.wait_until_writable, "__defaults__", (0.2,))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waited = weighbridge("run", DELIVERING, "--set", "weight=two")
    assert waited.code == 3
    assert f"Another program has locked {path}" in waited.err
    assert weighbridge("run", DELIVERING, "--set", "weight=two").code == 0


GONE = {
    "is gone": None,
    "is empty": b"",
    "is damaged (file is not a database)": b"no database" * 100,
}


@pytest.mark.parametrize("problem", GONE)
def test_artifacts_whose_metadata_begins_anew_are_not_written_into(
    weighbridge, workdir, monkeypatch, tmp_path, problem
):
    """Their folders are numbered by it: the first step of a new one would get the folder of an old one."""
    monkeypatch.setenv(CALLS, str(tmp_path / "calls"))
    assert weighbridge("run", DELIVERING).code == 0
    home = workdir / "delivering"
    before = {path: path.read_bytes() for path in (home / "artifacts").rglob("*") if path.is_file()}
    (home / "metadata.sqlite").unlink()
    if GONE[problem] is not None:
        (home / "metadata.sqlite").write_bytes(GONE[problem])
    for command in ("run", "plan"):
        refused = weighbridge(command, DELIVERING, "--set", "weight=two")
        assert (refused.code, "Traceback" in refused.err) == (2, False)
        assert "metadata.sqlite " + problem in " ".join(refused.err.split())
    assert {path: path.read_bytes() for path in (home / "artifacts").rglob("*") if path.is_file()} == before

    advice = next(line for line in refused.err.splitlines() if "mkdir -p" in line)
    subprocess.run(["sh", "-c", advice[advice.index("mkdir -p") :]], check=True)
    assert weighbridge("run", DELIVERING, "--set", "weight=two").code == 0
    assert read_record(home / "production").version == 2


def test_metadata_that_is_locked_or_of_another_kind_is_not_taken_for_damaged(database, tmp_path):
    path, other = database
    (tmp_path / "artifacts/Make/model/1").mkdir(parents=True)
    other.execute("BEGIN EXCLUSIVE")
    check_belongs(path, tmp_path / "artifacts")
    check_belongs("", tmp_path / "artifacts")
    with pytest.raises(UsageError, match="is no file"):
        check_belongs(tmp_path, tmp_path / "artifacts")
