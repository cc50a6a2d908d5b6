"""Runs the `git` program: it brings people's credential helpers, ssh agents, signing and proxies as they have them.

Nothing is ever asked of a person, no hook of a checkout that calls us has a say, and no secret is in an argument.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from weighbridge.common import text
from weighbridge.common.environment import GIT_TOKEN_VARIABLE, GIT_USER_VARIABLE
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.storage.git.address import GitAddress

TIMEOUT_S = 180.0
_CONNECT_S = 20
# GitHub and GitLab take any name beside a token.
_DEFAULT_USER = "x-access-token"
# Names the variable and not its value: Git's configuration may be shown, and arguments are seen by everyone.
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    f'"${{{GIT_USER_VARIABLE}:-{_DEFAULT_USER}}}" "${GIT_TOKEN_VARIABLE}"; }}; f'
)
# Of `git rev-parse --local-env-vars`; who sets GIT_CONFIG_COUNT means us, too.
_REPOSITORY_S_OWN = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
}


class GitFailure(Exception):
    """Git ended with an error.

    Attributes:
        code: its exit code.
        out: what it wrote, masked.
        said: what it complained of, masked.
    """

    def __init__(self, code: int, out: str, said: str) -> None:
        super().__init__(said)
        self.code, self.out, self.said = code, out, said


class Git:
    """The program, in a bare repository.

    Args:
        folder: of the repository.
        address: what it is a copy of.
        config: further settings of Git.

    Attributes:
        said: what the last command wrote beside its result, masked.
    """

    def __init__(self, folder: Path, address: GitAddress, config: Mapping[str, str] | None = None) -> None:
        self.folder, self.said = folder, ""
        self._environment = _environment(address, config or {})
        self._environment["GIT_DIR"] = str(folder)

    def __call__(
        self,
        *arguments: str,
        data: bytes = b"",
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 0.0,
    ) -> bytes:
        """What a command of Git writes.

        Args:
            arguments: the command; no secret among them.
            data: what it reads.
            environment: further variables.
            timeout_s: after which it is ended; 0 for `TIMEOUT_S`.

        Raises:
            GitFailure: it fails.
            UsageError: there is no Git.
            InfrastructureError: it does not end.
        """
        timeout_s = timeout_s or TIMEOUT_S
        try:
            process = subprocess.Popen(
                ["git", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment | dict(environment or {}),
                # Without a terminal ssh and gpg cannot ask, and all that Git starts can be ended with it.
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise UsageError("There is no git here", "Install it: apt-get install git") from error
        try:
            out, said = process.communicate(data, timeout_s)
        except subprocess.TimeoutExpired:
            raise InfrastructureError(
                f"git {arguments[0]} did not end within {timeout_s:g} s", "Try again; is the server there?"
            ) from None
        finally:
            _end(process)
        self.said = _shown(said)
        if process.returncode:
            raise GitFailure(process.returncode, _shown(out), self.said)
        return out

    def text(self, *arguments: str, data: bytes = b"") -> str:
        """What a command writes, as text without a newline at its end."""
        return self(*arguments, data=data).decode(errors="replace").rstrip("\n")

    def setting(self, name: str) -> str:
        """A setting of Git; empty where there is none."""
        try:
            return self.text("config", "--get", name)
        except GitFailure:
            return ""


def _shown(data: bytes) -> str:
    return text.clean(text.mask(data.decode(errors="replace")))


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End Git and all that it started; nothing happens where it has ended."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _environment(address: GitAddress, config: Mapping[str, str]) -> dict[str, str]:
    found = {
        name: value
        for name, value in os.environ.items()
        if name not in _REPOSITORY_S_OWN and not name.startswith(("GIT_TRACE", "GIT_CURL_VERBOSE", "GIT_PUSH_OPTION"))
        if name != "SSH_ASKPASS"  # a window that nobody sees
    }
    found |= {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "file:http:https:ssh",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
        "LANGUAGE": "",
        "SSH_ASKPASS_REQUIRE": "never",
    }
    settings = {
        "core.hooksPath": os.devnull,
        "gc.autoDetach": "false",
        "maintenance.autoDetach": "false",
        "http.lowSpeedLimit": "100",
        "http.lowSpeedTime": str(_CONNECT_S),
        "advice.detachedHead": "false",
        **config,
    }
    pairs = list(settings.items())
    if token := os.environ.get(GIT_TOKEN_VARIABLE, "").strip():
        text.hide(token)
        if address.scheme in ("https", "http"):
            # Of this host alone; the empty one takes away other helpers, which would ask or keep it.
            name = f"credential.{address.scheme}://{address.host}.helper"
            found[GIT_TOKEN_VARIABLE] = token
            pairs += [("credential.helper", ""), (name, ""), (name, _HELPER)]
    _configure(found, pairs)
    if address.scheme == "ssh" and "GIT_SSH_COMMAND" not in found and "GIT_SSH" not in found:
        found["GIT_SSH_COMMAND"] = _ssh_of(found)
    return found


def _configure(found: dict[str, str], pairs: list[tuple[str, str]]) -> None:
    """Add settings behind those that whoever started us gave."""
    given = found.get("GIT_CONFIG_COUNT", "")
    first = int(given) if given.isdecimal() else 0
    for place, (name, value) in enumerate(pairs, first):
        found[f"GIT_CONFIG_KEY_{place}"], found[f"GIT_CONFIG_VALUE_{place}"] = name, value
    found["GIT_CONFIG_COUNT"] = str(first + len(pairs))


def _ssh_of(found: Mapping[str, str]) -> str:
    """The ssh command of Git's configuration, or `ssh`, that asks nothing; a program of one's own stays as it is."""
    try:
        configured = subprocess.run(
            ["git", "config", "--get", "core.sshCommand"], env=dict(found), capture_output=True, timeout=10, check=False
        )
        command = configured.stdout.decode(errors="replace").strip() or "ssh"
    except (OSError, subprocess.TimeoutExpired):
        command = "ssh"
    first = Path(command.split()[0]).name
    return f"{command} -oBatchMode=yes -oConnectTimeout={_CONNECT_S}" if first == "ssh" else command
