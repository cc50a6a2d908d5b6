"""The main job as its user sees it: real trips in, a verdict out, production only ever holding a model that passed.

All tests share one work directory, as a team does: the first run pushes, everything after it must leave production
as it is unless it says otherwise.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import weighbridge as api
from tests.command_line import gates_of, in_production
from tests.components.pusher.helpers import snapshot
from weighbridge.runs.workspace import find_run
from weighbridge.verdict import Verdict

FOLDER = Path(__file__).parents[3] / "pipelines/taxi"
BAD = "tests.pipelines.taxi.bad_models"


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("taxi")


@pytest.fixture
def workdir(shared) -> Path:
    return shared / "work"


@pytest.fixture
def production(workdir):
    """What production holds: the record's bytes and every version's digest."""
    return lambda: in_production(workdir / "taxi/production")


@pytest.fixture
def first(weighbridge, workdir):
    """The first run ever; later tests find it done."""
    if not (workdir / "taxi/production/production.json").exists():
        done = weighbridge("run", "taxi")
        assert done.code == 0, done.out + done.err
    return workdir


def refusals(workdir) -> list[str]:
    return [gate.name for gate in Verdict.read(find_run(workdir).folder / "verdict.json").refusals]


def states(workdir) -> dict[str, str]:
    return {step.name: step.state for step in find_run(workdir).record.steps}


def edited(taxi_csv: Path, target: Path, edit) -> Path:
    """The taxi rows after `edit(header, rows)`; rows are lists of texts."""
    lines = taxi_csv.read_text().splitlines()
    header, rows = lines[0].split(","), [line.split(",") for line in lines[1:]]
    header, rows = edit(header, rows)
    target.write_text("\n".join([",".join(header), *(",".join(row) for row in rows)]) + "\n")
    return target


def test_the_first_run_weighs_and_pushes(first, weighbridge, production):
    run = find_run(first)
    assert run.record.state == "passed"
    assert [step.name for step in run.record.steps] == [
        "ExampleGen",
        "ProductionModel",
        "DataValidator",
        "Trainer",
        "Evaluator",
        "Pusher",
    ]
    record, versions = production()
    verdict = json.loads((run.folder / "verdict.json").read_text())
    assert verdict["passed"]
    assert list(versions) == ["1"]
    assert json.loads(record)["model_digest"] == versions["1"] == verdict["subject"]["model"]
    for room in ("examples", "data", "training", "quality", "latency", "push"):
        assert any(gate["name"].startswith(f"{room}.") for gate in verdict["gates"]), room
    relative = [gate for gate in verdict["gates"] if gate["name"].endswith(("_change", "_ratio"))]
    assert relative
    assert all("nothing is in production yet" in gate["message"] for gate in relative)
    compared_nothing = [gate for gate in verdict["gates"] if gate["status"] == "not_compared"]
    assert {gate["name"] for gate in relative} <= {gate["name"] for gate in compared_nothing}
    weighed = len(verdict["gates"]) - len(compared_nothing)
    told = f"{weighed} gates weighed, {len(compared_nothing)} had nothing to compare with"
    assert all(told in (run.folder / name).read_text() for name in ("report.html", "report.md"))


def test_the_second_run_says_that_nothing_changed(first, weighbridge, production):
    before = production()
    again = weighbridge("run", "taxi")
    assert again.code == 0
    assert "Nothing changed" in again.out
    assert production() == before


@pytest.mark.slow
def test_the_pushed_model_is_made_again_bit_for_bit(first, weighbridge, production):
    before = production()
    done = weighbridge("reproduce", "taxi@1", "--json")
    assert done.code == 0, done.out + done.err
    found = json.loads(done.out)
    assert (found["identical"], found["made_again"]) == (True, before[1]["1"])
    assert production() == before


@pytest.mark.slow
def test_a_new_model_is_compared_with_production_on_the_same_examples(first, weighbridge, production):
    assert weighbridge("run", "taxi", "--set", "seed=7").code == 0
    relative = [gate for name, gate in gates_of(first).items() if name.endswith(("_change", "_ratio"))]
    assert relative
    assert all(gate["baseline"] is not None and gate["observed"] is not None for gate in relative)
    assert states(first)["ExampleGen"] == "cached"
    _, versions = production()
    assert sorted(versions) == ["1", "2"]
    assert gates_of(first)["quality.attempts"]["observed"] == 1  # the one before was pushed


@pytest.mark.slow
def test_the_same_model_again_is_no_new_attempt_and_an_experiment_counts_none(first, weighbridge, workdir):
    ledger = workdir / "taxi/production/.weighbridge/attempts"
    before = snapshot(ledger)
    assert "1.json" in {name.partition("/")[2] for name in before}
    assert weighbridge("run", "taxi", "--force").code == 0
    assert gates_of(first)["quality.attempts"]["observed"] == 1
    experiment = api.run("taxi", workdir=workdir, seed=8)
    told = experiment.gates.set_index("name").loc["quality.attempts"]
    assert len(before) == 2
    assert told.observed == 1
    assert told.message.startswith("This would be attempt 1 on these evaluation data")
    assert snapshot(ledger) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run_fn", "gate", "skipped"),
    [
        ("shuffled_labels", "quality.auc.min", ["Pusher"]),
        ("slow_serving", "latency.batch_1.p99_ms.max", ["Pusher"]),
        ("nan_loss", "training.loss.finite", ["Evaluator", "Pusher"]),
        ("no_export", "training.model.exported", ["Evaluator", "Pusher"]),
        ("raising_signature", "latency.signature.callable", ["Pusher"]),
    ],
)
def test_a_bad_model_is_refused_by_the_gate_that_should(first, weighbridge, production, run_fn, gate, skipped):
    before = production()
    refused = weighbridge("run", "taxi", "--set", f"run_fn={BAD}.{run_fn}")
    assert refused.code == 1, refused.err
    assert gate in refusals(first)
    assert "REFUSED" in refused.out
    assert [name for name, state in states(first).items() if state == "skipped"] == skipped
    assert production() == before
    report = (find_run(first).folder / "report.html").read_text()
    assert gate in report
    assert gates_of(first)[gate]["message"].split()[0] in report


def test_drifted_data_stops_before_anything_trains(first, weighbridge, production, taxi_csv, tmp_path):
    def pay_by_card(header, rows):
        column = header.index("payment_type")
        for row in rows[::2]:
            row[column] = "Credit Card"
        return header, rows

    before = production()
    data = edited(taxi_csv, tmp_path / "drifted.csv", pay_by_card)
    refused = weighbridge("run", "taxi", "--data", data)
    assert refused.code == 1, refused.err
    assert any(name.startswith("data.drift.production.payment_type") for name in refusals(first))
    assert states(first)["Trainer"] == "skipped"
    assert production() == before


@pytest.mark.slow
def test_changed_data_at_the_same_path_are_noticed(first, weighbridge, taxi_csv, tmp_path):
    data = tmp_path / "trips.csv"
    data.write_text(taxi_csv.read_text())
    assert weighbridge("run", "taxi", "--data", data).code == 0
    assert "Nothing changed" in weighbridge("run", "taxi", "--data", data).out
    data.write_text(taxi_csv.read_text().rpartition("\n")[0].rpartition("\n")[0] + "\n")
    changed = weighbridge("run", "taxi", "--data", data)
    assert "Nothing changed" not in changed.out
    assert states(first)["ExampleGen"] == "done"


def without(column):
    def edit(header, rows):
        index = header.index(column)
        return header[:index] + header[index + 1 :], [row[:index] + row[index + 1 :] for row in rows]

    return edit


def fares_in_words(header, rows):
    column = header.index("fare")
    for row in rows[:50]:
        row[column] = "twelve"
    return header, rows


def unknown_feature(header, rows):
    return [*header, "weather"], [[*row, "sunny"] for row in rows]


def nobody_tips(header, rows):
    column = header.index("tips")
    for row in rows:
        row[column] = "0"
    return header, rows


def header_only(header, _rows):
    return header, []


@pytest.mark.parametrize(
    ("edit", "code", "told"),
    [
        (header_only, 2, "no rows"),
        (without("trip_miles"), 1, "trip_miles"),
        (without("tips"), 2, "tips"),
        (fares_in_words, 1, "quarantine"),
        (unknown_feature, 1, "weather"),
        (nobody_tips, 1, "big_tipper"),
    ],
    ids=["header only", "column missing", "label missing", "text in a number", "unknown feature", "labels equal"],
)
def test_bad_data_gets_one_clear_message(first, weighbridge, production, taxi_csv, tmp_path, edit, code, told):
    before = production()
    data = edited(taxi_csv, tmp_path / "bad.csv", edit)
    refused = weighbridge("run", "taxi", "--data", data)
    assert (refused.code, "Traceback" in refused.out + refused.err) == (code, False), refused.out + refused.err
    assert told in refused.out + refused.err
    assert find_run(first).record.state == ("refused" if code == 1 else "failed")
    assert production() == before


@pytest.mark.parametrize(("name", "content"), [("missing.csv", None), ("empty.csv", "")])
def test_a_file_that_is_not_there_or_empty_is_named(first, weighbridge, production, tmp_path, name, content):
    before = production()
    if content is not None:
        (tmp_path / name).write_text(content)
    wrong = weighbridge("run", "taxi", "--data", tmp_path / name)
    assert wrong.code == 2
    assert name in wrong.err
    assert production() == before


@pytest.fixture
def own_taxi(tmp_path, monkeypatch):
    """A user's own pipeline: the taxi definition with files of its own beside it."""

    def make(edit=lambda content: content, schema=None):
        package = tmp_path / "own_taxi"
        package.mkdir(exist_ok=True)
        code = 'from weighbridge.pipelines.taxi.pipeline import Parameters, create_pipeline\n\nNAME = "taxi"\n'
        (package / "__init__.py").write_text(f'{code}__all__ = ["Parameters", "create_pipeline"]\n')
        content = edit(yaml.safe_load((FOLDER / "gates.yaml").read_text()))
        (package / "gates.yaml").write_text(yaml.safe_dump(content))
        (package / "schema.pbtxt").write_text(schema or (FOLDER / "schema.pbtxt").read_text())
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "own_taxi", raising=False)
        return "own_taxi"

    return make


