"""Submitting, watching, cancelling and scheduling with the newest kfp, which must tell what the installed one tells."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import ROOT
from tests.weighbridge.kubeflow.double import serve
from tests.weighbridge.kubeflow.double_state import Double, Script
from tests.weighbridge.kubeflow.newest import newest_kfp
from tests.weighbridge.kubeflow.shapes import WORKFLOW
from weighbridge.kubeflow.compile.package import Package

pytestmark = pytest.mark.slow

# What our client needs besides kfp; ML Metadata's messages are read, but it holds protobuf back.
NEEDED = ("pydantic", "lazy_loader", "jinja2", "attrs", "absl-py", "grpcio")
WITHOUT_DEMANDS = ("ml-metadata",)

# Run by the kfp that is to prove itself, against a double in the test's own process; tells what came of it.
PROOF = """
import json, sys
from pathlib import Path

import kfp

from weighbridge.kubeflow.client import runs, schedules
from weighbridge.kubeflow.client.api import Api, NotThereError
from weighbridge.kubeflow.client.artifacts import read_log
from weighbridge.kubeflow.client.endpoint import from_environment
from weighbridge.kubeflow.client.outcome import outcome
from weighbridge.kubeflow.client.submit import submit
from weighbridge.kubeflow.compile.package import Package

url, path, digest = sys.argv[1:]
api = Api(from_environment(url, "team", {}))
api.check()
package = Package(Path(path), digest, "tiny", ("ExampleGen", "Evaluator", "Pusher"), "image", "sha256:key")
made = submit(api, package)
seen = []
ended = runs.wait(api, made.run.run_id, lambda task: seen.append([task.name, task.state]), poll=(0.0, 0.0))
told = outcome(api, ended)
[evaluator] = [task for task in ended.tasks if task.name == "Evaluator"]
again = submit(api, package)
stopped = runs.cancel(api, submit(api, package, force=True).run.run_id)
planned = schedules.create(api, package, cron="0 6 * * 1", parameters={"data_digest": ""})
paused = schedules.pause(api, "tiny").enabled
resumed = schedules.resume(api, "tiny").enabled
listed = [each.when for each in schedules.schedules(api)]
schedules.delete(api, "tiny")
try:
    runs.get_run(api, "nothing")
except NotThereError as error:
    gone = error.message.replace(url, "")
answer = {
    "reused": [made.reused, again.reused],
    "seen": seen,
    "passed": told.verdict.passed if told.verdict else told.message,
    "gates": [gate.name for gate in told.verdict.gates] if told.verdict else [],
    "subject": dict(told.verdict.subject) if told.verdict else {},
    "log": read_log(api, ended, evaluator),
    "created": str(ended.created),
    "stopped": stopped.state,
    "schedule": [planned.when, planned.enabled, paused, resumed, listed, schedules.schedules(api)],
    "gone": gone,
}
print(json.dumps({"kfp": kfp.__version__, "answer": answer}))
"""


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> str:
    return newest_kfp(tmp_path_factory.mktemp("newest"), *NEEDED, alone=WITHOUT_DEMANDS)


def partly_cached() -> Script:
    cached = {"ExampleGen": "CACHED"}
    return Script(
        [
            ("PENDING", {}),
            ("RUNNING", cached | {"Evaluator": "RUNNING"}),
            ("SUCCEEDED", cached | {"Evaluator": "SUCCEEDED", "Pusher": "SUCCEEDED"}),
        ]
    )


def prove(python: str, double: Double, package: Package, folder: Path) -> dict[str, Any]:
    script = folder / "proof.py"
    script.write_text(PROOF)
    done = subprocess.run(
        [python, str(script), double.url, str(package.path), package.digest],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_newest_kfp_tells_what_the_installed_one_tells(
    newest: str, kubeflow: Double, package: Package, evidence: Any, tmp_path: Path
) -> None:
    other, stop = serve(kubeflow.kind)
    for double in (kubeflow, other):
        evidence(double)
        double.logs[f"{WORKFLOW}-system-container-impl-2222"] = "weighed\n"
        double.next_script = partly_cached
    try:
        found, installed = prove(newest, kubeflow, package, tmp_path), prove(sys.executable, other, package, tmp_path)
    finally:
        stop()
    assert tuple(map(int, found["kfp"].split(".")[:2])) > tuple(map(int, installed["kfp"].split(".")[:2]))
    assert found["answer"] == installed["answer"]
    answer = found["answer"]
    assert answer["reused"] == [False, True]
    assert answer["seen"][-1] == ["Pusher", "SUCCEEDED"]
    assert ["ExampleGen", "CACHED"] in answer["seen"]
    assert (answer["passed"], len(answer["gates"])) == (True, 3)
    assert answer["log"] == "weighed\n"
    assert answer["stopped"] == "CANCELED"
    assert answer["schedule"] == ["0 0 6 * * 1", True, False, True, ["0 0 6 * * 1"], []]
    assert [where for _, where, _ in kubeflow.requests] == [where for _, where, _ in other.requests]
