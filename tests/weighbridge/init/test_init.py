"""`weighbridge init` as a user has it: what it writes runs, passes its own test and another seed, or is not there."""

import json
import random
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from weighbridge.thresholds import load_gates

_ROWS = 400


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a repository with rows that are as rows are."""
    place = tmp_path / "repository"
    place.mkdir()
    monkeypatch.chdir(place)
    draw = random.Random(1)
    lines = ["Kunden-Nr,Größe (cm),plan,Signup date,is member,closed,churned?"]
    for row in range(_ROWS):
        size, plan = draw.gauss(170, 10), draw.choice(["basic", "pro", ""])
        churned = draw.random() < 1 / (1 + 2.7 ** (-(size - 170) / 3 - 2 * (plan == "pro")))
        said = "" if row == 7 else "yes" if churned else "no"
        day = f"2026-{1 + row % 12:02d}-{1 + row % 28:02d}"
        number = "?" if row % 50 == 3 else f"{size:.1f}"
        lines.append(f"{1000 + row},{number},{plan},{day},{row % 3 == 0},{'x' if churned else 'o'},{said}")
    (place / "customers.csv").write_text("\n".join(lines) + "\n")
    return place


def _imported(path: Path) -> ModuleType:
    import importlib.util

    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_what_is_written_runs_at_once_and_passes_its_test_and_another_seed(weighbridge, folder, tmp_path) -> None:
    made = weighbridge("init", "churning", "--data", "customers.csv", "--label", "churned?")
    assert made.code == 0, made.err
    assert "Told is 'yes', as class 1; 'no' is class 0." in made.out
    for left_out in ("'Kunden-Nr' counts the rows", "'Signup date' holds times", "'closed' tells 'churned?' exactly"):
        assert f"Left out: {left_out}" in made.out
    package = folder / "churning"
    files = "Jenkinsfile README.md __init__.py features.py gates.yaml model.py pipeline.py schema.pbtxt tests"
    assert [path.name for path in sorted(package.iterdir())] == files.split()
    assert made.out.rstrip().endswith("  weighbridge run churning\n  python -m pytest churning")
    assert len((package / "pipeline.py").read_text().splitlines()) <= 45
    assert "pipeline: 'churning/pipeline.py'" in (package / "Jenkinsfile").read_text()
    # Every threshold says where it is from; a stricter reader than ours finds them sound.
    gates = (package / "gates.yaml").read_text()
    assert gates.count("# proposed from the first run on 20") == gates.count("; review") >= 12
    assert load_gates(package / "gates.yaml").quality.metrics["auc"].min >= 0.6
    assert "to be reviewed" in (package / "schema.pbtxt").read_text()
    # By its name, its folder and its file it is the same pipeline, and another seed passes beside the first.
    assert weighbridge("run", "churning").code == 0
    assert weighbridge("plan", "churning/").code == 0
    again = weighbridge("run", "./churning/pipeline.py", "--json")
    assert json.loads(again.out)["unchanged"]
    other = weighbridge("run", "churning", "--set", "seed=1")
    assert other.code == 0, other.out
    _imported(package / "tests/test_pipeline.py").test_a_model_passes_its_gates(tmp_path / "tested")
    # Nothing is overwritten.
    assert weighbridge("init", "churning", "--data", "customers.csv", "--label", "churned?").code == 2
    # A value that is no class refuses: it is neither dropped nor guessed.
    text = (folder / "customers.csv").read_text()
    (folder / "customers.csv").write_text(text.replace(",yes", ",perhaps", 1))
    refused = weighbridge("run", "churning", "--to", "DataValidator")
    assert refused.code == 1
    assert "label.present" in refused.out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "metric"), [("Größe (cm)", "root_mean_squared_error"), ("plan", "sparse_categorical_accuracy")]
)
def test_components_wired_by_hand_tell_quantities_and_several_classes(weighbridge, folder, label, metric) -> None:
    rows = (folder / "customers.csv").read_text().replace(",?,", ",171.5,").replace(",,", ",none,")
    (folder / "customers.csv").write_text(rows)
    name = f"bare_{metric[:6]}"
    made = weighbridge("init", name, "--data", "customers.csv", "--label", label, "--from", "bare", "--json")
    assert made.code == 0, made.err
    assert json.loads(made.out)["label"] == label
    assert metric in yaml.safe_load((folder / name / "gates.yaml").read_text())["quality"]["metrics"]
    assert weighbridge("run", name).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["my-model", "--data", "customers.csv"], "cannot be the name of a package"),
        (["taken", "--data", "customers.csv"], "is there already, and nothing is overwritten"),
        (["fresh", "--data", "missing.csv"], "missing.csv"),
        (["fresh", "--data", "customers.csv"], "Which column of customers.csv is the label"),
        (["fresh", "--data", "customers.csv", "--label", "Kunden-Nr."], "Did you mean 'Kunden-Nr'"),
        (["fresh", "--data", "customers.csv", "--label", "Signup date"], "cannot be the label"),
        (["fresh", "--from", "table"], "Allowed: tabular, recommender, bare"),
        (["fresh", "--column", "a=b"], "Add --from recommender"),
        (["fresh", "--from", "recommender", "--label", "x"], "has none"),
        (["fresh", "--from", "recommender", "--column", "a"], "names no two columns"),
        (
            ["fresh", "--from", "recommender", "--data", "customers.csv"],
            "Which column of customers.csv is the InvoiceNo",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(weighbridge, folder, arguments, message) -> None:
    (folder / "taken").mkdir()
    before = sorted(folder.rglob("*"))
    refused = weighbridge("init", *arguments)
    assert refused.code == 2
    assert message in " ".join(refused.err.split())
    assert sorted(folder.rglob("*")) == before


def test_a_first_run_that_fails_leaves_nothing(weighbridge, folder, monkeypatch) -> None:
    from weighbridge.common.errors import UsageError
    from weighbridge.init import make

    def fails(*_: object) -> str:
        raise UsageError("no schema today")

    monkeypatch.setattr(make, "_first_schema", fails)
    refused = weighbridge("init", "churning", "--data", "customers.csv", "--label", "churned?")
    assert refused.code == 2
    assert [path.name for path in folder.iterdir()] == ["customers.csv"]
