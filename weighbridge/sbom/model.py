"""The model as a CycloneDX component (ML-BOM): its card, with data, metrics and training."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from weighbridge.common.text import clean, mask
from weighbridge.sbom.components import Component, hashes, properties, sha256
from weighbridge.verdict import Gate, Verdict

if TYPE_CHECKING:
    from weighbridge.evidence.provenance import DataOrigin, Provenance

MOST_FILES = 1000
"""So many files of one data set are listed; the provenance has them all."""

_MEASURED = ("quality", "ranking", "latency")
_RELATIVE = {"change": "change to production", "ratio": "ratio to production"}


def model_component(
    provenance: "Provenance",
    verdict: Verdict,
    *,
    name: str = "",
    version: str = "",
    files: Mapping[str, str] | None = None,
) -> Component:
    """The model that a verdict weighed.

    Args:
        provenance: where it comes from.
        verdict: of the run that weighed it; its `subject["model"]` is the model's digest.
        name: of the model; the pipeline's by default.
        version: that it is pushed as; the run's id by default.
        files: digest of each of its files, by relative name, where they are to be listed.
    """
    digest = verdict.subject.get("model", "")
    training, origin = provenance.training, provenance.origin
    made: Component = {
        "type": "machine-learning-model",
        "bom-ref": model_ref(digest, verdict.run_id),
        "name": name or verdict.pipeline,
        "version": version or verdict.run_id,
        **hashes(digest),
        "modelCard": {
            **_parameters(provenance),
            **_analysis(verdict.gates),
            **properties(
                {
                    "verdict": verdict.outcome,
                    "verdict_digest": verdict.digest,
                    "run_id": verdict.run_id,
                    "run_fn": training.run_fn if training else "",
                    "seed": training.seed if training else "",
                    "deterministic": str(training.deterministic).lower() if training else "",
                    "warm_start": provenance.parents.get("warm_start", ""),
                    "compared_with": provenance.parents.get("production", ""),
                    "commit": origin.commit if origin else "",
                    "changes": origin.changes if origin else "",
                    "training": "" if training else "not told",
                }
            ),
        },
    }
    if files:
        made["components"] = [
            {"type": "file", "bom-ref": f"{made['bom-ref']}/{path}", "name": path, **hashes(each)}
            for path, each in sorted(files.items())
        ]
    if origin and origin.repository:
        made["externalReferences"] = [{"type": "vcs", "url": mask(origin.repository)}]
    return made


def model_ref(digest: str, run_id: str) -> str:
    """What the rest of the document calls the model."""
    return f"model:{digest or run_id}"


def data_components(provenance: "Provenance") -> list[Component]:
    """The data that the model was trained and weighed on, as components of type `data`."""
    return [
        _data(provenance.pipeline, each, ref) for each, ref in zip(provenance.data, data_refs(provenance), strict=True)
    ]


def data_refs(provenance: "Provenance") -> list[str]:
    """What the rest of the document calls each data set; two of the same rows differ by number."""
    seen: dict[str, int] = {}
    refs = []
    for each in provenance.data:
        ref = f"data:{each.content_digest or each.input_digest or 'unknown'}"
        seen[ref] = seen.get(ref, 0) + 1
        refs.append(ref if seen[ref] == 1 else f"{ref}#{seen[ref]}")
    return refs


def _data(pipeline: str, data: "DataOrigin", ref: str) -> Component:
    name = f"{pipeline} data" if data.span is None else f"{pipeline} data, span {data.span}"
    made: Component = {
        "type": "data",
        "bom-ref": ref,
        "name": name,
        **hashes(data.content_digest),
        "data": [{"type": "dataset", "name": name}],
        **properties(
            {
                "input_digest": data.input_digest,
                "content_digest": data.content_digest,
                "span": data.span,
                "files": len(data.files),
                "bytes": sum(file.bytes for file in data.files),
                **{f"rows:{split}": rows for split, rows in data.rows.items()},
            }
        ),
    }
    if data.span is not None:
        made["version"] = str(data.span)
    if data.files:
        made["components"] = [
            {
                "type": "file",
                "name": clean(mask(file.path)),
                **_file_hash(file.sha256),
                **properties({"bytes": file.bytes}),
            }
            for file in data.files[:MOST_FILES]
        ]
    return made


def _file_hash(digest: str) -> dict[str, Any]:
    return hashes(digest) if digest.startswith("sha256:") or not digest else {"hashes": [sha256(digest)]}


def _parameters(provenance: "Provenance") -> dict[str, Any]:
    refs = data_refs(provenance)
    return {"modelParameters": {"datasets": [{"ref": ref} for ref in refs]}} if refs else {}


def _analysis(gates: Iterable[Gate]) -> dict[str, Any]:
    found = metrics(gates)
    return {"quantitativeAnalysis": {"performanceMetrics": found}} if found else {}


def metrics(gates: Iterable[Gate]) -> list[dict[str, Any]]:
    """What the gates on quality, ranking and latency measured: each quantity once, with its interval."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for gate in gates:
        group, *rest = gate.name.split(".", 1)
        if group not in _MEASURED or not rest or not _is_number(gate.observed) or gate.unit in ("rows", "bytes"):
            continue
        kind, part = _quantity(group, rest[0].rpartition(".")[0], gate.rule, gate.unit)
        made: dict[str, Any] = {"type": clean(kind), "value": repr(gate.observed)}
        if part:
            made["slice"] = clean(part)
        if gate.interval:
            ends = zip(("lowerBound", "upperBound"), gate.interval, strict=True)
            made["confidenceInterval"] = {name: repr(end) for name, end in ends if end is not None}
        found.setdefault((kind, part), made)
    return list(found.values())


def _quantity(group: str, subject: str, rule: str, unit: str) -> tuple[str, str]:
    """A gate's quantity and slice: `trip_start_day=1.auc` is the metric `auc` of the slice `trip_start_day=1`."""
    part, metric = "", subject
    if group != "latency" and "=" in subject:
        part, _, metric = subject.rpartition(".")
    kind = f"{group}.{metric}" if group == "latency" else metric
    relative = _RELATIVE.get(rule.rpartition("_")[2]) if "_" in rule else None
    return (f"{kind}, {relative}" if relative else kind), part


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
