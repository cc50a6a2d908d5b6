"""One pipeline: whether it loads, and whether what it needs lies beside it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weighbridge.doctor.finding import Finding


def pipeline(reference: str) -> Iterator[Finding]:
    """Whether a pipeline's module, thresholds, schema and data can be read."""
    from weighbridge.definition import load
    from weighbridge.thresholds.gates_file import THRESHOLDS_FILE, load_gates

    definition = load(reference)
    yield Finding("pipeline", "ok", f"{definition.name}, {definition.module} in {definition.folder}")
    path = definition.folder / THRESHOLDS_FILE
    load_gates(path)
    yield Finding("pipeline", "ok", f"thresholds: {path}")
    schema = definition.folder / "schema.pbtxt"
    if schema.is_file():
        yield Finding("pipeline", "ok", f"schema: {schema}")
    else:
        mend = f"weighbridge schema {reference} --write, then review it"
        yield Finding("pipeline", "warning", f"no schema is reviewed yet at {schema}", mend)
    yield from _data(definition, reference)


def _data(definition: Any, reference: str) -> Iterator[Finding]:
    from weighbridge.common.errors import UsageError
    from weighbridge.storage.schemes import is_address

    given = os.environ.get("WEIGHBRIDGE_DATA")
    try:
        data = str(definition.parameters(given).data)
    except UsageError:
        mend = f"weighbridge run {reference} --data FILE, or export WEIGHBRIDGE_DATA=FILE"
        yield Finding("pipeline", "ok", f"data: none of its own ({mend})")
        return
    if is_address(data) or data.startswith("package:") or any(sign in data for sign in "*?[{"):
        yield Finding("pipeline", "ok", f"data: {data}, not looked at")
    elif Path(data).exists():
        yield Finding("pipeline", "ok", f"data: {data}")
    else:
        yield Finding("pipeline", "wrong", f"its data are not there: {data}", "Give --data, or set WEIGHBRIDGE_DATA.")
