"""One run per key, whoever submits how often."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weighbridge.kubeflow.conftest import KEY, SENTENCE
from tests.weighbridge.kubeflow.double import COLUMN
from tests.weighbridge.kubeflow.double_state import Script, failing
from tests.weighbridge.kubeflow.shapes import WORKFLOW
from weighbridge.common.errors import InfrastructureError
from weighbridge.kubeflow.client import endpoint, runs
from weighbridge.kubeflow.client import submit as submission
from weighbridge.kubeflow.client.api import Api
from weighbridge.kubeflow.client.submit import submit
from weighbridge.kubeflow.compile.package import Package


def test_a_version_is_uploaded_once(kubeflow, api, package):
    submit(api, package)
    submit(api, package, force=True)
    assert len(kubeflow.versions) == 1
    assert len(kubeflow.pipelines) == 1
    assert len(kubeflow.experiments) == 1
    assert len(kubeflow.runs) == 2


def test_the_same_submission_twice_is_one_run(kubeflow, api, package):
    first = submit(api, package)
    second = submit(api, package)
    assert (first.reused, second.reused) == (False, True)
    assert second.run.run_id == first.run.run_id
    third = submit(api, replace(package, key=f"sha256:{'ef' * 32}"))
    assert not third.reused
    assert submit(api, package, parameters={"epochs": 2}).run.run_id not in (first.run.run_id, third.run.run_id)


def test_a_key_that_only_begins_alike_is_another(kubeflow, api, package):
    submit(api, package)
    alike = f"{KEY[:-2]}00"
    assert not submit(api, replace(package, key=alike)).reused


@pytest.mark.parametrize("state", ["CANCELED", "FAILED"])
def test_what_was_cancelled_or_broke_is_run_again(kubeflow, api, package, state):
    kubeflow.next_script = lambda: Script([(state, {})])
    submit(api, package)
    assert not submit(api, package).reused


def test_what_was_cancelled_by_the_server_of_2_17_is_run_again(kubeflow, api, package):
    """It ends a cancelled run as FAILED; only the history tells."""
    run_id = submit(api, package).run.run_id
    assert runs.cancel(api, run_id).state == "CANCELED"
    assert not submit(api, package).reused


@given(
    pipeline=st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=200),
    digests=st.tuples(*[st.binary(min_size=32, max_size=32)] * 2),
)
def test_a_description_fits_kubeflows_database_whatever_the_pipeline(pipeline, digests):
    key, package_digest = (f"sha256:{digest.hex()}" for digest in digests)
    package = Package(Path("x.yaml"), package_digest, pipeline, ("ExampleGen",) * 40, "image", "key")
    described = runs.describe(submission.marks(package, key))
    assert len(described.encode()) <= COLUMN
    assert runs.read_marks(described) == {"key": key, "package": package_digest}


def test_a_description_that_would_start_an_orphan_is_never_sent():
    with pytest.raises(ValueError, match="Kubeflow takes 255"):
        runs.describe({"key": "x" * 300})


def test_a_run_that_is_stored_though_the_answer_is_an_error_is_adopted(kubeflow, api, package):
    kubeflow.lost_answers = 1
    assert not submit(api, package).reused
    assert len(kubeflow.runs) == 1
    assert submit(api, package).reused


def test_a_workflow_that_may_run_unlisted_is_told(kubeflow, api, package, monkeypatch):
    monkeypatch.setattr(submission, "describe", lambda marks: "x" * (COLUMN + 1))
    with pytest.raises(InfrastructureError, match=r"Data too long for column.*may have started its workflow") as raised:
        submit(api, package)
    assert len(kubeflow.orphans) == 1
    assert "kubectl get workflows -n kubeflow" in raised.value.hint
    assert "again" not in raised.value.hint.replace("Before you submit again", "")


OPTIONS = {
    "key": [KEY, f"sha256:{'cd' * 32}"],
    "digest": [f"sha256:{'00' * 32}", f"sha256:{'11' * 32}"],
    "parameters": [{}, {"epochs": 2}, {"epochs": 3}, {"epochs": "3"}],
    "pipeline_root": ["", "s3://bucket/root"],
    "service_account": ["", "weighbridge-push"],
}


@given(*[st.fixed_dictionaries({name: st.sampled_from(values) for name, values in OPTIONS.items()})] * 2)
def test_whatever_changes_what_a_run_does_or_where_it_pushes_is_in_the_key(one, other):
    """Destination, volumes, image and resources are in the package's bytes, and so in its digest."""

    def key(options):
        package = Package(Path("x.yaml"), options["digest"], "tiny", (), "image", options["key"])
        told = (options[name] for name in ("parameters", "pipeline_root", "service_account"))
        return submission._key(package, *told)

    assert (key(one) == key(other)) == (one == other)


def test_what_was_archived_is_run_again(kubeflow, api, package):
    kubeflow.runs[submit(api, package).run.run_id]["storage_state"] = "ARCHIVED"
    assert not submit(api, package).reused


def test_what_was_refused_stands(kubeflow, api, package):
    kubeflow.next_script = failing
    kubeflow.logs[f"{WORKFLOW}-system-container-impl-2222"] = f"REFUSED quality.auc.min: {SENTENCE}\n"
    submit(api, package)
    assert submit(api, package).reused


def test_of_two_who_submit_at_once_the_later_gives_way(kubeflow, api, package, monkeypatch):
    first = submit(api, package)
    real, calls = kubeflow.runs, []

    counting = submission._counting

    def blind_at_first(*arguments):
        calls.append(arguments)
        return iter(()) if len(calls) == 1 else counting(*arguments)

    monkeypatch.setattr(submission, "_counting", blind_at_first)
    second = submit(api, package)
    assert second.reused
    assert second.run.run_id == first.run.run_id
    [other] = [run for run in real.values() if run["run_id"] != first.run.run_id]
    assert [status["state"] for status in other["state_history"]] == ["PENDING", "CANCELING", "FAILED"]


def test_the_namespace_goes_along(kubeflow, package):
    api = Api(endpoint.from_environment(kubeflow.url, "team", {}))
    submit(api, package)
    assert next(iter(kubeflow.experiments.values()))["namespace"] == "team"
    assert next(iter(kubeflow.pipelines.values()))["namespace"] == "team"


def test_the_service_account_is_the_runs(kubeflow, api, package):
    made = submit(api, package, service_account="weighbridge-push").run
    assert kubeflow.runs[made.run_id]["service_account"] == "weighbridge-push"
    assert "service_account" not in kubeflow.runs[submit(api, package, force=True).run.run_id]
