"""Signed models at destinations, made in milliseconds: what is verified, and what attacks begin from."""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.components.pusher.helpers import make_model, make_statistics
from tests.keys import make_key
from weighbridge.attestation import here
from weighbridge.attestation.attest import ATTESTATIONS_FILE, MODEL_SIGNATURE_FILE
from weighbridge.attestation.keys import Trust
from weighbridge.attestation.signer import bundle_json, signer_here
from weighbridge.attestation.verify import Required
from weighbridge.common.digests import tree_digest
from weighbridge.common.environment import SIGNING_KEY_VARIABLE, VERIFY_KEY_VARIABLE
from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.components.pusher import push
from weighbridge.evidence.provenance import Provenance
from weighbridge.runs.verification import Verified, verify_model
from weighbridge.thresholds import Gates
from weighbridge.thresholds.policy import SECTIONS
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

POLICY = Gates.model_validate(
    {"quality": {"metrics": {"auc": {"min": 0.8}}}, "latency": {"batch_sizes": {1: {"p99_ms": {"max": 40}}}}}
)
GATES = (
    Gate(name="examples.quarantined_fraction.max", status="passed", observed=0, threshold=0, message="None."),
    Gate(name="quality.auc.min", status="passed", observed=0.9, threshold=0.8, message="auc is 0.9."),
    Gate(name="latency.batch_1.p99_ms.max", status="passed", observed=9, threshold=40, unit="ms", message="9 ms."),
)
FIXED = Path("work/taxi/production")  # below a folder: where it is looked up, and pushed to


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """The process's environment with these variables, and without those that are empty."""
    kept = {name: os.environ.get(name) for name in values}
    try:
        for name, value in values.items():
            os.environ.pop(name, None)
            os.environ.update({name: value} if value else {})
        yield
    finally:
        for name, before in kept.items():
            os.environ.pop(name, None)
            os.environ.update({} if before is None else {name: before})


@dataclass(frozen=True)
class Keys:
    """A key that is trusted, and one that is not."""

    private: Path
    public: Path
    strange: Path
    strange_public: Path

    @classmethod
    def made(cls, folder: Path) -> "Keys":
        return cls(*make_key(folder / "ours"), *make_key(folder / "theirs"))

    @property
    def trust(self) -> Trust:
        return Trust.of([self.public])


def evaluation(
    folder: Path, model: Path, run_id: str, *, pipeline: str = "taxi", production: str = "", at: str = ""
) -> Path:
    """What the Evaluator leaves of a weighed model; weighed an hour ago."""
    subject = {"model": tree_digest(model), "data": "sha256:rows", "gates": "sha256:" + "0" * 64}
    subject |= {"production": production} if production else {}
    subject |= {LOOKED_UP_AT: at} if at else {}
    Verdict.of(GATES, pipeline=pipeline, run_id=run_id, subject=subject).write(folder / VERDICT_FILE)
    Provenance(
        pipeline=pipeline,
        run_id=run_id,
        weighed_at=datetime.now(UTC) - timedelta(hours=1),
        machine=here.machine(),
        software=here.software(),
        thresholds={name: getattr(POLICY, name).model_dump(mode="json") for name in SECTIONS if name != "steps"},
        parents={"production": production} if production else {},
    ).write(folder)
    return folder


def deliver(home: Path, name: str, keys: Keys, *, pipeline: str = "taxi", destination: Path | None = None) -> Path:
    """Push a new model as a run does that weighed it against what is in production there; the folder of the model."""
    where = destination or home / f"work/{pipeline}/production"
    versions = sorted((path for path in where.glob("[0-9]*")), key=lambda path: int(path.name))
    before = tree_digest(versions[-1]) if versions else ""
    model = make_model(home / "made" / f"{pipeline}-{name}", name, 400)
    weighed = evaluation(
        home / "weighed" / f"{pipeline}-{name}", model, name, pipeline=pipeline, production=before, at=str(where)
    )
    statistics = make_statistics(home / "statistics" / name, name)
    with environment(**{SIGNING_KEY_VARIABLE: str(keys.private), VERIFY_KEY_VARIABLE: str(keys.public)}):
        pushed = push(model, weighed, where, statistics=statistics)
    assert pushed.record is not None, pushed.gates
    return where / str(pushed.record.version)


def look(model: Path, keys: Keys, policy: Gates | None = POLICY, **asked: Any) -> Verified:
    """Verify with all that can be asked."""
    production = asked.pop("production_at", "")
    required = Required(**({"trust": keys.trust, "pipeline": "taxi", "max_age": timedelta(days=2)} | asked))
    return verify_model(str(model), model.parent, required, policy=policy, production=production)


def evidence_of(model: Path) -> Path:
    return model.parent / ".weighbridge" / model.name


def edit_lines(model: Path, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change the bundles of a model's attestations in place; or replace them by what is returned."""
    path = evidence_of(model) / ATTESTATIONS_FILE
    bundles = [json.loads(line) for line in path.read_bytes().splitlines()]
    path.write_bytes(b"".join(map(bundle_json, change(bundles) or bundles)))


def statement_of(bundle: dict[str, Any]) -> Any:
    return json.loads(b64decode(bundle["dsseEnvelope"]["payload"]))


def restate(bundle: dict[str, Any], statement: Any) -> dict[str, Any]:
    """Put another statement under the same signature."""
    data = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    bundle["dsseEnvelope"]["payload"] = b64encode(data).decode()
    return bundle


def sign_as(key: Path, bundle: dict[str, Any], hint: str = "") -> dict[str, Any]:
    """The statement of a bundle, signed by another key, which may call itself like the right one."""
    signer = signer_here({SIGNING_KEY_VARIABLE: str(key)})
    assert signer is not None
    made = signer.sign(b64decode(bundle["dsseEnvelope"]["payload"]))
    if hint:
        made["verificationMaterial"]["publicKey"]["hint"] = hint
        made["dsseEnvelope"]["signatures"][0]["keyid"] = hint
    return made


def edit_json(path: Path, change: Callable[[Any], Any]) -> None:
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps(change(document) or document, indent=2, sort_keys=True))


def signature_of(model: Path) -> Path:
    return evidence_of(model) / MODEL_SIGNATURE_FILE
