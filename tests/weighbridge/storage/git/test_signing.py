"""Commits signed with an ssh key, which Git itself verifies; and keys that cannot sign."""

import subprocess
from pathlib import Path

import pytest

from tests.config_repository import ConfigRepository
from weighbridge.common.errors import UsageError
from weighbridge.storage.git.repository import Repository


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path


def _commit(config: ConfigRepository) -> str:
    repository = Repository.open(config.address)
    return repository.commit({"production.json": b"7"}, "Deliver", repository.head())


def _verified(config: ConfigRepository, commit: str, key: Path, email: str) -> str:
    allowed = key.with_name("allowed")
    allowed.write_text(f"{email} {key.with_suffix('.pub').read_text()}")
    config.run("config", "gpg.ssh.allowedSignersFile", str(allowed))
    return config.run("log", "-1", "--format=%G? %GS", commit).strip()


def test_a_commit_is_signed_with_the_key_of_the_environment(
    config: ConfigRepository, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIGHBRIDGE_GIT_SIGNING_KEY", str(key))
    made = _commit(config)
    assert _verified(config, made, key, "weighbridge@localhost") == "G weighbridge@localhost"


def test_git_s_own_settings_sign_and_name_the_committer(
    config: ConfigRepository, key: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / "gitconfig"
    who = "name = CI\nemail = ci@example.com"
    settings.write_text(f"[commit]\ngpgSign = true\n[gpg]\nformat = ssh\n[user]\nsigningKey = {key}\n{who}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    made = _commit(config)
    assert _verified(config, made, key, "ci@example.com") == "G ci@example.com"
    assert config.run("log", "-1", "--format=%an <%ae>", made).strip() == "CI <ci@example.com>"


def test_without_a_key_nothing_is_signed(config: ConfigRepository) -> None:
    assert config.run("log", "-1", "--format=%G?", _commit(config)).strip() == "N"


def test_a_key_that_is_not_there_or_has_a_password_commits_nothing(
    config: ConfigRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIGHBRIDGE_GIT_SIGNING_KEY", str(tmp_path / "none.key"))
    with pytest.raises(UsageError, match=r"names .*none\.key, where there is no file"):
        _commit(config)
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "hunter2", "-C", "", "-f", str(locked)], check=True)
    monkeypatch.setenv("WEIGHBRIDGE_GIT_SIGNING_KEY", str(locked))
    with pytest.raises(UsageError, match=r"cannot be signed with .*locked"):
        _commit(config)
    monkeypatch.setenv("WEIGHBRIDGE_GIT_SIGNING_KEY", "0123456789ABCDEF")
    with pytest.raises(UsageError, match="cannot be signed with 0123456789ABCDEF"):
        _commit(config)
    assert len(config.messages()) == 1
