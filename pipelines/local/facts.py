"""The facts a run's outcome depends on, told from digests alone, before any heavy library loads.

Two runs with the same facts have the same outcome, so the second need not start.
"""

import re
import sysconfig
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from components.common.digests import code_digest, file_digest, value_digest
from components.common.dotted import module_of
from components.common.errors import UsageError
from components.example_gen.resolve import fingerprint
from components.production_model.record import record_digest
from pipelines.definition import Context, Definition, Parameters

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_INSTALLED = tuple({sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), sysconfig.get_path("stdlib")})
_NOT_INPUTS = {".md", ".pyc", ".ipynb"}


def declared(definition: Definition, parameters: Parameters, functions: Iterable[str]) -> dict[str, Any]:
    """What a run is made of; to be told before its steps start, since files may be edited while they run.

    Args:
        definition: the pipeline.
        parameters: its parameters.
        functions: modules of the user's dotted functions that its steps call.
    """
    return {
        "code": code_digest(sorted({definition.module, "components", *functions})),
        "functions": sorted(functions),
        "files": folder_digest(definition.folder),
        "parameters": value_digest(parameters.model_dump(mode="json")),
    }


def met(inputs: Sequence[dict[str, Any]], digests: Sequence[str], context: Context) -> dict[str, Any]:
    """What a run meets: the data, and production as it leaves it.

    Args:
        inputs: what its ExampleGens read: `{"input", "span", "window"}` each.
        digests: `fingerprint` of each of these when it was read.
        context: where it runs.
    """
    return {
        "inputs": list(inputs),
        "data": value_digest(list(digests)),
        "production": record_digest(context.production),
    }


def still_hold(facts: dict[str, Any], definition: Definition, parameters: Parameters, context: Context) -> bool:
    """Whether the facts of an earlier run are still so. What cannot be told has changed."""
    try:
        # The data last: a difference in anything cheaper is told before gigabytes are read.
        now = declared(definition, parameters, facts["functions"])
        if any(facts[name] != value for name, value in now.items()):
            return False
        inputs = facts["inputs"]
        return facts == now | met(inputs, [fingerprint(**given) for given in inputs], context)
    except (UsageError, OSError, KeyError, TypeError):
        return False


def folder_digest(folder: Path) -> str:
    """Digest of the files beside a pipeline's definition (thresholds, schema); documentation does not count."""
    found = (path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix not in _NOT_INPUTS)
    return value_digest({path.name: file_digest(path) for path in found})


def function_modules(exec_properties: dict[str, Any]) -> set[str]:
    """Modules of the dotted functions among a component's execution properties, e.g. of `run_fn`."""
    candidates = {value for value in exec_properties.values() if isinstance(value, str) and _DOTTED.fullmatch(value)}
    return {module_of(value) for value in candidates if is_own_source(module_of(value))}


def is_own_source(module: str) -> bool:
    """Whether a module is Python source that is worked on, not an installed library."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return False
    origin = spec.origin if spec else None
    return bool(origin) and str(origin).endswith(".py") and not str(origin).startswith(_INSTALLED)
