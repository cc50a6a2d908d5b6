"""A pipeline's models over some spans, one of which turns out to be bad: what they are made of, and where they went.

| model | spans | started from | weighed against | came to |
| --- | --- | --- | --- | --- |
| a | not recorded | | | production, version 1 |
| b | 15, 16 | | a | production, version 2 |
| c | 16, 17 | | b | production, version 3 |
| d | 17, 18 | | c | refused |
| e | 18, 19 | c | c | production, version 4, live |
| f | 19, 20 | | e | refused |
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from weighbridge.evidence.provenance import DataOrigin, Machine, Origin, Provenance, Software, TrainingOrigin
from weighbridge.evidence.summary import InputFile
from weighbridge.lineage.models import Catalogue, Place, Weighing
from weighbridge.runs.record import Run, RunRecord
from weighbridge.runs.workspace import Workspace
from weighbridge.verdict import Bounds, Verdict

START = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
SPANS = {"a": (), "b": (15, 16), "c": (16, 17), "d": (17, 18), "e": (18, 19), "f": (19, 20)}
PARENTS = {"b": {"production": "a"}, "c": {"production": "b"}, "d": {"production": "c"}}
PARENTS |= {"e": {"production": "c", "warm_start": "c"}, "f": {"production": "e"}}
VERSIONS = {"a": 1, "b": 2, "c": 3, "e": 4}
COMMITS = {"b": "1" * 40, "c": "1" * 40, "d": "2" * 40, "e": "2" * 40, "f": "3" * 40}


def digest(text: str) -> str:
    """A digest that is told apart at a glance."""
    return "sha256:" + (text * 64)[:64]


def span_file(span: int, folder: str = "/data") -> InputFile:
    """The file of a span."""
    return InputFile(path=f"{folder}/day-{span}.csv", bytes=span, sha256=digest(f"{span:x}"), span=span)


def began(name: str) -> datetime:
    """When a model was weighed."""
    return START + timedelta(days=sorted(SPANS).index(name))


def provenance(name: str, *, folder: str = "/data", pipeline: str = "taxi") -> Provenance:
    """Where a model of the family comes from."""
    machine = Machine(system="Linux x86_64", cpu="a processor", cores=2)
    software = Software(python="3.11.2", libraries={"tensorflow": "2.16.2"}, lock=digest("10"), image="")
    parents = {how: digest(parent) for how, parent in PARENTS.get(name, {}).items()}
    return Provenance(
        pipeline=pipeline,
        run_id=f"run-{name}",
        weighed_at=began(name),
        origin=Origin(
            module="taxi",
            parameters={"epochs": 5, "data": f"{folder}/day-{{SPAN}}.csv"},
            repository="https://example.org/taxi.git",
            commit=COMMITS[name],
            changes=digest("c0") if name == "d" else "",
        ),
        data=[
            DataOrigin(
                input_digest=digest(f"1{name}"),
                content_digest=digest(f"2{name}"),
                span=max(SPANS[name]),
                rows={"train": 1000, "eval": 500},
                files=[span_file(span, folder) for span in SPANS[name]],
            )
        ],
        training=TrainingOrigin(
            run_fn="taxi.model.run_fn",
            parameters={},
            seed=20,
            deterministic=True,
            warm_start=parents.get("warm_start", ""),
            machine=machine,
            software=software,
        ),
        thresholds={"quality": {}, "latency": {}},
        machine=machine,
        software=software,
        parents=parents,
    )


def weighing(name: str) -> Weighing:
    """The weighing of a model of the family."""
    recorded = provenance(name) if SPANS[name] else None
    return Weighing(
        pipeline="taxi",
        run_id=f"run-{name}",
        kind="run",
        outcome="passed" if name in VERSIONS else "refused",
        weighed_at=began(name),
        commit=COMMITS.get(name, ""),
        subject={"model": digest(name), "schema": digest("5c"), "gates": digest("6a")},
        provenance=recorded,
        missing="" if recorded else "it was pushed by a release that recorded nothing of it",
    )


def family() -> Catalogue:
    """All models of the family."""
    catalogue = Catalogue()
    for name in SPANS:
        catalogue.add_weighing(digest(name), weighing(name))
        if name in VERSIONS:
            place = Place(
                destination="/models/production",
                stage="production",
                version=VERSIONS[name],
                live=name == "e",
                pushed_at=began(name) + timedelta(hours=1),
            )
            catalogue.add_place(digest(name), place)
    return catalogue


def add_run(workdir: Path, name: str, *, folder: str = "/data", pipeline: str = "taxi", model: str = "") -> Run:
    """The folder of the run that weighed a model of the family, as a run leaves it."""
    workspace = Workspace(workdir, pipeline)
    gates = Bounds(min=0.8).judge("quality.auc", 0.9 if name in VERSIONS else 0.7)
    verdict = Verdict.of(gates, pipeline=pipeline, run_id=f"run-{name}", subject={"model": model or digest(name)})
    record = RunRecord(
        run_id=f"run-{name}",
        pipeline=pipeline,
        module=pipeline,
        state=verdict.outcome,
        started=began(name),
        commit=f"{COMMITS[name]}+changes" if name == "d" else COMMITS.get(name, ""),
        verdict_digest=verdict.digest,
    )
    run = Run(workspace.folder / "runs" / record.run_id, record)
    run.folder.mkdir(parents=True)
    run.save()
    verdict.write(run.folder / "verdict.json")
    if SPANS[name]:
        provenance(name, folder=folder, pipeline=pipeline).write(run.folder)
    return run
