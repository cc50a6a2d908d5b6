"""What pages find when they begin: an empty folder, or one with a run; and doubles of what is not here."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.documents.blocks import ROOT
from tests.weighbridge.kubeflow.double import serve
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.verdict import GateList

ENDPOINT = "https://kubeflow.example.com/pipeline"
TOKEN = "/var/run/secrets/kubeflow/pipelines/token"
BUCKET = "gs://models"
# A digest that a document cuts short, `sha256:c0ffee…` or `sha256:…`.
_SHORT = re.compile(r"sha256:([0-9a-f]*)…")


class Stage:
    """The folder that pages are followed in, and what stands in the place of servers."""

    def __init__(self, base: Path):
        self.base = base
        self.bucket = base / "models"
        self.token = base / "token"
        self.token.write_text("a token of the double")
        self._taxi = base / "kept"
        self._kubeflow, self._stop = serve()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def prepare(self, document: str, begins: str) -> Path:
        """The folder of a page, with what its comment `begins with` names.

        Raises:
            KeyError: nobody makes that.
        """
        shutil.rmtree(self.bucket, ignore_errors=True)
        self.bucket.mkdir()
        makers = {"": self._empty, "a run of taxi": self._with_taxi}
        folder = makers[begins](re.sub(r"\W+", "-", document.removesuffix(".md")))
        self._forget_kubeflow()
        return folder

    def here(self, command: str) -> str:
        """The command with doubles in the place of what is not here."""
        command = command.replace(ENDPOINT, self._kubeflow.url).replace(BUCKET, str(self.bucket))
        command = command.replace(TOKEN, str(self.token))
        return _SHORT.sub(lambda found: f"sha256:{found[1]:0<64}", command)

    def _empty(self, name: str) -> Path:
        folder = self.base / name
        folder.mkdir()
        return folder

    def _with_taxi(self, name: str) -> Path:
        """A folder whose `work` holds a run; always the same one, since what a run keeps is found by its path."""
        folder = self.base / "with-taxi"
        if not self._taxi.exists():
            folder.mkdir()
            subprocess.run(
                [sys.executable, "-m", "weighbridge", "run", "taxi", "--quiet"],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT), "WEIGHBRIDGE_WORKDIR": "work"},
                check=True,
            )
            shutil.copytree(folder, self._taxi)
        shutil.rmtree(folder)
        shutil.copytree(self._taxi, folder)
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
