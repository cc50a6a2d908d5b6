"""Whole documents: valid by the schema of CycloneDX, the same for the same, and read by its own library."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from weighbridge.common import pinned
from weighbridge.evidence.provenance import DataOrigin, Machine, Origin, Provenance, Software, TrainingOrigin
from weighbridge.sbom import bom_of, document, environment_bom, system
from weighbridge.sbom.listing import listed
from weighbridge.verdict import Gate, Verdict

MODEL, DATA, FILE = (f"sha256:{letter * 64}" for letter in "abc")
IMAGE = f"registry.example/weighbridge@sha256:{'1' * 64}"
MACHINE = Machine(system="Linux", cpu="some", cores=2)


def verdict() -> Verdict:
    gates = [
        Gate(name="quality.auc.min", status="passed", observed=0.95, interval=(0.9, None), message="."),
        Gate(name="quality.auc.min_change", status="passed", observed=-0.001, interval=(-0.01, 0.01), message="."),
        Gate(name="quality.trip_start_day=1.5.auc.min", status="passed", observed=0.9, message="."),
        Gate(name="quality.trip_start_day=1.5.auc.max", status="passed", observed=0.9, message="."),
        Gate(name="quality.trip_start_day=1.5.rows.min", status="passed", observed=100, unit="rows", message="."),
        Gate(name="quality.broken.min", status="unmeasured", observed="nan", severity="warning", message="."),
        Gate(name="latency.batch_1.p99_ms.max", status="passed", observed=0.5, unit="ms", message="."),
        Gate(name="latency.batch_1.p99_ms.max_ratio", status="not_compared", message="."),
        Gate(name="schema.anomalies.max", status="passed", observed=0, message="."),
    ]
    return Verdict.of(gates, pipeline="taxi", run_id="r1", subject={"model": MODEL})


def provenance(**changes) -> Provenance:
    libraries = {name: pinned.installed()[name] for name in ("numpy", "tensorflow")} | {
        "keras": "0.1",
        "python": "3.11.2",
    }
    software = Software(python="3.11.2", libraries=libraries, image=IMAGE)
    data = {
        "input_digest": FILE,
        "content_digest": DATA,
        "span": 3,
        "rows": {"train": 20, "eval": 10},
        "files": [{"path": "https://user:word@host/a b.csv", "bytes": 3, "sha256": "c" * 64}],
    }
    fields = {
        "pipeline": "taxi",
        "run_id": "r1",
        "weighed_at": datetime(2026, 11, 28, tzinfo=UTC),
        "machine": MACHINE,
        "software": software,
        "data": [DataOrigin(**data), DataOrigin(**data)],
        "origin": Origin(module="weighbridge.pipelines.taxi", repository="https://host/repo.git", commit="0123"),
        "training": TrainingOrigin(
            run_fn="taxi.model.run_fn", parameters={}, seed=7, deterministic=True, machine=MACHINE, software=software
        ),
        "parents": {"production": FILE},
    }
    return Provenance(**(fields | changes))


@pytest.fixture(scope="module")
def made() -> dict:
    return bom_of(provenance(), verdict(), version="3", files={"saved_model.pb": FILE}, with_system=True)


@pytest.fixture(scope="module")
def validator():
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6)


def is_valid(found: dict, validator) -> bool:
    """Valid by the schema, and by what a schema cannot say: references lead somewhere, none is made twice."""
    refs = Counter(part["bom-ref"] for part in [found["metadata"]["component"], *found["components"]])
    pointed = [ref for each in found["dependencies"] for ref in [each["ref"], *each.get("dependsOn", [])]]
    assert max(refs.values()) == 1
    assert set(pointed) <= set(refs)
    assert max(Counter(each["ref"] for each in found["dependencies"]).values()) == 1
    problem = validator.validate_str(document.text_of(found))
    assert problem is None, problem
    return True


def few(monkeypatch) -> None:
    """Leaves a few of the distributions, so that looking at a document takes no seconds."""
    kept = {"numpy", "tensorflow", "orjson", "scipy", "weighbridge", "python-dateutil"}
    installed = [each for each in document.installed() if each.key in kept]
    some = tuple(replace(each, needs=tuple(sorted(kept & {*each.needs}))) for each in installed)
    document._described.cache_clear()
    monkeypatch.setattr(document, "installed", lambda: some)
    package = system.Package("libc6", "1:2.36+b1~x", "amd64", "glibc", ("GPL-2+",))
    monkeypatch.setattr(system, "packages", lambda *_: (package,))


@pytest.mark.slow
def test_the_whole_environment_is_valid(validator):
    assert is_valid(environment_bom(with_system=True), validator)


def test_a_model_is_valid(monkeypatch, validator):
    few(monkeypatch)
    assert is_valid(bom_of(provenance(), verdict(), files={"a": FILE}, with_system=True), validator)
    assert is_valid(bom_of(provenance(training=None, origin=None, data=[]), verdict(), with_system=False), validator)
    assert is_valid(environment_bom(made_at=datetime(2026, 11, 28, tzinfo=UTC)), validator)


def test_an_environment_in_an_image_is_valid(monkeypatch, validator):
    few(monkeypatch)
    monkeypatch.setattr(system, "in_container", lambda: True)
    monkeypatch.setenv("WEIGHBRIDGE_IMAGE", IMAGE)
    found = environment_bom()
    assert is_valid(found, validator)
    assert found["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": "1" * 64}]
    inside = bom_of(provenance(), verdict())
    assert is_valid(inside, validator)
    assert f"image:{IMAGE}" in {part["bom-ref"] for part in inside["components"]}


def test_every_distribution_is_there_with_what_it_needs_and_the_archives_of_the_lock():
    found = environment_bom(with_system=False)
    by_name = {pinned.normalized(part["name"]): part for part in found["components"] if part["type"] == "library"}
    assert {name: part["version"] for name, part in by_name.items()} == pinned.installed()
    needs = {each["ref"]: each.get("dependsOn", []) for each in found["dependencies"]}
    assert by_name["numpy"]["purl"] in needs[by_name["pandas"]["bom-ref"]]
    assert "purl" not in by_name["weighbridge"]  # PyPI's of that name would be another
    [archives] = by_name["numpy"]["externalReferences"]
    text = pinned.lock_of().read_text()
    assert archives["hashes"]
    assert all(f"sha256:{each['content']}" in text for each in archives["hashes"])
    [python] = [part for part in found["components"] if part["name"] == "Python"]
    assert python["version"] == ".".join(map(str, sys.version_info[:3]))


def test_the_same_gives_the_same_bytes_in_another_process():
    code = "from weighbridge.sbom.document import *; print(text_of(environment_bom()))"
    one, two = (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    )
    assert one == two
    assert json.loads(one)["serialNumber"].startswith("urn:uuid:")


def test_another_content_has_another_serial_number(made):
    again = bom_of(provenance(), verdict(), version="3", files={"saved_model.pb": FILE}, with_system=True)
    other = bom_of(provenance(run_id="r2"), verdict(), version="4", with_system=True)
    assert again == made
    assert other["serialNumber"] != made["serialNumber"]
    timed = bom_of(provenance(), verdict(), made_at=datetime(2026, 11, 28, tzinfo=UTC))
    assert timed["metadata"]["timestamp"] == "2026-11-28T00:00:00+00:00"


def test_the_model_is_what_was_weighed(made):
    model = made["metadata"]["component"]
    assert (model["type"], model["name"], model["version"]) == ("machine-learning-model", "taxi", "3")
    assert model["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert [(part["name"], part["hashes"][0]["content"]) for part in model["components"]] == [
        ("saved_model.pb", "c" * 64)
    ]
    own = {each["name"]: each["value"] for each in model["modelCard"]["properties"]}
    assert own["weighbridge:verdict_digest"] == verdict().digest
    assert (own["weighbridge:verdict"], own["weighbridge:seed"], own["weighbridge:commit"]) == ("passed", "7", "0123")
    assert own["weighbridge:compared_with"] == FILE


def test_metrics_have_their_slices_and_intervals(made):
    found = made["metadata"]["component"]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert found == [
        {"type": "auc", "value": "0.95", "confidenceInterval": {"lowerBound": "0.9"}},
        {
            "type": "auc, change to production",
            "value": "-0.001",
            "confidenceInterval": {"lowerBound": "-0.01", "upperBound": "0.01"},
        },
        {"type": "auc", "value": "0.9", "slice": "trip_start_day=1.5"},
        {"type": "latency.batch_1.p99_ms", "value": "0.5"},
    ]


def test_data_are_components_without_the_secrets_of_their_addresses(made):
    one, two = [part for part in made["components"] if part["type"] == "data"]
    assert (one["bom-ref"], two["bom-ref"]) == (f"data:{DATA}", f"data:{DATA}#2")
    assert one["hashes"] == [{"alg": "SHA-256", "content": "b" * 64}]
    own = {each["name"]: each["value"] for each in one["properties"]}
    assert (own["weighbridge:rows:train"], own["weighbridge:span"], own["weighbridge:bytes"]) == ("20", "3", "3")
    [file] = one["components"]
    assert file["hashes"] == [{"alg": "SHA-256", "content": "c" * 64}]
    assert "word" not in json.dumps(made)
    refs = made["metadata"]["component"]["modelCard"]["modelParameters"]["datasets"]
    assert refs == [{"ref": f"data:{DATA}"}, {"ref": f"data:{DATA}#2"}]


def test_the_model_depends_on_its_data_and_on_what_trained_it(made):
    [needs] = [set(each["dependsOn"]) for each in made["dependencies"] if each["ref"] == f"model:{MODEL}"]
    numpy = f"pkg:pypi/numpy@{pinned.installed()['numpy']}"
    assert {f"data:{DATA}", numpy, "pkg:pypi/keras@0.1", f"image:{IMAGE}", "pkg:generic/python@3.11.2"} <= needs
    by_ref = {part["bom-ref"]: part for part in made["components"]}
    assert by_ref["pkg:pypi/keras@0.1"]["properties"] == [{"name": "weighbridge:environment", "value": "training"}]
    assert "training" not in json.dumps(by_ref[numpy])
    assert "pkg:pypi/python@3.11.2" not in by_ref
    assert "compositions" not in made


def test_a_training_that_told_nothing_is_said_to_be_incomplete():
    found = bom_of(provenance(training=None), verdict(), with_system=False)
    assert found["compositions"] == [{"aggregate": "incomplete", "dependencies": [f"model:{MODEL}"]}]
    own = found["metadata"]["component"]["modelCard"]["properties"]
    assert {"name": "weighbridge:training", "value": "not told"} in own


def test_the_library_of_cyclonedx_reads_it(made):
    from cyclonedx.model.bom import Bom

    found = Bom.from_json(data=json.loads(document.text_of(made)))
    assert len(found.components) == len(made["components"])
    assert str(found.serial_number) in made["serialNumber"]


def test_licences_are_listed_with_what_is_not_told_first(made):
    rows = listed(made)
    told = [row.licence != "not told" for row in rows]
    assert told == sorted(told)
    assert len(rows) == len(
        [part for part in made["components"] if part["type"] in ("library", "platform") and "version" in part]
    )
    assert [row.name for row in rows if row.licence == "not told" and "pypi" in row.purl] == ["keras"]
    numpy = next(row for row in rows if row.name == "numpy")
    assert (numpy.kind, numpy.source) == ("weak copyleft", "reviewed")
