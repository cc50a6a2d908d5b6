"""The locks' licences: each is known, and none forbids what this project does with it."""

import functools
import json
import os
import re
import subprocess
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.command_line import ROOT
from tests.serving_server import serving_python
from weighbridge.common import pinned
from weighbridge.common.yaml_file import read_yaml
from weighbridge.sbom.distributions import installed
from weighbridge.sbom.kinds import kind_of
from weighbridge.sbom.licences import REVIEWED_FILE, spdx

LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
SHIPPED = {path.name for path in pinned.shipped_locks()}
REVIEWED = read_yaml(ROOT / "requirements" / REVIEWED_FILE).content


# Of a server's environment, by its own Python: its lock has other versions than ours.
_TELL = """
import json
from weighbridge.sbom.distributions import installed
from weighbridge.sbom.kinds import kind_of

told = [(each.key, each.version, each.licence.told, kind_of(each.licence), each.licence.source) for each in installed()]
print(json.dumps(told))
"""


class Told(NamedTuple):
    """What a distribution says."""

    key: str
    version: str
    licence: str
    kind: str
    source: str


@functools.cache
def told(serving: bool) -> list[Told]:
    """What is installed here, or in the environment of servers."""
    if not serving:
        found = installed()
        return [
            Told(each.key, each.version, each.licence.told, kind_of(each.licence), each.licence.source)
            for each in found
        ]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([serving_python(), "-c", _TELL], env=environ, capture_output=True, text=True, check=True)
    return [Told(*each) for each in json.loads(done.stdout)]


def is_serving(lock: Path) -> bool:
    return lock.name.startswith("serving-")


def pins() -> dict[str, set[str]]:
    """The versions of each distribution, in any lock."""
    found: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in pinned.pins(lock.read_text()).items():
            found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize(
    "lock",
    [pytest.param(path, marks=pytest.mark.slow) if is_serving(path) else path for path in LOCKS],
    ids=lambda path: path.name,
)
def test_every_distribution_has_a_known_licence_that_lets_it_be_shipped(lock):
    wanted = pinned.pins(lock.read_text())
    found = {each.key: each for each in told(is_serving(lock)) if wanted.get(each.key) == each.version}
    absent = sorted(set(wanted) - set(found))
    assert absent == [], "their licences cannot be told: run `make setup`"
    # What tests alone need is used and not handed on, so it may ask more of whoever hands it on.
    shipped = lock.name in SHIPPED or is_serving(lock)  # in the image of servers
    allowed = {"permissive", "weak copyleft"} | (set() if shipped else {"copyleft"})
    wrong = [
        f"{each.key} {each.version}: {each.licence} ({each.kind})"
        for each in found.values()
        if each.kind not in allowed
    ]
    assert wrong == [], "look them up; what a distribution does not tell goes into requirements/licences.yaml"


@pytest.mark.parametrize("name", sorted(REVIEWED))
def test_a_review_is_whole_and_of_a_version_that_is_pinned(name):
    entry = REVIEWED[name]
    assert set(entry) == {"version", "licence", "because", "reviewed"}
    assert entry["version"] in pins()[name], f"{name} is pinned in another version: look again"
    assert spdx(entry["licence"]) == entry["licence"]
    assert entry["because"]
    assert isinstance(entry["reviewed"], date)


@pytest.mark.slow
def test_nothing_is_reviewed_that_tells_its_licence_itself():
    sources = {(each.key, each.version): each.source for serving in (False, True) for each in told(serving)}
    assert {sources[name, entry["version"]] for name, entry in REVIEWED.items()} == {"reviewed"}


def test_the_licence_of_this_project_is_that_of_its_file():
    [own] = [each for each in installed() if each.key == "weighbridge"]
    assert own.licence.expression == "Apache-2.0"
    assert re.search(r"Apache License\s+Version 2\.0", (ROOT / "LICENSE").read_text())
