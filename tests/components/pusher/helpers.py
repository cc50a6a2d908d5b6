"""Models and verdicts to push, and what must hold of a destination whatever happened."""

import json
from pathlib import Path

from weighbridge.common import files
from weighbridge.common.digests import tree_digest
from weighbridge.components.production_model.record import (
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    RECORD_FILE,
    ProductionRecord,
    numbers_in,
    read_record_file,
)
from weighbridge.components.production_model.standing import recorded
from weighbridge.verdict import Gate, Verdict, passed_if


def make_model(folder: Path, content: str = "one", size: int = 2000) -> Path:
    """A folder shaped like a SavedModel, whose bytes depend on `content`; several files, an empty folder."""
    for name in ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"):
        files.write_bytes(folder / name, (f"{content} {name} ".encode() * size)[:size])
    (folder / "assets").mkdir()
    return folder


def make_verdict(model: Path, *, run_id: str = "run-1", passed: bool = True, **subject: str) -> Verdict:
    gate = Gate(name="quality.auc.min", status=passed_if(passed), observed=0.9, threshold=0.8, message="auc is 0.9.")
    return Verdict.of(
        [gate],
        pipeline="taxi",
        run_id=run_id,
        subject={"data": "sha256:data", "code": "sha256:code", "model": tree_digest(model)} | subject,
    )


def weigh(folder: Path, model: Path, *, run_id: str = "run-1", passed: bool = True, **subject: str) -> Path:
    """A folder with the verdict on `model`, as the Evaluator leaves it."""
    make_verdict(model, run_id=run_id, passed=passed, **subject).write(folder / "verdict.json")
    return folder


def as_earlier_versions_wrote(path: Path) -> bytes:
    """Rewrite a verdict in the form in which gates said `passed`, true or false; returns the new bytes."""
    document = json.loads(path.read_bytes())
    for gate in document["gates"]:
        gate["passed"] = gate.pop("status") == "passed"
    return files.write_text(path, files.json_text(document)).read_bytes()


def make_statistics(folder: Path, content: str = "statistics") -> Path:
    for split in ("train", "eval"):
        files.write_text(folder / f"Split-{split}" / "FeatureStats.pb", f"{content} of {split}")
    return folder


def versions(destination: Path) -> list[int]:
    return numbers_in(destination)


def snapshot(destination: Path) -> dict[str, bytes]:
    """Every file below `destination` but the lock."""
    found = (path for path in destination.rglob("*") if path.is_file() and path.name != "lock")
    return {path.relative_to(destination).as_posix(): path.read_bytes() for path in found}


def leftovers(destination: Path) -> list[str]:
    return [path.name for path in destination.rglob(".staged-*")]


def assert_whole(destination: Path, digests: set[str]) -> ProductionRecord | None:
    """What must hold at every moment: versions whole, and a record that names a whole one with its evidence.

    Args:
        destination: what was pushed to.
        digests: digests of all models that were ever pushed.

    Returns:
        The production record.
    """
    for version in versions(destination):
        assert tree_digest(destination / str(version)) in digests
    record = recorded(destination)
    if record is not None:
        assert tree_digest(destination / str(record.version)) == record.model_digest
        evidence = destination / EVIDENCE_FOLDER / str(record.version)
        assert read_record_file(evidence / KEPT_RECORD_FILE) == record
        verdict = Verdict.read(evidence / "verdict.json")
        assert (verdict.digest, verdict.passed) == (record.verdict_digest, True)
        assert verdict.subject == record.subject
        assert json.loads((destination / RECORD_FILE).read_bytes())["version"] == record.version
    return record
