"""What a pipeline module holds: its parameters, where it runs, and what is known of it once it is loaded."""

import difflib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_serializer

from weighbridge.common import secrets
from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    from weighbridge.thresholds import Gates

_LONGEST_SHOWN = 200


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
        rehearsal: whether nothing will be pushed, as in an experiment: what others depend on is read, and not written.
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
    rehearsal: bool = False

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


def _value(text: str) -> Any:
    """A JSON value where it is one, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
