"""A request to run a pipeline: on which data, how far, on how much of them, and where its model goes."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.definition import Context, Definition, Parameters, load
from weighbridge.runs.record import Run
from weighbridge.runs.workspace import Workspace
from weighbridge.thresholds import THRESHOLDS_FILE

WHOLE = 1.0
DEFAULT_WORKDIR = "work"


@dataclass(frozen=True)
class RunRequest:
    """A request to run a pipeline.

    Attributes:
        definition: the pipeline.
        parameters: its validated parameters.
        workspace: where it runs; that of rehearsals where it is one.
        context: where the pipeline reads and keeps things in this run.
        to: the step to end after; empty for all.
        delivered_to: the stage that the model goes to; empty for the workspace's production.
        words: how the command line names the pipeline and its data, for commands to run next.
    """

    definition: Definition
    parameters: Parameters
    workspace: Workspace
    context: Context
    to: str = ""
    delivered_to: str = ""
    words: tuple[str, ...] = ()

    def check_thresholds(self) -> None:
        """Read the thresholds file, if there is one: a slip in it shows at once, and not after TFX is loaded.

        Raises:
            UsageError: it is not what it should be.
        """
        if (self.context.folder / THRESHOLDS_FILE).is_file():
            _ = self.context.gates

    def new_run(self) -> Run:
        """The folder of a new run of it."""
        if self.workspace.rehearsal:
            self.workspace.copy_history()
        values = self.parameters.model_dump(mode="json")
        return self.workspace.new_run(self.definition, values, to=self.to, delivered_to=self.delivered_to)


def make_request(
    pipeline: str,
    data: str | None,
    settings: list[str] | None,
    workdir: str | Path,
    *,
    to: str = "",
    sample: float = WHOLE,
    deliver_to: str = "",
    destinations: str = "",
) -> RunRequest:
    """The request that the options of `run` and `plan` make.

    Args:
        pipeline: name, import path or file.
        data: input data: file, folder, glob or pattern; None for the pipeline's own.
        settings: changed parameters, `key=value`.
        workdir: folder that keeps runs and artifacts.
        to: the step to end after, empty for all; whether there is such a step shows when the pipeline is built.
        sample: share of the data, above 0 and up to 1; less than 1 is a rehearsal.
        deliver_to: the stage to push to; empty for the workspace's production.
        destinations: where stages lie, see `weighbridge.runs.stages`; empty for what the policy says.

    Raises:
        UsageError: a value is not allowed.
    """
    if not 0 < sample <= WHOLE:
        raise UsageError(
            f"--sample {sample:g} is not a share of the data", "Give a number above 0 and up to 1, e.g. 0.2."
        )
    rehearsal = sample < WHOLE
    if rehearsal and deliver_to:
        raise UsageError("--sample and --deliver-to exclude each other", "A rehearsal pushes nothing.")
    definition = load(pipeline)
    parameters = definition.parameters(data, settings or ())
    workspace = Workspace(workdir, definition.name, rehearsal)
    context = dataclasses.replace(workspace.context(definition), sample=sample)
    if deliver_to:
        from weighbridge.runs.stages import run_destinations

        production, place = run_destinations(workspace, definition.folder, deliver_to, destinations)
        context = dataclasses.replace(context, production=production, deliver_to=place)
    words = [pipeline, *([] if data is None else ["--data", data])]
    for setting in settings or ():
        words += ["--set", setting]
    if workspace.home.parent != Path(DEFAULT_WORKDIR).absolute():
        words += ["--workdir", str(workdir)]
    return RunRequest(definition, parameters, workspace, context, to, deliver_to, tuple(words))
