"""What a step made before from the same content, kept in a volume: Kubeflow's own cache goes by ids of artifacts.

A step that Kubeflow must not cache, such as one that looks up what is in production, gives its artifacts new ids in
every run, and everything after it would run again. Here the key is made of contents: code, parameters, what lies
outside, and the digests of what the inputs hold. No model is trained twice because something before it ran again.
"""

import logging
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from weighbridge.common import files
from weighbridge.common.digests import folder_digest, value_digest
from weighbridge.common.errors import WeighbridgeError

KEPT = 2  # results per step: the last, and the one before
_ENTRY = "entry.json"
_ABANDONED_S = 24 * 3600.0

_log = logging.getLogger("weighbridge")


class Entry(BaseModel):
    """A result of a step.

    Attributes:
        artifacts: entries of `ExecutorOutput.artifacts`, by output.
        artifacts_digest: `value_digest` of these.
        digests: `folder_digest` of each output's folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    artifacts: dict[str, Any]
    artifacts_digest: str
    digests: dict[str, str]


class StepCache:
    """The results of one step.

    Args:
        folder: of the pipeline's results, in a volume that outlives the run.
        step: name of the step.
    """

    def __init__(self, folder: str | Path, step: str) -> None:
        self._folder = Path(folder, step)

    def restore(self, key: str, folders: Mapping[str, Path]) -> dict[str, Any] | None:
        """Put the result of this key where the step's outputs belong.

        Args:
            key: see `key_of`.
            folders: of the outputs.

        Returns:
            The entries of `ExecutorOutput.artifacts`; None where there is no such result, or not any more as it was.
        """
        kept = self._folder / _name(key)
        if not (kept / _ENTRY).exists():
            return None
        try:
            entry = Entry.model_validate_json((kept / _ENTRY).read_bytes())
            if entry.digests.keys() != folders.keys() or value_digest(entry.artifacts) != entry.artifacts_digest:
                raise ValueError(f"{_ENTRY} is not what was kept")
            for output, folder in folders.items():
                if entry.digests[output]:
                    shutil.rmtree(folder, ignore_errors=True)
                    files.copy_tree(kept / output, folder)
                    if folder_digest(folder) != entry.digests[output]:
                        raise ValueError(f"{output} is not what was kept")
            (kept / _ENTRY).touch()
        except (OSError, ValueError) as error:
            _log.warning("What was kept in %s is not used: %s", kept, error)
            for folder in folders.values():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True, exist_ok=True)
            if isinstance(error, ValueError):  # else the copy failed, and what is kept may be whole
                shutil.rmtree(kept, ignore_errors=True)
            return None
        return entry.artifacts

    def keep(self, key: str, folders: Mapping[str, Path], artifacts: Mapping[str, Any]) -> None:
        """Keep a result; one that finds no room is left out. Nothing here fails a step."""
        if any(path.is_file() for path in folders.values()):
            return  # single values are made as quickly as they are looked up
        try:
            digests = {output: folder_digest(folder) for output, folder in folders.items()}
            self._folder.mkdir(parents=True, exist_ok=True)
            if 2 * sum(map(_size, folders.values())) > shutil.disk_usage(self._folder).free:
                _log.warning("No room in %s: what this step made is not kept for later runs.", self._folder)
                return
            with files.staged_folder(self._folder / _name(key)) as staged:
                for output, folder in folders.items():
                    if digests[output]:
                        files.copy_tree(folder, staged / output)
                entry = Entry(
                    artifacts=dict(artifacts), artifacts_digest=value_digest(dict(artifacts)), digests=digests
                )
                files.write_text(staged / _ENTRY, entry.model_dump_json())
            self._forget_older()
        except (OSError, WeighbridgeError) as error:
            _log.warning("What this step made is not kept for later runs: %s", error)

    def _forget_older(self) -> None:
        results = [
            path for path in self._folder.glob(f"*/{_ENTRY}") if not path.parent.name.startswith(files.STAGED_PREFIX)
        ]
        results.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        left_by_killed = [
            path
            for path in self._folder.glob(f"{files.STAGED_PREFIX}*")
            if time.time() - path.stat().st_mtime > _ABANDONED_S
        ]
        for folder in [*(path.parent for path in results[KEPT:]), *left_by_killed]:
            shutil.rmtree(folder, ignore_errors=True)


def key_of(
    executor_class: str, image: str, properties: Mapping[str, Any], inputs: Mapping[str, list[str]], outside: str
) -> str:
    """What a result depends on.

    Args:
        executor_class: path of the executor; the code behind it is among the properties, as a digest.
        image: that the step runs in, by digest: the libraries.
        properties: execution properties, as the executor gets them.
        inputs: content digests of the inputs' artifacts, by key.
        outside: the state of what no input names, as the component's driver tells it; empty for none.
    """
    return value_digest([executor_class, image, dict(properties), dict(inputs), outside])


def _name(key: str) -> str:
    return key.removeprefix("sha256:")[:32]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
