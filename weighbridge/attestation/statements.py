"""What is said of a model: in-toto statements, whose subject are its files by OpenSSF model-signing's digest.

| predicate | says |
| --- | --- |
| `urn:weighbridge:weighing:v1` | the verdict, the thresholds in force, and where model and data come from |
| `https://slsa.dev/provenance/v1` | how it was made, as SLSA has it: https://slsa.dev/spec/v1.0/provenance |
| `https://in-toto.io/attestation/test-result/v0.1` | which gates passed |
| `https://cyclonedx.org/bom` | what it is made of |
| `https://model_signing/signature/v1.0` | its files; the one statement in `model.sig` |
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from weighbridge.attestation.envelope import STATEMENT_TYPE
from weighbridge.attestation.manifest import Manifest
from weighbridge.common.digests import bytes_digest
from weighbridge.evidence.provenance import DataOrigin, Provenance
from weighbridge.verdict import Verdict

WEIGHING = "urn:weighbridge:weighing:v1"
SLSA = "https://slsa.dev/provenance/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
BOM = "https://cyclonedx.org/bom"
MODEL_SIGNATURE = "https://model_signing/signature/v1.0"

_BUILD_TYPE = "urn:weighbridge:training:v1"
_BUILDER = "urn:weighbridge:weighbridge"

Payloads = dict[str, bytes]


def statement_bytes(manifest: Manifest, name: str, predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """An in-toto statement v1 on a model, in canonical JSON.

    Args:
        manifest: of the model.
        name: that the statement calls the model by.
        predicate_type: what kind of statement it is.
        predicate: what it says.
    """
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": manifest.root_digest}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def statements(
    manifest: Manifest,
    verdict: Verdict,
    provenance: Provenance | None,
    bom: Mapping[str, Any] | None,
    attested_at: datetime,
    statistics: str = "",
) -> Payloads:
    """All statements on a weighed model but that of its files alone; the weighing names the others by digest.

    Args:
        manifest: of the model.
        verdict: that it was weighed to.
        provenance: where it comes from; None where the step that weighed left nothing.
        bom: CycloneDX document; None for none.
        attested_at: when; UTC.
        statistics: digest of those that are kept with the model; empty for none.
    """
    found: dict[str, Mapping[str, Any]] = {TEST_RESULT: _test_result(verdict)}
    if provenance is not None:
        found[SLSA] = _slsa(verdict, provenance)
    if bom is not None:
        found[BOM] = bom
    payloads = {kind: statement_bytes(manifest, verdict.pipeline, kind, each) for kind, each in found.items()}
    weighing = {
        "pipeline": verdict.pipeline,
        "runId": verdict.run_id,
        "attestedAt": attested_at.isoformat(),
        "model": {"treeDigest": manifest.tree_digest, "files": len(manifest.files), "bytes": manifest.size},
        "verdict": verdict.model_dump(mode="json"),
        "verdictDigest": verdict.digest,
        "provenance": None if provenance is None else provenance.model_dump(mode="json"),
        "statistics": statistics,
        "statements": {kind: bytes_digest(payload) for kind, payload in payloads.items()},
    }
    return {WEIGHING: statement_bytes(manifest, verdict.pipeline, WEIGHING, weighing), **payloads}


def model_signature(manifest: Manifest) -> bytes:
    """The statement on a model's files that `model_signing verify` reads."""
    resources = [
        {"name": name, "algorithm": "sha256", "digest": manifest.files[name]}
        for name in sorted(manifest.files, key=PurePosixPath)
    ]
    serialization = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}
    predicate = {"serialization": serialization, "resources": resources}
    return statement_bytes(manifest, manifest.name, MODEL_SIGNATURE, predicate)


def _test_result(verdict: Verdict) -> dict[str, Any]:
    """https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md."""
    passed = "WARNED" if verdict.warnings else "PASSED"
    gates = verdict.subject.get("gates", "").removeprefix("sha256:")
    return {
        "result": passed if verdict.passed else "FAILED",
        "configuration": [{"name": "gates.yaml", "digest": {"sha256": gates}}] if gates else [],
        "passedTests": [gate.name for gate in verdict.gates if gate.status == "passed"],
        "warnedTests": [gate.name for gate in verdict.warnings],
        "failedTests": [gate.name for gate in verdict.refusals],
    }


def _slsa(verdict: Verdict, provenance: Provenance) -> dict[str, Any]:
    training, origin = provenance.training, provenance.origin
    external: dict[str, Any] = {"pipeline": provenance.pipeline}
    if origin is not None:
        external |= {"module": origin.module, "parameters": origin.parameters}
    internal: dict[str, Any] = {"thresholds": provenance.thresholds}
    if origin is not None:
        internal["code"] = origin.code
    if training is not None:
        internal["training"] = training.model_dump(mode="json")
    return {
        "buildDefinition": {
            "buildType": _BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": internal,
            "resolvedDependencies": _dependencies(verdict, provenance),
        },
        "runDetails": {
            "builder": {"id": provenance.software.image or _BUILDER},
            "metadata": {"invocationId": provenance.run_id, "finishedOn": provenance.weighed_at.isoformat()},
        },
    }


def _dependencies(verdict: Verdict, provenance: Provenance) -> list[dict[str, Any]]:
    """What the model follows from, as SLSA's resource descriptors."""
    found = [each for data in provenance.data for each in _files(data)]
    origin = provenance.origin
    if origin is not None and origin.commit:
        changes = {"annotations": {"uncommittedChanges": origin.changes}} if origin.changes else {}
        address = f"git+{origin.repository}" if origin.repository else "git"
        found.append({"uri": f"{address}@{origin.commit}", "digest": {"gitCommit": origin.commit}, **changes})
    software = provenance.training.software if provenance.training else provenance.software
    named = {
        "schema.pbtxt": verdict.subject.get("schema", ""),
        "requirements.lock": software.lock,
        "image": software.image,
        **provenance.parents,
    }
    for name, digest in named.items():
        algorithm, _, value = digest.rpartition("@")[2].partition(":")
        if value:
            found.append({"name": name, "digest": {algorithm: value}})
    return found


def _files(data: DataOrigin) -> list[dict[str, Any]]:
    return [
        {
            "uri": file.path,
            "digest": {"sha256": file.sha256.removeprefix("sha256:")},
            "annotations": {"bytes": file.bytes, **({} if span is None else {"span": span})},
        }
        for file in data.files
        for span in (data.span if file.span is None else file.span,)
    ]
