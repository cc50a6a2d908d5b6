"""What the double of a Kubeflow server knows: tests set it up and look at it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Script:
    """How a run goes: each look at it takes the next entry; the last one stays."""

    states: list[tuple[str, dict[str, str]]]
    archived_at: int | None = None
    deleted_at: int | None = None
    looks: int = 0

    def now(self) -> tuple[str, dict[str, str]]:
        return self.states[min(self.looks, len(self.states) - 1)]


def passing() -> Script:
    done = {"ExampleGen": "SUCCEEDED", "Evaluator": "SUCCEEDED", "Pusher": "SUCCEEDED"}
    return Script(
        [
            ("PENDING", {}),
            ("RUNNING", {"ExampleGen": "RUNNING"}),
            ("RUNNING", {"ExampleGen": "SUCCEEDED", "Evaluator": "RUNNING"}),
            ("SUCCEEDED", done),
        ]
    )


def failing() -> Script:
    return Script(
        [
            ("RUNNING", {"ExampleGen": "SUCCEEDED", "Evaluator": "RUNNING"}),
            ("FAILED", {"ExampleGen": "SUCCEEDED", "Evaluator": "FAILED", "Pusher": "SKIPPED"}),
        ]
    )


def refused() -> Script:
    """A run whose Evaluator refused and kept its gates; the last step failed it, as Verdict does."""
    states = {"ExampleGen": "SUCCEEDED", "Evaluator": "SUCCEEDED"}
    return Script([("RUNNING", states | {"Pusher": "RUNNING"}), ("FAILED", states | {"Pusher": "FAILED"})])


@dataclass
class Double:
    """State of the double; tests set it up and look at it."""

    kind: str = "2.17"
    """Which server it is: `2.17` or `main`."""
    older_apis: bool = True
    """Whether it has v1beta1 and v1alpha1; the latest sources do not any more."""
    next_script: Callable[[], Script] = passing
    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    packages: dict[str, bytes] = field(default_factory=dict)
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    scripts: dict[str, Script] = field(default_factory=dict)
    recurring: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    token: str | None = None
    failures: list[tuple[int, bytes]] = field(default_factory=list)
    """Answers given to the next requests instead."""
    page: bool = False
    """Answer everything with a login page."""
    properties: dict[tuple[str, str], dict[str, str | float | bool]] = field(default_factory=dict)
    """Custom properties of output artifacts, by step and key, as steps noted them."""
    denied: tuple[str, ...] = ()
    """Keys of outputs that the artifact proxy does not hand out."""
    has_store: bool = True
    """The endpoint is the UI: it has the artifact proxy and the metadata store."""
    multi_user: bool = False
    proxy: str = "2.17"
    """Whose artifact proxy answers: older ones say 500 for what is missing."""
    user: str = ""
    """With `multi_user`: who is known by the identity header; everyone else is refused."""
    viewer: bool = True
    """With `multi_user`: whether the user may get viewers.kubeflow.org, which artifacts and pod logs demand."""
    orphans: list[dict[str, Any]] = field(default_factory=list)
    """Workflows that were started, and whose run or schedule could not be stored."""
    waiting: dict[str, str] = field(default_factory=dict)
    """Per step that waits, what Argo's workflow says of its pod."""
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Per pod, its events, as the UI's server lists them."""
    lost_answers: int = 0
    """So many runs are stored although the answer to their creation is an error."""
    prefix: str = ""
    """Everything but the metadata store is below this path, as behind Kubeflow's gateway."""
    task_errors: dict[str, str] = field(default_factory=dict)
    addresses: dict[tuple[str, str], str] = field(default_factory=dict)
    """Where output artifacts lie, by step and key, that do not lie in the bucket."""
    forgotten: bool = False
    """The run is older than the server's upgrade, or its metadata were deleted: nothing is known of its steps."""
    shown: dict[str, dict[str, str]] = field(default_factory=dict)
    """Per run, its steps at the last look: those that the tasks are listed of."""
    url: str = ""

    def count(self, method: str, path: str) -> int:
        return len([True for verb, where, _ in self.requests if verb == method and re.fullmatch(path, where)])

    def put(self, step: str, key: str, name: str, data: bytes) -> None:
        """Leave a file in a step's output artifact."""
        self.objects[f"v2/tiny/{step}/uuid/{key}/{name}"] = data
