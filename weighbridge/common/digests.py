"""SHA-256 digests of files, folders, values and code: what a verdict is bound to and what a cache is keyed by.

A digest is written `sha256:<64 hex digits>`.
"""

import dis
import functools
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata
from importlib.machinery import PathFinder
from modulefinder import ModuleFinder
from pathlib import Path
from types import CodeType
from typing import Any

from weighbridge.common.errors import UsageError

_SOURCE, _PACKAGE = 1, 5  # what modulefinder calls a file with source code, and a package
_INSTALLED = {"site-packages", "dist-packages"}

# A change of one of these changes what a component computes.
LIBRARIES = (
    "tfx",
    "tensorflow",
    "keras",
    "tensorflow-data-validation",
    "tensorflow-model-analysis",
    "apache-beam",
    "pyarrow",
)


def bytes_digest(data: bytes) -> str:
    """Digest of raw bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def value_digest(value: Any) -> str:
    """Digest of a JSON value, independent of the order of its keys."""
    return bytes_digest(json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode())


def file_digest(path: str | Path) -> str:
    """Digest of one file's bytes, read in chunks of 1 MiB."""
    with Path(path).open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def tree_digest(folder: str | Path) -> str:
    """Digest of a folder: the relative names and bytes of the files below it, in sorted order.

    Empty folders, times and permissions do not count: two copies of a model have one digest.

    Raises:
        UsageError: there is no such folder, or no file in it.
    """
    folder = Path(folder)
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.as_posix())
    if not files:
        raise UsageError(f"Nothing to take a digest of in {folder}", "Expected a folder with at least one file.")
    return tree_digest_of({path.relative_to(folder).as_posix(): file_digest(path) for path in files})


def tree_digest_of(files: Mapping[str, str]) -> str:
    """As `tree_digest` of a folder, given the digest of each of its files by relative name, with slashes."""
    return value_digest([[name, files[name]] for name in sorted(files)])


def folder_digest(folder: str | Path) -> str:
    """As `tree_digest`; empty where there is no such folder, or no file in it."""
    filled = any(path.is_file() for path in Path(folder).rglob("*"))
    return tree_digest(folder) if filled else ""


def code_digest(modules: Iterable[str]) -> str:
    """Digest of modules' sources, of all they import from their own source trees, and of the libraries' versions.

    Nothing is imported: the standard library's modulefinder reads the import statements. A package stands for
    all modules in it. Installed packages (site-packages) and the standard library are followed no further; the
    versions of the libraries that compute (`LIBRARIES`) count instead.

    Args:
        modules: dotted names of modules or packages, e.g. `weighbridge.components.evaluator`, `my_pipeline.model`.

    Raises:
        UsageError: a module cannot be found or has no Python source.
    """
    return _code_digest(tuple(sorted(set(modules))))


def forget() -> None:
    """Read sources again where their digest is asked for next: a process that goes on meets edited ones."""
    _code_digest.cache_clear()


@functools.cache
def _code_digest(modules: tuple[str, ...]) -> str:
    return value_digest({"sources": _file_digests(source_files(modules)), "libraries": library_versions()})


def _file_digests(paths: Mapping[str, Path]) -> dict[str, str]:
    return {name: file_digest(path) for name, path in sorted(paths.items())}


def files_digest(paths: Mapping[str, Path]) -> str:
    """Digest of files by the names they are given, wherever they lie."""
    return value_digest(_file_digests(paths))


def library_versions() -> dict[str, str]:
    """Installed version of each distribution in `LIBRARIES`; missing ones are left out."""
    versions = {"python": "{}.{}.{}".format(*sys.version_info[:3])}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def source_files(modules: Iterable[str], moved: Callable[[Path], Path] | None = None) -> dict[str, Path]:
    """Python files of `modules` and of the first-party modules they import, by module name.

    Args:
        modules: dotted names of modules or packages.
        moved: where to look in a source tree instead, for example in that of another revision. A module that is not
            there has no file.

    Raises:
        UsageError: a module cannot be found or has no Python source.
    """
    found: dict[str, Path] = {}
    for module in modules:
        root, names = _own_modules(module, moved)
        finder = _OwnFinder(root, module.partition(".")[0])
        for name in names:
            finder.import_hook(name)
        found |= {
            name: Path(file) for name, part in finder.modules.items() if (file := getattr(part, "__file__", None))
        }
    return found


