"""A secret is in nothing that a run leaves, ML Metadata's database included, and the step gets it all the same."""

import hashlib
import json
from pathlib import Path

import pytest

from weighbridge.common import secrets, text

SECRETIVE = "tests.weighbridge.local.secretive"
SECRET = "c0rrect-h0rse"
GIVEN = ("--set", "password=env:DB_PASSWORD", "--set", "source=postgres://me:{env:DB_PASSWORD}@host/rows")


@pytest.fixture(autouse=True)
def variable(monkeypatch):
    monkeypatch.setattr(text, "_hidden", {})
    monkeypatch.setattr(secrets, "_resolved", {})
    monkeypatch.setenv("DB_PASSWORD", SECRET)


def holding(folder: Path, secret: str) -> list[Path]:
    """The files below a folder with a secret in their names or bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if secret.encode() in path.read_bytes() or secret in str(path)]


@pytest.mark.parametrize("store", [False, True])
def test_the_step_gets_it_and_nothing_keeps_it(weighbridge, workdir, tmp_path, store):
    (tmp_path / "store").mkdir()
    where = ("--store", str(tmp_path / "store")) if store else ()
    done = weighbridge("run", SECRETIVE, *GIVEN, *where, "--reports", str(tmp_path / "reports"))
    assert done.code == 0, done.out + done.err
    [got] = workdir.rglob("got.txt")
    both = f"{SECRET} postgres://me:{SECRET}@host/rows"
    assert got.read_text() == hashlib.sha256(both.encode()).hexdigest()
    [database] = workdir.rglob("metadata.sqlite")
    assert b"{env:DB_PASSWORD}" in database.read_bytes()
    shown = [done, *(weighbridge(*words, "--json") for words in (["runs"], ["show"], ["plan", SECRETIVE, *GIVEN]))]
    assert not any(SECRET in each.out + each.err for each in shown)
    assert holding(tmp_path, SECRET) == []
    assert "connecting with ***" in next(workdir.rglob("log.txt")).read_text()


def test_another_password_in_the_variable_changes_nothing(weighbridge, monkeypatch):
    assert weighbridge("run", SECRETIVE, *GIVEN).code == 0
    monkeypatch.setenv("DB_PASSWORD", "an0ther")
    assert "Nothing changed since run" in weighbridge("run", SECRETIVE, *GIVEN).out
    changed = weighbridge("plan", SECRETIVE, *GIVEN[:2], "--json")
    assert [each["part"] for each in json.loads(changed.out)["changed"]] == ["source"]


def test_nor_where_the_step_fails_with_it_in_its_error(weighbridge, tmp_path):
    failing = [*GIVEN[:3], f"{GIVEN[3].removesuffix('rows')}fails"]
    done = weighbridge("run", SECRETIVE, *failing, "--verbose")
    assert (done.code, SECRET in done.out + done.err) == (2, False)
    assert "refuses ***" in done.err
    assert holding(tmp_path, SECRET) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", f"password={SECRET}"), "parameter password holds a secret"),
        (("--set", f"api_key={SECRET}"), "parameter api_key holds a secret"),
        (("--set", f"source=https://me:{SECRET}@host/a"), "parameter source holds a secret"),
        (("--set", f"source=s3://b/c?X-Amz-Signature={SECRET}&b=1"), "parameter source holds a secret"),
        (("--data", f"s3://me:{SECRET}@bucket/rows.csv"), "--data has a password or token in its address"),
        (("--set", f"hidden={SECRET}"), "Fetch is given a secret in plain: its parameter source"),
    ],
)
@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_secret_in_plain_is_refused_and_shown_nowhere(weighbridge, tmp_path, command, arguments, message):
    done = weighbridge(command, SECRETIVE, *arguments)
    assert (done.code, message in done.err, SECRET in done.out + done.err) == (2, True, False), done.err
    if "hidden" not in arguments[1]:  # a name that tells nothing: the step's address does, later
        assert holding(tmp_path, SECRET) == []


def test_so_is_an_address_of_a_store_with_credentials(weighbridge, tmp_path):
    done = weighbridge("run", SECRETIVE, "--store", f"s3://me:{SECRET}@bucket/x")
    assert (done.code, "holds credentials" in done.err, SECRET in done.out + done.err) == (2, True, False)
    assert "AWS_ACCESS_KEY_ID" in done.err
    assert holding(tmp_path, SECRET) == []


def test_a_variable_that_is_not_set_is_named_before_anything_runs(weighbridge, workdir, monkeypatch):
    monkeypatch.delenv("DB_PASSWORD")
    done = weighbridge("run", SECRETIVE, *GIVEN)
    assert (done.code, "Fetch refers to the environment variable DB_PASSWORD" in done.err) == (2, True)
    assert "✗ Fetch" not in done.out
