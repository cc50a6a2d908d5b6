"""Payments: which are fraud."""

from typing import Any

from components.money import CURRENCY

from pipelines.owner import OWNER
from tests.expected import SEED
from weighbridge import definition

assert (CURRENCY, OWNER) == ("EUR", "payments team")


class Parameters(definition.Parameters):
    data: str = "payments.csv"
    steps: int = 200
    seed: int = SEED
    # What a backtest tells; these payments have no days.
    evaluate_from: str = ""
    until: str = ""


def create_pipeline(parameters: Parameters, context: definition.Context) -> Any:
    from weighbridge.components.evaluator import Evaluator
    from weighbridge.components.example_gen import ExampleGen
    from weighbridge.components.pusher import Pusher
    from weighbridge.components.trainer import Trainer

    gates = context.gates
    examples = ExampleGen(
        parameters.data,
        splits={"train": 2, "eval": 1},
        schema_file=str(context.schema),
        prepare_fn="pipelines.fraud.columns.prepare",
        gates=gates.examples,
    )
    trainer = Trainer(
        "pipelines.fraud.model.run_fn",
        examples.outputs["examples"],
        custom_config={"steps": parameters.steps},
        seed=parameters.seed,
    )
    evaluator = Evaluator(
        examples.outputs["examples"],
        trainer.outputs["model"],
        quality=gates.quality,
        latency=gates.latency,
        label="fraud",
    )
    pusher = Pusher(
        trainer.outputs["model"],
        evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        infra_blessing=evaluator.outputs["infra_blessing"],
        destination=context.destination,
    )
    return context.pipeline([examples, trainer, evaluator, pusher])
