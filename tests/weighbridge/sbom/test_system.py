"""The image and the Debian packages in it."""

import sys
from pathlib import Path

import pytest

from weighbridge.sbom import components, system

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: glibc (2.36-9)
Version: 2.36-9+deb12u10
Description: GNU C Library
 Version: of the description, not of the package

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: half
Status: install ok not-installed
Architecture: amd64
Version: 1

Package: adduser
Status: install ok installed
Architecture: all
Version: 1:3.134
"""
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-2+

Files: other
License: Expat
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nVERSION_ID="12"\n')
    (tmp_path / "usr/share/doc/adduser").mkdir(parents=True)
    (tmp_path / "usr/share/doc/adduser/copyright").write_text(COPYRIGHT)
    return tmp_path


def test_what_dpkg_has_installed(root):
    adduser, libc = system.packages(root)
    assert adduser == system.Package("adduser", "1:3.134", "all", "adduser", ("Expat", "GPL-2+"))
    assert libc == system.Package("libc6", "2.36-9+deb12u10", "amd64", "glibc", ())


def test_images_without_a_package_manager_have_a_file_for_each(root):
    (root / "var/lib/dpkg/status").unlink()
    (root / "var/lib/dpkg/status.d").mkdir()
    (root / "var/lib/dpkg/status.d/tzdata").write_text("Package: tzdata\nVersion: 2025b\nArchitecture: all\n")
    (root / "var/lib/dpkg/status.d/tzdata.md5sums").write_text("Package: trap\nVersion: 1\n")
    assert [each.name for each in system.packages(root)] == ["tzdata"]


def test_where_there_is_no_dpkg_there_are_none(tmp_path):
    assert system.packages(tmp_path) == ()
    assert system.system(tmp_path) is None


def test_a_package_is_named_so_that_advisories_find_it(root):
    from packageurl import PackageURL

    made = components.debian(system.packages(root)[1], system.system(root))
    purl = PackageURL.from_string(made["purl"])
    assert (purl.type, purl.namespace, purl.name, purl.version) == ("deb", "debian", "libc6", "2.36-9+deb12u10")
    assert purl.qualifiers == {"arch": "amd64", "distro": "debian-12", "upstream": "glibc"}
    made = components.debian(system.packages(root)[0], system.system(root))
    assert PackageURL.from_string(made["purl"]).version == "1:3.134"
    assert [each["license"]["name"] for each in made["licenses"]] == ["Expat; GPL-2+"]


def test_an_image_is_named_by_its_digest():
    from packageurl import PackageURL

    made = components.container(f"registry.example:5000/team/weighbridge:1@sha256:{'a' * 64}")
    purl = PackageURL.from_string(made["purl"])
    assert (purl.type, purl.name, purl.version) == ("oci", "weighbridge", f"sha256:{'a' * 64}")
    assert purl.qualifiers == {"repository_url": "registry.example:5000/team/weighbridge"}
    assert made["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert "purl" not in components.container("weighbridge:1")


@pytest.mark.parametrize("variable", ["KUBERNETES_SERVICE_HOST", "container", ""])
def test_a_container_says_that_it_is_one(tmp_path, monkeypatch, variable):
    monkeypatch.setattr(system, "Path", lambda *parts: tmp_path.joinpath(*(part.lstrip("/") for part in parts)))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("container", raising=False)
    assert not system.in_container()
    if variable:
        monkeypatch.setenv(variable, "podman")
    else:  # our own image, whatever hides the marks of others
        left = tmp_path / sys.prefix.lstrip("/") / system.LEFT_IN_IMAGE
        left.parent.mkdir(parents=True)
        left.touch()
    assert system.in_container()


def test_the_image_counts_only_inside_one(monkeypatch):
    monkeypatch.setenv("WEIGHBRIDGE_IMAGE", "weighbridge:1")
    monkeypatch.setattr(system, "in_container", lambda: True)
    assert system.image() == "weighbridge:1"
    monkeypatch.setattr(system, "in_container", lambda: False)
    assert system.image() == ""
