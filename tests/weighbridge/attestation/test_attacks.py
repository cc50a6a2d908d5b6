"""Whatever is done to a model or to what is attested with it, `weighbridge verify` refuses; honest ones pass."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.weighbridge.attestation.attacks import attacks
from tests.weighbridge.attestation.pushed import Keys, deliver, look
from weighbridge.attestation import read as reading
from weighbridge.attestation import strict
from weighbridge.attestation.keys import Trust
from weighbridge.common.errors import UsageError


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.made(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Path:
    """A folder with three versions in production of one pipeline, and one of another."""
    home = tmp_path_factory.mktemp("pushed")
    for name in ("one", "two", "three"):
        deliver(home, name, keys)
    deliver(home, "one", keys, pipeline="shop")
    return home / "work"


@pytest.fixture
def restored(original: Path) -> Iterator[Path]:
    """The folder of a version; what a test does to it is undone, at the same place: production was looked up there."""
    kept = original.with_name("kept")
    if not kept.exists():
        shutil.copytree(original, kept)
    yield original / "taxi/production/3"
    _restore(original)


def _restore(original: Path) -> None:
    """Make what is changed as it was; what is not stays, which is quicker than to copy all of it."""
    kept = original.with_name("kept")
    for path in sorted(original.rglob("*"), reverse=True):
        before = kept / path.relative_to(original)
        if path.is_symlink() or not (path.is_dir() if before.is_dir() else before.is_file() and path.is_file()):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for before in sorted(kept.rglob("*")):
        path = original / before.relative_to(kept)
        if before.is_dir():
            path.mkdir(exist_ok=True)
        elif not path.exists() or path.read_bytes() != before.read_bytes():
            path.unlink(missing_ok=True)
            path.write_bytes(before.read_bytes())


def test_five_hundred_attacks_and_more_are_refused(restored: Path, original: Path, keys: Keys) -> None:
    honest = look(restored, keys)
    assert honest.passed, [gate for gate in honest.gates if gate.refuses]
    names, passed = set(), []
    for name, attack in attacks():
        attack(restored, keys)
        names.add(name)
        if look(restored, keys).passed:
            passed.append(name)
        _restore(original)
    assert not passed, passed
    assert len(names) >= 500, len(names)
    assert look(restored, keys).passed


def gates_of(model: Path, keys: Keys, **asked: object) -> set[str]:
    """Names of the gates that refuse."""
    return {gate.name.removeprefix("verify.") for gate in look(model, keys, **asked).gates if gate.refuses}


def test_whom_nobody_trusts_vouches_for_nothing(restored: Path, keys: Keys) -> None:
    stranger = Trust.of([keys.strange_public])
    assert gates_of(restored, keys, trust=stranger) == {"signature.valid"}
    assert gates_of(restored, keys, trust=Trust()) == {"signature.valid"}
    assert gates_of(restored, keys, trust=Trust(identity="someone@example.org", issuer="https://example.org")) == {
        "signature.valid"
    }
    assert not gates_of(restored, keys, trust=replace(keys.trust, keys=(*stranger.keys, *keys.trust.keys)))


def test_what_is_not_signed_any_more_is_not_allowed_as_unsigned(restored: Path, original: Path, keys: Keys) -> None:
    assert not gates_of(restored, keys, trust=Trust(), signature="allowed")
    attack = dict(attacks())["strip all signatures"]
    attack(restored, keys)
    assert gates_of(restored, keys, signature="allowed") == {"record.equal"}


@pytest.mark.parametrize("hours", [-2, -24, -24 * 400])
def test_a_statement_from_the_future_tells_no_age(restored: Path, keys: Keys, hours: int) -> None:
    assert gates_of(restored, keys, now=datetime.now(UTC) + timedelta(hours=hours)) == {"age.max"}


def test_clocks_differ_by_minutes(restored: Path, keys: Keys) -> None:
    assert not gates_of(restored, keys, now=datetime.now(UTC) - timedelta(minutes=4))


@pytest.mark.parametrize("days", [3, 40, 4000])
def test_what_was_weighed_too_long_ago_is_refused(restored: Path, keys: Keys, days: int) -> None:
    later = datetime.now(UTC) + timedelta(days=days)
    assert gates_of(restored, keys, now=later) == {"age.max"}
    assert not gates_of(restored, keys, now=later, max_age=timedelta(days=days + 1))


def test_a_statement_counts_for_its_own_production_and_pipeline(restored: Path, original: Path, keys: Keys) -> None:
    assert gates_of(restored, keys, pipeline="shop") == {"pipeline.equal"}
    for wrong in ("none", "sha256:" + "0" * 64, str(original / "shop/production")):
        assert gates_of(restored, keys, production_at=wrong) == {"production.equal"}
    before = look(restored.with_name("2"), keys)
    assert before.manifest is not None
    assert not gates_of(restored, keys, production_at=before.manifest.tree_digest)
    assert not gates_of(restored, keys, production_at=str(restored.parent))
    with pytest.raises(UsageError, match="no folder"):
        look(restored, keys, production_at=str(original / "gone"))


def test_files_larger_than_any_attestation_are_not_read(
    restored: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: str | Path, limit: int = 500) -> bytes | None:
        return strict.read_plain(path, limit)

    monkeypatch.setattr(reading, "read_plain", read)
    assert gates_of(restored, keys) == {"statement.readable"}


def test_a_folder_that_cannot_be_looked_into_is_never_left_out(
    restored: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def denied(path: str) -> object:
        if str(path).endswith("variables"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert gates_of(restored, keys) == {"statement.readable"}
