"""Killing the server in the middle of a real run costs nothing: the same verdict, and all of it there afterwards."""

import json
from pathlib import Path

import pytest

from tests.command_line import start
from tests.mlflow_server import mlflow_server
from tests.patience import PATIENCE_S, wait_until
from weighbridge.runs.workspace import Workspace

pytestmark = pytest.mark.slow


def test_a_server_that_is_killed_in_the_middle_of_a_run_costs_nothing(tmp_path, workdir, weighbridge, monkeypatch):
    from mlflow.tracking import MlflowClient

    with mlflow_server(tmp_path / "mlflow") as server:
        process = start("run", "taxi", "--set", "epochs=1", workdir=workdir, **server.settings)
        workspace = Workspace(workdir, "taxi")
        wait_until(
            lambda: process.poll() is not None or any(run.record.steps for run in workspace.newest_first()),
            "the first step's end",
        )
        assert process.poll() is None
        server.kill()
        out, _ = process.communicate(timeout=PATIENCE_S)
        [run] = workspace.runs()
        assert process.returncode == run.record.exit_code == {"passed": 0, "refused": 1}[run.record.state]
        told = f"MLflow not reached at {server.uri} (connection refused): kept, `weighbridge sync taxi` sends it"
        assert f"warning: {told}" in out

        for name, value in server.settings.items():
            monkeypatch.setenv(name, value)
        assert weighbridge("sync").code == 3
        server.start()
        assert weighbridge("sync").code == 0
        client = MlflowClient(server.uri)  # whatever server MLflow was told of before in this process
        [found] = client.search_runs(["1"])
        verdict = json.loads((run.folder / "verdict.json").read_text())
        path = client.download_artifacts(found.info.run_id, "verdict.json", str(tmp_path))
        assert json.loads(Path(path).read_text()) == verdict
        assert found.data.tags["weighbridge.verdict"] == run.record.state
        assert found.data.tags["weighbridge.digest.model"] == verdict["subject"]["model"]
        assert found.data.metrics["quality.auc"] > 0.5
        assert [each.dataset.name for each in found.inputs.dataset_inputs] == ["taxi/train", "taxi/eval"]
        assert weighbridge("sync").code == 0
