"""What a step left is only used again as it was left."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.weighbridge.local.test_run import calls
from weighbridge.common import digests
from weighbridge.common.digests import tree_digest
from weighbridge.components.production_model.standing import read_record
from weighbridge.local import intact

__all__ = ["calls"]

DELIVERING = "tests.weighbridge.local.delivering"
# The same as ran before, for another place: the step's outputs are needed again.
DELIVER = ("run", DELIVERING, "--set", "weight=two", "--deliver-to", "canary")


@pytest.fixture
def left(weighbridge, workdir, calls) -> Path:
    """The folder of what the step `Make` left in its runs."""
    assert weighbridge("run", DELIVERING).code == 0
    assert weighbridge("run", DELIVERING, "--set", "weight=two", "--deliver-to", "staging").code == 0
    assert calls() == ["Make", "Make"]
    return workdir / "delivering/artifacts/Make"


def newest(left: Path, name: str) -> Path:
    """A file of the last run."""
    return max(left.rglob(name), key=lambda path: int(path.relative_to(left).parts[1]))


def flip(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])


def test_what_is_intact_is_used_again(weighbridge, left, calls):
    for path in left.rglob("*.json"):
        path.touch()  # another time, the same bytes
    assert weighbridge(*DELIVER).code == 0
    assert calls() == []


@pytest.mark.parametrize(
    ("name", "keep_time"), [("saved_model.pb", False), ("verdict.json", True), ("gates.json", False)]
)
def test_a_flipped_bit_makes_the_step_run_again(weighbridge, workdir, left, calls, name, keep_time):
    path = newest(left, name)
    whole, before = path.read_bytes(), path.stat()
    flip(path)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    done = weighbridge(*DELIVER)
    assert done.code == 0, done.out + done.err
    assert calls() == ["Make"]
    staged = workdir / "delivering/canary"
    assert tree_digest(staged / "1") == read_record(staged).model_digest
    if name == "saved_model.pb":
        assert (staged / "1" / name).read_bytes() == whole


def test_a_file_that_came_makes_the_step_run_again(weighbridge, left, calls):
    (newest(left, "saved_model.pb").parent / "saved_model.pbtxt").write_text("another")
    assert weighbridge(*DELIVER).code == 0
    assert calls() == ["Make"]


def test_force_reads_the_bytes_where_names_sizes_and_times_say_nothing(weighbridge, left, calls, monkeypatch):
    monkeypatch.setattr(intact, "looks", lambda path: "the same")
    flip(newest(left, "saved_model.pb"))
    assert weighbridge(*DELIVER, "--force").code == 0
    assert calls() == ["Make"]


def test_what_a_step_left_is_read_once_for_its_digest_and_its_seal(weighbridge, workdir, monkeypatch):
    read = Counter()
    before = digests.file_digest

    def counting(path):
        read[Path(path).relative_to(workdir) if Path(path).is_relative_to(workdir) else path] += 1
        return before(path)

    monkeypatch.setattr(digests, "file_digest", counting)
    assert weighbridge("run", "tests.weighbridge.local.tiny").code == 0
    [model] = [path for path in read if Path(path).name == "model.txt"]
    assert read[model] == 1


def test_a_plan_foresees_it(weighbridge, left):
    flip(newest(left, "saved_model.pb"))
    planned = json.loads(weighbridge("plan", *DELIVER[1:], "--json").out)
    assert [step["action"] for step in planned["steps"] if step["name"] == "Make"] == ["run"]
