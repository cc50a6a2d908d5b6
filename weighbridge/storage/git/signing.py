"""Who commits, and what with: identity and signature, as whoever runs this has them set up."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.common.environment import GIT_SIGNING_KEY_VARIABLE
from weighbridge.common.errors import UsageError
from weighbridge.storage.git.program import Git

NAME = "Weighbridge"
EMAIL = "weighbridge@localhost"


@dataclass(frozen=True)
class Committer:
    """How commits are made.

    Attributes:
        key: that signs; empty for nobody.
        config: settings of Git.
        environment: variables of Git.
    """

    key: str = ""
    config: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


def committer(git: Git) -> Committer:
    """Who commits here.

    The identity is Git's own (`GIT_AUTHOR_NAME`, `user.name`, …), and this program's where that names nobody. The key
    is that of WEIGHBRIDGE_GIT_SIGNING_KEY; without one, Git's settings `commit.gpgSign` and `user.signingKey` count.

    Raises:
        UsageError: there is no such file of a key.
    """
    environment = {}
    for role in ("AUTHOR", "COMMITTER"):
        if not os.environ.get(f"GIT_{role}_NAME") and not git.setting("user.name"):
            environment[f"GIT_{role}_NAME"] = NAME
        if not (os.environ.get(f"GIT_{role}_EMAIL") or os.environ.get("EMAIL") or git.setting("user.email")):
            environment[f"GIT_{role}_EMAIL"] = EMAIL
    given = os.environ.get(GIT_SIGNING_KEY_VARIABLE, "").strip()
    if not given:
        signs = git.setting("commit.gpgSign").lower() in ("true", "yes", "on", "1")
        key = git.setting("user.signingKey") or "the committer's key"
        return Committer(key if signs else "", {}, environment)
    path = Path(given).expanduser()
    if path.is_file():
        return Committer(given, {"gpg.format": "ssh", "user.signingKey": str(path.absolute())}, environment)
    if given.startswith(("key::", "ssh-", "sk-ssh-", "ecdsa-")):
        return Committer("a key of ssh-agent", {"gpg.format": "ssh", "user.signingKey": given}, environment)
    if "/" in given or given.endswith((".key", ".pem", ".pub")):
        raise UsageError(
            f"{GIT_SIGNING_KEY_VARIABLE} names {given}, where there is no file",
            "Name the file of an ssh key (ssh-keygen -t ed25519), or a key that gpg --list-secret-keys shows.",
        )
    return Committer(given, {"gpg.format": "openpgp", "user.signingKey": given}, environment)
