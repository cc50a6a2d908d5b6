"""What pages find when they begin: an empty folder, or one with a run; and doubles of what is not here."""

import os
import re
import shutil
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Self

from tests.documents.blocks import ROOT
from tests.documents.quiet import quiet_machine
from tests.mlflow_server import MlflowServer, mlflow_server
from tests.weighbridge.kubeflow.double import serve
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.verdict import GateList

ENDPOINT = "https://kubeflow.example.com/pipeline"
MLFLOW = "https://mlflow.example.com"
TOKEN = "/var/run/secrets/kubeflow/pipelines/token"
BUCKET = "gs://models"
CONFIG = "/srv/config.git"
# A digest that a document cuts short, `sha256:c0ffee…` or `sha256:…`.
_SHORT = re.compile(r"sha256:([0-9a-f]*)…")

# Calls `weighbridge` in this process, with arguments and an environment: its exit code and what it printed.
Call = Callable[[list[str], dict[str, str]], tuple[int, str]]


class Stage:
    """The folder that pages are followed in, and what stands in the place of servers."""

    def __init__(self, base: Path):
        self.base = base
        self.bucket = base / "models"
        self.config = base / "config.git"
        self.token = base / "token"
        self.token.write_text("a token of the double")
        self._taxi = base / "kept"
        self._ends = ExitStack()
        self._kubeflow, stop = serve()
        self._ends.callback(stop)

    def __enter__(self) -> Self:
        self._ends.enter_context(quiet_machine())
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.close()

    def prepare(self, document: str, begins: str, call: Call) -> Path:
        """The folder of a page, with what its comment `begins with` names.

        Args:
            document: the page.
            begins: what its folder holds.
            call: runs what there is to be run before.

        Raises:
            KeyError: nobody makes that.
        """
        shutil.rmtree(self.bucket, ignore_errors=True)
        self.bucket.mkdir()
        shutil.rmtree(self.config, ignore_errors=True)
        makers = {"": lambda: self._empty(document), "a run of taxi": lambda: self._with_taxi(call)}
        folder = makers[begins]()
        self._forget_kubeflow()
        return folder

    def here(self, command: str) -> str:
        """The command with doubles in the place of what is not here."""
        command = command.replace(ENDPOINT, self._kubeflow.url).replace(BUCKET, str(self.bucket))
        command = command.replace(CONFIG, str(self.config))
        command = command.replace(TOKEN, str(self.token))
        if MLFLOW in command:
            command = command.replace(MLFLOW, self._mlflow.uri)
        return _SHORT.sub(lambda found: f"sha256:{found[1]:0<64}", command)

    @cached_property
    def _mlflow(self) -> MlflowServer:
        """MLflow's own server, started for the first page that speaks of one."""
        return self._ends.enter_context(mlflow_server(self.base / "mlflow"))

    def _empty(self, document: str) -> Path:
        folder = self.base / re.sub(r"\W+", "-", document.removesuffix(".md"))
        folder.mkdir()
        return folder

    def _with_taxi(self, call: Call) -> Path:
        """A folder whose `work` holds a run; always the same one, since what a run keeps is found by its path."""
        folder = self.base / "with-taxi"
        if not self._taxi.exists():
            folder.mkdir()
            environment = os.environ | {"PYTHONPATH": str(ROOT), "WEIGHBRIDGE_WORKDIR": str(folder / "work")}
            code, printed = call(["run", "taxi", "--quiet"], environment)
            assert code == 0, printed
            shutil.copytree(folder, self._taxi)
        # A process that a page left behind, as what sends to MLflow is one, may still write there.
        left = folder.rename(self.base / f"left-{uuid.uuid4().hex}")
        shutil.copytree(self._taxi, folder)
        shutil.rmtree(left, ignore_errors=True)
        return folder

    def _forget_kubeflow(self) -> None:
        """A server without runs, which lets each one pass and leaves the gates that its steps would leave."""
        double = self._kubeflow
        for kept in (double.runs, double.scripts, double.versions, double.pipelines, double.recurring, double.objects):
            kept.clear()
        gate = Gate(name="quality.auc.min", status="passed", observed=0.95, threshold=0.94, message="auc is 0.95.")
        verdict = Verdict.of([gate], pipeline="taxi", run_id="inside", subject={"model": f"sha256:{'cd' * 32}"})
        gates = GateList(gates=(gate,)).model_dump_json().encode()
        for step, key in (("ExampleGen", "examples"), ("Evaluator", "evaluation"), ("Pusher", "pushed_model")):
            double.put(step, key, "gates.json", gates)
            double.logs[f"pod-of-{step}"] = "…"
        double.put("Evaluator", "evaluation", "verdict.json", verdict.canonical())
