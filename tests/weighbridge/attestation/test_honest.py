"""No honest model is refused, whatever its files are called, and `model_signing` verifies what we sign, and we it."""

import random
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from tests.keys import make_certificate, make_key
from tests.weighbridge.attestation.pushed import Keys, environment
from weighbridge.attestation import here
from weighbridge.attestation.attest import attest
from weighbridge.attestation.keys import Trust
from weighbridge.attestation.manifest import read_manifest
from weighbridge.attestation.signer import signer_here
from weighbridge.attestation.verify import Required
from weighbridge.common.digests import tree_digest
from weighbridge.common.environment import SIGNING_KEY_VARIABLE
from weighbridge.evidence.provenance import DataOrigin, Origin, Provenance
from weighbridge.runs.verification import verify_model
from weighbridge.verdict import Gate, Verdict

WORDS = ("saved_model.pb", "a-b", "a", "a b", "ä", "a\u0308", "Ω", "..a", ".x", "x.", "A", "日本", "🚚", "-v", "{}")
HERE = here.machine(), here.software()
ODDLY_SORTED = [
    ("a-b/x", "a/x", "a b", "a"),
    ("a/b/c", "a/b-c", "a.b"),
    ("Z", "a", "É", "e\u0301"),
    ("x",),
    ("1", "10", "2"),
]
SIZES = (0, 1, 63, 64, 65, 1000, 65536)


def random_model(folder: Path, chance: random.Random) -> Path:
    """A few files of odd names and sizes, some deep down; an empty folder, too."""
    for _ in range(chance.randint(1, 6)):
        parts = [chance.choice(WORDS) + chance.choice(("", "1", "/x")) for _ in range(chance.randint(1, 4))]
        path = folder.joinpath(*parts)
        if any(parent.is_file() for parent in path.parents) or path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.choice(SIZES) or chance.randint(0, 65536)))
    (folder / "empty folder").mkdir(exist_ok=True)
    return folder


def random_verdict(model: Path, chance: random.Random) -> Verdict:
    """One that passed, with some gates."""
    gates = [
        Gate(
            name=f"quality.{chance.choice(WORDS)}.{number}.min",
            status=chance.choice(("passed", "passed", "not_compared")) if number else "passed",
            severity=chance.choice(("blocking", "warning")),
            observed=chance.choice((None, True, 1, 0.25, float("nan"), "α", 10**30, -1e-300)),
            threshold=chance.choice((None, 0.1, 3, "x")),
            message=chance.choice(("fine.", "„Gut“\n", "\u202e", "<b>")),
        )
        for number in range(chance.randint(1, 8))
    ]
    subject = {"model": tree_digest(model), "data": "sha256:rows", chance.choice(WORDS): "x"}
    return Verdict.of(gates, pipeline=chance.choice(WORDS), run_id=f"run {chance.random()}", subject=subject)


def random_provenance(verdict: Verdict, chance: random.Random) -> Provenance | None:
    if chance.random() < 0.2:
        return None
    return Provenance(
        pipeline=verdict.pipeline,
        run_id=verdict.run_id,
        weighed_at=datetime.now(UTC) - timedelta(seconds=chance.random() * 1e7),
        origin=Origin(module="ä.b", parameters={"x": [None, 1e-9, "é"]}) if chance.random() < 0.5 else None,
        data=[DataOrigin(span=chance.randint(0, 9), rows={"train": 1})],
        machine=HERE[0],
        software=HERE[1],
    )


def state(model: Path, evidence: Path, chance: random.Random, key: Path | None) -> Path:
    """Attest a model in a folder, as a push does."""
    verdict = random_verdict(model, chance)
    signer = signer_here({SIGNING_KEY_VARIABLE: str(key)}) if key else None
    files = attest(read_manifest(model), verdict, random_provenance(verdict, chance), signer=signer)
    evidence.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (evidence / name).write_bytes(data)
    verdict.write(evidence / "verdict.json")
    return evidence


