"""Addresses of a folder in a Git repository, as Kustomize writes them: `git+https://host/org/config.git//taxi?ref=main`.

| part | is |
| --- | --- |
| `git+https`, `git+ssh`, `git+file` | how Git reaches the repository; plain `http` only on this machine |
| up to the second `//` | the repository, as `git clone` takes it |
| behind it | the folder in it; `.` for its root |
| `?ref=` | the branch; without it, the one that the repository calls its own |
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, urlsplit

from weighbridge.common.errors import UsageError
from weighbridge.common.text import mask_addresses

PREFIX = "git+"
_EXAMPLE = "git+https://host/org/config.git//taxi?ref=main"
_FORM = f"Give git+https, git+ssh or git+file, the repository, two slashes, the folder, and the branch: {_EXAMPLE}"
_SCHEMES = ("https", "ssh", "file", "http")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# What people paste instead: `git@host:org/config.git`, `git://host/config.git`, and what a pathlib.Path makes of one.
_MEANT = re.compile(r"git\+|git:|git@|[\w.-]+@[\w.-]+:[^/].*\.git\b")
_CREDENTIALS = (
    "Leave them out. For https give a token in WEIGHBRIDGE_GIT_TOKEN (and a name in WEIGHBRIDGE_GIT_USER, where the "
    "server asks for one), or use Git's own credential helpers; for ssh a key in ssh-agent or ~/.ssh."
)
# Of `git check-ref-format`, what a branch may be called.
_BRANCH = re.compile(r"(?!-)(?!.*(?:\.\.|@\{|//|/\.|\.lock(?:/|$)))[^\x00-\x20\x7f~^:?*\[\\]+(?<![./])", re.ASCII)


@dataclass(frozen=True)
class GitAddress:
    """A folder on a branch of a repository.

    Attributes:
        remote: the repository, as Git takes it.
        folder: in it, without slashes at its ends; empty for its root.
        branch: empty for the one that the repository calls its own.
    """

    remote: str
    folder: str
    branch: str = ""

    def __str__(self) -> str:
        return self.path("")

    @property
    def scheme(self) -> str:
        """`https`, `http`, `ssh` or `file`."""
        return self.remote.partition(":")[0]

    @property
    def host(self) -> str:
        """Name and port of the server; empty for a folder."""
        return urlsplit(self.remote).netloc.rpartition("@")[2]

    @property
    def project(self) -> str:
        """Path of the repository on its server, as `org/config`."""
        return urlsplit(self.remote).path.strip("/").removesuffix(".git")

    def path(self, name: str) -> str:
        """Address of a file in the folder; of the folder itself for an empty name."""
        place = "/".join(part for part in (self.folder, name) if part) or "."
        return f"{PREFIX}{self.remote}//{place}{f'?ref={self.branch}' if self.branch else ''}"


def is_git(text: str) -> bool:
    """Whether `text` is meant for a Git repository, well formed or not."""
    return bool(_MEANT.match(text))


def parse_git_address(text: str) -> GitAddress:
    """What an address names.

    Raises:
        UsageError: it is malformed, or holds credentials.
    """
    shown = _without_credentials(text)
    if not text.startswith(PREFIX):
        raise UsageError(f"{shown} is no address of a folder in a Git repository", _suggestion(text))
    if "://" not in text:
        raise UsageError(
            f"{shown} has one slash behind its scheme", "Give it as text: a pathlib.Path shortens :// to :/."
        )
    if any(character.isspace() or not character.isprintable() for character in text) or "\\" in text:
        raise UsageError(f"{text!r} holds a blank, a backslash or what cannot be seen", _FORM)
    scheme, _, rest = text.removeprefix(PREFIX).partition("://")
    rest, _, query = rest.partition("?")
    _check_scheme(scheme, shown)
    repository, folder = _split(rest, shown)
    _check_server(scheme, repository, shown)
    return GitAddress(f"{scheme}://{repository}", _folder(folder, shown), _branch(query, shown))


def _without_credentials(text: str) -> str:
    """The address as it may be shown, of which nothing had to be hidden.

    Raises:
        UsageError: it holds a password or a token.
    """
    scheme, _, rest = text.partition("://")
    server, slash, path = rest.partition("/")
    user, at, host = server.rpartition("@")
    shown = mask_addresses(text)
    # Whatever stands before the @ of an https address is a token; of ssh it is a user, with a password behind a colon.
    if shown != text or (at and (scheme != f"{PREFIX}ssh" or ":" in user)):
        bare = mask_addresses(f"{scheme}://{'***@' if at else ''}{host}{slash}{path}")
        raise UsageError(f"{bare} holds credentials, and addresses are kept in plain", _CREDENTIALS)
    return repr(text)


def _suggestion(text: str) -> str:
    """The form, in the pasted address's own words where it is one of `git clone`."""
    found = re.fullmatch(r"(?:ssh://)?([\w.-]+@)([\w.-]+)[:/]([^/].*?)(\.git)?/?", text)
    return f"{_FORM}. Of this: git+ssh://{found[1]}{found[2]}/{found[3]}.git//FOLDER?ref=BRANCH" if found else _FORM


