"""`weighbridge.run`: a run on this machine from a notebook, a test or a program of one's own."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from weighbridge.api.fresh import fresh_code
from weighbridge.api.given import Pipeline, Place, data_of, place_of, reference, settings_of, workdir_of
from weighbridge.api.notebook import NotebookDisplay, in_notebook
from weighbridge.api.result import Run
from weighbridge.common import interruption
from weighbridge.common.errors import InterruptedRunError, UsageError
from weighbridge.local.request import WHOLE, make_request
from weighbridge.local.run import run_request
from weighbridge.runs.display import Display, SilentDisplay

# A run takes over what the process prints, so threads run one after another.
_one_at_a_time = threading.RLock()


def run(
    pipeline: Pipeline,
    *,
    data: Place | None = None,
    settings: Mapping[str, Any] | None = None,
    workdir: Place | None = None,
    push: bool = False,
    to: str = "",
    sample: float = WHOLE,
    deliver_to: str = "",
    destination: Place = "",
    destinations: Place | None = None,
    store: Place | None = None,
    force: bool = False,
    verbose: bool = False,
    show: bool = True,
    **parameters: Any,
) -> Run:
    """Run a pipeline on this machine and weigh its model: an experiment, unless it is told to push.

    ```python
    import weighbridge

    run = weighbridge.run("taxi", epochs=2, learning_rate=0.001)
    run.verdict.passed
    run.metrics
    ```

    The steps and gates are those of `weighbridge run`, on all the data, and the model is weighed against the one in
    production. An experiment pushes nothing and keeps to a folder of its own, so production's record, the statistics
    of earlier spans, checkpoints and caches of real runs stay as they are. `push=True` does what the command does.

    A model that a gate refuses is a result, not an error: look at `passed`, `verdict` and `gates`. Steps whose inputs
    did not change are taken from the cache; where nothing changed at all, the earlier run is returned (`unchanged`).
    Code that was edited since the last call is imported again. In a notebook the steps are shown as they go.

    Args:
        pipeline: its name, or a module of one's own by import path or file, or the module itself.
        data: input data, a file, folder, glob or pattern of spans; None for `WEIGHBRIDGE_DATA`, else its own.
        settings: parameters to change whose names are arguments here too; values as in JSON.
        workdir: folder that keeps runs and artifacts; None for `WEIGHBRIDGE_WORKDIR`, else `work`.
        push: whether a model that passes is pushed to production.
        to: the step to end after, e.g. `DataValidator`; empty for all.
        sample: share of the data to rehearse on, above 0 and up to 1; less than 1 pushes nothing.
        deliver_to: the stage to push to, e.g. `staging`; as it is said so, it needs no `push`.
        destination: folder or address that production lies at, such as `gs://models/taxi`; with `push`, it goes there.
        destinations: file that says where stages lie; None for `WEIGHBRIDGE_DESTINATIONS`.
        store: folder or address of what builds on all machines share; None for `WEIGHBRIDGE_STORE`, if that is set.
        force: run even if nothing changed since the last run.
        verbose: show on stderr what libraries print; it is in the run's log all the same.
        show: show the steps as they go, in a notebook; elsewhere nothing is printed.
        parameters: parameters of the pipeline to change, by name; values as in JSON.

    Returns:
        The run: its verdict, what it measured, its model and its files.

    Raises:
        WeighbridgeError: what the command would report and exit with: `UsageError` for a wrong value, file or piece of
            user code, `InfrastructureError` for what is safe to retry.
        KeyboardInterrupt: the kernel was interrupted; the run ended in good order, and finished steps are kept.
    """
    if push and sample < WHOLE:
        raise UsageError("push=True and sample exclude each other", "A rehearsal pushes nothing.")
    named = reference(pipeline)
    with _one_at_a_time, fresh_code(named):
        request = make_request(
            named,
            data_of(data),
            settings_of(settings, parameters),
            Path(workdir_of(workdir)),
            to=to,
            sample=sample,
            deliver_to=deliver_to,
            destinations=place_of(destinations, "WEIGHBRIDGE_DESTINATIONS"),
            store=place_of(store, "WEIGHBRIDGE_STORE"),
            destination=str(destination),
            experiment=not (push or deliver_to),
        )

        def open_display(terminal: TextIO) -> Display:
            return NotebookDisplay() if show and in_notebook() else SilentDisplay()

        with interruption.listening():
            outcome = run_request(request, force=force, verbose=verbose, open_display=open_display)
    if isinstance(outcome.error, InterruptedRunError):  # no error to be caught by whoever goes on with the next run
        raise KeyboardInterrupt(str(outcome.error))
    if outcome.error:
        raise outcome.error
    return Run(outcome.run, outcome)
