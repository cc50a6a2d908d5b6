"""The locks' licences: each is known, and none forbids what this project does with it."""

import re
from datetime import date

import pytest

from tests.command_line import ROOT
from weighbridge.common import pinned
from weighbridge.common.yaml_file import read_yaml
from weighbridge.sbom.distributions import installed
from weighbridge.sbom.kinds import kind_of
from weighbridge.sbom.licences import REVIEWED_FILE, spdx

LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
SHIPPED = {path.name for path in pinned.shipped_locks()}
REVIEWED = read_yaml(ROOT / "requirements" / REVIEWED_FILE).content


def pins() -> dict[str, str]:
    return {name: version for lock in LOCKS for name, version in pinned.pins(lock.read_text()).items()}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_distribution_has_a_known_licence_that_lets_it_be_shipped(lock):
    wanted = pinned.pins(lock.read_text())
    found = {each.key: each for each in installed() if wanted.get(each.key) == each.version}
    absent = sorted(set(wanted) - set(found))
    assert absent == [], "their licences cannot be told: run `make setup`"
    # What tests alone need is used and not handed on, so it may ask more of whoever hands it on.
    allowed = {"permissive", "weak copyleft"} | (set() if lock.name in SHIPPED else {"copyleft"})
    wrong = [
        f"{each.name} {each.version}: {each.licence.told} ({kind})"
        for each in found.values()
        if (kind := kind_of(each.licence)) not in allowed
    ]
    assert wrong == [], "look them up; what a distribution does not tell goes into requirements/licences.yaml"


@pytest.mark.parametrize("name", sorted(REVIEWED))
def test_a_review_is_whole_and_of_the_version_that_is_pinned(name):
    entry = REVIEWED[name]
    assert set(entry) == {"version", "licence", "because", "reviewed"}
    assert entry["version"] == pins()[name], f"{name} is pinned in another version: look again"
    assert spdx(entry["licence"]) == entry["licence"]
    assert entry["because"]
    assert isinstance(entry["reviewed"], date)


def test_nothing_is_reviewed_that_tells_its_licence_itself():
    [told] = [{each.key: each.licence.source for each in installed()}]
    assert {told[name] for name in REVIEWED} == {"reviewed"}


def test_the_licence_of_this_project_is_that_of_its_file():
    [own] = [each for each in installed() if each.key == "weighbridge"]
    assert own.licence.expression == "Apache-2.0"
    assert re.search(r"Apache License\s+Version 2\.0", (ROOT / "LICENSE").read_text())