def _check_scheme(scheme: str, shown: str) -> None:
    if scheme not in _SCHEMES:
        raise UsageError(f"{shown} begins with git+{scheme}, which nothing here speaks", _FORM)


def _split(rest: str, shown: str) -> tuple[str, str]:
    """The repository, and the folder in it."""
    if "#" in rest:
        raise UsageError(f"{shown} holds #", f"The branch is given as ?ref=BRANCH: {_EXAMPLE}")
    repository, slashes, folder = rest.partition("//")
    if not slashes:
        joint = re.search(r"\.git/", repository)
        why = " (one slash is there)" if joint else ""
        raise UsageError(f"{shown} names no folder in the repository: two slashes must stand before it{why}", _FORM)
    if not repository.strip("/") or repository.endswith("/"):
        raise UsageError(f"{shown} names no repository", _FORM)
    if not folder.strip("/"):
        raise UsageError(f"{shown} names no folder behind the two slashes", "Give its name, or . for the root: //.")
    return repository, folder


def _check_server(scheme: str, repository: str, shown: str) -> None:
    server, _, path = repository.partition("/")
    if scheme == "file":
        if server:
            raise UsageError(
                f"{shown} names no absolute path", f"Three slashes: git+file:///{server or 'path'}/config.git//taxi"
            )
        return
    try:
        parts = urlsplit(f"{scheme}://{repository}")
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise UsageError(
            f"{shown}: behind the host's colon stands no port",
            f"With a scheme, a slash parts host and path: git+{scheme}://{server.replace(':', '/', 1)}/{path}//FOLDER",
        ) from None
    named = bool(host) and not server.startswith("-")
    if not named or not path:
        raise UsageError(f"{shown} names no {'repository' if named else 'host'}", _FORM)
    if scheme == "http" and host not in _LOOPBACK:
        raise UsageError(f"{shown} is not encrypted: whoever is in between could say what is in production", _FORM)


def _folder(text: str, shown: str) -> str:
    parts = PurePosixPath(text.strip("/")).parts
    if ".." in parts or any(part == ".git" or part.startswith("-") for part in parts):
        raise UsageError(f"{shown}: {text!r} is no folder inside the repository", "Name its path from the root, as ls.")
    return "/".join(parts)


def _branch(query: str, shown: str) -> str:
    given = parse_qsl(query, keep_blank_values=True)
    unknown = [name for name, _ in given if name != "ref"]
    if unknown or (query and not given) or len(given) > 1:
        raise UsageError(f"{shown}: {unknown[0] if unknown else query!r} is unknown behind ?", f"Only ref: {_EXAMPLE}")
    if not given:
        return ""
    branch = given[0][1].removeprefix("refs/heads/")
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", branch) or branch.startswith("refs/"):
        raise UsageError(
            f"{shown}: {branch} is no branch; what is in production changes, and a commit or tag does not",
            "Give a branch: ?ref=main",
        )
    if not _BRANCH.fullmatch(branch):
        raise UsageError(f"{shown}: {branch!r} is no name of a branch", "Give one as `git branch` shows it: ?ref=main")
    return branch
