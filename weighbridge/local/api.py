"""`weighbridge.run`: a run on this machine from a notebook, a test or a program of one's own."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weighbridge.local.request import make_request
from weighbridge.local.run import run_request
from weighbridge.runs.outcome import RunOutcome


def run(
    pipeline: str,
    *,
    data: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    workdir: str | os.PathLike[str] = "work",
    store: str = "",
    force: bool = False,
    verbose: bool = False,
) -> RunOutcome:
    """Run a pipeline on this machine and weigh its model, as `weighbridge run` does, printing nothing.

    ```python
    import weighbridge

    outcome = weighbridge.run("taxi", settings={"epochs": 2}, workdir="work")
    if not outcome.verdict.passed:
        for gate in outcome.verdict.refusals:
            print(gate.message)
    ```

    A model that a gate refuses is an outcome, not an error: look at `outcome.verdict` or `outcome.exit_code`. Steps
    whose inputs did not change are taken from the cache; where nothing changed at all, the earlier outcome is returned.

    Args:
        pipeline: its name, or the import path of a module of one's own.
        data: input data, a file, folder, glob or pattern of spans; None for the pipeline's own.
        settings: parameters to change, by name; values as in JSON.
        workdir: folder that keeps runs and artifacts.
        store: folder or address of what builds on all machines share, as `--store`; empty for nothing.
        force: run even if nothing changed since the last run.
        verbose: show on stderr what libraries print; it is in the run's log all the same.

    Returns:
        How it ended: the run's folder and record, and its verdict.

    Raises:
        WeighbridgeError: what the command would report and exit with: `UsageError` for a wrong value, file or piece of
            user code, `InfrastructureError` for what is safe to retry.
    """
    given = [f"{name}={json.dumps(value, default=str)}" for name, value in (settings or {}).items()]
    request = make_request(pipeline, None if data is None else os.fspath(data), given, Path(workdir), store=store)
    outcome = run_request(request, force=force, verbose=verbose)
    if outcome.error:
        raise outcome.error
    return outcome
