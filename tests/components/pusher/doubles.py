"""Doubles of stores' clients with one bucket each, which refuse what a precondition forbids, as the services do.

Only on a double every single request can be the last one, and the emulator of Google Cloud Storage ignores
preconditions altogether.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

BUCKET = "models"


class Killed(BaseException):
    """The process is gone: no request follows, whatever `finally` blocks try."""


@dataclass(frozen=True)
class Content:
    """What an object is now."""

    data: bytes
    generation: int
    time_created: datetime


class Double:
    """What the doubles of all clients have in common: objects with generations, and requests that can be the last.

    Attributes:
        contents: the objects, by name.
        requests: what was asked so far: `kind name`, of the kinds list, get, read, write, upload, copy, delete.
        before: called with each request before it is served; may raise.
        after: called with each write after it was served; may raise, as a lost answer does.
        repeat: whether every write is sent twice, as the client does when the first answer was lost.
        destination: where a push to the bucket goes.
    """

    scheme = ""

    def __init__(self) -> None:
        self.contents: dict[str, Content] = {}
        self.requests: list[str] = []
        self.before: Callable[[str], None] = lambda request: None
        self.after: Callable[[str], None] = lambda request: None
        self.repeat = False
        self.now = lambda: datetime.now(UTC)
        self.destination = f"{self.scheme}{BUCKET}/taxi"
        self._generations = 0

    def no_bucket(self) -> Exception:
        raise NotImplementedError

    def lost(self) -> Exception:
        raise NotImplementedError

    def unavailable(self, reason: str) -> Exception:
        raise NotImplementedError

    def ask(self, kind: str, bucket: str, name: str) -> None:
        request = f"{kind} {name}"
        self.requests.append(request)
        self.before(request)
        if bucket != BUCKET:
            raise self.no_bucket()

    def put(self, kind: str, bucket: str, name: str, read: Callable[[], bytes], expected: int | None) -> Content:
        """Write an object whose generation is `expected`, 0 for none; of whatever generation for None."""
        for _ in range(2 if self.repeat else 1):
            self.ask(kind, bucket, name)
            data = read()
            present = self.contents[name].generation if name in self.contents else 0
            if expected is not None and expected != present:
                raise self.lost()
            self._generations += 1
            self.contents[name] = Content(data, self._generations, self.now())
            self.after(f"{kind} {name}")
        return self.contents[name]

    def listed(self, prefix: str, delimiter: str | None) -> tuple[list[str], list[str]]:
        """Names of the objects of a listing, and of its folders."""
        found = sorted(name for name in self.contents if name.startswith(prefix))
        deeper = [name for name in found if delimiter and delimiter in name[len(prefix) :]]
        folders = {prefix + name[len(prefix) :].partition("/")[0] + "/" for name in deeper}
        return [name for name in found if name not in deeper], sorted(folders)


def once_before(store: Double, request: str, work: Callable[[], object]) -> None:
    """Do `work` right before the first request that begins with `request`."""

    def meanwhile(asked: str) -> None:
        if asked.startswith(request):
            store.before = lambda request: None
            work()

    store.before = meanwhile
