"""What is checked: a pipeline's definition, its thresholds, its schema, and its components as it builds them.

Each part is read as far as it can be: what is wrong with one is a finding, and the checks of the others go on.
"""

import copy
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common.yaml_file import YamlFile
from weighbridge.components.evaluator.request import COMPUTE
from weighbridge.components.traits import ComponentTraits
from weighbridge.definition import Context, Definition, Parameters
from weighbridge.thresholds import Gates
from weighbridge.thresholds.gates_file import problems_of

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

_MOST_ROUNDS = 20


@dataclass(frozen=True)
class CheckedContext(Context):
    """A context whose thresholds are what is sound of the file, so that the pipeline is built in spite of the rest."""

    sound: Gates | None = None

    @property
    def gates(self) -> Gates:
        """The thresholds, without what is wrong in the file."""
        return super().gates if self.sound is None else self.sound

    @classmethod
    def of(cls, context: Context, sound: Gates | None) -> "CheckedContext":
        """A context with these thresholds."""
        return cls(**{each.name: getattr(context, each.name) for each in fields(Context)}, sound=sound)


@dataclass(frozen=True)
class Node:
    """A component of the built pipeline: its id, its parameters, and what it declares."""

    id: str
    parameters: Mapping[str, Any]
    traits: ComponentTraits
    component: Any

    def functions(self) -> Iterator[tuple[str, str]]:
        """Parameters that name a function, `run_fn`, and the function's dotted name; also inside JSON parameters."""
        for name, value in self.parameters.items():
            inside = as_json(value)
            for key, each in {name: value, **inside}.items():
                if key.endswith("_fn") and isinstance(each, str) and "." in each:
                    yield key, each


@dataclass
class Subject:
    """What is checked.

    Attributes:
        definition: the pipeline.
        context: where it would run.
        words: how the command line names the pipeline, for commands to run next.
        kubeflow: whether it is to run on Kubeflow, too.
        parameters: None where they are wrong.
        gates_file: None where there is none, or it is no YAML.
        gates: what is sound of the thresholds; None where nothing is.
        schema: None where there is none, or it cannot be read.
        schema_lines: line of each feature's name in its file.
        nodes: None where the pipeline could not be built.
    """

    definition: Definition
    context: Context
    words: tuple[str, ...] = ()
    kubeflow: bool = False
    parameters: Parameters | None = None
    gates_file: YamlFile | None = None
    gates: Gates | None = None
    schema: "schema_pb2.Schema | None" = None
    schema_lines: dict[str, int] = field(default_factory=dict)
    nodes: tuple[Node, ...] | None = None

    @property
    def gates_path(self) -> Path:
        """The thresholds file."""
        return self.context.folder / "gates.yaml"

    def line(self, *location: str | int) -> int | None:
        """Line of a key of the thresholds file, or of the nearest above it that is there."""
        lines = self.gates_file.lines if self.gates_file else {}
        found = tuple(map(str, location))
        while found and found not in lines:
            found = found[:-1]
        return lines.get(found) if found else None

    def place_of(self, text: str) -> tuple[Path | None, int | None]:
        """File and line of the definition's module that hold a text, such as the name of a function."""
        file = getattr(sys.modules.get(self.definition.module), "__file__", None)
        try:
            lines = Path(file).read_text("utf-8").splitlines() if file else []
        except (OSError, UnicodeDecodeError):
            return None, None
        line = next((number for number, line in enumerate(lines, 1) if text in line), None)
        return (Path(str(file)), line) if line else (None, None)

    @property
    def features(self) -> dict[str, Any]:
        """The schema's features by name."""
        return {feature.name: feature for feature in self.schema.feature} if self.schema is not None else {}

    def weighs_reviewed_rows(self, node: Node) -> bool:
        """Whether a component weighs on the rows that the reviewed schema describes, and cuts them itself.

        Another step may make rows of its own, and a metrics provider slices of its own.
        """
        fed = dict(node.component.inputs).get("examples")
        producer = next(
            (each for each in self.nodes or () if each.id == getattr(fed, "producer_component_id", "")), None
        )
        reviewed = producer is not None and bool(producer.parameters.get("schema"))
        return reviewed and node.parameters.get("metrics_fn") == COMPUTE

    def nodes_with(self, *names: str) -> list[Node]:
        """Components that have parameters of these names."""
        return [node for node in self.nodes or () if all(name in node.parameters for name in names)]


def as_json(value: Any) -> dict[str, Any]:
    """The object that a parameter is as JSON; empty for any other value."""
    try:
        found = json.loads(value)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def sound_part(file: YamlFile) -> Gates | None:
    """The thresholds without the keys that are wrong; None where what is left makes no thresholds file."""
    content = copy.deepcopy(file.content)
    for _ in range(_MOST_ROUNDS):
        gates, problems = problems_of(content, file)
        if gates is not None:
            return gates
        removed = [_removed(content, problem.location) for problem in problems]
        if not any(removed):
            return None
    return None


def _removed(content: Any, location: tuple[int | str, ...]) -> bool:
    """Remove the innermost value at a location that is there; whether there was one."""
    places: list[tuple[Any, Any]] = []
    for part in location:
        if isinstance(content, dict):
            key = next((key for key in content if str(key) == str(part)), None)
            if key is None:
                continue  # the name of a type that a validator put in between
            places.append((content, key))
            content = content[key]
        elif isinstance(content, list) and isinstance(part, int) and part < len(content):
            places.append((content, part))
            content = content[part]
    if not places:
        return False
    holder, key = places[-1]
    del holder[key]
    return True
