"""One node of a TrainJob: `python -m weighbridge.components.trainer.worker FOLDER`, one process per pod.

Trains what the step asked for in the folder's `request.json`, as the step itself would have, and leaves how it ended
beside it. Exit codes are those of every command.
"""

import json
import logging
import os
import sys
import traceback
from typing import NoReturn

from weighbridge.common import guard
from weighbridge.common.digests import folder_digest
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError, WeighbridgeError
from weighbridge.common.fast_exit import fast_exit
from weighbridge.common.machine import is_machine_failure
from weighbridge.components.trainer.train_job import workers
from weighbridge.components.trainer.train_job.exchange import Exchange, Outcome
from weighbridge.components.trainer.train_job.manifest import WORKERS_VARIABLE

INDEX_VARIABLE = "JOB_COMPLETION_INDEX"  # set by Kubernetes


def main(argv: list[str]) -> ExitCode:
    """Train; every error is written down for the step before this ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    [folder] = argv
    exchange = Exchange(folder)
    index = _index()
    try:
        outcome = _train(exchange, index)
    except WeighbridgeError as error:
        outcome = _failed(error)
    except BaseException as error:  # sys.exit(0) somewhere is no success
        traceback.print_exc()
        passing = isinstance(error, OSError | KeyboardInterrupt) or is_machine_failure(error)
        outcome = _failed((InfrastructureError if passing else UsageError)(f"{type(error).__name__}: {error}"))
    if outcome.message:
        logging.getLogger("weighbridge").error("%s %s", outcome.message, outcome.hint)
    exchange.end(index, outcome)
    return outcome.exit_code


def _index() -> int:
    return int(os.environ.get(INDEX_VARIABLE, "0"))


def _train(exchange: Exchange, index: int) -> Outcome:
    cluster = workers.tf_config(os.environ[WORKERS_VARIABLE].split(","), index)
    if cluster:
        os.environ["TF_CONFIG"] = json.dumps(cluster)
    request = exchange.request()

    from weighbridge.components.trainer.component import train_requested

    model_digest = train_requested(request.inputs, request.outputs, request.properties)
    if index:
        return Outcome()
    outputs = {name: folder_digest(exchange.output(name)) for name in ("model", "model_run")}
    return Outcome(model_digest=model_digest, outputs=outputs)


def _failed(error: WeighbridgeError) -> Outcome:
    return Outcome(exit_code=error.exit_code, message=error.message, hint=error.hint)


def _run_and_exit(argv: list[str]) -> NoReturn:
    """`main` in a process of its own: whatever code of a user does to that, the step is told."""

    def fail(message: str, hint: str, code: ExitCode) -> ExitCode:
        logging.getLogger("weighbridge").error("%s. %s", message, hint)
        Exchange(argv[0]).end(_index(), Outcome(exit_code=code, message=message, hint=hint))
        return code

    node = guard.Guarded(
        fail=fail,
        code="The code that trains",
        unfinished="it had trained",
        again="Run again: with checkpoints, training resumes.",
        see="The node's log has its last words.",
    )
    done = guard.fork(node)
    code = int(main(argv))
    done(code)
    fast_exit(code)


if __name__ == "__main__":
    _run_and_exit(sys.argv[1:])
