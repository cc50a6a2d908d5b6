"""Pusher: puts a model into production if it was weighed, passed, and is still the same bytes.

Importing this package loads neither tfx nor tensorflow; the component class does, when it is asked for.
"""

from typing import TYPE_CHECKING

import lazy_loader

from weighbridge.components.pusher.bucket_target import BucketTarget
from weighbridge.components.pusher.push import Pushed, look_up, open_target, push
from weighbridge.components.pusher.target import FilesystemTarget, Target

if TYPE_CHECKING:
    from weighbridge.components.pusher.component import Pusher

__all__ = ["BucketTarget", "FilesystemTarget", "Pushed", "Pusher", "Target", "look_up", "open_target", "push"]

__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs={"component": ["Pusher"]})
