"""What the verdict of a run on Kubeflow is bound to."""

import yaml

from tests.weighbridge.kubeflow.conftest import KEY, ROWS, SENTENCE, gates_bytes
from tests.weighbridge.kubeflow.double_state import Script, failing
from tests.weighbridge.kubeflow.shapes import WORKFLOW
from weighbridge.common.digests import bytes_digest
from weighbridge.common.errors import ExitCode
from weighbridge.kubeflow.client import runs
from weighbridge.kubeflow.client.outcome import outcome
from weighbridge.kubeflow.client.submit import submit
from weighbridge.runs.gate_collector import EXAMPLES_PROPERTY, GATES_PROPERTY, NO_FILE

POD = f"{WORKFLOW}-system-container-impl-2222"


def test_a_refusal_is_bound_to_all_that_is_known(kubeflow, api, package, evidence):
    """What the steps before noted, and what the package says; the verdict is that of a failed Evaluator."""
    first, platform, *_ = [*yaml.safe_load_all(package.path.read_text()), {}]
    image = f"registry/weighbridge@{KEY}"
    for executor in first["deploymentSpec"]["executors"].values():
        executor["container"]["image"] = image
    digests = {"gates_digest": "sha256:gates", "data_digest": ""}
    first["root"]["inputDefinitions"] = {
        "parameters": {
            name: {"parameterType": "STRING", "isOptional": True, "defaultValue": value}
            for name, value in digests.items()
        }
    }
    package.path.write_text(yaml.safe_dump_all([first, platform]))
    evidence().next_script = failing
    kubeflow.properties["ExampleGen", "examples"] = {
        GATES_PROPERTY: bytes_digest(gates_bytes(ROWS)),
        EXAMPLES_PROPERTY: "sha256:rows",
    }
    trained = {"code_digest": "sha256:code", "parameters_digest": "sha256:set", "model_digest": "sha256:model"}
    kubeflow.properties["ExampleGen", "model"] = {GATES_PROPERTY: NO_FILE, **trained}
    kubeflow.logs[POD] = f"REFUSED quality.auc.min: {SENTENCE}\n"
    known = {"package": package.digest, "image": image, "gates_digest": "sha256:gates"}
    told = {"data": "sha256:rows", "code": "sha256:code", "parameters": "sha256:set", "model": "sha256:model"}
    submission = submit(api, package, parameters={"data_digest": "sha256:files"})
    ended = runs.wait(api, submission.run.run_id, poll=(0.0, 0.0))
    assert outcome(api, ended).verdict.subject == known | told | {"data_digest": "sha256:files"}
    kubeflow.next_script = lambda: Script([("FAILED", {"ExampleGen": "FAILED"})])
    kubeflow.logs[POD.replace("2222", "1111")] = "REFUSED rows: too few\n"
    at_once = outcome(api, runs.get_run(api, submit(api, package).run.run_id))
    assert at_once.exit_code == ExitCode.REFUSED
    assert at_once.verdict.subject == known
