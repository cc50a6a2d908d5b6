"""The traits of the components in a pipeline: as declared, or by TFX's conventions where nothing is declared.

This is the only place that recognises components by the names of classes, types and parameters.
"""

import difflib
from collections.abc import Iterable
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.components.traits import ComponentTraits, DataParameters

_STOCK_ROOT = "tfx."
# Stock components that read files or a service behind their inputs' backs: Kubeflow runs no drivers that would see it.
_OUTSIDE_STATE = ("FileBasedExampleGen",)
# Parameters of the components of TFX and of ours, which users' own components took over.
_READS = DataParameters(input="input", digest="input_digest", span="span", window="window")
_SAMPLE = ("sample",)
_CODE_DIGEST = ("code_digest",)
_DESTINATION = ("push_destination", "destination")
_THRESHOLDS = ("gates", "quality", "latency")


def traits_of(component: Any) -> ComponentTraits:
    """The traits of a TFX component or node.

    Args:
        component: a node of a pipeline, or a component's class.

    Raises:
        UsageError: its `TRAITS` are not `ComponentTraits`, or name an output or parameter that it does not have.
    """
    declared = getattr(component, "TRAITS", None)
    if declared is None:
        return _by_convention(component)
    name = getattr(component, "__name__", type(component).__name__)
    if not isinstance(declared, ComponentTraits):
        raise UsageError(
            f"{name}.TRAITS is {declared!r}, not a ComponentTraits",
            "Declare TRAITS = ComponentTraits(gates=(...,)), from weighbridge.components.traits.",
        )
    specification = component.SPEC_CLASS
    _check_names(name, "output", declared.output_names, specification.OUTPUTS)
    _check_names(name, "parameter", declared.parameter_names, specification.PARAMETERS)
    return declared


def is_stock(component: Any, name: str) -> bool:
    """Whether a node is TFX's own component of that class name, or derived from it."""
    classes = component.__mro__ if isinstance(component, type) else type(component).__mro__
    return any(each.__name__ == name and each.__module__.startswith(_STOCK_ROOT) for each in classes)


def _by_convention(component: Any) -> ComponentTraits:
    types = {key: channel.type_name for key, channel in getattr(component, "outputs", {}).items()}
    parameters = getattr(component, "exec_properties", {})
    pushes = _first(key for key, name in types.items() if name == "PushedModel")
    return ComponentTraits(
        pushes=pushes,
        examples=_first(key for key, name in types.items() if name == "Examples"),
        report=False,
        reads=_READS if {_READS.input, _READS.digest, _READS.span, _READS.window} <= set(parameters) else None,
        sample=_first(name for name in _SAMPLE if name in parameters),
        destination=_first(name for name in _DESTINATION if pushes and name in parameters),
        thresholds=tuple(name for name in _THRESHOLDS if name in parameters),
        code_digest=_first(name for name in _CODE_DIGEST if name in parameters),
        outside_state=any(is_stock(component, name) for name in _OUTSIDE_STATE),
    )


def _first(names: Iterable[str]) -> str:
    return next(iter(names), "")


def _check_names(component: str, kind: str, named: Iterable[str], known: Iterable[str]) -> None:
    known = sorted(known)
    for name in sorted(set(named) - set(known)):
        close = difflib.get_close_matches(name, known, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise UsageError(
            f"{component}.TRAITS names the {kind} {name!r}, which {component} does not have.{guess}",
            f"{kind.capitalize()}s of {component}: {', '.join(known) or 'none'}.",
        )
