"""What a run's outcome depends on, as digests, before any heavy library loads.

Two runs with the same fingerprint have the same outcome, so the second need not start. Its parts are kept apart, so
that a plan can name what changed.
"""

import contextlib
import json
import os
import re
import sysconfig
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from weighbridge.common.digests import (
    LIBRARIES,
    file_digest,
    files_digest,
    is_installed,
    library_versions,
    source_files,
    value_digest,
)
from weighbridge.common.environment import IMAGE_VARIABLE
from weighbridge.common.errors import UsageError, WeighbridgeError
from weighbridge.common.import_string import module_of
from weighbridge.common.text import masked
from weighbridge.components.example_gen.resolve import input_digest, resolve
from weighbridge.components.production_model.standing import record_digest, standing, verify_production
from weighbridge.definition import Context, Definition, Parameters
from weighbridge.runs.component_traits import traits_of
from weighbridge.storage.destination import open_destination
from weighbridge.storage.schemes import is_address
from weighbridge.thresholds import THRESHOLDS_FILE

OWN_MODEL = "the model of this run"

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
# What `library_versions` stands for.
_VERSIONED = {name.replace("-", "_") for name in LIBRARIES}
_STANDARD_LIBRARY = sysconfig.get_path("stdlib")
_NOT_INPUTS = {".md", ".pyc", ".ipynb"}
_LONG = 80  # characters, from which a value's digest is kept instead

Modules = Mapping[str, Sequence[str]]


def declared(
    definition: Definition, parameters: Parameters, context: Context, modules: Mapping[str, Iterable[str]]
) -> dict[str, Any]:
    """What a run is made of; to be told before its steps start, since files may be edited while they run.

    Args:
        definition: the pipeline.
        parameters: its parameters.
        context: where it runs.
        modules: names of the own code behind each step, by the step's name; see `step_modules`.
    """
    listed = {step: sorted(names) for step, names in modules.items()}
    return {
        **reviewed(definition, context.schema, listed),
        "modules": listed,
        "parameters": masked(parameters.model_dump(mode="json")),
        "libraries": library_versions(),
        "image": os.environ.get(IMAGE_VARIABLE, ""),
        "sample": context.sample,
    }


def reviewed(
    definition: Definition, schema: Path, modules: Modules, moved: Callable[[Path], Path] | None = None
) -> dict[str, Any]:
    """The part of the fingerprint that is kept in version control.

    Args:
        definition: the pipeline.
        schema: the reviewed schema's file.
        modules: names of the own code behind each step.
        moved: where to read files instead, for example those of another revision.

    Returns:
        `code`: digest of the code behind each step; `pipeline`: of what else the definition's code is; `gates`: of
        each section of the thresholds; `schema`; `files`: digests of the other files beside the definition.
    """
    folder, schema = (path if moved is None else moved(path) for path in (definition.folder, schema))
    of_steps = {step: source_files(names, moved) for step, names in modules.items() if names}
    known = {name for sources in of_steps.values() for name in sources}
    whole = source_files([definition.module], moved)
    return {
        "pipeline": files_digest({name: path for name, path in whole.items() if name not in known}),
        "code": {step: files_digest(sources) for step, sources in of_steps.items()},
        "gates": gate_sections(folder / THRESHOLDS_FILE),
        "schema": file_digest(schema) if schema.is_file() else "",
        "files": {
            path.name: file_digest(path) for path in _beside(folder) if path != schema and path.name != THRESHOLDS_FILE
        },
    }


def observed(inputs: Sequence[dict[str, Any]], digests: Sequence[str], context: Context, model: str) -> dict[str, Any]:
    """What a run meets: the data, and production and the place of delivery as it leaves them.

    Args:
        inputs: what its ExampleGens read: `{"input", "span", "window"}` each.
        digests: `input_digest` of each of these when it was read.
        context: where it runs.
        model: digest of the model that it weighed. Once that is in production, by the run itself or by a promotion,
            weighing it again would compare it with itself.
    """
    found = standing(open_destination(context.production))
    own = found is not None and found.record.model_digest == model
    return {
        "inputs": list(inputs),
        "data": list(digests),
        "production": OWN_MODEL if own else found.digest if found else "",
        "model": model,
        "destination": context.destination,
        "delivered": record_digest(context.destination),
    }


def current(
    earlier: Mapping[str, Any], definition: Definition, parameters: Parameters, context: Context
) -> dict[str, Any]:
    """The fingerprint as it would be now, with the steps and inputs of an `earlier` one.

    Raises:
        UsageError: a module or file of the earlier run is gone.
        KeyError, TypeError: `earlier` was made by another version of this program.
    """
    return declared(definition, parameters, context, earlier["modules"]) | _observed_now(earlier, context)


