"""Whether what an earlier run came to still stands: production, and the place it pushed to, are as it left them.

A run's key says what it was made of; what it met and left outside is compared here. A place in a store looks the same
from here as from a step. A folder in a volume of the cluster cannot be seen from here: the key alone decides.
"""

from typing import TYPE_CHECKING

from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.production_model.standing import read_record
from weighbridge.kubeflow.client.api import Api
from weighbridge.kubeflow.client.outcome import outcome
from weighbridge.kubeflow.client.runs import KubeflowRun, get_run
from weighbridge.storage.destination import is_remote
from weighbridge.verdict import Verdict

if TYPE_CHECKING:
    from weighbridge.kubeflow.compile.package import Package


def unseen_places(package: "Package") -> list[str]:
    """The folders that a package reads or pushes to, which cannot be seen from here."""
    return sorted({place for place in (package.production, package.destination) if place and not is_remote(place)})


def changed_since(api: Api, run: KubeflowRun, package: "Package") -> str:
    """What changed since a run of this package; empty if nothing did, and for a run that goes on.

    Raises:
        UsageError: a record in a store cannot be read.
        InfrastructureError: the server or a store does not answer.
    """
    if not run.ended:
        return ""
    verdict = outcome(api, get_run(api, run.run_id)).verdict
    if verdict is None:
        return "its verdict cannot be read"
    if is_remote(package.production) and _weighed_otherwise(run, verdict, read_record(package.production)):
        return f"production at {package.production} is not what it weighed against"
    if is_remote(package.destination) and verdict.passed:
        there = read_record(package.destination)
        if there is None or there.model_digest != verdict.subject.get("model"):
            return f"its model is not at {package.destination}"
    return ""


def _weighed_otherwise(run: KubeflowRun, verdict: Verdict, production: ProductionRecord | None) -> bool:
    """Whether a run weighed against another production than today's."""
    now = production.model_digest if production else None
    model = verdict.subject.get("model")
    if model is not None:
        # Its own model may have got there since: nothing to weigh it against but itself.
        return now not in (verdict.subject.get("production"), model)
    # Refused before there was a model: what it compared with is known by the time alone.
    return production is not None and (run.created is None or production.pushed_at > run.created)
