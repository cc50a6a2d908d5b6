"""`weighbridge sbom`: bills of materials and licences, as people and machines get them."""

import json

import pytest

from tests.components.pusher.helpers import make_model, weigh
from tests.components.pusher.test_statement import describe
from weighbridge.common import pinned
from weighbridge.components.pusher import push


def test_it_is_printed_and_written(weighbridge, tmp_path):
    shown = weighbridge("sbom", "--no-system")
    printed = json.loads(shown.out)
    path = tmp_path / "in here" / "sbom.cdx.json"
    written = weighbridge("sbom", "--no-system", "-o", path)
    assert (shown.code, written.code) == (0, 0)
    assert json.loads(path.read_text()) == printed
    assert (printed["bomFormat"], printed["specVersion"]) == ("CycloneDX", "1.6")
    assert f"{len(printed['components'])} components, CycloneDX 1.6" in written.out
    told = json.loads(weighbridge("sbom", "--no-system", "-o", path, "--json").out)
    assert told == {
        "file": str(path),
        "serial_number": printed["serialNumber"],
        "components": len(printed["components"]),
    }


def test_a_file_that_cannot_be_written_is_a_usage_error(weighbridge):
    shown = weighbridge("sbom", "--no-system", "-o", "/proc/none/x")
    assert shown.code == 2
    assert "Choose another file with -o." in shown.err


def test_licences_are_a_row_for_each_distribution(weighbridge):
    shown = weighbridge("sbom", "--licences", "--no-system")
    versions = pinned.installed()
    head, *rows = shown.out.splitlines()
    assert head.split() == ["distribution", "version", "licence", "asks", "told", "by"]
    assert len(rows) == len(versions) + 1  # Python
    assert any(row.split()[:4] == ["rich", versions["rich"], "MIT", "permissive"] for row in rows)
    rows = json.loads(weighbridge("sbom", "--licences", "--no-system", "--json").out)
    [rich] = [row for row in rows if row["name"] == "rich"]
    assert (rich["licence"], rich["kind"], rich["told_by"]) == ("MIT", "permissive", "License")


def test_a_licence_that_is_not_told_is_on_top(weighbridge, monkeypatch):
    from dataclasses import replace

    from weighbridge.sbom import document
    from weighbridge.sbom.licences import Licence

    first, second, third, *others = document.installed()
    licences = (Licence("MIT"), Licence("AGPL-3.0-only"), Licence())
    changed = [replace(each, licence=licence) for each, licence in zip((first, second, third), licences, strict=True)]
    monkeypatch.setattr(document, "installed", lambda: (*changed, *others))
    rows = json.loads(weighbridge("sbom", "--licences", "--no-system", "--json").out)
    assert [(row["name"], row["licence"], row["kind"]) for row in rows[:2]] == [
        (third.name, "not told", "not told"),
        (second.name, "AGPL-3.0-only", "not to be shipped"),
    ]


@pytest.fixture
def destination(tmp_path):
    """Two versions: the second's Evaluator left where it comes from, the first's left nothing."""
    folder = tmp_path / "work/taxi/production"
    for name in ("one", "two"):
        model = make_model(tmp_path / name, name)
        evaluation = weigh(tmp_path / f"e-{name}", model, run_id="run-1")  # the run that `describe` tells of
        if name == "two":
            describe(evaluation)
        assert push(model, evaluation, folder).record
    return folder


def test_a_model_has_what_was_attested_with_it(weighbridge, tmp_path, destination):
    shown = weighbridge("sbom", destination)
    found = json.loads(shown.out)
    model = found["metadata"]["component"]
    assert (model["type"], model["name"]) == ("machine-learning-model", "taxi")
    numpy = pinned.installed()["numpy"]
    assert f"pkg:pypi/numpy@{numpy}" in {part.get("purl") for part in found["components"]}
    assert json.loads(weighbridge("sbom", "taxi", "--workdir", tmp_path / "work").out) == found
    assert weighbridge("sbom", f"{destination}@2", "-o", tmp_path / "bom.json").code == 0
    assert json.loads((tmp_path / "bom.json").read_text()) == found
    rows = json.loads(weighbridge("sbom", destination, "--licences", "--json").out)
    assert {row["name"]: row["version"] for row in rows}["numpy"] == numpy


def test_a_model_whose_making_was_not_told_says_so(weighbridge, destination):
    shown = weighbridge("sbom", f"{destination}@1")
    assert shown.code == 2
    assert f"Nothing tells what {destination}/1 is made of" in shown.err


def test_options_of_this_environment_are_not_for_a_model(weighbridge, destination):
    shown = weighbridge("sbom", destination, "--no-system")
    assert shown.code == 2
    assert "--no-system is for this environment" in shown.err
    assert weighbridge("sbom", destination.parent / "nowhere").code == 2