@pytest.mark.slow
def test_changed_thresholds_weigh_again_and_train_nothing(first, weighbridge, own_taxi):
    # The first of these looks at production as the tests before have left it.
    assert weighbridge("run", own_taxi()).code == 0
    assert weighbridge("run", own_taxi(), "--force").code == 0
    name = own_taxi(lambda content: _with(content, ["quality", "metrics", "auc", "min"], 0.51))
    assert weighbridge("run", name).code == 0
    assert states(first)["Trainer"] == "cached"
    assert states(first)["DataValidator"] == "cached"
    assert states(first)["Evaluator"] == "done"

    name = own_taxi(lambda content: _with(content, ["data", "rows", "train", "min"], 9))
    assert weighbridge("run", name).code == 0
    assert states(first)["DataValidator"] == "done"
    assert states(first)["Trainer"] == "cached"


def test_thresholds_with_a_typo_start_nothing(first, weighbridge, own_taxi, production):
    before = production()
    name = own_taxi(lambda content: _with(content, ["quality", "metrics", "auk"], {"min": 0.5}))
    wrong = weighbridge("run", name)
    assert wrong.code == 2
    assert "auk" in wrong.err
    assert "gates.yaml" in wrong.err
    assert production() == before


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_label_of_text_and_missing_data_start_nothing(weighbridge, own_taxi, tmp_path, command):
    schema = (FOLDER / "schema.pbtxt").read_text()
    name = own_taxi(
        schema=schema.replace(
            'name: "big_tipper"\n  type: INT\n  int_domain { min: 0 max: 1 }', 'name: "big_tipper"\n  type: BYTES'
        )
    )
    text = weighbridge(command, name, "--workdir", tmp_path / "elsewhere")
    assert text.code == 2
    assert "Label 'big_tipper' is text" in text.err
    assert "ExampleGen" not in text.out

    (tmp_path / "trips.csv").touch()
    missing = weighbridge(command, own_taxi(), "--data", tmp_path / "tripps.csv", "--workdir", tmp_path / "elsewhere")
    assert missing.code == 2
    assert "trips.csv'?" in missing.err.replace("\n", "")
    assert "ExampleGen" not in missing.out


def test_a_missing_schema_says_how_to_get_one(weighbridge, own_taxi, tmp_path, workdir):
    name = own_taxi()
    (tmp_path / "own_taxi/schema.pbtxt").unlink()
    wrong = weighbridge("run", name)
    assert wrong.code == 2
    assert "weighbridge schema" in wrong.err


@pytest.mark.slow
def test_a_full_disk_is_exit_3_and_leaves_production_as_it_was(weighbridge, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        full = weighbridge("run", "taxi", "--workdir", small)
        assert full.code == 3, full.out + full.err
        assert "space" in full.err
        assert not (small / "taxi/production/production.json").exists()
    finally:
        subprocess.run(["umount", "--lazy", small], check=True)


def _with(content, path, value):
    *parents, last = path
    inner = content
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return content
