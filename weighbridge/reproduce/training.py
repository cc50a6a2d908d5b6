"""One training in a process and a work directory of its own: nothing of it reaches a run, a production or a server."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weighbridge.common.environment import HOOKS_VARIABLE
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.common.parent import die_with
from weighbridge.components.artifacts.models import find_saved_model
from weighbridge.evidence.provenance import TRAINING_FILE
from weighbridge.evidence.summary import SUMMARY_FILE

# What would lead the run elsewhere than into its own folder, or tell others of it.
_NOT_PASSED_ON = {
    "WEIGHBRIDGE_DATA",
    "WEIGHBRIDGE_WORKDIR",
    "WEIGHBRIDGE_STORE",
    "WEIGHBRIDGE_DESTINATIONS",
    "WEIGHBRIDGE_REPORTS",
    "WEIGHBRIDGE_SIGNING_KEY",
    "WEIGHBRIDGE_SIGNING_KEY_PASSWORD",
    "MLFLOW_TRACKING_URI",
}
_STEP = re.compile(r"[✓=✗–] \S+ +[\d.]+ s\b.*")
_LAST_LINES = 12


@dataclass(frozen=True)
class Asked:
    """A run to be made in a process of its own.

    Attributes:
        python: that runs it.
        code: folder that the pipeline's module is imported from.
        paths: further folders to import from.
        module: of the pipeline.
        parameters: of the pipeline, as in JSON.
        data: instead of the parameter `data`; None for that.
        workdir: that it may use.
    """

    python: str
    code: Path
    paths: tuple[str, ...]
    module: str
    parameters: Mapping[str, Any]
    data: str | None
    workdir: Path

    def command(self, to: str) -> list[str]:
        """The command line of a run up to a step."""
        command = [self.python, "-m", "weighbridge", "run", self.module, "--workdir", str(self.workdir), "--to", to]
        given = dict(self.parameters)
        if self.data is not None:
            given.pop("data", None)
            command += ["--data", self.data]
        for name, value in given.items():
            command += ["--set", f"{name}={json.dumps(value)}"]
        return command

    def environment(self) -> dict[str, str]:
        """The variables of the process."""
        kept = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
        path = os.pathsep.join([str(self.code), *self.paths])
        return kept | {HOOKS_VARIABLE: "off", "PYTHONPATH": path}


@dataclass(frozen=True)
class Ran:
    """What a run left.

    Attributes:
        record: its `run.json`, read without a model: another version of Weighbridge may have written it.
        verdict: its `verdict.json`, likewise; empty for none.
    """

    record: dict[str, Any]
    verdict: dict[str, Any]

    def model(self) -> Path | None:
        """The model that it trained; None where it came to none."""
        found = [each["uri"] for each in self._artifacts("Model") if each["digest"]]
        for uri in reversed(found):
            if (folder := find_saved_model(uri)) or any(Path(uri).iterdir()):
                return folder or Path(uri)
        return None

    def content_digests(self) -> list[str]:
        """Digests of the rows of the Examples that it made."""
        found = []
        for each in self._artifacts("Examples"):
            path = Path(each["uri"], SUMMARY_FILE)
            if path.is_file():
                found.append(str(json.loads(path.read_bytes()).get("content_digest", "")))
        return found

    def libraries(self) -> dict[str, str]:
        """Versions that it was trained with; empty where it does not say."""
        for each in reversed(self._artifacts("ModelRun")):
            path = Path(each["uri"], TRAINING_FILE)
            if path.is_file():
                return dict(json.loads(path.read_bytes())["software"]["libraries"])
        return {}

    def code(self) -> dict[str, str]:
        """Digest of the code behind each step."""
        return dict(self.record.get("fingerprint", {}).get("code", {}))

    def refusals(self) -> list[str]:
        """What refused, a sentence each."""
        return [
            f"{gate['name']}: {gate['message']}"
            for gate in self.verdict.get("gates", [])
            if gate["status"] not in ("passed", "not_compared") and gate["severity"] == "blocking"
        ]

    def _artifacts(self, type_: str) -> list[dict[str, Any]]:
        return [each for each in self.record.get("artifacts", []) if each["type"] == type_]


def run(asked: Asked, to: str, told: Callable[[str], None], log: Path) -> Ran:
    """Run a pipeline up to a step, in a process that ends with this one.

    Args:
        asked: the run.
        to: the last step.
        told: called with a line as each step ends.
        log: what the process writes is appended to it.

    Raises:
        UsageError: the pipeline cannot run so; says why.
        InfrastructureError: the machine failed.
    """
    parent = os.getpid()
    lines: list[str] = []
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as kept:
        process = subprocess.Popen(
            asked.command(to),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=asked.code,
            env=asked.environment(),
            preexec_fn=lambda: die_with(parent, ExitCode.INFRASTRUCTURE),
        )
        try:
            for line in process.stdout or ():
                kept.write(line)
                lines.append(line.rstrip())
                if _STEP.match(line):
                    told(line.rstrip())
            process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode in (ExitCode.PASSED, ExitCode.REFUSED) and (ran := _read(asked.workdir)) is not None:
        return ran
    kind = (
        InfrastructureError if process.returncode == ExitCode.INFRASTRUCTURE or process.returncode < 0 else UsageError
    )
    said = " ".join(_error(lines))
    raise kind(
        f"The training ended with code {process.returncode}: {said}",
        "" if kind is UsageError else "Mend that, then run again.",
    )


def _error(lines: list[str]) -> list[str]:
    """What a command said that ended in an error: from its last `error:` on, or its last lines."""
    start = max((number for number, line in enumerate(lines) if line.startswith("error:")), default=None)
    return [line.strip() for line in (lines[-_LAST_LINES:] if start is None else lines[start:])]


def _read(workdir: Path) -> Ran | None:
    """The newest run in a work directory."""
    found = sorted(workdir.glob("*/runs/*/run.json"))
    if not found:
        return None
    verdict = found[-1].with_name("verdict.json")
    return Ran(json.loads(found[-1].read_bytes()), json.loads(verdict.read_bytes()) if verdict.is_file() else {})
