"""A real Git repository on this machine that says what is in production, and whoever else commits to it."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

SETTINGS = "models: {models}\nchanges: {changes}\nmanifests: {manifests}\n"

# What people have set up for themselves has no part in tests, and nobody is asked anything.
ISOLATED = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


def isolate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Keep what whoever runs the tests has set up for Git out of a test, and copies of repositories below a folder."""
    for name, value in ISOLATED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("HOME", str(folder / "home"))
    for name in ("WEIGHBRIDGE_GIT_TOKEN", "WEIGHBRIDGE_GIT_USER", "WEIGHBRIDGE_GIT_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)


class ConfigRepository:
    """A bare repository; commits to it are made without a checkout.

    Args:
        path: of the repository, which is made.
        folder: that a pipeline has in it.
        branch: that people call its own.
    """

    def __init__(self, path: Path, folder: str = "taxi", branch: str = "main") -> None:
        self.path, self.folder, self.branch = path, folder, branch
        path.parent.mkdir(parents=True, exist_ok=True)
        self._run("init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}", str(path))
        self._run("config", "uploadpack.allowFilter", "true")  # as GitHub and GitLab have it

    @property
    def address(self) -> str:
        """Of the pipeline's folder."""
        return f"git+file://{self.path}//{self.folder}?ref={self.branch}"

    def settings(self, models: object, changes: str = "commit", manifests: str = "none", more: str = "") -> str:
        """Commit `weighbridge.yaml`; the commit."""
        text = SETTINGS.format(models=models, changes=changes, manifests=manifests) + more
        return self.commit({f"{self.folder}/weighbridge.yaml": text.encode()}, "Say where the models lie")

    def commit(self, files: Mapping[str, bytes | None], message: str = "A change", branch: str = "") -> str:
        """Commit files by their paths in the repository, None to remove one; the commit."""
        branch = branch or self.branch
        index = {"GIT_INDEX_FILE": str(self.path / f"index-{os.getpid()}")}
        head = self.head(branch)
        if head:
            self._run("read-tree", head, environment=index)
        for path, data in files.items():
            if data is None:
                gone = f"0 {'0' * 40}\t{path}\n".encode()
                self._run("update-index", "--index-info", data=gone, environment=index)
            else:
                oid = self._run("hash-object", "-w", "--stdin", data=data).strip()
                self._run("update-index", "--add", "--cacheinfo", f"100644,{oid},{path}", environment=index)
        tree = self._run("write-tree", environment=index).strip()
        Path(index["GIT_INDEX_FILE"]).unlink()
        made = self._run("commit-tree", *(["-p", head] if head else []), "-m", message, tree).strip()
        self._run("update-ref", f"refs/heads/{branch}", made)
        return made

    def head(self, branch: str = "") -> str:
        """The end of a branch; empty where there is none."""
        found = self._run("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch or self.branch}")
        return found.strip()

    def read(self, name: str, branch: str = "") -> bytes | None:
        """A file of the pipeline's folder."""
        done = self._done("show", f"{branch or self.branch}:{self.folder}/{name}")
        return done.stdout if done.returncode == 0 else None

    def messages(self, branch: str = "") -> list[str]:
        """The messages of all commits, the newest first."""
        found = self._run("log", "-z", "--format=%B", branch or self.branch)
        return [each.strip() for each in found.split("\0") if each.strip()]

    def hook(self, name: str, script: str) -> None:
        """Let the server run a shell script, as GitHub's and GitLab's own rules do."""
        path = self.path / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, *arguments: str) -> str:
        """What a command of Git in it writes."""
        return self._run(*arguments)

    def _run(self, *arguments: str, data: bytes = b"", environment: Mapping[str, str] | None = None) -> str:
        done = self._done(*arguments, data=data, environment=environment)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def _done(
        self, *arguments: str, data: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        who = {
            f"GIT_{role}_{what}": "jane@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        found = os.environ | ISOLATED | who | {"GIT_DIR": str(self.path)} | dict(environment or {})
        return subprocess.run(["git", *arguments], input=data, capture_output=True, env=found, check=False)