def model_signing(model: Path, evidence: Path, public: Path) -> None:
    command = ["verify", "key", model, "--signature", evidence / "model.sig", "--public_key", public]
    subprocess.run([sys.executable, "-m", "model_signing", *map(str, command)], check=True, capture_output=True)


@pytest.mark.parametrize("many", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_no_honest_model_is_refused(tmp_path: Path, many: int) -> None:
    keys, chance = Keys.made(tmp_path / "keys"), random.Random(many)
    for number in range(many):
        model = random_model(tmp_path / "m" / f"model {number}", chance)
        signed = number % 10 != 0
        evidence = state(model, tmp_path / "m/.weighbridge" / model.name, chance, keys.private if signed else None)
        required = Required(keys.trust, signature="required" if signed else "allowed", max_age=timedelta(days=365))
        found = verify_model(str(model), tmp_path, required)
        assert found.passed, [gate for gate in found.gates if gate.refuses]
        assert found.located.evidence == str(evidence)
        if number % 250 == 1:
            model_signing(model, evidence, keys.public)
        shutil.rmtree(model)


@pytest.mark.parametrize("curve", ["SECP256R1", "SECP384R1", "SECP521R1"])
def test_model_signing_and_we_verify_each_other_on_every_curve(tmp_path: Path, curve: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    private, public = make_key(tmp_path / "k", curve=getattr(ec, curve)())
    chance = random.Random(curve)
    model = random_model(tmp_path / "model", chance)
    evidence = state(model, tmp_path / ".weighbridge/model", chance, private)
    model_signing(model, evidence, public)
    assert verify_model(str(model), tmp_path, Required(Trust.of([public]))).passed
    theirs = tmp_path / "theirs.sig"
    command = ["sign", "key", model, "--signature", theirs, "--private_key", private]
    subprocess.run([sys.executable, "-m", "model_signing", *map(str, command)], check=True, capture_output=True)
    required = Required(Trust.of([public]))
    assert verify_model(str(model), tmp_path, required, signature=str(theirs)).passed
    (model / "added").write_text("x")
    assert not verify_model(str(model), tmp_path, required, signature=str(theirs)).passed


@pytest.mark.parametrize("names", ODDLY_SORTED)
def test_the_digest_is_model_signing_s_own_for_names_that_sort_oddly(tmp_path: Path, names: tuple[str, ...]) -> None:
    from model_signing import hashing

    folder = tmp_path / "model"
    for name in names:
        path = folder / name
        if path.is_dir():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    found = read_manifest(folder)
    theirs = hashing.Config().set_ignored_paths(paths=[]).hash(folder)
    listed = [(each.identifier, each.digest.digest_hex) for each in theirs.resource_descriptors()]
    assert listed == [(name, found.files[name]) for name in sorted(found.files, key=PurePosixPath)]
    assert found.tree_digest == tree_digest(folder)


def test_a_certificate_counts_for_what_was_signed_in_its_term(tmp_path: Path) -> None:
    private, _ = make_key(tmp_path / "k")
    chance = random.Random(1)
    model = random_model(tmp_path / "model", chance)
    state(model, tmp_path / ".weighbridge/model", chance, private)
    for begins, ends, counts in ((-1, 1, True), (-2, -1, False), (1, 2, False)):
        certificate = make_certificate(private, begins=timedelta(days=begins), ends=timedelta(days=ends))
        found = verify_model(str(model), tmp_path, Required(Trust.of([certificate])))
        assert found.passed == counts, (begins, ends)


def test_what_the_environment_trusts_is_trusted(tmp_path: Path) -> None:
    keys, chance = Keys.made(tmp_path / "keys"), random.Random(3)
    model = random_model(tmp_path / "model", chance)
    state(model, tmp_path / ".weighbridge/model", chance, keys.private)
    for public, counts in ((keys.public, True), (keys.strange_public, False)):
        with environment(WEIGHBRIDGE_VERIFY_KEY=str(public)):
            assert verify_model(str(model), tmp_path, Required(Trust.of())).passed == counts
