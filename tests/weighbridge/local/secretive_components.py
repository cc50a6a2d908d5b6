"""A function component that needs a secret, and tells it to the log and in its error."""

import hashlib
import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples

from weighbridge.verdict import Bounds, write_gates


@component
def Fetch(examples: OutputArtifact[Examples], source: Parameter[str], config: Parameter[str]) -> None:
    password = json.loads(config)["login"]["password"]
    print("connecting with", password, source)  # noqa: T201, as code of users does
    if source.endswith("/fails"):
        raise ValueError(f"{source} refuses {password}")
    Path(examples.uri, "got.txt").write_text(hashlib.sha256(f"{password} {source}".encode()).hexdigest())
    write_gates(examples.uri, Bounds(min=1).judge("data.rows", 1, unit="rows"))
