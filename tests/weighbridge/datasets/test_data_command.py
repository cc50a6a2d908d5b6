"""`weighbridge data ecommerce`, as a user calls it."""

import json
import subprocess
import sys

import pytest
from pyarrow import parquet

from tests.test_imports import HEAVY, loaded_after
from weighbridge.cli import data
from weighbridge.common import progress
from weighbridge.datasets.shop.drift_kinds import KINDS


def test_a_file_and_what_is_said_of_it(weighbridge, tmp_path):
    path = tmp_path / "orders.parquet"
    done = weighbridge("data", "ecommerce", "--out", path, "--rows", "1000", "--seed", "5")
    assert done.code == 0, done.err
    assert f"{path}  sha256:" in done.out
    assert "1,000 lines" in done.out
    assert parquet.read_metadata(path).num_rows == 1000

    again = weighbridge("data", "ecommerce", "--out", path, "--rows", "1000", "--seed", "5", "--force", "--json")
    document = json.loads(again.out)
    assert document["digest"] in done.out
    assert document["files"] == [str(path)]
    assert document["first"].startswith("2009-12-01T")
    assert again.err == ""


def test_spans(weighbridge, tmp_path):
    done = weighbridge(
        *("data", "ecommerce", "--out", tmp_path / "weeks", "--rows", "500", "--by", "week", "--months", "2"),
        *("--start", "2011-03-01", "--drift", "prices", "--drift", "codes", "--drift-from", "2011-04-01", "--json"),
    )
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["path"] == f"{tmp_path}/weeks/{{YYYY}}-{{MM}}-{{DD}}/orders.parquet"
    assert document["files"][0] == f"{tmp_path}/weeks/2011-02-28/orders.parquet"
    assert len(document["files"]) == 9


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--drift", "earthquake"), "duplicates"),
        (("--rows", "0"), "--rows 0"),
        (("--rows", "many"), "--rows"),
        (("--start", "yesterday"), "yesterday"),
        (("--drift", "text-quantity"), "orders.csv"),
        (("--by", "day"), "week or month"),
    ],
)
def test_wrong_options_are_exit_2(weighbridge, tmp_path, options, named):
    done = weighbridge("data", "ecommerce", "--out", tmp_path / "orders.parquet", "--rows", "10", *options)
    assert done.code == 2
    assert named in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_exit_3(weighbridge, tmp_path):
    (tmp_path / "file").write_text("")
    done = weighbridge("data", "ecommerce", "--out", tmp_path / "file" / "orders.parquet", "--rows", "10")
    assert done.code == 3
    assert "cannot be written" in done.err


def test_help_lists_every_drift_and_loads_nothing_heavy():
    shown = subprocess.run(
        [sys.executable, "-m", "weighbridge", "data", "ecommerce", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [kind for kind in KINDS if kind not in shown.stdout] == []
    assert not loaded_after("import weighbridge.cli.data") & HEAVY


def test_progress_shows_after_two_seconds(monkeypatch, capsys):
    now = 100.0
    monkeypatch.setattr(data.time, "monotonic", lambda: now)
    with data._progress():
        progress.report("1 of 3 lines")
        now += 3
        progress.report("2 of 3 lines")
        progress.report("3 of 3 lines")
    assert capsys.readouterr().err == "2 of 3 lines\n"
