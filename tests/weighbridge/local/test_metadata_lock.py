"""A file of ML Metadata that another program has locked is said, and not waited for without end."""

import sqlite3

import pytest

from weighbridge.common import progress
from weighbridge.common.errors import InfrastructureError
from weighbridge.local.metadata_lock import wait_until_writable


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
