"""A training that leaves the same names in the same order whatever else its process did, before it or with it.

TensorFlow keeps the variables that a function reads in a set, whose order is that of their addresses in memory: another
in every process. What is exported lists them in it, so the same weights came under other names, at other places of the
file. And Keras numbers the layers of a whole process.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any


class _Ordered(dict[Any, None]):
    """A set that goes through its members in the order in which they were added; the part of it that is asked for."""

    def __init__(self, members: Iterable[Any] = ()) -> None:
        super().__init__(dict.fromkeys(members))

    def add(self, member: Any) -> None:
        self.setdefault(member)

    def discard(self, member: Any) -> None:
        self.pop(member, None)

    def update(self, members: Iterable[Any]) -> None:  # type: ignore[override]
        for member in members:
            self.setdefault(member)

    def intersection(self, members: Iterable[Any]) -> "_Ordered":
        others = set(members)
        return _Ordered(member for member in self if member in others)

    def difference(self, members: Iterable[Any]) -> "_Ordered":
        others = set(members)
        return _Ordered(member for member in self if member not in others)


@contextlib.contextmanager
def variables_in_order() -> Iterator[None]:
    """Within this block, TensorFlow's sets of objects keep the order in which they were filled.

    Where a version of TensorFlow has no such sets, nothing changes; what is exported is the same model either way.
    """
    try:
        from tensorflow.python.util.object_identity import ObjectIdentitySet
    except ImportError:
        yield
        return
    original = ObjectIdentitySet.__init__

    def ordered(self: Any, *arguments: Any) -> None:
        members: list[Any] = list(*arguments)
        self._storage = _Ordered(self._wrap_key(each) for each in members)

    ObjectIdentitySet.__init__ = ordered
    try:
        yield
    finally:
        ObjectIdentitySet.__init__ = original


@contextlib.contextmanager
def names_from_the_start() -> Iterator[None]:
    """Within this block, Keras numbers layers and variables as in a new process; afterwards it goes on as before."""
    try:
        from keras.src.backend.common import global_state
    except ImportError:
        yield
        return
    name = "object_name_uids"
    before = global_state.get_global_attribute(name)
    global_state.set_global_attribute(name, None)
    try:
        yield
    finally:
        global_state.set_global_attribute(name, before)
