"""Pusher: puts a model into production if it was weighed, passed, and is still the same bytes.

Importing this package loads neither tfx nor tensorflow; the component class does, when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from components.pusher.gcs_target import GcsTarget
from components.pusher.push import Pushed, look_up, open_target, push
from components.pusher.target import FilesystemTarget, Target

if TYPE_CHECKING:
    from components.pusher.component import Pusher

__all__ = ["FilesystemTarget", "GcsTarget", "Pushed", "Pusher", "Target", "look_up", "open_target", "push"]


def __getattr__(name: str) -> Any:
    if name == "Pusher":
        from components.pusher.component import Pusher

        return Pusher
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
