"""Replays spans: each is one run of the pipeline that knows nothing after the span, in a production of its own."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weighbridge.backtest.gather import span_record
from weighbridge.backtest.record import Backtest, SpanRecord
from weighbridge.backtest.spans import Span
from weighbridge.common.digests import code_digest, value_digest
from weighbridge.common.environment import HOOKS_VARIABLE
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.common.parent import die_with
from weighbridge.components.example_gen.resolve import input_digest
from weighbridge.definition import Definition, Parameters
from weighbridge.runs import fingerprint

STARTS, ENDS = "evaluate_from", "until"
"""Parameters that a pipeline needs to be backtested: the first day to weigh on, and the day to know nothing from."""


@dataclass(frozen=True)
class Replay:
    """A backtest that is asked for.

    Attributes:
        reference: the pipeline, as the command line names it.
        definition: the pipeline.
        data: `--data`, or None.
        settings: `--set`, as given.
        spans: in order.
    """

    reference: str
    definition: Definition
    data: str | None
    settings: tuple[str, ...]
    spans: list[Span]

    def asked(self) -> str:
        """Digest of all that decides what a backtest finds."""
        parameters = self._parameters(self.spans[0])
        given: Any = parameters
        read = {"input": given.data, "span": getattr(given, "span", "latest"), "window": getattr(given, "window", 1)}
        return value_digest(
            {
                "pipeline": self.definition.name,
                "code": code_digest(
                    ["weighbridge.components", self.definition.module.rpartition(".")[0] or self.definition.module]
                ),
                "reviewed": fingerprint.reviewed(self.definition, self.definition.folder / "schema.pbtxt", {}),
                "data": input_digest(**read),
                "parameters": parameters.model_dump(mode="json"),
                "spans": [span.name for span in self.spans],
            }
        )

    def _parameters(self, span: Span) -> Parameters:
        """The parameters of a span.

        Raises:
            UsageError: the pipeline cannot be told the days of a span, or a setting is not allowed.
        """
        fields = self.definition.parameters_type.model_fields
        missing = [name for name in (STARTS, ENDS) if name not in fields]
        if missing:
            raise UsageError(
                f"{self.definition.name} has no parameter {missing[0]!r}, so its history cannot be replayed",
                f"Give its Parameters {STARTS!r} (first day to weigh on) and {ENDS!r} (day to know nothing from), "
                "and hand them to ExampleGen as time_splits and time_end.",
            )
        for setting in self.settings:
            if (name := setting.partition("=")[0]) in (STARTS, ENDS):
                raise UsageError(f"--set {name} is what a backtest sets itself", "Use --from and --to.")
        return self.definition.parameters(self.data, self._settings(span))

    def _settings(self, span: Span) -> list[str]:
        return [*self.settings, f"{STARTS}={span.start.isoformat()}", f"{ENDS}={span.end.isoformat()}"]

    def run(
        self,
        backtest: Backtest,
        folder: Path,
        started: Callable[[Span], None],
        ended: Callable[[SpanRecord], None],
    ) -> None:
        """Replay what is not done yet; `backtest.json` is replaced after every span.

        Args:
            backtest: as far as it is done; added to.
            folder: of the backtest, the work directory of its runs.
            started: told that a span begins.
            ended: told what came of it.

        Raises:
            InfrastructureError: a run failed in a way that is safe to retry; what is done is kept.
        """
        for span in self.spans[len(backtest.spans) :]:
            started(span)
            record = self._replay(span, folder)
            backtest.spans.append(record)
            backtest.write(folder)
            ended(record)

    def _replay(self, span: Span, folder: Path) -> SpanRecord:
        command = [sys.executable, "-m", "weighbridge", "run", self.reference, "--json"]
        command += ["--workdir", str(folder)]
        if self.data is not None:
            command += ["--data", self.data]
        for setting in self._settings(span):
            command += ["--set", setting]
        with _ended_with_us(command) as process:
            output, errors = process.communicate()
        if process.returncode in (ExitCode.PASSED, ExitCode.REFUSED):
            return span_record(span, json.loads(output), folder / self.definition.name / "production")
        description = _describe(output, errors) or f"exit code {process.returncode}"
        if process.returncode == ExitCode.USAGE:
            # Production would have stood still in this span too; the next one may be sound again.
            return SpanRecord(
                span=span.name,
                start=span.start.isoformat(),
                end=span.end.isoformat(),
                decision="failed",
                message=description.removeprefix("error: "),
            )
        raise InfrastructureError(
            f"Span {span.name}: {description}", "Run the same backtest again: finished spans are kept."
        )


def _describe(output: str, errors: str) -> str:
    """Why a run failed: its record says so, or, where it did not come so far, the command."""
    try:
        return json.loads(output)["run"]["error"]
    except (ValueError, KeyError, TypeError):
        return " ".join(line.strip() for line in errors.splitlines()[-3:])


@contextlib.contextmanager
def _ended_with_us(command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """A process that does not go on when this one is interrupted or killed."""
    parent = os.getpid()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {HOOKS_VARIABLE: "off"},  # nobody waits for news of a run of long ago
        preexec_fn=lambda: die_with(parent, ExitCode.INFRASTRUCTURE),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
