"""`submit --if-changed`: what an earlier run came to stands while production and the stage are as it left them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.components.pusher.buckets import BUCKET, GCS, double_of
from tests.weighbridge.kubeflow.conftest import SENTENCE, gates_bytes
from tests.weighbridge.kubeflow.double_state import Script, failing, refused
from tests.weighbridge.kubeflow.shapes import WORKFLOW
from weighbridge.common.errors import InfrastructureError
from weighbridge.components.production_model.record import RECORD_FILE, ProductionRecord
from weighbridge.kubeflow.client import runs
from weighbridge.kubeflow.client.submit import submit
from weighbridge.storage.schemes import open_store
from weighbridge.verdict import Gate, Verdict, passed_if

PRODUCTION, STAGING = (f"gs://{BUCKET}/tiny/{stage}" for stage in ("production", "staging"))
OWN, OLD, OTHER = (f"sha256:{digit * 64}" for digit in "abc")
SUBMIT = ("submit", "taxi", "--image", "registry/weighbridge:1", "--allow-tag", "--endpoint")
LOG = f"{WORKFLOW}-system-container-impl-2222"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Any:
    return double_of(GCS, monkeypatch)


@pytest.fixture
def staged(package: Any) -> Any:
    """The tiny package as one that compares with production and pushes to staging."""
    return replace(package, production=PRODUCTION, destination=STAGING)


def there(bucket: Any, place: str, model: str | None, pushed_at: datetime | None = None) -> None:
    """Let this model be what the record of a place names, or none."""
    store, name = open_store(f"{place}/{RECORD_FILE}")
    if name in bucket.contents:
        store.delete(name)
    store.delete(name.replace(RECORD_FILE, "1/saved_model.pb"))
    if model is None:
        return
    GCS.overwrite(f"{place}/1/saved_model.pb", model.encode())
    record = ProductionRecord(
        version=1,
        model_digest=model,
        verdict_digest=OTHER,
        run_id="run-1",
        pipeline="tiny",
        pushed_at=pushed_at or datetime.now(UTC),
        subject={},
    )
    GCS.overwrite(f"{place}/{RECORD_FILE}", record.model_dump_json().encode())


def weighed(kubeflow: Any, passed: bool = True, production: str | None = OLD, model: str | None = OWN) -> None:
    """Let the run's Evaluator have come to this."""
    gate = Gate(name="quality.auc.min", status=passed_if(passed), observed=0.95, threshold=0.9, message=SENTENCE)
    subject = {"model": model, "production": production}
    verdict = Verdict.of([gate], pipeline="tiny", run_id="inside", subject={k: v for k, v in subject.items() if v})
    kubeflow.put("Evaluator", "evaluation", "gates.json", gates_bytes(gate))
    kubeflow.put("Evaluator", "evaluation", "verdict.json", verdict.canonical())


@pytest.mark.server("2.17")
@pytest.mark.parametrize(
    ("passed", "weighed_against", "production", "staging", "stands"),
    [
        (True, OLD, OLD, OWN, True),
        (True, OLD, OWN, OWN, True),  # promoted since
        (True, None, None, OWN, True),
        (True, None, OWN, OWN, True),
        (True, OLD, OTHER, OWN, False),  # another model was promoted
        (True, OLD, None, OWN, False),
        (True, None, OTHER, OWN, False),
        (True, OLD, OLD, OTHER, False),  # another was staged: going back to a model delivers it again
        (True, OLD, OLD, None, False),
        (False, OLD, OLD, OTHER, True),  # refused: it was to leave nothing at the stage
        (False, OLD, OLD, None, True),
        (False, OLD, OTHER, None, False),
    ],
)
def test_a_verdict_stands_while_production_and_the_stage_do(
    kubeflow, api, staged, bucket, passed, weighed_against, production, staging, stands
):
    weighed(kubeflow, passed, weighed_against)
    kubeflow.next_script = (lambda: Script([("SUCCEEDED", {"Evaluator": "SUCCEEDED"})])) if passed else refused
    there(bucket, PRODUCTION, production)
    there(bucket, STAGING, staging)
    first = submit(api, staged)
    runs.wait(api, first.run.run_id, poll=(0.0, 0.0))
    again = submit(api, staged, if_changed=True)
    assert again.reused is stands
    assert bool(again.changed) is not stands
    assert submit(api, staged).reused  # who does not ask gets the same run whatever is in production