_Import = tuple[int, str, list[str]]  # level, module, names; as in `from ..module import names` of level 2
_IMPORT_NAME = dis.opmap["IMPORT_NAME"]
# The import statements of each file that was read, and what the file was then.
_statements: dict[str, tuple[tuple[int, ...], list[_Import]]] = {}


class _OwnFinder(ModuleFinder):
    """Finds what lies in one source tree, namespace packages too; of an installed package nothing but itself.

    Args:
        root: the folder that the tree's top-level packages lie in.
        package: the top-level package that is asked for.
    """

    def __init__(self, root: Path, package: str) -> None:
        super().__init__(path=[str(root)])
        self._only = package if is_installed(root) else ""

    def find_module(self, name: str, path: Any, parent: Any = None) -> Any:
        """As modulefinder has it, but for the limit and for packages without an `__init__.py`."""
        # No path: a top-level name. Inside a package, `__init__` is asked for without a parent too.
        if path is None and self._only and name != self._only:
            raise ImportError(name)
        spec = PathFinder.find_spec(name, self.path if path is None else path)
        if spec is not None and spec.origin is None and spec.submodule_search_locations:
            return None, next(iter(spec.submodule_search_locations)), ("", "", _PACKAGE)
        return super().find_module(name, path, parent)

    def load_module(self, fqname: str, fp: Any, pathname: str, file_info: Any) -> Any:
        """As modulefinder has it, but a file that was read before is read no second time while it is as it was."""
        if file_info[2] != _SOURCE:
            return super().load_module(fqname, fp, pathname, file_info)
        stat = os.fstat(fp.fileno())
        state = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)
        known, statements = _statements.get(pathname, (None, []))
        if known != state:
            statements = list(self._imports(compile(fp.read(), pathname, "exec")))
            _statements[pathname] = state, statements
        module: Any = self.add_module(fqname)
        module.__file__ = pathname
        for level, name, names in statements:
            if level and not name:  # from . import names
                parent: Any = self.determine_parent(module, level=level)
                self._safe_import_hook(parent.__name__, None, names, level=0)  # type: ignore[attr-defined]
            else:
                self._safe_import_hook(name, module, names, level=level)  # type: ignore[attr-defined]
        return module

    def _imports(self, code: CodeType) -> Iterator[_Import]:
        """The import statements in compiled code, whatever they stand in."""
        if _IMPORT_NAME in code.co_code[::2]:  # few functions import anything, and taking code apart is slow
            for what, found in self.scan_opcodes(code):
                if what == "store":
                    continue
                level, names, name = (0, *found) if what == "absolute_import" else found
                yield level, name or "", [each for each in names or () if each != "*"]
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from self._imports(constant)

    def load_package(self, fqname: str, pathname: str) -> Any:
        """As modulefinder has it; a namespace package has no code of its own."""
        if Path(pathname, "__init__.py").exists():
            return super().load_package(fqname, pathname)
        package: Any = self.add_module(fqname)
        package.__path__ = [pathname]
        return package


def is_installed(path: Path) -> bool:
    """Whether a file or folder lies where pip or a distribution installs: other libraries lie there too."""
    return not _INSTALLED.isdisjoint(path.parts) or (path.is_dir() and any(path.glob("*.dist-info")))


def _own_modules(module: str, moved: Callable[[Path], Path] | None = None) -> tuple[Path, list[str]]:
    """The folder a module's top-level package lies in, and the module's name, or all names in it if a package."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError) as error:
        raise UsageError(f"Module {module!r} cannot be found: {error}") from error
    locations = list(spec.submodule_search_locations or ()) if spec else []
    if spec is not None and spec.origin and spec.origin.endswith(".py"):
        origin = Path(spec.origin)
    elif spec is not None and spec.origin is None and locations:  # a namespace package
        origin = Path(locations[0], "__init__.py")
    else:
        raise UsageError(f"Module {module!r} cannot be found as Python source", "Is its folder on PYTHONPATH?")
    is_package = bool(locations)
    root = (origin.parent if is_package else origin).parents[module.count(".")]
    # Only the root: a link below it, such as `weighbridge/components`, leads to a folder of another name.
    origin, root = root.resolve() / origin.relative_to(root), root.resolve()
    if moved is not None:
        origin, root = moved(origin), moved(root)
    files = sorted(origin.parent.rglob("*.py")) if is_package else [origin] if origin.exists() else []
    names = (".".join(file.relative_to(root).with_suffix("").parts) for file in files)
    return root, [name.removesuffix(".__init__") for name in names]
