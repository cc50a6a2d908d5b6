"""The machine: disk, memory, cores, GPU, clock, and how this process may write."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from weighbridge.common import pinned
from weighbridge.doctor.finding import Finding

_GIB = 1024**3
_SHORT_DISK, _NO_DISK = 5 * _GIB, _GIB
_SHORT_MEMORY, _NO_MEMORY = 3 * _GIB, _GIB  # importing TensorFlow and TFX takes 0.7 GiB
_PROGRAM_S = 3.0
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)


def nearest(path: str | Path) -> Path:
    """A folder, or the nearest above it that is there."""
    found = Path(path).absolute()
    while not found.exists() and found != found.parent:
        found = found.parent
    return found


def disk(work: str) -> Iterator[Finding]:
    """Room for runs and for temporary files."""
    seen: set[int] = set()
    for folder in (nearest(work), Path(tempfile.gettempdir())):
        device = folder.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        usage, nodes = shutil.disk_usage(folder), os.statvfs(folder)
        if not usage.total:  # no file system that keeps files, such as /proc: see `workdir`
            continue
        found = f"{usage.free / _GIB:.1f} GiB of {usage.total / _GIB:.0f} free for {folder}"
        mend = f"Free some: weighbridge gc PIPELINE --workdir {work} --remove; or choose another --workdir."
        if nodes.f_files and not nodes.f_favail:
            found = f"no file can be added for {folder}: all inodes are taken"
            yield Finding("disk", "wrong", found, mend, retryable=True)
        elif usage.free < _NO_DISK:
            yield Finding("disk", "wrong", found, mend, retryable=True)
        else:
            yield Finding("disk", *(("warning", found, mend) if usage.free < _SHORT_DISK else ("ok", found)))


def umask() -> Iterator[Finding]:
    """Whether others may read what is written, and whether this process may itself."""
    lines = Path("/proc/self/status").read_text().splitlines()  # os.umask would change it
    mask = next((int(line.split()[1], 8) for line in lines if line.startswith("Umask:")), 0o022)
    if mask & 0o700:
        yield Finding("umask", "wrong", f"{mask:03o}: a run could not read what it writes", "umask 022")
    elif mask & 0o055:
        found = f"{mask:03o}: what runs keep is for you alone"
        yield Finding("umask", "warning", found, "umask 022, if others or pods read the work directory, too")
    else:
        yield Finding("umask", "ok", f"{mask:03o}")


def locale() -> Iterator[Finding]:
    """Whether names and texts are UTF-8."""
    used = {"file names": sys.getfilesystemencoding(), "output": getattr(sys.__stdout__, "encoding", "utf-8")}
    other = {what: name for what, name in used.items() if name.lower().replace("-", "") != "utf8"}
    if other:
        found = ", ".join(f"{what} in {name}" for what, name in other.items())
        yield Finding("locale", "warning", f"{found}: names in other scripts are shown as ?", "export LANG=C.UTF-8")
    else:
        set_to = os.environ.get("LC_ALL") or os.environ.get("LANG") or "LANG is not set"
        yield Finding("locale", "ok", f"UTF-8 ({set_to})")


def clock() -> Iterator[Finding]:
    """Whether the time can be right: runs are sorted by it, and certificates are checked against it."""
    now = datetime.now(UTC)
    yield Finding(
        "clock",
        *(
            ("wrong", f"{now:%Y-%m-%d %H:%M} UTC, which is past", "Set the clock, e.g. timedatectl set-ntp true.")
            if now < _EARLIEST
            else ("ok", f"{now:%Y-%m-%d %H:%M:%S} UTC")
        ),
    )


def skew_of(folder: Path) -> float:
    """By how many seconds the clock of a folder's file system is ahead; a shared one has its server's."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".clock-") as file:
        before = time.time()
        os.utime(file.name)
        return os.stat(file.name).st_mtime - before  # noqa: PTH116, a plain call: it is timed


def memory() -> Iterator[Finding]:
    """Memory that is free for this process, as far as its container allows."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    sizes = {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) > 1}
    free, total = sizes.get("MemAvailable", 0), sizes.get("MemTotal", 0)
    limit = _cgroup("memory.max", "memory/memory.limit_in_bytes")
    used = _cgroup("memory.current", "memory/memory.usage_in_bytes")
    if limit is not None and limit < total:
        total, free = limit, min(free, limit - (used or 0))
    found = f"{free / _GIB:.1f} GiB of {total / _GIB:.1f} free"
    mend = "End other programs, or give the container more: TensorFlow and TFX alone take 0.7 GiB."
    if free < _NO_MEMORY:
        yield Finding("memory", "wrong", found, mend, retryable=True)
    else:
        yield Finding("memory", *(("warning", found, mend) if free < _SHORT_MEMORY else ("ok", found)))


def cores() -> Iterator[Finding]:
    """Cores that this process may use."""
    allowed = float(len(os.sched_getaffinity(0)))
    quota = _cgroup_cores()
    limited = quota is not None and quota < allowed
    found = f"{quota:g} of {allowed:g}, by the container's limit" if limited else f"{allowed:g}"
    if min(allowed, quota or allowed) < 1:
        mend = "Give the container a whole core, or latency may be inconclusive."
        yield Finding("cores", "warning", found, mend)
    else:
        yield Finding("cores", "ok", found)


def gpu() -> Iterator[Finding]:
    """GPUs, and whether TensorFlow can have them."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    if not devices and shutil.which("nvidia-smi") is None:
        yield Finding("gpu", "ok", "none: training runs on the CPU")
        return
    told = said("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    if told is None:
        mend = "Install the driver, or start the container with its GPU (podman: --device nvidia.com/gpu=all)."
        found = f"{', '.join(devices) or 'nvidia-smi is there'}, but the driver gives no answer"
        yield Finding("gpu", "warning", found, mend)
        return
    found = "; ".join(told.splitlines()) or "none"
    if hidden is not None and hidden.strip() in ("", "-1"):
        found = f"{found}, hidden by CUDA_VISIBLE_DEVICES={hidden!r}"
        yield Finding("gpu", "warning", found, "unset CUDA_VISIBLE_DEVICES")
    elif not _has_cuda():
        mend = "Install CUDA 12 and cuDNN 9's libraries, or use an image that has them: infra/docker/README.md."
        yield Finding("gpu", "warning", f"{found}, but no CUDA libraries: training runs on the CPU", mend)
    else:
        yield Finding("gpu", "ok", found)


def _has_cuda() -> bool:
    from ctypes.util import find_library

    packages = pinned.installed()
    return find_library("cudart") is not None or any(name.startswith("nvidia-cuda-runtime") for name in packages)


def said(*command: str) -> str | None:
    """What a program says; None where it is not there, fails, or takes longer than three seconds."""
    nothing = subprocess.DEVNULL
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=nothing, stdin=nothing, text=True, timeout=_PROGRAM_S, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _cgroup(second: str, first: str) -> int | None:
    """A number of this container's control group, version 2 or 1; None for no limit."""
    for path in (Path("/sys/fs/cgroup", second), Path("/sys/fs/cgroup", first)):
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else None
    return None


def _cgroup_cores() -> float | None:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return int(quota) / int(period) if quota.isdigit() else None
