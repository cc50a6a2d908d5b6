"""Finding a pipeline: by its name, its import path, its file or its folder."""

import difflib
import importlib
import os
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import cast

import weighbridge
from weighbridge.common.errors import UsageError
from weighbridge.common.import_string import module_of_file
from weighbridge.common.user_code import errors_of
from weighbridge.definition.pipeline import Definition, Parameters

# Loaded by name alone: the product imports no pipeline.
_SHIPPED = "weighbridge.pipelines"
_MODULE_FILE = "pipeline.py"
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 100
_FOLDER_NAME = re.compile(rf"(?=.{{1,{_LONGEST}}}$)\w[\w-]*([.][\w-]+)*")


def load(reference: str) -> Definition:
    """Load a pipeline.

    Args:
        reference: the name of one that comes with the project; or a user's own, by the import path of its module
            or package (`my_project.pipeline`, `my_project`) or by its file or folder (`./my_project/pipeline.py`).

    Raises:
        UsageError: there is no such pipeline, its module does not import, or lacks what a pipeline needs.
    """
    path = file_of(reference)
    if path is None and not all(map(_nameable, reference.split("."))):
        raise UsageError(f"There is no pipeline {reference!r}{_guess(reference)}", _known())
    if path is not None:
        module_name = module_of_file(path)
    else:
        module_name = f"{_SHIPPED}.{reference}.pipeline" if reference in available() else reference
    module = _module(module_name, reference, path)
    if path is None and _is_package_of_a_pipeline(module):
        module_name = f"{module_name}.pipeline"
        module = _module(module_name, reference, None)
    parameters_type = getattr(module, "Parameters", None)
    create_pipeline = getattr(module, "create_pipeline", None)
    typed = isinstance(parameters_type, type) and issubclass(parameters_type, Parameters)
    if not (typed and callable(create_pipeline)):
        raise UsageError(
            f"Module {module_name!r} is not a pipeline",
            "It needs create_pipeline(parameters, context) and Parameters, a subclass of weighbridge.Parameters.",
        )
    folder = Path(str(module.__file__)).resolve().parent
    name = getattr(module, "NAME", None) or name_of(module_name, folder)
    if not isinstance(name, str) or not _FOLDER_NAME.fullmatch(name):
        raise UsageError(
            f"NAME = {name!r} in {module.__file__} cannot be a pipeline's name: folders and reports are named by it",
            f"Use at most {_LONGEST} letters, digits, _, - and dots within.",
        )
    description = (module.__doc__ or "").strip().partition("\n")[0]
    return Definition(name, module_name, folder, cast(type[Parameters], parameters_type), create_pipeline, description)


def file_of(reference: str) -> Path | None:
    """The file that a reference names a pipeline by, or by its folder; None for a name or an import path."""
    if not (reference.endswith(".py") or os.sep in reference):
        return None
    path = Path(reference)
    return path / _MODULE_FILE if path.is_dir() else path


def _module(name: str, reference: str, path: Path | None) -> ModuleType:
    """Import a pipeline's module.

    Args:
        name: of the module.
        reference: as the user gave it.
        path: its file, where the user gave that.

    Raises:
        UsageError: it does not import, or Python finds another module under its name.
    """
    try:
        with errors_of(f"Pipeline {reference!r}", _place_of, verb="does not import:", passing=ModuleNotFoundError):
            module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not error.name or not f"{name}.".startswith(f"{error.name}."):
            raise UsageError(f"Pipeline {reference!r} does not import: {error}", _place_of(error)) from error
        if path is not None:  # the file is there, so a package above it is another one
            raise _shadowed(name, path) from error
        above = _found_above(name)
        raise UsageError(
            f"There is no pipeline {reference!r}" + (f": {above[0]!r} is {above[1]}" if above else _guess(reference)),
            _known(),
        ) from error
    if path is not None and Path(str(module.__file__)).resolve() != path.resolve():
        raise _shadowed(name, path)
    return module


def _is_package_of_a_pipeline(module: ModuleType) -> bool:
    """Whether a package is none itself, and holds a module `pipeline`."""
    folders = getattr(module, "__path__", ())
    return not hasattr(module, "create_pipeline") and any(Path(folder, _MODULE_FILE).is_file() for folder in folders)


def name_of(module_name: str, folder: Path) -> str:
    """A pipeline's name: its module's, or, where that is `pipeline`, its package's or its folder's."""
    package, _, module = module_name.rpartition(".")
    if module != "pipeline":
        return module
    return package.rpartition(".")[2] or (folder.name if _PLAIN.fullmatch(folder.name) else module)


def _nameable(part: str) -> bool:
    return part.isidentifier() or part in available()


def _guess(reference: str) -> str:
    near = difflib.get_close_matches(reference, [*available(), *_own()], n=1)
    return f". Did you mean {near[0]!r}?" if near else ""


def _known() -> str:
    return (
        f"Known: {', '.join(available())}; or give your own by its file, e.g. ./my_project/pipeline.py, or "
        "by its import path, e.g. my_project.pipeline."
    )


def _place_of(error: BaseException) -> str:
    """Which line of whose file raised an error while a pipeline was imported."""
    if isinstance(error, SyntaxError):
        return f"See {error.filename}, line {error.lineno}."
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    return f"Raised in {frames[-1].filename}, line {frames[-1].lineno}." if frames else ""


def _shadowed(name: str, path: Path) -> UsageError:
    """That Python finds another module or package under the name of a file."""
    other, place = _found_above(name) or (name.partition(".")[0], "something else")
    return UsageError(
        f"{path} cannot be imported as {name}: for Python {other!r} is {place}",
        "Rename the file's folder, or give it an __init__.py if it has none.",
    )


def _found_above(name: str) -> tuple[str, str] | None:
    """The module, or the innermost package above it, that Python found under a name, and where it lies."""
    names = name.split(".")
    above = (".".join(names[:end]) for end in range(len(names), 0, -1))
    other = next((each for each in above if each in sys.modules), None)
    if other is None:
        return None
    module = sys.modules[other]
    return other, getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "built in")


def available() -> list[str]:
    """Names of the pipelines that come with the project."""
    root = Path(str(weighbridge.__file__)).with_name("pipelines")
    return sorted(path.parent.name for path in root.glob("*/pipeline.py"))


def _own() -> list[str]:
    """Names of the pipelines in the folders here."""
    try:
        return sorted(path.parent.name for path in Path.cwd().glob(f"*/{_MODULE_FILE}"))
    except OSError:
        return []
