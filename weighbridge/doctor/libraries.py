"""Python and the libraries: what is installed, told from what installers left, without importing it."""

import os
import platform
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from weighbridge.common import pinned
from weighbridge.doctor.finding import Finding

# The oldest that the wheels of TensorFlow, Arrow and TFX load on, and of those of the TFX after 1.16.
_OLDEST_GLIBC = (2, 17)
_GLIBC_OF_NEWER_TFX = (2, 39)

# What a folder or file of the user's own must not be called: Python would take it for the library.
_IMPORTED = ("tensorflow", "keras", "tfx", "tfx_bsl", "tensorflow_data_validation", "ml_metadata", "apache_beam", "kfp")
_TOLD = ("tfx", "tensorflow", "keras", "apache-beam", "protobuf")
_SHOWN = 3


def python() -> Iterator[Finding]:
    """The version of Python, and whether a lock is for it."""
    version, where = platform.python_version(), f"{sys.executable}, {platform.machine()}"
    known = sorted({path.stem.rpartition("-py")[2] for path in pinned.shipped_locks()})
    if f"{sys.version_info[0]}{sys.version_info[1]}" not in known:
        wanted = " or ".join(f"{each[0]}.{each[1:]}" for each in known)
        mend = f"uv venv --python {wanted.partition(' ')[0]} && {_install()}"
        yield Finding("python", "wrong", f"{version} ({where}), but the libraries are tested with {wanted}", mend)
    elif platform.machine() != "x86_64":
        mend = "Use a machine of x86_64, or an image for it."
        yield Finding("python", "warning", f"{version} ({where}): TFX has compiled parts for x86_64 alone", mend)
    elif sys.prefix == sys.base_prefix:
        mend = "uv venv --python 3.11, and install there"
        yield Finding("python", "warning", f"{version} ({where}), no environment of its own", mend)
    else:
        yield Finding("python", "ok", f"{version} ({where})")


def glibc() -> Iterator[Finding]:
    """The C library that the wheels load on."""
    told = ""
    if "CS_GNU_LIBC_VERSION" in os.confstr_names:
        told = os.confstr("CS_GNU_LIBC_VERSION") or ""
    version = told.rpartition(" ")[2]
    parts = tuple(int(part) for part in version.split(".")[:2]) if version.replace(".", "").isdigit() else ()
    tfx_version = pinned.installed().get("tfx", "")
    if not parts:
        mend = "Use a system with glibc, such as Debian 12 or Ubuntu 22.04; Alpine has musl."
        yield Finding("glibc", "wrong", "none: TensorFlow's wheels need it", mend)
    elif parts < _OLDEST_GLIBC:
        yield Finding("glibc", "wrong", f"{version}, and the wheels need 2.17", "Use Debian 12 or newer.")
    elif parts < _GLIBC_OF_NEWER_TFX and _numbers(tfx_version) >= (1, 17):
        mend = f"{_install()}, which pins TFX 1.16"
        yield Finding("glibc", "wrong", f"{version}, and TFX {tfx_version} needs 2.39", mend)
    else:
        yield Finding("glibc", "ok", version)


def lock() -> Iterator[Finding]:
    """Which lock the environment is as."""
    found = pinned.installed()
    departs = {
        path.name: (pins, pinned.departures(pins, found))
        for path in pinned.shipped_locks()
        for pins in [pinned.pins(path.read_text(encoding="utf-8"))]
    }
    if not departs:
        yield Finding("lock", "warning", "no lock file is installed with weighbridge", "Install the wheel again.")
        return
    name, (pins, different) = min(departs.items(), key=lambda each: len(each[1][1]))
    if not different:
        yield Finding("lock", "ok", f"{name}, {len(pins)} libraries as pinned")
        return
    missing = sorted(library for library, (_, has) in different.items() if not has)
    other = sorted(f"{library} {has} (pinned {wanted})" for library, (wanted, has) in different.items() if has)
    parts = {"missing": missing, "of another version": other}
    told = "; ".join(f"{len(listed)} {what}: {_first(listed)}" for what, listed in parts.items() if listed)
    needed = {"tfx", "tensorflow", "apache-beam"} & set(missing)
    yield Finding("lock", "wrong" if needed else "warning", f"not as {name} pins: {told}", _install())


def tfx() -> Iterator[Finding]:
    """TFX and what it stands on: installed, and found by Python where they are installed. Nothing is imported."""
    found = pinned.installed()
    missing = [name for name in _TOLD if name not in found]
    if missing:
        yield Finding("tfx", "wrong", f"not installed: {', '.join(missing)}", _install())
        return
    for name in _IMPORTED:
        try:
            spec = find_spec(name)
        except (ImportError, ValueError) as error:
            yield Finding("tfx", "wrong", f"{name} cannot be found: {error}", _install())
            continue
        if spec is None:
            yield Finding("tfx", "wrong", f"{name} is installed in parts: there is no module {name}", _install())
        elif not _is_library(spec.origin or next(iter(spec.submodule_search_locations or ()), "")):
            place = spec.origin or next(iter(spec.submodule_search_locations or ()), "")
            mend = "Rename it, or run from another folder."
            yield Finding("tfx", "wrong", f"for Python {name!r} is {place}, not the library", mend)
    unmet = list(_unmet("tfx", found))
    if unmet:
        yield Finding("tfx", "warning", f"not what TFX asks for: {_first(unmet)}", _install())
    yield Finding("tfx", "ok", ", ".join(f"{name} {found[name]}" for name in _TOLD))


def _unmet(name: str, found: dict[str, str]) -> Iterator[str]:
    """What a distribution asks for, and is not so."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        from packaging.requirements import InvalidRequirement, Requirement

        listed = requires(name) or []
    except (ImportError, PackageNotFoundError):
        return
    for text in listed:
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        version = found.get(pinned.normalized(wanted.name), "")
        if not version:
            yield f"{wanted.name} is missing"
        elif not wanted.specifier.contains(version, prereleases=True):
            yield f"{wanted.name} {version} ({wanted.specifier})"


def _is_library(place: str) -> bool:
    return any(part in ("site-packages", "dist-packages") for part in Path(place).parts)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def _first(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _install() -> str:
    """The command that makes the environment as the lock says."""
    checkout = pinned.FOLDER.is_symlink()
    if checkout and Path(sys.prefix).name == ".venv" and Path(sys.prefix).parent == pinned.FOLDER.resolve().parent:
        return f"make -C {Path(sys.prefix).parent} setup"
    return "weighbridge lock -o weighbridge.lock && uv pip install --require-hashes -r weighbridge.lock"
