"""The pipelines that can be run: those that come with the project, those in a folder, and those that ran before.

Nothing of anybody's is imported: what a module holds is read from its source.
"""

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import weighbridge
from weighbridge.definition import available, name_of
from weighbridge.runs.record import Run
from weighbridge.runs.workspace import Workspace, workspaces

# Folders that hold other people's modules, or none.
_SKIPPED = {"__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist"}
_DEEPEST = 6  # folders below the one that is looked in
_MOST_FILES = 20_000
_MOST_BYTES = 1 << 20
_MARK = b"create_pipeline"


@dataclass(frozen=True)
class Listed:
    """A pipeline that can be run, or a module that was meant to be one.

    Attributes:
        name: of the pipeline, as its folder in the work directory has it.
        reference: what `weighbridge run` takes: a bundled one's name, else a file or import path.
        description: first line of its docstring.
        module: its file; None where it is known from its runs alone.
        problem: why it cannot be run; empty if nothing is wrong with it.
        last: its last run, neither a rehearsal nor a promotion; None if it never ran here.
    """

    name: str
    reference: str
    description: str = ""
    module: Path | None = None
    problem: str = ""
    last: Run | None = None


def pipelines(folder: Path, workdir: str | Path) -> list[Listed]:
    """The pipelines that can be run.

    Args:
        folder: where a user's own are looked for, some folders deep; hidden folders and environments are left out.
        workdir: the work directory, whose runs are told.

    Returns:
        Those in the folder first, then those that ran here and are elsewhere, then the bundled ones, each by name.
    """
    bundled = [_of_file(path, name) for name, path in _bundled()]
    known = [each for each in bundled if each is not None]
    seen = {each.module.resolve() for each in known if each.module}
    own = [_of_file(path, "", folder) for path in _modules(folder, Path(workdir)) if path.resolve() not in seen]
    found = sorted((each for each in own if each is not None), key=lambda each: (each.name, each.reference))
    names = {each.name for each in (*found, *known)}
    others = [
        Listed(space.pipeline, run.record.module)
        for space in workspaces(workdir)
        if space.pipeline not in names and not space.rehearsal and (run := _last(space)) is not None
    ]
    return [replace(each, last=_last(Workspace(workdir, each.name))) for each in (*found, *others, *known)]


def _bundled() -> Iterator[tuple[str, Path]]:
    root = Path(weighbridge.__file__).with_name("pipelines")
    for name in available():
        yield name, root / name / "pipeline.py"


def _modules(folder: Path, workdir: Path) -> Iterator[Path]:
    """Python files below a folder that speak of `create_pipeline`."""
    looked = 0
    for root, folders, files in os.walk(folder):
        here = Path(root)
        deep = len(here.relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if deep < _DEEPEST and not _is_skipped(here / name, workdir))
        for name in sorted(files):
            path = here / name
            if name.endswith(".py") and not name.startswith("test_"):
                looked += 1
                if looked > _MOST_FILES:
                    return
                if _speaks_of_pipelines(path):
                    yield path


def _is_skipped(folder: Path, workdir: Path) -> bool:
    return (
        folder.name.startswith(".")
        or folder.name in _SKIPPED
        or (folder / "pyvenv.cfg").exists()
        or folder.absolute() == workdir.absolute()
    )


def _speaks_of_pipelines(path: Path) -> bool:
    try:
        return path.stat().st_size <= _MOST_BYTES and _MARK in path.read_bytes()
    except OSError:
        return False


def _of_file(path: Path, bundled: str = "", folder: Path | None = None) -> Listed | None:
    """What a module is by its source; None where it defines no `create_pipeline`."""
    reference = bundled or f".{os.sep}{path.relative_to(folder or path.parent)}"
    name = bundled or name_of(_dotted(path), path.parent)
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        return Listed(name, reference, module=path, problem=f"{path.name}{line}: {reason}")
    if not _defines_create_pipeline(tree):
        return None
    given = _assigned(tree, "NAME")
    problem = "" if _has_parameters(tree) else "it has no Parameters, a subclass of weighbridge.Parameters"
    description = (ast.get_docstring(tree) or "").strip().partition("\n")[0]
    return Listed(given or name, reference, description, path, problem)


def _dotted(path: Path) -> str:
    """The name of a module from the outermost package above it."""
    names = [path.stem]
    above = path.parent
    while (above / "__init__.py").exists():
        names.insert(0, above.name)
        above = above.parent
    return ".".join(names)


def _defines_create_pipeline(tree: ast.Module) -> bool:
    """Whether a function of that name takes what Weighbridge hands over, parameters and context; or is assigned."""
    return any(
        (
            isinstance(node, ast.FunctionDef)
            and node.name == "create_pipeline"
            and len(node.args.posonlyargs) + len(node.args.args) == 2
        )
        or (isinstance(node, ast.Assign) and any(_is_name(target, "create_pipeline") for target in node.targets))
        for node in tree.body
    )


def _has_parameters(tree: ast.Module) -> bool:
    return any(
        (isinstance(node, ast.ClassDef) and node.name == "Parameters")
        or (isinstance(node, ast.ImportFrom) and any((each.asname or each.name) == "Parameters" for each in node.names))
        or (isinstance(node, ast.Assign) and any(_is_name(target, "Parameters") for target in node.targets))
        for node in tree.body
    )


def _assigned(tree: ast.Module, name: str) -> str:
    """The text that a module assigns to a name; empty for none."""
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = getattr(node, "value", None)
        if any(_is_name(target, name) for target in targets) and isinstance(value, ast.Constant):
            return value.value if isinstance(value.value, str) else ""
    return ""


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _last(workspace: Workspace) -> Run | None:
    runs = (run for run in workspace.newest_first() if run.record.kind == "run")
    return next(runs, None)
