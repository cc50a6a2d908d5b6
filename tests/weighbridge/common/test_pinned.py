"""The locks that are installed with the package."""

import re
import sys

import pytest

from tests.command_line import ROOT
from weighbridge.common import pinned
from weighbridge.common.errors import UsageError

LOCK = """\
# what resolves
apache-beam[gcp]==2.59.0 \\
    --hash=sha256:00
    # via tfx
Google_crc32c==1.1.2 ; python_version < '3.12' \\
    --hash=sha256:01 \\
    --hash=sha256:02
"""


def test_the_shipped_locks_are_the_repositorys():
    assert [path.resolve() for path in pinned.shipped_locks()] == sorted((ROOT / "requirements").glob("tfx-*.lock"))


def test_every_requirement_of_a_lock_is_a_pin():
    [lock] = pinned.shipped_locks()
    text = lock.read_text()
    assert len(pinned.pins(text)) == len(re.findall(r"^\w", text, re.MULTILINE)) > 200
    assert pinned.pins(text)["tfx"] == "1.16.0"


def test_pins_and_constraints():
    assert pinned.pins(LOCK) == {"apache-beam": "2.59.0", "google-crc32c": "1.1.2"}
    assert pinned.constraints(LOCK) == "apache-beam==2.59.0\nGoogle_crc32c==1.1.2 ; python_version < '3.12'\n"


def test_what_departs():
    pins = {"a": "1", "b": "2", "c": "3", "d": "4+cpu"}
    assert pinned.departures(pins, {"a": "1", "b": "2.1", "d": "4"}) == {"b": ("2", "2.1"), "c": ("3", "")}


def test_a_python_without_a_lock_is_told():
    with pytest.raises(UsageError, match=r"no lock for Python 3\.99") as raised:
        pinned.lock_of((3, 99))
    assert "tfx-1.16-py311.lock" in raised.value.hint


def test_the_lock_is_printed_and_written(weighbridge, tmp_path):
    whole = pinned.lock_of(sys.version_info[:2]).read_text()
    assert weighbridge("lock").out.strip() == whole.strip()
    path = tmp_path / "in here" / "weighbridge.lock"
    shown = weighbridge("lock", "-o", path)
    assert (shown.code, path.read_text()) == (0, whole)
    assert f"uv pip install --require-hashes -r '{path}'" in shown.out
    assert "--hash" not in weighbridge("lock", "--constraints").out
    shown = weighbridge("lock", "--constraints", "-o", tmp_path / "c.txt")
    assert f"uv pip compile --generate-hashes --constraints {tmp_path / 'c.txt'} requirements.in" in shown.out
    assert weighbridge("lock", "-o", "/proc/none/x").code == 2
    assert '"tfx": "1.16.0"' in weighbridge("lock", "--json").out
