"""The taxi pipeline: real Chicago taxi trips, a big-tipper classifier, weighed and pushed."""

from typing import Any

from pydantic import Field

from weighbridge import definition
from weighbridge.definition import Context

LABEL = "big_tipper"
# 15,002 real trips that come inside the tfx package.
TRIPS = "package:tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"


class Parameters(definition.Parameters):
    """What `--set` can change."""

    data: str = Field(TRIPS, description="CSV, Parquet or TFRecord of taxi trips")
    span: str = Field("latest", description="span to train on, where data holds {SPAN} or {YYYY}/{MM}/{DD}")
    window: int = Field(1, ge=1, description="how many spans to train on, the named one the last")
    epochs: int = Field(5, ge=1, description="passes over the training examples")
    batch_size: int = Field(256, ge=1, description="examples per training step")
    learning_rate: float = Field(2e-3, gt=0, description="Adam's learning rate")
    seed: int = Field(20, ge=0, description="seed of initialisation and shuffling")
    run_fn: str = Field(
        "weighbridge.pipelines.taxi.model.run_fn", description="dotted function that trains and exports"
    )


def create_pipeline(parameters: Parameters, context: Context) -> Any:
    """ExampleGen → DataValidator → Trainer → Evaluator → Pusher.

    Args:
        parameters: see `Parameters`.
        context: where it runs.

    Returns:
        A TFX pipeline.
    """
    from weighbridge.components.data_validator import DataValidator
    from weighbridge.components.evaluator import Evaluator
    from weighbridge.components.example_gen import ExampleGen
    from weighbridge.components.production_model import ProductionModel
    from weighbridge.components.pusher import Pusher
    from weighbridge.components.trainer import Trainer

    gates = context.gates
    example_gen = ExampleGen(
        parameters.data,
        span=parameters.span,
        window=parameters.window,
        splits={"train": 2, "eval": 1},
        schema_file=str(context.schema),
        prepare_fn="weighbridge.pipelines.taxi.features.prepare",
        sample=context.sample,
        gates=gates.examples,
    )
    production = ProductionModel(context.production)
    validator = DataValidator(
        example_gen.outputs["examples"],
        schema_file=str(context.schema),
        gates=gates.data,
        production_statistics=production.outputs["statistics"],
        history_dir=context.history,
    )
    trainer = Trainer(
        parameters.run_fn,
        example_gen.outputs["examples"],
        schema=validator.outputs["schema"],
        statistics=validator.outputs["statistics"],
        custom_config={
            "epochs": parameters.epochs,
            "batch_size": parameters.batch_size,
            "learning_rate": parameters.learning_rate,
        },
        seed=parameters.seed,
        checkpoint_dir=context.checkpoints,
    )
    # Nothing trains on data that was refused, yet new thresholds for the data alone train nothing again.
    trainer.add_upstream_node(validator)
    evaluator = Evaluator(
        example_gen.outputs["examples"],
        trainer.outputs["model"],
        quality=gates.quality,
        latency=gates.latency,
        label=LABEL,
        schema=validator.outputs["schema"],
        production_model=production.outputs["model"],
        anomalies=validator.outputs["anomalies"],
        model_run=trainer.outputs["model_run"],
    )
    pusher = Pusher(
        trainer.outputs["model"],
        evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        infra_blessing=evaluator.outputs["infra_blessing"],
        statistics=validator.outputs["statistics"],
        destination=context.destination,
    )
    return context.pipeline([example_gen, production, validator, trainer, evaluator, pusher])
