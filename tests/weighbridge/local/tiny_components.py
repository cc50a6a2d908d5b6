"""Function components that leave gates, as a user would write them."""

import errno
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model

from tests.weighbridge.local.tiny import called
from weighbridge.common import progress
from weighbridge.verdict import Bounds, write_gates


@component
def Count(
    examples: OutputArtifact[Examples],
    rows: Parameter[int],
    threshold: Parameter[int],
    fail: Parameter[bool] = False,
    note: Parameter[str] = "",
) -> None:
    called("Count")
    if fail:
        raise ValueError("the first line\nthe second line")
    progress.report(f"{rows} rows")
    Path(examples.uri, "data.txt").write_text("x" * rows)
    examples.set_string_custom_property("content_digest", f"sha256:{rows}")
    write_gates(examples.uri, Bounds(min=threshold).judge("data.rows", rows, unit="rows"))


@component
def Use(examples: InputArtifact[Examples], model: OutputArtifact[Model], fail: Parameter[bool] = False) -> None:
    called("Use")
    if fail:
        raise OSError(errno.ENOSPC, "No space left on device", model.uri)
    Path(model.uri, "model.txt").write_text(Path(examples.uri, "data.txt").read_text().upper())
    write_gates(model.uri, Bounds(min=1).judge("quality.size", Path(model.uri, "model.txt").stat().st_size))
