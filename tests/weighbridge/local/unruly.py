"""A pipeline whose one step weighs nothing, and does what the parameter says."""

from typing import Any

from weighbridge import definition


class Parameters(definition.Parameters):
    data: str = "none"
    does: str = ""
    steps: int = 1


def create_pipeline(parameters: Parameters, context: definition.Context) -> Any:
    from tests.weighbridge.local.unruly_components import Do

    if parameters.does == "exit early":
        raise SystemExit(0)
    return context.pipeline([Do(does=parameters.does)] * parameters.steps)
