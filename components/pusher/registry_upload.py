"""Uploads a model and its evidence to MLflow's artifact store, each file once to a place of its own. Imports no tfx."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from weighbridge.attestation.attest import ATTESTED_FILES
from weighbridge.attestation.read import attested_in
from weighbridge.common import files, progress
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.examples import SPLIT_PREFIX
from weighbridge.components.production_model.record import STATISTICS_FOLDER
from weighbridge.components.pusher.mlflow_model import write_mlflow_files
from weighbridge.storage.registry.files import ArtifactFiles
from weighbridge.storage.registry.registry import DATA_FOLDER
from weighbridge.verdict.verdict import VERDICT_FILE, Verdict


def upload_model(model: Path, place: ArtifactFiles, run_id: str) -> None:
    """Upload an exported model as MLflow loads it; whether its bytes arrived is for the caller to verify.

    Raises:
        UsageError: it cannot be read, or no permission.
        InfrastructureError: the server or the way to it fails.
    """
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as scratch:
        for path in write_mlflow_files(model, Path(scratch), run_id):
            place.upload(path, "")
    _upload(place, DATA_FOLDER, _files(model, "**/*"))


def upload_evidence(evidence: Mapping[str, bytes], statistics: Path | None, place: ArtifactFiles) -> None:
    """Upload what a version is pushed on; errors are those of `upload_model`."""
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as scratch:
        for name, data in evidence.items():
            place.upload(files.write_bytes(Path(scratch, name), data), "")
    if statistics is not None:
        _upload(place, STATISTICS_FOLDER, _files(statistics, f"{SPLIT_PREFIX}*/**/*"))


def verdict_in(evidence: Mapping[str, bytes]) -> Verdict:
    """The verdict among the files to keep with a version."""
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as scratch:
        return Verdict.read(files.write_bytes(Path(scratch, VERDICT_FILE), evidence[VERDICT_FILE]))


def commit_in(evidence: Mapping[str, bytes]) -> str:
    """The commit that is attested among these files; empty where none is."""
    found = attested_in({name: evidence[name] for name in ATTESTED_FILES if name in evidence}, "the evidence")
    origin = found.provenance.origin if found and found.provenance else None
    return origin.commit if origin else ""


def _upload(place: ArtifactFiles, folder: str, sources: Mapping[str, Path]) -> None:
    for number, (name, path) in enumerate(sources.items(), start=1):
        progress.report(f"uploading file {number} of {len(sources)}")
        try:
            place.upload(path, f"{folder}/{name}".rpartition("/")[0])
        except OSError as error:
            raise UsageError(f"{error.filename or path} cannot be read: {error.strerror or error}") from error


def _files(folder: Path, pattern: str) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.glob(pattern)) if path.is_file()}
