"""A small pipeline as `delivering`, whose training is reproducible: what it makes may come from another machine."""

from typing import Any

from weighbridge import definition


class Parameters(definition.Parameters):
    data: str = "none"
    rows: int = 10
    weight: str = "one"
    quality: float = 0.9
    fail: str = ""


def create_pipeline(parameters: Parameters, context: definition.Context) -> Any:
    from tests.weighbridge.local.sharing_components import Read, Train, Weigh
    from weighbridge.components.production_model import ProductionModel
    from weighbridge.components.pusher import Pusher

    production = ProductionModel(context.production)
    read = Read(rows=parameters.rows, sample=context.sample)
    train = Train(examples=read.outputs["examples"], weight=parameters.weight, scratch=context.checkpoints)
    weighed = Weigh(
        model=train.outputs["model"],
        production_model=production.outputs["model"],
        quality=parameters.quality,
        history=context.history,
        fail=parameters.fail,
    )
    pusher = Pusher(train.outputs["model"], weighed.outputs["evaluation"], destination=context.destination)
    return context.pipeline([production, read, train, weighed, pusher])
