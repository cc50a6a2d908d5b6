"""What a canary is asked for, and where everything is that it works on: pipeline, policy, stages, the model."""

import shlex
from dataclasses import dataclass

from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.fetch import version_record
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.definition import Definition, load
from weighbridge.delivery.approval import Approval, find_approval
from weighbridge.delivery.promote import source_record
from weighbridge.delivery.promotion import Promotion
from weighbridge.rollout.places import placed_at
from weighbridge.runs.stages import delivery_policy, present_gates, stage_destinations
from weighbridge.runs.store import RunStore
from weighbridge.runs.workspace import Workspace
from weighbridge.thresholds.canary import CanaryGates
from weighbridge.thresholds.delivery import PRODUCTION

CLUSTERS = "stable,canary"


@dataclass(frozen=True)
class CanaryRequest:
    """What was asked for; see the options of `weighbridge canary`."""

    pipeline: str
    prometheus: str = ""
    source: str = ""
    version: int | None = None
    approved_by: str = ""
    approved_in: str = ""
    envoy: str = ""
    envoy_admin: str = ""
    envoy_clusters: str = CLUSTERS
    every_s: float = 30.0
    wait: bool = False
    abort: bool = False
    destinations: str = ""
    store: str = ""
    workdir: str = "work"

    @property
    def traffic(self) -> dict[str, str]:
        """Who divides the requests, as the run's record keeps it: whoever ends the canary later needs it."""
        if not self.envoy:
            return {}
        return {"envoy": self.envoy, "envoy_admin": self.envoy_admin, "envoy_clusters": self.envoy_clusters}


@dataclass(frozen=True)
class Place:
    """Where everything is that the request works on."""

    request: CanaryRequest
    definition: Definition
    workspace: Workspace
    gates: CanaryGates
    promotion: Promotion
    shared: RunStore | None

    @property
    def destination(self) -> str:
        """Of production."""
        return self.promotion.destination


def find_place(request: CanaryRequest) -> Place:
    """Where everything is that a request works on.

    Raises:
        UsageError: there is no such pipeline, stage or section; or the options contradict each other.
    """
    definition = load(request.pipeline)
    workspace = Workspace(request.workdir, definition.name)
    stages, thresholds = delivery_policy(definition.folder)
    policy = present_gates(definition.folder)
    gates = None if policy is None else policy.canary
    if gates is None:
        raise UsageError(
            f"The gates.yaml of {definition.name} has no section canary, so nobody said what a canary must show",
            "Add one; `canary: {}` takes the usual steps: shadow, 1 %, 10 %, 50 %.",
        )
    before = [name for name in stages.names if name != PRODUCTION]
    if not before:
        raise UsageError(
            "There is no stage before production that a canary could come from", "Add one to delivery in gates.yaml."
        )
    if request.source and request.version is not None:
        raise UsageError("--from and --version exclude each other", "Give where the model is, or which version it is.")
    # By its version alone a model may be of any stage: then every stage on the way must have passed it.
    source = request.source or (before[0] if request.version is not None else before[-1])
    addresses = stage_destinations(workspace, stages, request.destinations, request.store)
    shared = RunStore(request.store, definition.name, request.workdir) if request.store else None
    promotion = Promotion(
        workspace, stages, addresses, source, PRODUCTION, thresholds=thresholds, store=shared, policy=policy
    )
    return Place(request, definition, workspace, gates, promotion, shared)


def wanted(place: Place, state: CanaryState | None) -> tuple[ProductionRecord, str] | None:
    """The record of the model that is asked for, and where it lies; None for the canary that is on its way, if any."""
    request = place.request
    if request.version is not None:
        if state is not None and state.canary.version == request.version:
            return None
        address = placed_at(place.destination).address
        record = version_record(address, request.version)
        if record is None:
            raise UsageError(f"No version {request.version} was ever pushed to {address}", "Give --from STAGE.")
        return record, address
    if state is not None and not request.source:
        return None
    return source_record(place.promotion), place.promotion.destinations[place.promotion.source]


def approval(place: Place, state: CanaryState | None) -> Approval:
    """Who approved: whom the options name, else whom the canary's record names, which was asked when it began."""
    request = place.request
    if state is not None and not request.approved_by and not request.approved_in:
        return Approval(state.canary.approved_by, state.canary.approved_in)
    command = f"weighbridge canary {shlex.quote(request.pipeline)} --from {place.promotion.source}"
    return find_approval(place.promotion.stage, request.approved_by, request.approved_in, command)


def again(request: CanaryRequest, told: dict[str, str]) -> str:
    """The command that goes on with the canary."""
    words = ["weighbridge", "canary", request.pipeline]
    given = {"--workdir": request.workdir if request.workdir != "work" else "", "--store": request.store}
    given |= {
        "--destinations": request.destinations,
        "--prometheus": request.prometheus,
        "--envoy": told.get("envoy", ""),
    }
    if told.get("envoy_admin"):
        given["--envoy-admin"] = told["envoy_admin"]
    if told.get("envoy_clusters", CLUSTERS) != CLUSTERS:
        given["--envoy-clusters"] = told["envoy_clusters"]
    return shlex.join([*words, *(word for name, value in given.items() if value for word in (name, value))])
