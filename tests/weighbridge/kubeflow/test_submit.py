"""One run per key, whoever submits how often."""

from dataclasses import replace

import pytest

from tests.weighbridge.kubeflow.conftest import KEY, SENTENCE
from tests.weighbridge.kubeflow.double import Script, failing
from tests.weighbridge.kubeflow.shapes import WORKFLOW
from weighbridge.kubeflow.client import endpoint
from weighbridge.kubeflow.client.api import Api
from weighbridge.kubeflow.client.submit import submit


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

    from weighbridge.kubeflow.client import submit as module

    there = module._there

    def blind_at_first(*arguments):
        calls.append(arguments)
        return None if len(calls) == 1 else there(*arguments)

    monkeypatch.setattr(module, "_there", blind_at_first)
    second = submit(api, package)
    assert second.reused
    assert second.run.run_id == first.run.run_id
    [other] = [run for run in real.values() if run["run_id"] != first.run.run_id]
    assert kubeflow.scripts[other["run_id"]].now()[0] == "CANCELED"


def test_the_namespace_goes_along(kubeflow, package):
    api = Api(endpoint.from_environment(kubeflow.url, "team", {}))
    submit(api, package)
    assert next(iter(kubeflow.experiments.values()))["namespace"] == "team"
    assert next(iter(kubeflow.pipelines.values()))["namespace"] == "team"


def test_the_service_account_is_the_runs(kubeflow, api, package):
    made = submit(api, package, service_account="weighbridge-push").run
    assert kubeflow.runs[made.run_id]["service_account"] == "weighbridge-push"
    assert "service_account" not in kubeflow.runs[submit(api, package, force=True).run.run_id]
