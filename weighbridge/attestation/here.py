"""The machine and the software that this process computes on."""

import contextlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from weighbridge.common import pinned
from weighbridge.common.digests import file_digest, library_versions
from weighbridge.common.environment import IMAGE_VARIABLE
from weighbridge.common.errors import UsageError
from weighbridge.evidence.provenance import Machine, Software

# What a processor can compute with decides which kernels a library takes, and so the last bits of a sum.
_INSTRUCTIONS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "asimd", "sve")

# Libraries that models are trained with besides those that every run knows the versions of, by module.
_COMPUTING = {
    "catboost": "catboost",
    "jax": "jax",
    "lightgbm": "lightgbm",
    "numba": "numba",
    "numpy": "numpy",
    "pandas": "pandas",
    "polars": "polars",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "statsmodels": "statsmodels",
    "torch": "torch",
    "xgboost": "xgboost",
}


def machine() -> Machine:
    """What this process runs on; accelerators as far as TensorFlow, if it is loaded, knows any."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}".rstrip(", "),
        cpu=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=_memory(),
        accelerators=_accelerators(sys.modules.get("tensorflow")),
    )


def software() -> Software:
    """What this process runs with; of other libraries those that it has loaded and that compute."""
    versions = library_versions()
    for module, name in _COMPUTING.items():
        if module in sys.modules:
            with contextlib.suppress(metadata.PackageNotFoundError):
                versions[name] = metadata.version(name)
    return Software(
        python=versions.pop("python"), libraries=versions, lock=lock_digest(), image=os.environ.get(IMAGE_VARIABLE, "")
    )


def lock_digest() -> str:
    """Digest of the lock file for this Python; empty where there is none."""
    try:
        return file_digest(pinned.lock_of())
    except (UsageError, OSError):
        return ""


def _processor() -> str:
    """The processor's model, and those of its instructions that change how sums are computed."""
    told: dict[str, str] = {}
    for line in _lines("/proc/cpuinfo"):
        name, _, value = line.partition(":")
        told.setdefault(name.strip().lower(), value.strip())
    flags = set((told.get("flags") or told.get("features") or "").split())
    model = told.get("model name") or platform.processor() or platform.machine()
    return " ".join([model, *(f"+{name}" for name in _INSTRUCTIONS if name in flags)])


def _memory() -> int | None:
    total = (line.split() for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return next((int(words[1]) * 1024 for words in total), None)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _accelerators(tensorflow: Any) -> list[str]:
    if tensorflow is None:
        return []
    found = []
    for device in tensorflow.config.list_physical_devices():
        if device.device_type == "CPU":
            continue
        details = tensorflow.config.experimental.get_device_details(device)
        found.append(f"{device.name.removeprefix('/physical_device:')} {details.get('device_name', '')}".strip())
    return found
