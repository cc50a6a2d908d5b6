"""What a pipeline is to Weighbridge: a module with `Parameters` and `create_pipeline`, and files beside it.

A pipeline module, ours or a user's own, holds:

* `Parameters`, a subclass of `weighbridge.definition.Parameters`: what `--set` may change;
* `create_pipeline(parameters, context)`: returns a TFX pipeline; it imports tfx inside, so that loading a
  definition stays fast;
* beside it, `gates.yaml` and `schema.pbtxt`, read through the context.
"""

import difflib
import importlib
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_serializer

from weighbridge.common import secrets
from weighbridge.common.errors import UsageError
from weighbridge.common.import_string import module_of_file
from weighbridge.common.user_code import errors_of

if TYPE_CHECKING:
    from weighbridge.thresholds import Gates


# Loaded by name alone: the product imports no pipeline.
_SHIPPED = "weighbridge.pipelines"
_MODULE_FILE = "pipeline.py"
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 100
_LONGEST_SHOWN = 200
_FOLDER_NAME = re.compile(rf"(?=.{{1,{_LONGEST}}}$)\w[\w-]*([.][\w-]+)*")


class Parameters(BaseModel):
    """What every pipeline can be told from the command line; a pipeline adds its own.

    What a pipeline is told is kept in plain. So a secret is a field of type `SecretStr` that is given the name of an
    environment variable, `--set password=env:DB_PASSWORD`. Its `get_secret_value()` is the reference
    `{env:DB_PASSWORD}`: hand that to a component, alone or inside a text, and its executor gets the value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    data: str = Field(description="file, folder, glob or pattern of the input data")

    @model_serializer(mode="wrap")
    def _with_references(self, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """References to secrets are none themselves; a secret stays hidden, as pydantic has it."""
        dumped = handler(self)
        for name, value in self:
            if isinstance(value, SecretStr) and name in dumped:
                dumped[name] = secrets.reference(value.get_secret_value()) or dumped[name]
        return dumped


@dataclass(frozen=True)
class Context:
    """Where a pipeline runs and keeps things; handed to `create_pipeline`.

    Attributes:
        name: the pipeline's name.
        folder: the folder of its definition, holding `gates.yaml` and `schema.pbtxt`.
        root: root of its artifacts (TFX's pipeline_root).
        metadata: sqlite file of ML Metadata; empty where the platform has its own.
        schema: the reviewed schema; by default the one beside the definition.
        production: what is looked up as production, and where models are pushed to by default.
        history: folder that keeps statistics of earlier spans.
        checkpoints: folder for training's checkpoints.
        deliver_to: where models are pushed to, if not to production.
        sample: share of the data that is used, above 0 up to 1; below 1 in a rehearsal.
    """

    name: str
    folder: Path
    root: str
    production: str
    history: str
    checkpoints: str
    metadata: str = ""
    schema: Path = Path()
    deliver_to: str = ""
    sample: float = 1.0

    def __post_init__(self) -> None:
        if self.schema == Path():
            object.__setattr__(self, "schema", self.folder / "schema.pbtxt")

    @property
    def destination(self) -> str:
        """Where the pipeline's Pusher pushes to."""
        return self.deliver_to or self.production

    @property
    def gates(self) -> "Gates":
        """The thresholds beside the pipeline."""
        from weighbridge.thresholds.gates_file import load_gates

        return load_gates(self.folder / "gates.yaml")

    def pipeline(self, components: Iterable[Any], **options: Any) -> Any:
        """A TFX pipeline of `components` that is named, rooted and cached as this context says."""
        from tfx.orchestration import metadata, pipeline

        connection = metadata.sqlite_metadata_connection_config(self.metadata) if self.metadata else None
        return pipeline.Pipeline(
            pipeline_name=self.name,
            pipeline_root=self.root,
            components=list(components),
            enable_cache=True,
            metadata_connection_config=connection,
            **options,
        )


@dataclass(frozen=True)
class Definition:
    """A loaded pipeline module; `description` is the first line of its docstring."""

    name: str
    module: str
    folder: Path
    parameters_type: type[Parameters]
    create_pipeline: Callable[[Any, Context], Any]
    description: str = ""

    def parameters(self, data: str | None = None, settings: Iterable[str] = ()) -> Parameters:
        """Validate `--data` and `--set key=value` options.

        Raises:
            UsageError: an unknown key, a value of the wrong type, an option without `=`, or a secret in plain.
        """
        values: dict[str, Any] = {} if data is None else {"data": data}
        for setting in settings:
            key, separator, text = setting.partition("=")
            if not separator:
                raise UsageError(f"--set {setting!r} has no value", "Write --set key=value.")
            try:
                values[key] = _value(text)
            except RecursionError as error:
                raise UsageError(
                    f"--set {key}: the value is nested too deeply", "Give a shorter value, or a file's name."
                ) from error
        for key, value in values.items():
            values[key] = self._without_secret(key, value)
        try:
            parameters = self.parameters_type(**values)
        except ValidationError as error:
            raise self._parameter_error(error) from error
        for key, value in parameters:  # those that are not given
            self._without_secret(key, value.get_secret_value() if isinstance(value, SecretStr) else value)
        return parameters

    def _without_secret(self, key: str, value: Any) -> Any:
        """A parameter's value; of a secret the reference.

        Raises:
            UsageError: it is, or holds, a secret in plain. The message does not show it.
        """
        field = self.parameters_type.model_fields.get(key)
        declared = field is not None and "SecretStr" in str(field.annotation)
        if declared and isinstance(value, str) and value:
            if found := secrets.reference(value):
                return found
        elif not (place := secrets.exposed(key, value)):
            return value
        elif key == "data":
            raise UsageError(
                "--data has a password or token in its address, and where data lie is kept in plain",
                "Give the plain address: the store's own variables say who asks, such as "
                "GOOGLE_APPLICATION_CREDENTIALS or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            )
        else:
            key = place
        variable = re.sub(r"\W", "_", key.rpartition(".")[2]).upper()
        raise UsageError(
            f"{self.name}'s parameter {key} holds a secret, and parameters are kept in plain",
            f"Put it into an environment variable, say {variable}, and write {{env:{variable}}} in its place: the step "
            "that uses it gets the value.",
        )

    def _parameter_error(self, error: ValidationError) -> UsageError:
        problem = error.errors()[0]
        key = str(problem["loc"][0]) if problem["loc"] else ""
        fields = self.parameters_type.model_fields
        if problem["type"] == "extra_forbidden":
            close = difflib.get_close_matches(key, fields, n=1)
            guess = f" Did you mean {close[0]!r}?" if close else ""
            return UsageError(f"{self.name} has no parameter {key!r}.{guess}", f"Parameters: {', '.join(fields)}.")
        return UsageError(
            f"--set {key}={_shown(problem['input'])}: {problem['msg']}", str(fields[key].description or "")
        )


def _shown(value: object) -> str:
    """A value as a message quotes it: a long one by its beginning."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}… ({len(text):,} characters)"


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
    close = difflib.get_close_matches(reference, available(), n=1)
    return f". Did you mean {close[0]!r}?" if close else ""


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
    root = Path(__file__).with_name("pipelines")
    return sorted(path.parent.name for path in root.glob("*/pipeline.py"))


def _value(text: str) -> Any:
    """A JSON value where it is one, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
