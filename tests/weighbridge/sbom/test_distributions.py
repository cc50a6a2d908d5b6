"""What is installed, as it is read from metadata."""

import subprocess
import sys
from importlib import metadata

import pytest

from weighbridge.common import pinned
from weighbridge.sbom import distributions
from weighbridge.sbom.distributions import files_sha256, installed, needed


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of distributions, which alone is on the path."""

    def add(name: str, fields: str = "", **files: str) -> None:
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{fields}\n\nName: trap\n")
        for file, text in files.items():
            (folder / file.replace("_json", ".json")).write_text(text)

    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return add


def test_all_of_this_environment_with_their_versions():
    found = {each.key: each.version for each in installed()}
    assert found == pinned.installed()
    assert [each.key for each in installed()] == sorted(found)


def test_it_is_read_once_per_path(monkeypatch):
    installed()
    monkeypatch.setattr(metadata, "distributions", lambda **_: pytest.fail("read again"))
    assert installed() is installed()


def test_fields_end_where_the_description_begins(site):
    site("some", "Summary: About\nLicense: MIT")
    [found] = installed()
    assert (found.name, found.summary, found.licence.expression, found.needs) == ("some", "About", "MIT", ())


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", None])
def test_one_whose_metadata_cannot_be_read_is_listed_all_the_same(site, tmp_path, content):
    site("good")
    (tmp_path / "bad_one-1.dist-info").mkdir()
    if content is not None:
        (tmp_path / "bad_one-1.dist-info/METADATA").write_bytes(content)
    bad, good = installed()
    assert (bad.key, bad.version, bad.licence.told, good.key) == ("bad-one", "1", "not told", "good")


def test_what_needs_what():
    found = needed(
        {
            "top": [
                "Base_Library>=1",
                "some[fast]",
                "absent",
                "windows-only; sys_platform == 'win32'",
                "not a ; name (",
            ],
            "base-library": [],
            "some": ["quick; extra == 'fast'", "slow; extra == 'slow'", "some[fast]"],
            "quick": ["top"],
            "slow": [],
            "windows-only": [],
        }
    )
    assert found["top"] == {"base-library", "some"}
    assert found["some"] == {"quick"}
    assert found["quick"] == {"top"}
    assert found["slow"] == set()


def test_an_extra_that_somebody_asks_for_later_counts():
    requirements = {"a": ["b"], "b": ["c; extra == 'x'"], "c": [], "d": ["a", "b[x]"]}
    for order in (["a", "b", "c", "d"], ["d", "c", "b", "a"]):
        assert needed({key: requirements[key] for key in order})["b"] == {"c"}


RECORD = """some/__init__.py,sha256=aaa,1
some-1.0.dist-info/METADATA,sha256=bbb,2
"""


def test_files_are_those_of_the_archive_whoever_installed_it():
    told = files_sha256(RECORD)
    assert len(told) == 64
    by_pip = RECORD + (
        "../../../bin/some,sha256=ccc,3\nsome/__pycache__/__init__.cpython-311.pyc,,\n"
        "some-1.0.dist-info/INSTALLER,sha256=ddd,4\nsome-1.0.dist-info/RECORD,,\n"
        "some-1.0.dist-info/direct_url.json,sha256=eee,5\n"
    )
    assert files_sha256("\n".join(reversed(by_pip.splitlines()))) == told
    assert files_sha256(RECORD.replace("aaa", "aab")) != told
    assert files_sha256("") == ""


def test_a_checkout_is_told_from_what_an_index_has(site):
    site("checkout", direct_url_json='{"url": "file:///x", "dir_info": {"editable": true}}', RECORD=RECORD)
    site("archive", direct_url_json='{"url": "https://h/a.whl", "archive_info": {"hashes": {"sha256": "00"}}}')
    site("broken", direct_url_json="{")
    archive, broken, checkout = installed()
    assert (archive.at, archive.archive_sha256, archive.local) == ("https://h/a.whl", "00", False)
    assert (checkout.at, checkout.local, checkout.files_sha256) == ("", True, "")
    assert (broken.at, broken.local) == ("", False)


def test_nothing_of_it_loads_before_it_is_asked_for():
    code = "import sys, weighbridge.cli.main; print([m for m in sys.modules if 'sbom' in m or 'cyclonedx' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['weighbridge.cli.sbom']"
    assert distributions.installed