@pytest.mark.server("2.17")
def test_of_the_same_runs_the_one_that_stands_counts(kubeflow, api, staged, bucket):
    """The oldest compared with another production; the one that was started for that reason stands from then on."""
    kubeflow.next_script = lambda: Script([("SUCCEEDED", {"Evaluator": "SUCCEEDED"})])
    weighed(kubeflow)
    there(bucket, PRODUCTION, OTHER)
    there(bucket, STAGING, OWN)
    first = submit(api, staged)
    second = submit(api, staged, if_changed=True)
    assert not second.reused
    assert "is not what it weighed against" in second.changed
    assert len(kubeflow.runs) == 2
    weighed(kubeflow, production=OTHER)  # of both, for the double keeps one store: either stands now
    third = submit(api, staged, if_changed=True)
    assert third.reused
    assert third.run.run_id in (first.run.run_id, second.run.run_id)
    assert kubeflow.count("POST", ".*:terminate") == 0  # the second did not give way to the first


@pytest.mark.server("2.17")
def test_a_run_that_goes_on_is_waited_for_whatever_is_in_production(kubeflow, api, staged, bucket):
    kubeflow.next_script = lambda: Script([("RUNNING", {"ExampleGen": "RUNNING"})])
    there(bucket, PRODUCTION, OTHER)
    submit(api, staged)
    assert submit(api, staged, if_changed=True).reused


@pytest.mark.server("2.17")
@pytest.mark.parametrize(("hours", "stands"), [(-1, True), (1, False)])
def test_refused_before_there_was_a_model_it_stands_until_production_changes(
    kubeflow, api, staged, bucket, hours, stands
):
    kubeflow.next_script = failing
    kubeflow.logs[LOG] = f"REFUSED data.rows.train.min: {SENTENCE}\n"
    first = submit(api, staged)
    there(bucket, PRODUCTION, OTHER, first.run.created + timedelta(hours=hours))
    runs.wait(api, first.run.run_id, poll=(0.0, 0.0))
    assert submit(api, staged, if_changed=True).reused is stands


@pytest.mark.server("2.17")
def test_a_verdict_that_cannot_be_read_does_not_stand(kubeflow, api, staged, bucket):
    kubeflow.next_script = lambda: Script([("SUCCEEDED", {"Evaluator": "SUCCEEDED"})])
    weighed(kubeflow)
    submit(api, staged)
    kubeflow.denied = ("evaluation",)
    again = submit(api, staged, if_changed=True)
    assert (again.reused, again.changed) == (False, "its verdict cannot be read")


@pytest.mark.server("2.17")
def test_a_store_that_does_not_answer_is_told_and_nothing_is_started(kubeflow, api, staged, bucket):
    kubeflow.next_script = lambda: Script([("SUCCEEDED", {"Evaluator": "SUCCEEDED"})])
    weighed(kubeflow)
    submit(api, staged)

    def down(request: str) -> None:
        raise bucket.unavailable("maintenance")

    bucket.before = down
    with pytest.raises(InfrastructureError, match="maintenance"):
        submit(api, staged, if_changed=True)
    assert len(kubeflow.runs) == 1


@pytest.mark.parametrize("passed", [True, False])
@pytest.mark.server("2.17")
def test_the_command_ends_as_the_run_that_stands(
    weighbridge, kubeflow, compiled, staged, bucket, quick, monkeypatch, passed
):
    monkeypatch.setattr("weighbridge.kubeflow.compile.package.compile_package", lambda *_, **__: staged)
    weighed(kubeflow, passed)
    kubeflow.next_script = (lambda: Script([("SUCCEEDED", {"Evaluator": "SUCCEEDED"})])) if passed else refused
    there(bucket, PRODUCTION, OLD)
    there(bucket, STAGING, OWN)
    code = 0 if passed else 1
    assert weighbridge(*SUBMIT, kubeflow.url, "--wait").code == code
    again = weighbridge(*SUBMIT, kubeflow.url, "--if-changed")
    [run_id] = kubeflow.runs
    assert again.code == code
    assert f"Nothing changed since the same run: {run_id}, {'SUCCEEDED' if passed else 'FAILED'}" in again.out
    there(bucket, PRODUCTION, OTHER)
    changed = weighbridge(*SUBMIT, kubeflow.url, "--if-changed", "--wait")
    assert changed.code == code
    assert f"production at {PRODUCTION} is not what it weighed against: another is started." in changed.out
    assert len(kubeflow.runs) == 2


@pytest.mark.server("2.17")
def test_what_lies_in_a_volume_is_not_compared_and_that_is_said(
    weighbridge, kubeflow, compiled, package, evidence, quick, monkeypatch
):
    volume = "/weighbridge/production/tiny"
    inside = replace(package, production=volume, destination=volume)
    monkeypatch.setattr("weighbridge.kubeflow.compile.package.compile_package", lambda *_, **__: inside)
    evidence()
    weighbridge(*SUBMIT, kubeflow.url, "--wait")
    again = weighbridge(*SUBMIT, kubeflow.url, "--if-changed")
    assert again.code == 0, again.err
    assert f"{volume} is in a volume of the cluster" in again.out
    assert "in a volume" not in weighbridge(*SUBMIT, kubeflow.url).out
    assert len(kubeflow.runs) == 1
