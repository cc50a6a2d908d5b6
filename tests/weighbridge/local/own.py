"""A user's own pipeline of components that declare their traits, without one component of ours."""

from typing import Any

from pydantic import Field

from weighbridge import definition

NAME = "own"


class Parameters(definition.Parameters):
    data: str = "none"
    rows: int = Field(10, description="rows that are made")
    leaves: str = Field("gates", description="what the first step leaves instead of its gates")
    checks: int = Field(1, description="whether the second step leaves its gates")


def create_pipeline(parameters: Parameters, context: definition.Context) -> Any:
    from tests.weighbridge.local.own_components import Checked, Counted

    counted = Counted(rows=parameters.rows, leaves=parameters.leaves)
    checked = Checked(examples=counted.outputs["rows_made"], leaves=parameters.checks)
    return context.pipeline([counted, checked])
