"""One of our components as KFP sees it: what it takes and leaves, and the arguments of the step that runs it."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from weighbridge.common.digests import code_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.traits import ComponentTraits
from weighbridge.kubeflow.compile import descriptions
from weighbridge.kubeflow.compile.parameters import TYPES
from weighbridge.kubeflow.compile.spec import ui_artifacts
from weighbridge.runs.component_traits import traits_of

ROOT = "weighbridge.components"
_VERSION = "0.0.1"
# KFP checks types between components, and knows its own only; all others are artifacts to it. TFX says which of its
# types are of these base types; an argument of the entry point says which of TFX's types each artifact has.
_KFP_TYPES = {"Dataset": "system.Dataset", "Model": "system.Model"}


@dataclass(frozen=True)
class ComponentInterface:
    """A component by its TFX specification, its traits and its docstrings.

    Attributes:
        name: folder below `components`.
        kind: the TFX component, a class.
        traits: what it declares.
        inputs: `inputDefinitions`, without descriptions.
        outputs: artifacts of `outputDefinitions`.
        types: TFX's types of inputs and outputs, by name.
    """

    name: str
    kind: Any
    traits: ComponentTraits
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    types: dict[str, str]

    @property
    def summary(self) -> str:
        """What it is, in one line."""
        return (self.kind.__doc__ or "").strip().splitlines()[0].partition("; see the README")[0].rstrip(".")

    @property
    def executor(self) -> str:
        """Dotted name of the class that does the work."""
        executor = self.kind.EXECUTOR_SPEC.executor_class
        return f"{executor.__module__}.{executor.__qualname__}"

    @property
    def arguments(self) -> list[str]:
        """Of the entry point; the launcher puts `ExecutorInput` in for `{{$}}`."""
        return [
            *("--executor_class_path", self.executor),
            *("--json_serialized_invocation_args", "{{$}}"),
            *("--json_serialized_inputs_spec_args", json.dumps(self.inputs, sort_keys=True)),
            *("--artifact_types", json.dumps(self.types, sort_keys=True)),
            *("--traits", self.traits.outputs_json()),
        ]

    @cached_property
    def descriptions(self) -> dict[str, str]:
        """What inputs, outputs and parameters are, each in one line; what nobody described is left out."""
        import docstring_parser

        of_arguments = docstring_parser.parse(self.kind.__init__.__doc__ or "").params
        told = {each.arg_name: " ".join((each.description or "").split()) for each in of_arguments}
        told |= descriptions.for_kfp(self.name)
        names = (*self.inputs["artifacts"], *self.inputs["parameters"], *self.outputs)
        return {name: told[name] for name in names if name in told}

    @property
    def described_inputs(self) -> dict[str, Any]:
        """`inputDefinitions` with descriptions, for people."""
        return {
            side: {
                key: given | ({"description": self.descriptions[key]} if key in self.descriptions else {})
                for key, given in definitions.items()
            }
            for side, definitions in self.inputs.items()
        }


def component_names() -> list[str]:
    """All components: folders below `components` with a `component.py`."""
    root = Path(str(import_module(ROOT).__file__)).parent
    return sorted(path.parent.name for path in root.glob("*/component.py"))


def component_interface(name: str) -> ComponentInterface:
    """Read a component off its class.

    Args:
        name: folder of the component below `components`.

    Raises:
        UsageError: there is no such component.
    """
    known = component_names()
    if name not in known:
        raise UsageError(f"There is no component {name!r}", f"Components: {', '.join(known)}.")
    module = import_module(f"{ROOT}.{name}.component")
    wanted = name.replace("_", "")
    kind = next(value for key, value in vars(module).items() if key.lower() == wanted)
    traits = traits_of(kind)
    channels = {**kind.SPEC_CLASS.INPUTS, **kind.SPEC_CLASS.OUTPUTS}
    return ComponentInterface(
        name=name,
        kind=kind,
        traits=traits,
        inputs={
            "artifacts": {
                key: _artifact(channel.type) | ({"isOptional": True} if channel.optional else {})
                for key, channel in kind.SPEC_CLASS.INPUTS.items()
            },
            "parameters": _parameters(name, kind, traits),
        },
        outputs={key: _artifact(channel.type) for key, channel in kind.SPEC_CLASS.OUTPUTS.items()}
        | ui_artifacts(traits),
        types={key: f"tfx.{channel.type.TYPE_NAME}" for key, channel in channels.items()},
    )


def _parameters(name: str, kind: Any, traits: ComponentTraits) -> dict[str, Any]:
    defaults = {**_defaults_of_arguments(kind), **traits.defaults, **dict.fromkeys(traits.filled_in, "")}
    if traits.code_digest:
        defaults[traits.code_digest] = code_digest([f"{ROOT}.{name}"])
    return {
        key: {"parameterType": TYPES.get(parameter.type, "STRING")}
        | ({"defaultValue": defaults[key], "isOptional": True} if key in defaults else {})
        for key, parameter in kind.SPEC_CLASS.PARAMETERS.items()
    }


def _defaults_of_arguments(kind: Any) -> Mapping[str, Any]:
    """Defaults of the arguments that become the execution property of the same name as they are."""
    arguments = inspect.signature(kind.__init__).parameters
    types = {key: parameter.type for key, parameter in kind.SPEC_CLASS.PARAMETERS.items()}
    return {
        key: arguments[key].default
        for key, of_type in types.items()
        if key in arguments and type(arguments[key].default) is of_type
    }


def _artifact(artifact_type: Any) -> dict[str, Any]:
    base = getattr(artifact_type.TYPE_ANNOTATION, "__name__", "")
    title = _KFP_TYPES.get(base, "system.Artifact")
    return {"artifactType": {"schemaTitle": title, "schemaVersion": _VERSION}}
