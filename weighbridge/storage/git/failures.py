"""What Git complains of, as errors that a person can act on."""

import re

from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.storage.git.address import GitAddress
from weighbridge.storage.git.program import GitFailure

_HTTPS = "Give a token that may read and write the repository in WEIGHBRIDGE_GIT_TOKEN, or set a credential helper."
_SSH = "Is the key in ssh-agent or ~/.ssh, and may it read and write there? Try: ssh -T {host}"
_CREDENTIALS = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|terminal prompts disabled|Permission denied \("
    r"|Access denied|Invalid username or|error: 40[13]|Permission to .* denied|not allowed to (?:push|pull|download)"
    r"|denied to|insufficient permission|Permission denied",
)
_MISSING = re.compile(
    r"Repository not found|does not appear to be a git repository|does not exist|not found|error: 404"
    r"|could not be found|No such file or directory|not a git repository"
)
_KEY = re.compile(r"Host key verification failed|REMOTE HOST IDENTIFICATION")
_CERTIFICATE = re.compile(r"certificate|SSL_ERROR|server verification failed")
_OWNER = re.compile(r"dubious ownership|owned by someone else")
_FULL = re.compile(r"No space left|Disk quota|disk full|out of disk", re.IGNORECASE)
_AWAY = re.compile(
    r"Could not resolve|Connection|timed out|Failed to connect|Could not connect|unable to access|early EOF"
    r"|hung up|Network|RPC failed|error: 5\d\d|Operation too slow|Couldn't connect|unexpected disconnect"
)
_DECLINED = re.compile(
    r"pre-receive hook declined|update hook declined|hook declined|protected branch|GH00\d|not allowed to push code"
    r"|prohibited by Gerrit|denying|push declined|branch is currently checked out|read-only"
)
_MOVED = re.compile(
    r"\((?:fetch first|non-fast-forward|stale info|failed to update ref|incorrect old value provided"
    r"|reference already exists|failed to lock|cannot lock ref[^)]*|remote ref updated since checkout)\)"
    r"|cannot lock ref"
)
_OF_GIT = re.compile(
    r"(?:remote|fatal|error|hint|warning): ?|Please make sure|and the repository|To |Done|Everything|!"
)


class Conflict(InfrastructureError):
    """Somebody else changed what a change was made from: whoever made it looks again."""


class Moved(Exception):
    """The branch moved on between our looking and our pushing: the change is made again on its new end."""


class Declined(UsageError):
    """The server lets nobody push to this branch, or not so."""


def explained(failure: GitFailure, address: GitAddress, doing: str) -> WeighbridgeError:
    """A failure of Git as an error that says what to do.

    Args:
        failure: of Git.
        address: what was read or written.
        doing: such as `read`, for the message.
    """
    said, where = failure.said, address.remote
    if _FULL.search(said):
        return InfrastructureError(
            f"{where} cannot be {doing}: no space is left: {_line(said)}", "Make room; run again."
        )
    if _OWNER.search(said):
        hint = f"If you trust it: git config --global --add safe.directory {where.removeprefix('file://')}"
        return UsageError(f"{where} belongs to another user", hint)
    if _KEY.search(said):
        hint = f"Make sure of the key, then add it: ssh-keyscan {address.host.partition(':')[0]} >> ~/.ssh/known_hosts"
        return UsageError(f"The host key of {address.host} is not known, or changed", hint)
    if _CREDENTIALS.search(said):
        hint = _SSH.format(host=address.remote.removeprefix("ssh://").partition("/")[0])
        if address.scheme == "file":
            hint = "Whoever runs this must be allowed to read and write that folder."
        elif address.scheme != "ssh":
            hint = _HTTPS
        return UsageError(f"{where} may not be {doing} with these credentials: {_line(said)}", hint)
    if _AWAY.search(said) and not re.search(r"error: 404", said) and not _CERTIFICATE.search(said):
        if address.scheme in ("file", "ssh") and _MISSING.search(said):
            return _missing(address)
        return InfrastructureError(f"{where} cannot be reached: {_line(said)}", "Try again; is a proxy in between?")
    if _CERTIFICATE.search(said):
        return UsageError(
            f"The certificate of {address.host} is not trusted: {_line(said)}",
            "Name your company's in GIT_SSL_CAINFO, or by git config http.sslCAInfo.",
        )
    if _MISSING.search(said):
        return _missing(address)
    return InfrastructureError(f"{where} cannot be {doing}: {_line(said)}", "Try again.")


def explained_push(failure: GitFailure, address: GitAddress, branch: str) -> Exception:
    """Why a push was not taken; `Moved` where it may be tried again on the branch's new end."""
    said = f"{failure.out}\n{failure.said}"
    if _DECLINED.search(said):
        return Declined(
            f"{address.remote} takes no push to {branch}: {_line(said)}",
            "Where the branch is protected, let weighbridge.yaml say changes: pull_request; or let whoever runs this "
            "push there.",
        )
    if _MOVED.search(said):
        return Moved(_line(said))
    error = explained(failure, address, "written")
    if isinstance(error, UsageError) and _MISSING.search(said) and not _CREDENTIALS.search(said):
        return InfrastructureError(f"{address.remote} is gone; it was there before", "Run again when it is back.")
    return error


def explained_commit(failure: GitFailure, address: GitAddress, key: str) -> WeighbridgeError:
    """Why a commit could not be made."""
    if key and not _FULL.search(failure.said):
        return UsageError(
            f"The commit cannot be signed with {key}: {_line(failure.said)}",
            "WEIGHBRIDGE_GIT_SIGNING_KEY names the file of an ssh key without a password, or one that ssh-agent holds, "
            "or a key that gpg --list-secret-keys shows.",
        )
    return explained(failure, address, "committed to")


def _missing(address: GitAddress) -> UsageError:
    return UsageError(
        f"There is no repository {address.remote}, or none that these credentials may see",
        f"Try: git ls-remote {address.remote}",
    )


def _line(said: str) -> str:
    """What of Git's words tells most: what the server says, else its own complaint."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    remote = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    remote = [line for line in remote if line and not set(line) <= set("=-* ")]
    fatal = [re.sub(r"^(?:fatal|error): ", "", line) for line in lines if re.match(r"fatal: |error: ", line)]
    rejected = [found[0] for line in lines if (found := re.search(r"\[(?:remote )?rejected\].*", line))]
    plain = [line for line in lines if not _OF_GIT.match(line)]  # what ssh says, and it knows best
    told = "; ".join(dict.fromkeys([*rejected[:1], *remote[:3]])) or "; ".join([*plain[:1], *fatal[:2]])
    return told[:400] or "git says nothing"
