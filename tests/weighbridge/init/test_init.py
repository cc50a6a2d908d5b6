"""`weighbridge init` as a user has it: what it writes runs, passes its own test and another seed, or is not there."""

import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from weighbridge.common.files import write_text
from weighbridge.definition import load
from weighbridge.init.orders import look_at_orders
from weighbridge.init.tabular import look_at_table
from weighbridge.thresholds import Gates, load_gates

_ROWS = 400


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a repository with rows that are as rows are."""
    place = tmp_path / "repository"
    place.mkdir()
    monkeypatch.chdir(place)
    draw = random.Random(1)
    lines = ["Kunden-Nr,Größe (cm),plan,visits,Signup date,is member,closed,churned?"]
    for row in range(_ROWS):
        size, plan = draw.gauss(170, 10), draw.choice(["basic", "pro", ""])
        churned = draw.random() < 1 / (1 + 2.7 ** (-(size - 170) / 3 - 2 * (plan == "pro")))
        said = "" if row == 7 else "yes" if churned else "no"
        day = f"2026-{1 + row % 12:02d}-{1 + row % 28:02d}"
        number = "?" if row % 50 == 3 else f"{size:.1f}"
        lines.append(
            f"{1000 + row},{number},{plan},{row % 11 / 4},{day},{row % 3 == 0},{'x' if churned else 'o'},{said}"
        )
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
    assert "'yes' is predicted as class 1, 'no' as class 0." in made.out
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
    # By its name and its folder it is the same pipeline, and another seed passes beside the first.
    assert weighbridge("run", "churning").code == 0
    again = weighbridge("run", "./churning", "--json")
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
def test_components_wired_by_hand_tell_a_quantity(weighbridge, folder) -> None:
    rows = (folder / "customers.csv").read_text().replace(",?,", ",171.5,")
    (folder / "customers.csv").write_text(rows)
    made = weighbridge("init", "size", "--data", "customers.csv", "--label", "Größe (cm)", "--from", "bare", "--json")
    assert made.code == 0, made.err
    assert json.loads(made.out)["task"] == "number"
    assert "Evaluator(" in (folder / "size/pipeline.py").read_text()
    done = weighbridge("run", "size")
    assert done.code == 0, done.out
    assert "root_mean_squared_error.max" in done.out


@pytest.mark.parametrize("start", ["tabular", "bare"])
@pytest.mark.parametrize("label", ["churned?", "plan", "visits"])
def test_what_is_written_is_python_as_people_write_it(folder, label, start) -> None:
    found = look_at_table("customers.csv", label, "customers.csv", start, "weighbridge init p")
    values = {"name": "p", "date": "2026-11-28", "place": "p", "data_code": '"rows.csv"', "remote": "r"}
    _check(found.code(values), folder)


def test_a_recommender_is_written_for_the_columns_of_a_shop(folder) -> None:
    lines = ["Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"]
    lines += [f"{row},A{row % 9},Thing,1,2026-01-{1 + row % 28:02d} 08:00,1.5,{row % 50},France" for row in range(90)]
    (folder / "orders.csv").write_text("\n".join(lines) + "\n")
    found = look_at_orders("orders.csv", {}, "orders.csv", "weighbridge init shop --from recommender")
    assert (found.columns["Customer ID"], found.product) == ("CustomerID", ".+")
    texts = found.code({"name": "shop", "date": "2026-11-28", "place": "shop", "data_code": '"o.csv"', "remote": "r"})
    _check(texts, folder / "shop")
    definition = load(str(folder / "shop/pipeline.py"))
    assert definition.name == "shop"
    parameters = definition.parameters()
    assert (parameters.columns["Price"], parameters.run_fn) == ("UnitPrice", "shop.model.run_fn")
    assert Gates.model_validate(yaml.safe_load(found.permissive())).quality.signature == "recommend"


def _check(texts: dict[str, str], folder: Path) -> None:
    for name, text in texts.items():
        write_text(folder / name, text)
    assert max(len(line) for name, text in texts.items() if name.endswith(".py") for line in text.splitlines()) <= 120
    for command in (
        ["check", "--isolated", "--select=E,F,W,I", f"--config=lint.isort.known-third-party={['weighbridge']}"],
        ["format", "--check", "--isolated"],
    ):
        files = [str(folder / name) for name in texts if name.endswith(".py")]
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--line-length=120", *files],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


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


def test_the_question_for_a_label_ends_in_the_command_to_run_next(weighbridge, folder) -> None:
    asked = weighbridge("init", "fresh", "--data", "customers.csv")
    assert asked.err.splitlines()[-1] == "       Say it: weighbridge init fresh --data customers.csv --label 'churned?'"


def test_a_first_run_that_fails_leaves_nothing(weighbridge, folder, monkeypatch) -> None:
    from weighbridge.common.errors import UsageError
    from weighbridge.init import make

    def fails(*_: object) -> str:
        raise UsageError("no schema today")

    monkeypatch.setattr(make, "_first_schema", fails)
    refused = weighbridge("init", "churning", "--data", "customers.csv", "--label", "churned?")
    assert refused.code == 2
    assert [path.name for path in folder.iterdir()] == ["customers.csv"]


def test_a_log_that_an_error_points_to_is_kept(weighbridge, folder, tmp_path, monkeypatch) -> None:
    from weighbridge.common.errors import UsageError
    from weighbridge.init import make

    def fails(package: Path, *_: object) -> str:
        raise UsageError("The first run failed", f"The log is {write_text(package / 'log.txt', 'why')}")

    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(make.tempfile, "tempdir", str(tmp_path / "scratch"))
    monkeypatch.setattr(make, "_first_schema", fails)
    refused = weighbridge("init", "churning", "--data", "customers.csv", "--label", "churned?")
    assert Path(refused.err.split()[-1]).read_text() == "why"
    weighbridge("init", "churning", "--data", "customers.csv", "--label", "nothing")
    assert len(list((tmp_path / "scratch").iterdir())) == 1
