"""What callers give: a pipeline by name, module or file, its parameters as keywords, and places."""

import json
import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.local.request import DEFAULT_WORKDIR

Place = str | os.PathLike[str]
Pipeline = str | os.PathLike[str] | ModuleType
"""A name, an import path, a file, or the module itself."""


def reference(pipeline: Pipeline) -> str:
    """The pipeline as commands name it.

    Raises:
        UsageError: it is a function or class, or lives in the notebook itself.
    """
    if isinstance(pipeline, ModuleType):
        if pipeline.__name__ == "__main__":
            raise _in_no_file("This notebook")
        return pipeline.__name__
    if isinstance(pipeline, str | os.PathLike):
        return os.fspath(pipeline)
    raise _in_no_file(f"{getattr(pipeline, '__qualname__', pipeline)!r}")


def _in_no_file(what: str) -> UsageError:
    return UsageError(
        f"{what} is not a pipeline: steps and their caches are told by the file that their code is in",
        "Write it to a file beside the notebook, with %%writefile my_pipeline/pipeline.py as the first line of its "
        'cell, and give "./my_pipeline/pipeline.py". An edited file is read again by the next run.',
    )


def settings_of(settings: Mapping[str, Any] | None, parameters: Mapping[str, Any]) -> list[str]:
    """Changed parameters as `--set` takes them.

    Args:
        settings: by name; for names that the function has arguments of.
        parameters: the keyword arguments that it has none of.

    Raises:
        UsageError: one is given twice, or has no form in JSON.
    """
    given = dict(settings or {})
    if both := sorted(given.keys() & parameters.keys()):
        raise UsageError(f"{both[0]} is given twice", "Give it as a keyword argument or in settings, not in both.")
    found = []
    for name, value in (given | dict(parameters)).items():
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        elif hasattr(value, "item"):  # a number of NumPy's
            value = value.item()
        try:
            found.append(f"{name}={json.dumps(value)}")
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"{name} is a {type(value).__name__}, which no parameter can be: {error}",
                "Allowed is what JSON has: numbers, texts, lists and mappings of them.",
            ) from error
    return found


def data_of(data: Place | None) -> str | None:
    """Input data: as given, else what the environment names, else None for the pipeline's own.

    Raises:
        UsageError: it is no place.
    """
    if data is None:
        return os.environ.get("WEIGHBRIDGE_DATA") or None
    if not isinstance(data, str | os.PathLike):
        raise UsageError(
            f"data is a {type(data).__name__}: a run reads files, whose digest its verdict is bound to",
            'Write it to one, e.g. frame.to_parquet("rows.parquet"), and give its path.',
        )
    return os.fspath(data)


def place_of(given: Place | None, variable: str, default: str = "") -> str:
    """A place: as given, else what the environment names, as for the commands."""
    return os.fspath(given) if given is not None else os.environ.get(variable) or default


def workdir_of(workdir: Place | None) -> str:
    """The work directory: as given, else `WEIGHBRIDGE_WORKDIR`, else `work`."""
    return place_of(workdir, "WEIGHBRIDGE_WORKDIR", DEFAULT_WORKDIR)
