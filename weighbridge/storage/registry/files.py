"""Files in MLflow's artifact store: each written once to a place of its own, read, and listed. No tfx."""

import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.storage.registry import client


class ArtifactFiles:
    """What lies below an artifact address.

    Every method raises a UsageError for what is refused and an InfrastructureError where the server, or the way to it,
    fails.

    Args:
        uri: MLflow's address, such as `mlflow-artifacts:/1/<run>/artifacts/model`.
        where: what to call it in messages.
    """

    def __init__(self, uri: str, where: str) -> None:
        self._uri, self._where = uri, where

    def sizes(self, folder: str = "") -> dict[str, int]:
        """Bytes of each file below a folder, by its name relative to it; empty where there is none."""
        with client.explained(self._where):
            found = dict(_walk(client.artifacts(self._uri), folder))
        prefix = f"{folder}/" if folder else ""
        for name in found:
            if ".." in PurePosixPath(name).parts or not name.startswith(prefix) or name.startswith("/"):
                raise UsageError(f"{self._where}: {name} is not a name of a file", "Remove it from the artifact store.")
        return {name.removeprefix(prefix): size for name, size in found.items()}

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None if it is not there."""
        folder, _, last = name.rpartition("/")
        if last not in self.sizes(folder):
            return None
        with tempfile.TemporaryDirectory(prefix="weighbridge-") as scratch, client.explained(self._where):
            path = Path(scratch, "file")
            client.artifacts(self._uri)._download_file(name, str(path))
            return path.read_bytes()

    def download(self, folder: str, target: Path) -> bool:
        """Download the files below a folder; False if there are none. What they are is for the caller to verify."""
        names = self.sizes(folder)
        with client.explained(self._where):
            repository = client.artifacts(self._uri)
            for name in names:
                path = target / name
                path.parent.mkdir(parents=True, exist_ok=True)
                repository._download_file(f"{folder}/{name}".lstrip("/"), str(path))
        return bool(names)

    def upload(self, path: Path, folder: str) -> None:
        """Upload a file to a folder under its own name.

        Raises:
            OSError: the file cannot be read.
        """
        path.open("rb").close()
        with client.explained(self._where):
            client.artifacts(self._uri).log_artifact(str(path), folder or None)

    def remove(self) -> None:
        """Remove all files; the server may not let everybody."""
        with client.explained(self._where):
            client.artifacts(self._uri).delete_artifacts()


def _walk(repository: Any, folder: str) -> Iterator[tuple[str, int]]:
    for found in repository.list_artifacts(folder or None):
        if found.is_dir:
            yield from _walk(repository, found.path)
        else:
            yield found.path, int(found.file_size or 0)
