"""Where a run comes from, as whoever makes its model again needs it: module, parameters, and the code's commit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weighbridge.common.digests import bytes_digest, file_digest, value_digest
from weighbridge.common.text import mask_addresses, masked
from weighbridge.definition import Definition
from weighbridge.evidence.provenance import Origin
from weighbridge.runs.commit import git

_CODE = {".py", ".pyi", ".yaml", ".yml", ".pbtxt", ".json", ".toml", ".cfg", ".ini", ".txt", ".lock", ".sql", ".proto"}
_PATTERNS = [f"*{suffix}" for suffix in sorted(_CODE)]
_LARGEST = 1 << 20  # bytes of an untracked file that is taken for code


def origin_of(definition: Definition, parameters: dict[str, Any], code: Mapping[str, str] | None = None) -> Origin:
    """Describe a run of a pipeline.

    Args:
        definition: the pipeline.
        parameters: its parameters as in JSON; secrets are references, and those of addresses are left out here.
        code: digest of the code behind each step; None where the steps are not known yet.
    """
    folder = definition.folder
    told = Origin(module=definition.module, parameters=masked(parameters), code=dict(code or {}))
    # What HEAD does not hold, such as an installed package below a repository, is not of its commit.
    if git(folder, "rev-parse", "--verify", "--quiet", "HEAD:./") is None:
        return told
    root = Path(git(folder, "rev-parse", "--show-toplevel") or folder)
    return told.model_copy(
        update={
            "repository": mask_addresses(git(folder, "remote", "get-url", "origin") or ""),
            "commit": git(folder, "rev-parse", "HEAD") or "",
            "changes": changes_digest(root, folder),
            "folder": (git(folder, "rev-parse", "--show-prefix") or "").rstrip("/"),
        }
    )


def changes_digest(root: Path, folder: Path) -> str:
    """Digest of what differs in code from the commit that is checked out; empty where nothing does.

    What may be code is told by the end of its name, so that no edited README is a change. Untracked files count where
    they lie beside the definition, up to 1 MiB; untracked code elsewhere shows in the digests of the steps' code.

    Args:
        root: of the repository.
        folder: of the definition.
    """
    difference = git(root, "diff", "--binary", "--no-ext-diff", "--no-textconv", "HEAD", "--", *_PATTERNS)
    listed = git(folder, "ls-files", "-z", "--others", "--exclude-standard")
    if difference is None or listed is None:
        return value_digest("git does not tell")
    added = {
        name: file_digest(folder / name) for name in sorted(listed.split("\0")) if name and _is_code(folder / name)
    }
    if not (difference or added):
        return ""
    return value_digest({"diff": bytes_digest(difference.encode(errors="surrogateescape")), "added": added})


def _is_code(path: Path) -> bool:
    return path.suffix in _CODE and path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST
