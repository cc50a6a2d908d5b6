"""How a server is started from an environment without KServe: which Python, with which command line."""

import os
import subprocess
from pathlib import Path
from typing import NoReturn

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.serving_python import serving_python
from weighbridge.serving.settings import Settings

SET_UP = "sh requirements/bootstrap.sh serving"

_ROOT = Path(__file__).absolute().parents[2]
# Found without being loaded: asking takes a twentieth of a second.
_ASK = (
    "import importlib.util as u, sys; "
    "sys.exit(', '.join(n for n in ('kserve', 'tensorflow', 'weighbridge') if u.find_spec(n) is None) or 0)"
)


def server_command(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """The command line of a server with these settings, and its environment.

    Raises:
        UsageError: there is no environment with KServe, or something is missing in it; says how to make it.
        InfrastructureError: its Python does not start.
    """
    python = str(serving_python())
    environ = dict(os.environ)
    if (_ROOT / "setup.py").is_file():  # a checkout: the server runs this very code
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_ROOT), environ.get("PYTHONPATH", ""))))
    try:
        asked = subprocess.run(
            [python, "-c", _ASK], env=environ, capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InfrastructureError(f"{python} does not start: {error}", f"Make it anew: {SET_UP}") from error
    if asked.returncode:
        raise UsageError(f"{python} lacks {asked.stderr.strip()[-200:] or 'what a server needs'}", f"Make it: {SET_UP}")
    return [python, "-m", "weighbridge.serving", *settings.arguments()], environ


def become(command: list[str], environ: dict[str, str]) -> NoReturn:
    """Go on as the server: signals reach it, and its exit code is ours."""
    os.execve(command[0], command, environ)  # noqa: S606, no shell is meant
