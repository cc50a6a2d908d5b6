"""The facts that the templates of one component's files are filled with."""

import datetime
import json
import textwrap
from dataclasses import dataclass
from typing import Any

from weighbridge.kubeflow.catalogue import readme_parts
from weighbridge.kubeflow.catalogue.entries import ENTRIES, Entry, upstream
from weighbridge.kubeflow.catalogue.json_keys import KeyTable, key_tables
from weighbridge.kubeflow.catalogue.literals import literal
from weighbridge.kubeflow.compile.descriptions import json_models
from weighbridge.kubeflow.compile.interface import ComponentInterface
from weighbridge.kubeflow.compile.spec import COMMAND

_ARTIFACTS = {
    "system.Artifact": "dsl.Artifact",
    "system.ClassificationMetrics": "dsl.ClassificationMetrics",
    "system.Dataset": "dsl.Dataset",
    "system.HTML": "dsl.HTML",
    "system.Metrics": "dsl.Metrics",
    "system.Model": "dsl.Model",
}
_PARAMETERS = {"STRING": "str", "NUMBER_INTEGER": "int", "NUMBER_DOUBLE": "float", "BOOLEAN": "bool"}


@dataclass(frozen=True)
class Argument:
    """One argument of the component's function.

    Attributes:
        name: its name.
        type: its annotation.
        default: as source; None for none.
        shown_default: as the README's table shows it.
        description: in one line.
    """

    name: str
    type: str
    default: str | None
    shown_default: str
    description: str


@dataclass(frozen=True)
class Page:
    """A component in the catalogue, and whose it is.

    Attributes:
        entry: where it stands.
        interface: what it takes and leaves.
        image: that it runs in.
        owners: names on GitHub.
        verified: the day on which somebody last saw that it works.
        pipelines: versions of Kubeflow Pipelines that it is for.
    """

    entry: Entry
    interface: ComponentInterface
    image: str
    owners: tuple[str, ...]
    verified: datetime.date
    # Their own floor for whatever is in the catalogue; ours, as tested, is lower.
    pipelines: str = ">=2.15.2"

    @property
    def name(self) -> str:
        """Of the component's function."""
        return self.entry.name

    @property
    def title(self) -> str:
        """Of its README, as the catalogue's generator writes titles."""
        return " ".join(word.capitalize() for word in self.entry.listed_name.split("_"))

    @property
    def pinned(self) -> bool:
        """Whether the image is named by its digest."""
        return "@sha256:" in self.image

    @property
    def command(self) -> list[str]:
        """What runs in the container."""
        return COMMAND

    @property
    def arguments(self) -> list[Argument]:
        """Outputs, then inputs and parameters, those with a default last."""
        inputs = self.interface.inputs
        found = [
            *(self._artifact(key, given, "Output") for key, given in self.interface.outputs.items()),
            *(self._artifact(key, given, "Input") for key, given in inputs["artifacts"].items()),
            *(self._parameter(key, given) for key, given in inputs["parameters"].items()),
        ]
        return sorted(found, key=lambda argument: argument.default is not None)

    @property
    def source_constants(self) -> dict[str, str]:
        """What the entry point is given as JSON, as source."""
        traits = json.loads(self.interface.traits.outputs_json())
        constants = {"_INPUTS": self.interface.inputs, "_TYPES": self.interface.types, "_TRAITS": traits}
        return {name: literal(value, before=len(f"{name} = ")) for name, value in constants.items()}

    @property
    def overview(self) -> list[str]:
        """Paragraphs, each in one line."""
        return readme_parts.overview(readme_parts.component_readme(self.name))

    @property
    def gates(self) -> str:
        """The section on gates of its own README."""
        return readme_parts.section(readme_parts.component_readme(self.name), "Gates")

    @property
    def json_parameters(self) -> dict[str, str]:
        """Which parameters are JSON, and of what."""
        return {parameter: model.__name__ for parameter, model in json_models(self.name).items()}

    @property
    def json_defaults(self) -> list[str]:
        """The parameters that are JSON by default."""
        parameters = self.interface.inputs["parameters"]
        return [name for name in self.json_parameters if "defaultValue" in parameters[name]]

    @property
    def json_tables(self) -> list[KeyTable]:
        """The keys of its parameters that are JSON, each kind of object once."""
        tables = [table for model in json_models(self.name).values() for table in key_tables(model)]
        return list({table.title: table for table in tables}.values())

    @property
    def example_steps(self) -> dict[str, Entry]:
        """The components of the example pipeline, in their order, by name."""
        return {entry.name: entry for entry in ENTRIES if entry.name in upstream(self.name)}

    def _artifact(self, key: str, given: dict[str, Any], side: str) -> Argument:
        kind = f"dsl.{side}[{_ARTIFACTS[given['artifactType']['schemaTitle']]}]"
        return self._argument(key, kind, "None" if given.get("isOptional") else None, "None")

    def _parameter(self, key: str, given: dict[str, Any]) -> Argument:
        if "defaultValue" not in given:
            return self._argument(key, _PARAMETERS[given["parameterType"]], None, "None")
        value = given["defaultValue"]
        return self._argument(key, _PARAMETERS[given["parameterType"]], literal(value), str(value) or '""')

    def _argument(self, key: str, kind: str, default: str | None, shown: str) -> Argument:
        return Argument(key, kind, default, shown, self.interface.descriptions[key])


def wrapped(text: str, width: int, indent: int = 0) -> str:
    """A paragraph in lines of at most `width` columns, all but the first indented."""
    filled = textwrap.fill(text, width=width - indent, break_long_words=False, break_on_hyphens=False)
    return filled.replace("\n", "\n" + " " * indent)