def _observed_now(earlier: Mapping[str, Any], context: Context) -> dict[str, Any]:
    verify_production(context.production)
    inputs = earlier["inputs"]
    found = observed(inputs, [input_digest(**given) for given in inputs], context, earlier["model"])
    # A promotion since then put the run's own model into production: nothing to weigh it against but itself.
    return found | {"production": earlier["production"]} if found["production"] == OWN_MODEL else found


def is_up_to_date(earlier: Mapping[str, Any], definition: Definition, parameters: Parameters, context: Context) -> bool:
    """Whether an earlier run's fingerprint is what it would be now. What cannot be told has changed."""
    try:
        # The data last: a difference in anything cheaper is told before gigabytes are read.
        description = declared(definition, parameters, context, earlier["modules"])
        if any(earlier[name] != value for name, value in description.items()):
            return False
        return bool(earlier == description | _observed_now(earlier, context))
    except (UsageError, OSError, KeyError, TypeError):
        return False


def gate_sections(path: Path) -> dict[str, str]:
    """Digest of each section of a thresholds file, whatever its comments; of the bytes of one that is not ours.

    How a model is delivered is not part of how it is weighed, so those sections are left out.
    """
    if not path.is_file():
        return {}
    from weighbridge.thresholds.gates_file import load_gates

    try:
        sections = load_gates(path).model_dump(mode="json", exclude={"delivery", "canary"})
    except UsageError:
        return {"": file_digest(path)}
    return {name: value_digest(section) for name, section in sections.items()}


def of_step(exec_properties: Mapping[str, Any], inputs: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """What a step's outcome depends on, as its record keeps it.

    Args:
        exec_properties: its parameters, as resolved when it ran; of a long one the digest is kept.
        inputs: content digests of its input artifacts, by key.
    """
    return {
        "parameters": {name: masked(_short(value)) for name, value in sorted(exec_properties.items())},
        "inputs": {key: list(digests) for key, digests in sorted(inputs.items())},
    }


def _short(value: Any) -> Any:
    """A value as it is, or the digests of its parts where it is a long JSON object, or its digest."""
    text = str(value)
    if len(text) <= _LONG:
        return value
    parts = _json_object(value)
    if parts is None:
        return value_digest(text)
    return {key: part if len(str(part)) <= _LONG else value_digest(part) for key, part in parts.items()}


def _json_object(value: Any) -> dict[str, Any] | None:
    try:
        found = json.loads(value)
    except (TypeError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _beside(folder: Path) -> list[Path]:
    """The files beside a pipeline's definition; documentation does not count."""
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix not in _NOT_INPUTS]


def data_beside(folder: Path, inputs: Iterable[Mapping[str, Any]]) -> set[str]:
    """Names of the files beside a pipeline's definition that are its data: they are no code, whatever their names.

    Args:
        folder: of the definition.
        inputs: arguments of `input_digest` each. One that cannot be read has no files.
    """
    found: set[Path] = set()
    for given in inputs:
        with contextlib.suppress(WeighbridgeError, OSError):
            found |= {Path(path).resolve() for path in resolve(**given).files if not is_address(path)}
    return {path.name for path in found if path.parent == folder.resolve()}


def step_modules(component: Any) -> set[str]:
    """Names of the own code behind a component: its executor's module or package, and its dotted user functions.

    A component that carries the digest of its code digests its whole package, so the package it is.
    """
    properties = dict(getattr(component, "exec_properties", {}))
    modules = function_modules(properties)
    executor = getattr(getattr(component, "executor_spec", None), "executor_class", None)
    if executor is not None:
        if traits_of(component).code_digest:
            modules.add(executor.__module__.rpartition(".")[0] or executor.__module__)
        elif is_own_source(executor.__module__):
            modules.add(executor.__module__)
    return modules


def function_modules(exec_properties: Mapping[str, Any]) -> set[str]:
    """Modules of the dotted functions among a component's execution properties, e.g. of `run_fn`.

    Also of those inside a JSON object, such as the parameters of a Trainer. What names a file or folder is data, as
    `taxi.csv` is beside a package `taxi`.
    """
    values = [each for value in exec_properties.values() for each in (value, *(_json_object(value) or {}).values())]
    candidates = {
        value for value in values if isinstance(value, str) and _DOTTED.fullmatch(value) and not Path(value).exists()
    }
    return {module_of(value) for value in candidates if is_own_source(module_of(value))}


def is_own_source(module: str) -> bool:
    """Whether a module is Python source that may change while no version does that `library_versions` tells.

    That is a working tree's, and also what is installed: Weighbridge's own, or a pipeline's that came as a wheel. Of
    other libraries a whole package is not meant, since that would be read in full.
    """
    if module.partition(".")[0] in _VERSIONED:
        return False
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return False
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return False
    origin = Path(spec.origin)
    if is_installed(origin):
        return spec.submodule_search_locations is None
    return not origin.is_relative_to(_STANDARD_LIBRARY)
