"""`weighbridge.submit`: from a cell to a verdict, against the double of a server."""

import pytest

import weighbridge
from tests.weighbridge.kubeflow.double_state import refused
from tests.weighbridge.report.pages import Page
from weighbridge.common.errors import ExitCode, UsageError
from weighbridge.kubeflow.client.api import NotThereError


@pytest.fixture
def submit(kubeflow, compiled, monkeypatch):
    """`weighbridge.submit` of taxi to the double."""
    monkeypatch.setenv("WEIGHBRIDGE_KFP_ENDPOINT", kubeflow.url)
    monkeypatch.setenv("WEIGHBRIDGE_IMAGE", "registry/weighbridge:1")
    return lambda **options: weighbridge.submit("taxi", allow_tag=True, **options)


def test_it_is_submitted_waited_for_and_ends_in_its_verdict(submit, kubeflow, compiled, evidence, quick, capfd):
    evidence()
    run = submit(epochs=2)
    assert run.url == f"{kubeflow.url}/#/runs/details/{run.id}"
    assert compiled[0]["image"] == "registry/weighbridge:1"
    assert not run.reused
    assert "has not ended" in run.message
    assert not run.passed
    assert run.wait() is run
    assert (run.status, run.passed, run.exit_code, run.message) == ("SUCCEEDED", True, ExitCode.PASSED, "")
    assert run.verdict.passed
    assert list(run.steps.name) == ["ExampleGen", "Evaluator", "Pusher"]
    page = Page(run._repr_html_())
    assert not page.unbalanced
    assert "PASSED" in page.text
    assert ("a", {"href": run.url, "target": "_blank", "rel": "noopener"}) in page.elements
    assert run.url in repr(run)
    assert capfd.readouterr() == ("", "")


def test_the_same_again_finds_the_run_and_so_does_its_address(submit, evidence, quick):
    evidence()
    first = submit().wait()
    again = submit()
    assert (again.id, again.reused) == (first.id, True)
    assert weighbridge.cluster_run(first.url).passed


def test_a_refusal_is_a_result(submit, kubeflow, evidence, quick):
    evidence()
    kubeflow.next_script = refused
    run = submit().wait()
    assert (run.status, run.passed) == ("FAILED", False)
    assert "FAILED" in repr(run)
    assert run._repr_html_()


def test_it_can_be_cancelled(submit, kubeflow):
    run = submit()
    assert run.cancel() is run
    assert kubeflow.count("POST", f".*/{run.id}:terminate") == 1


def test_what_is_wrong_is_said_as_by_the_command(submit, kubeflow, monkeypatch):
    with pytest.raises(UsageError, match="taxi has no parameter 'epoch'"):
        submit(epoch=2)
    with pytest.raises(UsageError, match="force and if_changed exclude each other"):
        submit(force=True, if_changed=True)
    with pytest.raises(NotThereError):
        weighbridge.cluster_run("nothing")
    monkeypatch.delenv("WEIGHBRIDGE_IMAGE")
    with pytest.raises(UsageError, match="No image is named"):
        submit()
