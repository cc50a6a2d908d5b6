"""A user's own pipeline in which TFX's stock Transform stands between our components."""

import dataclasses
from typing import Any

from weighbridge.definition import Context
from weighbridge.pipelines.taxi import pipeline as taxi

NAME = "transformed"
USER_CODE = "tests.pipelines.taxi.with_transform"


class Parameters(taxi.Parameters):
    pass


def create_pipeline(parameters: Parameters, context: Context) -> Any:
    from tfx.components.transform.component import Transform
    from tfx.proto import transform_pb2

    from weighbridge.components.data_validator import DataValidator
    from weighbridge.components.evaluator import Evaluator
    from weighbridge.components.example_gen import ExampleGen
    from weighbridge.components.production_model import ProductionModel
    from weighbridge.components.pusher import Pusher
    from weighbridge.components.trainer import Trainer

    home = taxi.__file__.removesuffix("pipeline.py")
    context = dataclasses.replace(context, folder=type(context.folder)(home), schema=type(context.folder)())
    gates = context.gates
    example_gen = ExampleGen(
        parameters.data, prepare_fn="weighbridge.pipelines.taxi.features.prepare", gates=gates.examples
    )
    production = ProductionModel(context.production)
    validator = DataValidator(
        example_gen.outputs["examples"],
        schema_file=str(context.schema),
        gates=gates.data,
        production_statistics=production.outputs["statistics"],
        history_dir=context.history,
    )
    transform = Transform(
        examples=example_gen.outputs["examples"],
        schema=validator.outputs["schema"],
        preprocessing_fn=f"{USER_CODE}.preprocessing_fn",
        splits_config=transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "eval"]),
    )
    trainer = Trainer(
        f"{USER_CODE}.run_fn",
        transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=validator.outputs["schema"],
    )
    evaluator = Evaluator(
        example_gen.outputs["examples"],
        trainer.outputs["model"],
        quality=gates.quality,
        latency=gates.latency,
        label=taxi.LABEL,
        schema=validator.outputs["schema"],
        production_model=production.outputs["model"],
        anomalies=validator.outputs["anomalies"],
        model_run=trainer.outputs["model_run"],
    )
    pusher = Pusher(
        trainer.outputs["model"],
        evaluator.outputs["evaluation"],
        destination=context.production,
        statistics=validator.outputs["statistics"],
    )
    return context.pipeline(
        [example_gen, production, validator, transform, trainer, evaluator, pusher],
        beam_pipeline_args=["--direct_running_mode=in_memory"],
    )
