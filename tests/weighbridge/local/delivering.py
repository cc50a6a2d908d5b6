"""A small pipeline that pushes what it made: one function component of the user's own, and our look-up and Pusher."""

from typing import Any

from pydantic import Field

from weighbridge import definition


class Parameters(definition.Parameters):
    data: str = "none"
    weight: str = Field("one", description="what the model consists of")
    quality: float = Field(0.9, description="what the gate observes")
    pushes: str = Field("destination", description="`production` where a user's Pusher knows no other place")


def create_pipeline(parameters: Parameters, context: definition.Context) -> Any:
    from tests.weighbridge.local.delivering_components import Make
    from weighbridge.components.production_model import ProductionModel
    from weighbridge.components.pusher import Pusher

    production = ProductionModel(context.production)
    made = Make(
        production_model=production.outputs["model"],
        weight=parameters.weight,
        quality=parameters.quality,
        sample=context.sample,
        pipeline=context.name,
    )
    pusher = Pusher(made.outputs["model"], made.outputs["evaluation"], destination=getattr(context, parameters.pushes))
    return context.pipeline([production, made, pusher])
