"""A user's own pipeline of two function components: small enough to run many times in a test."""

import os
from pathlib import Path
from typing import Any

from pydantic import Field

from weighbridge import definition

# Where a test tells the components what to do; a real pipeline would read parameters.
CALLS = "TINY_CALLS"


class Parameters(definition.Parameters):
    data: str = "none"
    rows: int = Field(10, description="rows that the first step says it wrote")
    threshold: int = Field(5, description="rows that the gate asks for")
    note: str = Field("", description="changes nothing that the first step writes")
    fail: str = Field("", description="name of the step that raises")


def called(step: str) -> None:
    with Path(os.environ[CALLS]).open("a") as file:
        file.write(f"{step}\n")


def create_pipeline(parameters: Parameters, context: definition.Context) -> Any:
    from tests.weighbridge.local.tiny_components import Count, Use

    counted = Count(
        rows=parameters.rows, threshold=parameters.threshold, fail=parameters.fail == "Count", note=parameters.note
    )
    used = Use(examples=counted.outputs["examples"], fail=parameters.fail == "Use")
    return context.pipeline([counted, used])
