"""A request to run a pipeline: on which data, how far, on how much of them, and where its model goes."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from weighbridge.common.errors import UsageError
from weighbridge.definition import Context, Definition, Parameters, load
from weighbridge.runs.record import Run
from weighbridge.runs.stages import check_needs_no_approval, delivery_policy, run_destinations, stage_destinations
from weighbridge.runs.store import RunStore
from weighbridge.runs.workspace import Workspace
from weighbridge.storage.destination import open_destination
from weighbridge.thresholds import THRESHOLDS_FILE
from weighbridge.thresholds.delivery import PRODUCTION

if TYPE_CHECKING:
    from weighbridge.local.steps import PipelineSteps

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
        delivered_to: the stage that the model goes to; empty for production, the store's or the workspace's own.
        words: how the command line names the pipeline and its data, for commands to run next.
        store: what builds on all machines share; None where they share nothing.
        experiment: all the data, weighed against production in the workspace of rehearsals; nothing is pushed.
        snapshot_mib: keep the input files where they have no more MiB than this together; 0 for never.
    """

    definition: Definition
    parameters: Parameters
    workspace: Workspace
    context: Context
    to: str = ""
    delivered_to: str = ""
    words: tuple[str, ...] = ()
    store: RunStore | None = None
    experiment: bool = False
    snapshot_mib: float = 0.0

    def check_thresholds(self) -> None:
        """Read the thresholds file, if there is one: a slip in it shows at once, and not after TFX is loaded.

        Raises:
            UsageError: it is not what it should be.
        """
        if (self.context.folder / THRESHOLDS_FILE).exists():
            _ = self.context.gates

    @property
    def shares(self) -> bool:
        """Whether what comes of it goes to the store: only what is whole does."""
        return self.store is not None and not self.workspace.rehearsal and not self.to

    def extent(self, steps: "PipelineSteps") -> tuple[list[str], dict[str, str], bool]:
        """Which steps are launched and which left out, see `PipelineSteps.extent`; and whether that is the whole.

        To a place that builds share only a whole run pushes: its record goes there too.

        Raises:
            UsageError: there is no step of that name.
        """
        whole = self.to in ("", *steps.names[-1:])
        pushes = not self.workspace.rehearsal and (whole or self.store is None)
        return *steps.extent(self.to, pushes=pushes, kind=self._kind), whole

    @property
    def _kind(self) -> Literal["run", "rehearsal", "experiment"]:
        return "experiment" if self.experiment else "rehearsal" if self.workspace.rehearsal else "run"

    def check_may_push(self) -> None:
        """What goes to the store's production without a word of a person must need none.

        Raises:
            UsageError: the policy asks for an approval of it.
        """
        if self.shares and not self.delivered_to:
            check_needs_no_approval(self.definition.name, delivery_policy(self.definition.folder)[0], PRODUCTION)

    def bring(self) -> None:
        """Bring here what other machines left in the store.

        Raises:
            WeighbridgeError: the store cannot be read, or the work directory cannot be written.
        """
        if self.store is not None:
            self.store.bring()
            self.store.bring_history()

    def new_run(self) -> Run:
        """The folder of a new run of it."""
        if self.workspace.rehearsal:
            self.workspace.copy_history()
        values = self.parameters.model_dump(mode="json")
        return self.workspace.new_run(
            self.definition, values, kind=self._kind, to=self.to, delivered_to=self.delivered_to
        )


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
    store: str = "",
    destination: str = "",
    experiment: bool = False,
) -> RunRequest:
    """The request that the options of `run` and `plan` make.

    Args:
        pipeline: name, import path or file.
        data: input data: file, folder, glob or pattern; None for the pipeline's own.
        settings: changed parameters, `key=value`.
        workdir: folder that keeps runs and artifacts.
        to: the step to end after, empty for all; whether there is such a step shows when the pipeline is built.
        sample: share of the data, above 0 and up to 1; less than 1 is a rehearsal.
        deliver_to: the stage to push to; empty for production.
        destinations: where stages lie, see `weighbridge.runs.stages`; empty for what the policy says.
        store: folder or address of what builds on all machines share; empty for nothing.
        destination: folder or address that production lies at and that is pushed to; empty for the stage's.
        experiment: push nothing, and leave everything that runs and production depend on as it is.

    Raises:
        UsageError: a value is not allowed.
    """
    if not 0 < sample <= WHOLE:
        raise UsageError(
            f"--sample {sample:g} is not a share of the data", "Give a number above 0 and up to 1, e.g. 0.2."
        )
    experiment = experiment and sample == WHOLE
    rehearsal = experiment or sample < WHOLE
    if rehearsal and deliver_to:
        raise UsageError("--sample and --deliver-to exclude each other", "A rehearsal pushes nothing.")
    if deliver_to and destination:
        raise UsageError(
            "--deliver-to and --destination exclude each other", "A stage has a destination: see delivery."
        )
    definition = load(pipeline)
    parameters = definition.parameters(data, settings or ())
    workspace = Workspace(workdir, definition.name, rehearsal)
    context = dataclasses.replace(workspace.context(definition), sample=sample, rehearsal=rehearsal)
    if deliver_to:
        production, place = run_destinations(workspace, definition.folder, deliver_to, destinations, store)
        context = dataclasses.replace(context, production=production, deliver_to=place)
    elif store or rehearsal:
        delivery, _ = delivery_policy(definition.folder)
        found = stage_destinations(workspace, delivery, destinations, store)
        context = dataclasses.replace(context, production=found[PRODUCTION])
    if destination:
        address = open_destination(destination).address
        delivery, _ = delivery_policy(definition.folder)
        for stage, place in stage_destinations(workspace, delivery, destinations, store).items():
            if place == address:
                check_needs_no_approval(definition.name, delivery, stage)
        context = dataclasses.replace(context, production=address)
    words = [pipeline, *([] if data is None else ["--data", data])]
    for setting in settings or ():
        words += ["--set", setting]
    if workspace.home.parent != Path(DEFAULT_WORKDIR).absolute():
        words += ["--workdir", str(workdir)]
    if destination:
        words += ["--destination", destination]
    if store:
        words += ["--store", store]
    shared = RunStore(store, definition.name, workdir) if store else None
    return RunRequest(definition, parameters, workspace, context, to, deliver_to, tuple(words), shared, experiment)
