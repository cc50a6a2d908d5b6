"""A pipeline whose history can be replayed, of the small components that `delivering` has: no data is read."""

from typing import Any

from weighbridge import definition


class Parameters(definition.Parameters):
    evaluate_from: str = ""
    until: str = ""


def create_pipeline(parameters: Parameters, context: definition.Context) -> Any:
    from tests.weighbridge.local.delivering_components import Make
    from weighbridge.components.production_model import ProductionModel
    from weighbridge.components.pusher import Pusher

    production = ProductionModel(context.production)
    made = Make(production_model=production.outputs["model"], weight=parameters.until, quality=0.9)
    pusher = Pusher(made.outputs["model"], made.outputs["evaluation"], destination=context.destination)
    return context.pipeline([production, made, pusher])
