"""A server on loopback that a test owns: started, waited for, stopped or killed, and started again at its address."""

import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.patience import wait_until


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str, *, whatever: bool = False) -> bool:
    """Whether GET gets an answer of success; with `whatever`, any answer at all."""
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.HTTPError:
        return whatever
    except (OSError, ValueError):
        return False


class ServerProcess:
    """One process and its children, in a group of its own.

    Attributes:
        name: what messages call it.
        log: file of what it writes.
    """

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(
        self,
        command: Sequence[str],
        ready: Callable[[], bool] | None,
        *,
        cwd: Path,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        """Start it and wait until it is ready; `None` for not to wait.

        Raises:
            AssertionError: it ended instead; with the end of its log.
        """
        with self.log.open("ab") as output:
            self._process = process = subprocess.Popen(
                command, stdout=output, stderr=output, env=dict(env), cwd=cwd, start_new_session=True
            )
        if ready is not None:
            try:
                wait_until(lambda: ready() or process.poll() is not None, self.name)
            except BaseException:
                self.kill()
                raise
            assert process.poll() is None, f"{self.name} ended:\n{self.log.read_text(errors='replace')[-3000:]}"

    def kill(self) -> None:
        """Kill it and its children at once, as a machine that loses power does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and wait for it; without effect where it has ended."""
        self._end(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        os.kill(self.pid, number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, number)  # not reaped: the group is still its own
            try:
                self._process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            self._process = None
