"""A pipeline's code as it is now: what was edited since it was imported is forgotten, so that it is imported again.

A notebook's kernel lives on while files are edited. Python imports a module once, so the next run would train the
code of the last one, under the name of the new one. Modules of libraries, and Weighbridge's own, are left alone.
"""

import contextlib
import importlib
import importlib.util
import linecache
import os
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from weighbridge.common import digests
from weighbridge.common.digests import is_installed
from weighbridge.common.import_string import module_of_file
from weighbridge.definition import file_of

_PIPELINES = "weighbridge.pipelines"
_STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib")).resolve()
_SLACK_NS = 100_000_000  # the times of a process and of files have not one clock

# What the file of each module was when it was imported, as far as that is known: time of its last change, and size.
_imported: dict[str, tuple[int, int]] = {}
_lock = threading.Lock()


@contextlib.contextmanager
def fresh_code(pipeline: str) -> Iterator[None]:
    """Inside the block the code of pipelines is what their files hold now; notes at its end what was imported.

    Args:
        pipeline: the one to be loaded: what another of the same name left is forgotten, where it is given by its file.

    Raises:
        UsageError: there is no such file.
    """
    with _lock:
        began = time.time_ns()
        _forget_edited()
        if (path := file_of(pipeline)) is not None:
            _forget_namesakes(path)
        digests.forget()
    try:
        yield
    finally:
        with _lock:
            _note(since=began)


def _forget_edited() -> None:
    own = _own_modules()
    edited = {file for module, file in own if _is_edited(module.__name__, file)}
    if edited:
        # What imports an edited module holds its functions, so the whole source tree around it goes.
        roots = {root for module, file in own if file in edited and (root := _root(module.__name__, file))}
        for module, file in own:
            if _root(module.__name__, file) in roots:
                _forget(module.__name__, file)
    linecache.checkcache()
    importlib.invalidate_caches()


def _forget_namesakes(path: Path) -> None:
    """Forget the modules of another source tree whose top-level package has the name of this file's."""
    name = module_of_file(path)
    root = _root(name, path.resolve())
    top = name.partition(".")[0]
    for module, file in _own_modules():
        if module.__name__.partition(".")[0] == top and _root(module.__name__, file.resolve()) != root:
            _forget(module.__name__, file)
    space = sys.modules.get(top)
    if space is not None and getattr(space, "__file__", None) is None and hasattr(space, "__path__"):
        sys.modules.pop(top)  # a namespace package of another place; one of this place is made again


def _is_edited(name: str, file: Path) -> bool:
    looks = _looks(file)
    if name in _imported:
        return looks != _imported[name]
    # Imported by someone else, at a time that nobody noted: since the process began, at the earliest.
    return looks is not None and looks[0] > _process_began() - _SLACK_NS


def _forget(name: str, file: Path) -> None:
    sys.modules.pop(name, None)
    _imported.pop(name, None)
    parent, _, child = name.rpartition(".")
    if parent in sys.modules:  # `from package import module` looks there first
        with contextlib.suppress(AttributeError):
            delattr(sys.modules[parent], child)
    # Its bytecode is told from the source by size and whole seconds: an edit within one may leave both as they were.
    with contextlib.suppress(OSError, NotImplementedError):
        Path(importlib.util.cache_from_source(str(file))).unlink()


def _note(since: int) -> None:
    for module, file in _own_modules():
        looks = _looks(file)
        if module.__name__ not in _imported and looks is not None:
            # Edited while it may have been read: which of the two was imported cannot be told, so it counts as edited.
            _imported[module.__name__] = looks if looks[0] < since else (0, 0)


def _own_modules() -> list[tuple[ModuleType, Path]]:
    """The imported modules of source trees, and their files; namespace packages have none and hold nothing."""
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name == "__main__" or not isinstance(module, ModuleType) or not isinstance(file, str):
            continue
        product = name.partition(".")[0] == "weighbridge" and not name.startswith(f"{_PIPELINES}.")
        path = Path(file)
        if product or module.__name__ != name or path.suffix != ".py" or is_installed(path):
            continue
        if not path.resolve().is_relative_to(_STANDARD_LIBRARY):
            found.append((module, path))
    return found


def _root(name: str, file: Path) -> Path | None:
    """The folder that the module's top-level package lies in."""
    depth = name.count(".") + (file.name == "__init__.py")
    return file.parents[depth] if depth < len(file.parents) else None


def _looks(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _process_began() -> int:
    """When this process began, in nanoseconds since 1970; 0, for always, where the system does not tell."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        up_s = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0
    return time.time_ns() - int((up_s - ticks / os.sysconf("SC_CLK_TCK")) * 1e9)
