"""A promotion: which model goes from which stage to which, and who approved it. Imports no tfx."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weighbridge.common.errors import UsageError
from weighbridge.delivery.approval import Approval
from weighbridge.runs.store import RunStore
from weighbridge.runs.workspace import Workspace
from weighbridge.thresholds.delivery import Delivery, Stage

if TYPE_CHECKING:
    from weighbridge.components.evaluator.gates import LatencyGates
    from weighbridge.thresholds import Gates


@dataclass(frozen=True)
class Promotion:
    """What is to be promoted, and how.

    Attributes:
        workspace: whose runs the model came from; holds the promotion's own run folder.
        delivery: the policy.
        destinations: destination of each stage.
        source: stage that the model is at.
        target: stage that it goes to.
        approval: who approved it.
        thresholds: the `latency` section, which names the signature to call; None where there is none.
        store: what builds on all machines share; None where they share nothing.
        policy: the pipeline's thresholds as they are now; None where there is no such file.
    """

    workspace: Workspace
    delivery: Delivery
    destinations: dict[str, str]
    source: str
    target: str
    approval: Approval = field(default_factory=Approval)
    thresholds: "LatencyGates | None" = None
    store: RunStore | None = None
    policy: "Gates | None" = None

    def __post_init__(self) -> None:
        self.delivery.between(self.source, self.target)  # refuses an unknown stage and a wrong order
        if self.stage.calls and self.thresholds is None:
            raise UsageError(
                f"{self.target} calls the model, but no thresholds file names the signature",
                "Put a gates.yaml with a latency section beside the pipeline.",
            )

    @property
    def between(self) -> list[str]:
        """The stages that lie between source and target."""
        return self.delivery.between(self.source, self.target)

    @property
    def stage(self) -> Stage:
        """What the target asks for."""
        return self.delivery.stage(self.target)

    @property
    def destination(self) -> str:
        """Where the model goes to."""
        return self.destinations[self.target]
