"""What a run's steps produced and in which pods, from whichever the server keeps it in.

Servers up to 2.17 have ML Metadata (`mlmd`), later ones their own tasks and artifacts (`task_api`). Which one it is, is
asked and not concluded from a version: a distribution may call its versions anything.
"""

from weighbridge.kubeflow.client import mlmd, task_api
from weighbridge.kubeflow.client.api import Api
from weighbridge.kubeflow.client.execution import Artifact, Execution

__all__ = ["Artifact", "Execution", "executions"]


def executions(api: Api, run_id: str) -> list[Execution]:
    """The executions of a run, in the order they began.

    Raises:
        InfrastructureError: neither has them.
    """
    tasks = task_api.tasks(api, run_id)
    return mlmd.executions(api, run_id) if tasks is None else task_api.executions(run_id, tasks)
