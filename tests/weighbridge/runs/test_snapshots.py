"""Small data kept by digest: once, whole, and only as they were when they were read."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from weighbridge.evidence.summary import AnySummary, InputFile
from weighbridge.runs.record import ArtifactReference, Run, RunRecord
from weighbridge.runs.snapshots import MEBIBYTE, keep_snapshots, snapshot_path


def file(path: Path, text: str) -> InputFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return InputFile(path=str(path), bytes=len(text), sha256=f"sha256:{hashlib.sha256(text.encode()).hexdigest()}")


def run_on(workdir: Path, *files: InputFile, pipeline: str = "taxi") -> Run:
    """A run that read some files."""
    home = workdir / pipeline
    AnySummary(splits={}, total_rows=1, content_digest="", columns={}, files=list(files)).write(home / "examples")
    examples = ArtifactReference(step="ExampleGen", key="examples", type="Examples", uri=str(home / "examples"))
    record = RunRecord(
        run_id="run-1", pipeline=pipeline, module="m", started=datetime.now(UTC), state="passed", artifacts=[examples]
    )
    return Run(home / "runs" / record.run_id, record)


def test_what_was_read_is_found_by_its_digest_whatever_became_of_it(tmp_path: Path, workdir: Path) -> None:
    day = file(tmp_path / "day.csv", "a\n1\n")
    run = run_on(workdir, day)
    assert snapshot_path(workdir, day.sha256) is None
    assert keep_snapshots(run, 1) == []
    (tmp_path / "day.csv").write_text("a\n2\n")
    found = snapshot_path(workdir, day.sha256)
    assert found is not None
    assert found.read_text() == "a\n1\n"
    assert found.is_relative_to(workdir / "taxi/data/sha256")
    assert keep_snapshots(run, 1) == []  # it is there: the file is not looked at
    assert list(workdir.rglob(".staged-*")) == []


def test_a_copy_that_was_changed_is_none_and_is_made_anew(tmp_path: Path, workdir: Path) -> None:
    day = file(tmp_path / "day.csv", "a\n1\n")
    run = run_on(workdir, day)
    keep_snapshots(run, 1)
    found = snapshot_path(workdir, day.sha256)
    assert found is not None
    found.write_text("a\n3\n")
    assert snapshot_path(workdir, day.sha256) is None
    keep_snapshots(run, 1)
    assert snapshot_path(workdir, day.sha256) == found


def test_what_changed_since_it_was_read_is_not_kept_for_it(tmp_path: Path, workdir: Path) -> None:
    day, other = file(tmp_path / "day.csv", "a\n1\n"), file(tmp_path / "other.csv", "b\n")
    (tmp_path / "day.csv").write_text("a\n2\n")
    [warning] = keep_snapshots(run_on(workdir, day, other), 1)
    assert warning == f"{day.path} was not snapshotted: it changed since it was read."
    assert snapshot_path(workdir, day.sha256) is None
    assert snapshot_path(workdir, other.sha256) is not None


def test_large_data_stay_where_they_are(tmp_path: Path, workdir: Path) -> None:
    large = file(tmp_path / "large.csv", "x" * (MEBIBYTE + 1))
    small = file(tmp_path / "small.csv", "x")
    [warning] = keep_snapshots(run_on(workdir, large, small), 1)
    assert "2 files have 1.0 MiB, and --snapshot-data allows 1" in warning
    assert snapshot_path(workdir, small.sha256) is None
    assert keep_snapshots(run_on(workdir, large, small), 1.1) == []


def test_what_cannot_be_written_costs_a_warning(tmp_path: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_on(workdir, file(tmp_path / "day.csv", "a\n"))
    (workdir / "taxi/data").write_text("in the way")
    [warning] = keep_snapshots(run, 1)
    assert warning.startswith("The data were not snapshotted: ")
    assert keep_snapshots(Run(run.folder, run.record.model_copy(update={"artifacts": []})), 1) == []


@pytest.mark.parametrize("digest", ["", "sha256:", "sha256:../../etc/passwd", "x" * 64, "sha256:ab"])
def test_what_is_no_digest_has_no_copy(workdir: Path, digest: str) -> None:
    assert snapshot_path(workdir, digest) is None
