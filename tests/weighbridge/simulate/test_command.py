"""`weighbridge gates PIPELINE --simulate N` on a pipeline whose model takes no time to train."""

import json
import shutil
import sys

import pytest

import weighbridge as api
from tests.made_once import made_once
from tests.weighbridge.cli.test_gates import pipeline  # a pipeline that has not run
from tests.weighbridge.simulate import payments
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import UsageError

__all__ = ["pipeline"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--simulate", "5"], "--simulate needs a PIPELINE"),
        (["taxi", "--simulate", "1"], "--simulate 1 trains too few models"),
        (["taxi", "--simulate", "0"], "--simulate 0 trains too few models"),
        (["taxi", "--simulate", "5"], "No run of taxi"),
        (["taxi", "--simulate", "5", "--rows", "quality.metrics.auc=9"], "--simulate tries out all gates"),
    ],
)
def test_what_cannot_be_simulated_is_said_with_what_to_do(weighbridge, workdir, arguments, told):
    shown = weighbridge("gates", *arguments)
    assert shown.code == 2
    assert told in shown.err
    assert any(hint in shown.err for hint in ("weighbridge gates taxi", "weighbridge run taxi", "or more", "Give one"))
    assert not workdir.exists()


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Folder of two pipelines, one with a provider of its own, and of their runs in `work`."""

    def make(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(folder))
            for name, gates, own in (("payments", payments.GATES, False), ("owned", payments.OWN_GATES, True)):
                module = payments.write(folder, name, gates, own_metrics=own)
                assert api.run(module, workdir=folder / "work", push=not own).passed

    return made_once(tmp_path_factory, "simulated-payments", make)


@pytest.fixture
def here(ran, monkeypatch, workdir):
    """The pipelines on the path, and their runs in this test's work directory."""
    monkeypatch.syspath_prepend(str(ran))
    monkeypatch.setenv("WEIGHBRIDGE_WORKDIR", str(ran / "work"))
    return ran


def simulated(weighbridge, here, *arguments):
    return weighbridge("gates", *arguments, "--workdir", here / "work")


@pytest.mark.slow
def test_every_gate_and_the_verdict_get_rates_and_nothing_changes(weighbridge, here):
    before = tree_digest(here / "work"), tree_digest(here / "payments")
    shown = simulated(weighbridge, here, "payments.pipeline", "--simulate", "3", "--json")
    assert shown.code == 0, shown.err
    assert (tree_digest(here / "work"), tree_digest(here / "payments")) == before
    found = json.loads(shown.out)
    gates = {gate["gate"]: gate for gate in found["gates"]}
    assert {
        "quality.auc.min",
        "quality.auc.min_change",
        "training.weights.finite",
        "latency.batch_1.p50_ms.max",
        "latency.model_bytes.max",
        "data.skew.amount.jensen_shannon.max",
    } <= gates.keys()
    assert (found["trainings"], found["pipeline"]) == (3, "payments")
    change = gates["quality.auc.min_change"]
    assert change["refuses_equal"]["trials"] <= 6
    assert change["refuses_equal"]["upper_95"] > 0.3  # three models say little
    assert change["passes_at_threshold"]["trials"] == 6
    assert change["stated"]["false_pass"] == pytest.approx(0.0304, abs=1e-4)  # of a first attempt
    verdict = found["verdict"]["refuses_equal"]
    assert verdict["rate"] <= verdict["upper_95"]
    assert found["verdict"]["parts"].keys() == {"quality", "latency", "data"}
    [spread] = found["retraining"]
    assert spread["key"] == "quality.metrics.auc"
    assert spread["line"].startswith("auc: {min: 0.8, min_change: -0.03")
    assert spread["upper_95"] >= spread["retraining_sd"] >= 0


@pytest.mark.slow
def test_people_see_a_table_progress_and_what_to_write(weighbridge, here):
    shown = simulated(weighbridge, here, "payments.pipeline", "--simulate", "2", "--seed", "4")
    assert shown.code == 0, shown.err
    for told in (
        "training model 1 of 2, seed",
        "weighing 2 pairs of models …",
        "passes at threshold",
        "quality.auc.min_change",
        "quality.metrics.auc: ",
        "A verdict on quality and latency and data refuses ",
        "of equally good models",
    ):
        assert told in shown.out, told
    assert shown.err == ""


@pytest.mark.slow
def test_a_provider_of_ones_own_is_said_to_be_simulated_in_parts_only(here):
    found = api.simulate("owned.pipeline", 3, workdir=here / "work")
    assert (found.rows, found.trainings) == (0, 3)
    assert "provider of the pipeline's own" in " ".join(found.notes)
    [quality] = [part for part in found.parts if part.part == "quality"]
    assert quality.verdict.trials == 3
    assert {"quality.my_auc.min_change", "training.weights.finite"} <= quality.gates.keys()
    assert [each.key for each in found.spreads] == ["quality.metrics.my_auc"]
    # The same seed trains the same models; only what calls take is the machine's.
    again = api.simulate("owned.pipeline", 3, workdir=here / "work")
    assert again.spreads == found.spreads


@pytest.mark.slow
def test_a_training_that_ignores_its_seed_and_one_that_fails_are_told(here, tmp_path, monkeypatch):
    shutil.copytree(here / "payments", tmp_path / "payments")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "payments"]:
        monkeypatch.delitem(sys.modules, name)  # those of the folder before
    model = tmp_path / "payments" / "model.py"
    text = model.read_text()
    model.write_text(text.replace("session.seed", "7"))
    found = api.simulate("payments.pipeline", 2, workdir=here / "work")
    assert any("All models are the same" in note for note in found.notes)
    model.write_text(text.replace("luck = ", 'raise ValueError("no luck")\n    luck = '))
    with pytest.raises(UsageError, match="no luck"):
        api.simulate("payments.pipeline", 2, workdir=here / "work")
