"""How a server is started from an environment without KServe: which Python, with which command line."""

import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.common.parent import die_with
from weighbridge.common.serving_python import serving_python
from weighbridge.serving.settings import Settings

SET_UP = "sh requirements/bootstrap.sh serving"

_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_SAME_S = 2.0  # a second signal within it is the same one, come to a process and to its group
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


def run(command: list[str], environ: dict[str, str]) -> int:
    """Run a server until it ends: signals are passed on to it, once each, and it ends where this process is killed.

    Returns:
        Its exit code; 3 where a signal ended it.
    """
    process = subprocess.Popen(
        command,
        env=environ,
        process_group=0,  # Ctrl-C reaches us alone, and it from here: twice would end it at once
        preexec_fn=partial(die_with, os.getpid(), int(ExitCode.INFRASTRUCTURE)),
    )
    sent = -_SAME_S

    def pass_on(*_: object) -> None:
        nonlocal sent
        if time.monotonic() - sent >= _SAME_S:
            sent = time.monotonic()
            process.terminate()

    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else int(ExitCode.INFRASTRUCTURE)
