"""A real Git server that asks who is there: tokens reach it, and nothing else; wrong ones are said."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config_repository import ConfigRepository
from tests.git_server import GitServer, git_server
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.storage.git.cache import cache_home
from weighbridge.storage.git.repository import Repository

TOKEN = "ghp_unmistakable0123456789"


@pytest.fixture
def server(config: ConfigRepository) -> Iterator[GitServer]:
    config.run("config", "http.receivepack", "true")
    with git_server(config.path.parent, {"x-access-token": TOKEN, "reader": TOKEN}, readers=("reader",)) as found:
        yield found


def test_a_token_opens_it_and_is_nowhere_else(
    config: ConfigRepository, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    popen = subprocess.Popen.__init__

    def noted(process: object, arguments: list[str], *rest: object, **options: object) -> None:
        started.append(list(arguments))
        popen(process, arguments, *rest, **options)  # type: ignore[arg-type, call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    monkeypatch.setenv("WEIGHBRIDGE_GIT_TOKEN", TOKEN)
    repository = Repository.open(server.address("config.git"))
    repository.commit({"production.json": b"7"}, "Deliver", repository.head())
    assert config.read("production.json") == b"7"
    assert {name for _, _, name in server.seen} == {"", "x-access-token"}
    assert started
    assert not [arguments for arguments in started if TOKEN in " ".join(arguments)]
    kept = [path for path in cache_home().rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []


def test_another_name_beside_the_token(server: GitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIGHBRIDGE_GIT_TOKEN", TOKEN)
    monkeypatch.setenv("WEIGHBRIDGE_GIT_USER", "reader")
    repository = Repository.open(server.address("config.git"))
    with pytest.raises(UsageError, match=r"may not be written with these credentials.*403") as error:
        repository.commit({"production.json": b"7"}, "Deliver", repository.head())
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize("token", ["", "wrong-token-0123"])
def test_wrong_credentials_are_said_without_them_and_nobody_is_asked(
    server: GitServer, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("WEIGHBRIDGE_GIT_TOKEN", token)
    with pytest.raises(UsageError, match="may not be read with these credentials") as error:
        Repository.open(server.address("config.git"))
    assert error.value.exit_code == 2
    assert "WEIGHBRIDGE_GIT_TOKEN" in error.value.hint
    assert not token or token not in str(error.value)


def test_people_s_own_credential_helper_is_asked(
    server: GitServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    helper = tmp_path / "helper"
    helper.write_text(f"#!/bin/sh\nprintf 'username=reader\\npassword={TOKEN}\\n'\n")
    helper.chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[credential]\nhelper = {helper}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    assert Repository.open(server.address("config.git")).read("weighbridge.yaml")


def test_a_repository_that_is_not_there(server: GitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIGHBRIDGE_GIT_TOKEN", TOKEN)
    with pytest.raises(UsageError, match=r"There is no repository .*none\.git, or none that these credentials may see"):
        Repository.open(server.address("none.git"))


def test_a_server_that_fails_or_is_away_is_safe_to_retry(server: GitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIGHBRIDGE_GIT_TOKEN", TOKEN)
    repository = Repository.open(server.address("config.git"))
    server.broken = True
    with pytest.raises(InfrastructureError, match=r"cannot be reached: .*503"):
        repository.commit({"production.json": b"7"}, "Deliver", repository.head())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InfrastructureError, match="cannot be reached"):
        Repository.open(f"git+http://127.0.0.1:{port}/config.git//taxi")


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from weighbridge.storage.git import program

    pid = tmp_path / "pid"
    monkeypatch.setattr(program, "TIMEOUT_S", 0.5)
    (tmp_path / "slow").write_text(f"#!/bin/sh\necho $$ > {pid}\nexec sleep 60\n")
    (tmp_path / "slow").chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(tmp_path / "slow"))
    with pytest.raises(InfrastructureError, match=r"git ls-remote did not end within 0\.5 s"):
        Repository.open("git+ssh://git@127.0.0.1/config.git//taxi?ref=main")
    started = int(pid.read_text())
    state = Path(f"/proc/{started}/stat")  # what Git started has ended with it, whoever takes note of that
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_ssh_asks_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = tmp_path / "said"
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" > {said}\necho "git@host: Permission denied (publickey)." >&2\nexit 255\n')
    ssh.chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[core]\nsshCommand = {ssh} -i mine\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    with pytest.raises(UsageError, match=r"Permission denied \(publickey\)") as error:
        Repository.open("git+ssh://git@host/org/config.git//taxi?ref=main")
    assert "ssh -T git@host" in error.value.hint
    assert "-i mine -oBatchMode=yes" in said.read_text()
