"""Programs that some commands, and the mends of others, call."""

import os
import shutil
from collections.abc import Iterator

from weighbridge.common.environment import SERVING_PYTHON_VARIABLE
from weighbridge.common.errors import WeighbridgeError
from weighbridge.common.serving_python import serving_python
from weighbridge.doctor.finding import Finding
from weighbridge.doctor.machine import said
from weighbridge.serving.command import SET_UP, server_command
from weighbridge.serving.settings import Settings


def containers() -> Iterator[Finding]:
    """Podman or docker, which build images."""
    found = [name for name in ("podman", "docker") if shutil.which(name)]
    if not found:
        yield Finding("containers", "ok", "no podman and no docker: only building images needs one")
        return
    told = {name: said(name, "--version") for name in found}
    working = [text for text in told.values() if text]
    if working:
        yield Finding("containers", "ok", "; ".join(working))
    else:
        mend = f"See what it says: {found[0]} --version"
        yield Finding("containers", "warning", f"{' and '.join(found)} give no answer", mend)


def uv() -> Iterator[Finding]:
    """The installer that takes TFX 1.16 on Python 3.11."""
    version = said("uv", "--version") if shutil.which("uv") else None
    if version:
        yield Finding("uv", "ok", version)
    else:
        yield Finding("uv", "ok", "not on PATH: only installing needs it (python -m pip install uv)")


def serving() -> Iterator[Finding]:
    """The environment that model servers run in; only serving needs it."""
    try:
        python = serving_python()
        server_command(Settings("model", "model"))
    except WeighbridgeError as error:
        if SERVING_PYTHON_VARIABLE in os.environ:
            yield Finding("serving", "wrong", error.message, error.hint)
        else:
            yield Finding("serving", "ok", f"no environment with KServe: only weighbridge serve needs one ({SET_UP})")
        return
    yield Finding("serving", "ok", f"KServe's model server: {python}")


def chromium() -> Iterator[Finding]:
    """A browser; only the tests of pages need one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if os.environ.get("CHROME_PATH") and not path:
        path = os.environ["CHROME_PATH"]
    yield Finding("chromium", "ok", path or "none: only tests of the report's pages need it")
