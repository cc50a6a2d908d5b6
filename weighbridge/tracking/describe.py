"""What MLflow is told of a run: an `Entry` from its record, its verdict and what its steps measured."""

import contextlib
import getpass
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from weighbridge.common.secrets import is_secret_name
from weighbridge.common.text import mask, masked
from weighbridge.evidence.delivered import Delivered
from weighbridge.evidence.provenance import Provenance
from weighbridge.report.evidence import Evidence
from weighbridge.report.text import one_line
from weighbridge.tracking.data import datasets
from weighbridge.tracking.entry import Entry, ModelReference, Status
from weighbridge.tracking.measured import metric_name, points
from weighbridge.tracking.note import note
from weighbridge.tracking.settings import experiment_of

RUN_ID_TAG = "weighbridge.run_id"
VERDICT_TAG = "weighbridge.verdict"
DIGEST_TAG = "weighbridge.digest."

_PARAMETER_LENGTH, _TAG_LENGTH, _KEY_LENGTH = 6000, 5000, 250
_DIGEST = re.compile(r"sha\d+:")
_MOST_PARAMETERS = 1000
_MOST_REFUSING = 20


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended, as its record tells it.

    Attributes:
        run_id: of the run.
        pipeline: its name.
        kind: `run`, `rehearsal`, `experiment`, `promotion` or `rollback`.
        told: the kind in words.
        state: `passed`, `refused` or `failed`.
        started: when it began.
        seconds: that it took.
        steps: wall time of each step.
        parameters: of the pipeline.
        module: that defines it.
        commit: of its code.
        delivered: where its model went.
        error: that it ended in.
        url: page of a run on Kubeflow.
        model: folder of the Model artifact that it made; None for none, or one that is not here.
        provenance: where that comes from; None where it is not known.
    """

    run_id: str
    pipeline: str
    kind: str
    told: str
    state: str
    started: datetime
    seconds: float
    steps: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    module: str = ""
    commit: str = ""
    delivered: Delivered | None = None
    error: str = ""
    url: str = ""
    model: Path | None = None
    provenance: Provenance | None = None


def describe(run: EndedRun, evidence: Evidence, server: str) -> Entry:
    """Describe a run, without any secret.

    Args:
        run: that has ended.
        evidence: its verdict, which has no gates where it came to none, and what its steps measured.
        server: address of the server, as people may see it.
    """
    started_ms = round(run.started.timestamp() * 1000)
    ended_ms = started_ms + round(run.seconds * 1000)
    listed = dict(_flat("", masked(dict(run.parameters))))
    status: Status = "FINISHED" if run.state == "passed" else "FAILED"
    return Entry(
        experiment=experiment_of(run.pipeline),
        run_id=run.run_id,
        started_ms=started_ms,
        ended_ms=ended_ms,
        status=status,
        parameters=dict(list(listed.items())[:_MOST_PARAMETERS]),
        metrics=points(evidence, ended_ms, {"": run.seconds} | dict(run.steps)),
        tags=_tags(run, evidence),
        datasets=datasets(run.pipeline, evidence.examples, str(run.parameters.get("data", ""))),
        model=_model(run, evidence),
        server=server,
    )


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Parameters as MLflow takes them: texts, those of nested ones as `outer.inner`."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), each)
    else:
        told = "***" if is_secret_name(name) and value not in (None, "") else str(value)
        yield metric_name(name), mask(told)[:_PARAMETER_LENGTH]


def _tags(run: EndedRun, evidence: Evidence) -> dict[str, str]:
    verdict = evidence.verdict
    delivered = run.delivered or Delivered()
    found = {
        RUN_ID_TAG: run.run_id,
        "weighbridge.pipeline": run.pipeline,
        "weighbridge.kind": run.kind,
        VERDICT_TAG: run.state,
        "weighbridge.refused_by": ", ".join(gate.name for gate in verdict.refusals[:_MOST_REFUSING]),
        "weighbridge.error": one_line(run.error),
        "weighbridge.version": delivered.version,
        "weighbridge.destination": delivered.destination,
        "weighbridge.stage": delivered.stage,
        "weighbridge.commit": run.commit,
        "weighbridge.url": run.url,
        "mlflow.runName": run.run_id,
        "mlflow.note.content": note(run.told, run.state, run.error, evidence),
        "mlflow.source.type": "LOCAL" if not run.url else "JOB",
        "mlflow.source.name": run.module,
        "mlflow.source.git.commit": run.commit.partition("+")[0],
        "mlflow.user": _user(),
    }
    found |= _lineage(run.provenance)
    if verdict.gates:
        found[f"{DIGEST_TAG}verdict"] = verdict.digest
    for name, value in verdict.subject.items():
        found[f"{DIGEST_TAG if _DIGEST.match(value) else 'weighbridge.'}{name}"] = value
    return {
        metric_name(name)[:_KEY_LENGTH]: mask(value)[:_TAG_LENGTH] for name, value in found.items() if value.strip()
    }


def _lineage(provenance: Provenance | None) -> dict[str, str]:
    """What the model depends on: data spans, seed, lock, image, and the digests of its parents."""
    if provenance is None:
        return {}
    spans = [str(data.span) for data in provenance.data if data.span is not None]
    found = {
        "weighbridge.spans": ", ".join(spans),
        "weighbridge.lock": provenance.software.lock,
        "weighbridge.image": provenance.software.image,
        "weighbridge.seed": str(provenance.training.seed) if provenance.training else "",
        "weighbridge.changes": provenance.origin.changes if provenance.origin else "",
    }
    return found | {f"weighbridge.parent.{name}": digest for name, digest in provenance.parents.items()}


def _user() -> str:
    with contextlib.suppress(Exception):  # a container's user may have no name
        return getpass.getuser()
    return ""


def _model(run: EndedRun, evidence: Evidence) -> ModelReference | None:
    digest = evidence.verdict.subject.get("model", "")
    found = _stored(run.model) if run.model is not None else None
    delivered = run.delivered or Delivered()
    if not digest or (found is None and not delivered.destination):
        return None
    kind, folder = found or ("saved_model", None)
    place = delivered.destination
    if place.startswith("models:"):
        place = place.partition("@")[0]  # a version of a registered model is none of an alias
    address = f"{place}/{delivered.version}" if delivered.version else str(folder or "")
    reference = ModelReference(digest=digest, address=mask(address), kind=kind)
    if evidence.latency is not None:
        reference = reference.model_copy(
            update={"signature": evidence.latency.signature, "inputs": evidence.latency.inputs}
        )
    if folder is None:
        return reference
    size = sum(path.stat().st_size for path in _of_folder(folder))
    return reference.model_copy(update={"folder": str(folder), "bytes": size})


def _stored(model: Path) -> tuple[str, Path] | None:
    """Name of the flavour and folder of the model in a Model artifact; None where there is none."""
    from weighbridge.components.evaluator.flavours import flavours

    with contextlib.suppress(Exception):  # what another package adds cannot be used: its model is only referred to
        for name, flavour in flavours().items():
            folder = flavour.find(model)
            if folder is not None:
                return name, folder
    return None


def _of_folder(folder: Path) -> Sequence[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
