"""What a pipeline is to Weighbridge: a module with `Parameters` and `create_pipeline`, and files beside it.

A pipeline module, ours or a user's own, holds:

* `Parameters`, a subclass of `weighbridge.definition.Parameters`: what `--set` may change;
* `create_pipeline(parameters, context)`: returns a TFX pipeline; it imports tfx inside, so that loading a
  definition stays fast;
* beside it, `gates.yaml` and `schema.pbtxt`, read through the context.
"""

import difflib
import importlib
import importlib.util
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from weighbridge.common.errors import UsageError
from weighbridge.common.import_string import module_of_file

if TYPE_CHECKING:
    from weighbridge.thresholds import Gates


# Loaded by name alone: the product imports no pipeline.
_SHIPPED = "weighbridge.pipelines"


class Parameters(BaseModel):
    """What every pipeline can be told from the command line; a pipeline adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(description="file, folder, glob or pattern of the input data")


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
            UsageError: an unknown key, a value of the wrong type or an option without `=`.
        """
        values: dict[str, Any] = {} if data is None else {"data": data}
        for setting in settings:
            key, separator, text = setting.partition("=")
            if not separator:
                raise UsageError(f"--set {setting!r} has no value", "Write --set key=value.")
            values[key] = _value(text)
        try:
            return self.parameters_type(**values)
        except ValidationError as error:
            raise self._parameter_error(error) from error

    def _parameter_error(self, error: ValidationError) -> UsageError:
        problem = error.errors()[0]
        key = str(problem["loc"][0]) if problem["loc"] else ""
        fields = self.parameters_type.model_fields
        if problem["type"] == "extra_forbidden":
            close = difflib.get_close_matches(key, fields, n=1)
            guess = f" Did you mean {close[0]!r}?" if close else ""
            return UsageError(f"{self.name} has no parameter {key!r}.{guess}", f"Parameters: {', '.join(fields)}.")
        return UsageError(f"--set {key}={problem['input']!r}: {problem['msg']}", str(fields[key].description or ""))


def load(reference: str) -> Definition:
    """Load a pipeline.

    Args:
        reference: the name of one that comes with the project; or a user's own, by the import path of its module
            (`my_project.pipeline`) or by its file (`./my_project/pipeline.py`).

    Raises:
        UsageError: there is no such pipeline, its module does not import, or lacks what a pipeline needs.
    """
    path = Path(reference) if reference.endswith(".py") or os.sep in reference else None
    if path is not None:
        module_name = module_of_file(path)
    else:
        module_name = f"{_SHIPPED}.{reference}.pipeline" if reference in available() else reference
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise UsageError(
                f"There is no pipeline {reference!r}",
                f"Known: {', '.join(available())}; or give your own by its file, e.g. ./my_project/pipeline.py, or "
                "by its import path, e.g. my_project.pipeline.",
            ) from error
        raise UsageError(f"Pipeline {reference!r} does not import: {error}") from error
    if path is not None and Path(str(module.__file__)).resolve() != path.resolve():
        raise UsageError(
            f"{reference} cannot be imported as {module_name}: Python finds {module.__file__} under that name",
            "Rename its package, or run from the folder that holds it.",
        )
    parameters_type = getattr(module, "Parameters", None)
    create_pipeline = getattr(module, "create_pipeline", None)
    typed = isinstance(parameters_type, type) and issubclass(parameters_type, Parameters)
    if not (typed and callable(create_pipeline)):
        raise UsageError(
            f"Module {module_name!r} is not a pipeline",
            "It needs create_pipeline(parameters, context) and Parameters, a subclass of weighbridge.Parameters.",
        )
    name = getattr(module, "NAME", None) or module_name.removesuffix(".pipeline").rpartition(".")[2]
    folder = Path(str(module.__file__)).resolve().parent
    description = (module.__doc__ or "").strip().partition("\n")[0]
    return Definition(name, module_name, folder, cast(type[Parameters], parameters_type), create_pipeline, description)


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
