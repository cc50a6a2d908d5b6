"""What ran for a step, and what it left: the same whether ML Metadata or Kubeflow's own API tells it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Artifact:
    """An output artifact.

    Attributes:
        key: its key in the component.
        uri: where it is.
        store: how the launcher reached its store, as JSON; empty where Kubeflow's pages know it themselves.
        properties: its custom properties that are numbers, texts, or true or false.
    """

    key: str
    uri: str
    store: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Execution:
    """What ran for one step.

    Attributes:
        name: the step's name.
        state: RUNNING, COMPLETE, FAILED, CACHED or CANCELED.
        pod: its pod; empty where it was taken from the cache, or where it is not known (yet).
        namespace: the pod's namespace.
        outputs: its artifacts.
    """

    name: str
    state: str
    pod: str = ""
    namespace: str = ""
    outputs: list[Artifact] = field(default_factory=list)
