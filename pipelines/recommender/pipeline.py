"""The recommender pipeline: order lines of a shop, a two-tower model, weighed against baselines and pushed."""

from datetime import date, timedelta
from typing import Any

from pydantic import Field

from weighbridge import definition
from weighbridge.common.errors import UsageError
from weighbridge.definition import Context

# A year of a made-up shop's orders: `weighbridge data ecommerce` makes more.
ORDERS = "package:pipelines/recommender/orders.parquet"


class Parameters(definition.Parameters):
    """What `--set` can change."""

    data: str = Field(ORDERS, description="CSV or Parquet of order lines")
    span: str = Field(
        "latest",
        coerce_numbers_to_str=True,  # as `--set span=17` is one
        description="newest span to read, where data holds {SPAN} or {YYYY}/{MM}/{DD}",
    )
    window: int = Field(1, ge=1, description="how many spans to read, the named one the last")
    columns: dict[str, str] = Field({}, description='name in the data: name here, e.g. {"Invoice": "InvoiceNo"}')
    until: str = Field("", description="read what was known before this day, as 2010-12-01; empty for all there is")
    evaluate_from: str = Field("", description="first day to weigh on; empty for the last evaluation_days days")
    evaluation_days: int = Field(28, ge=1, description="days to weigh on, where evaluate_from is empty")
    window_days: int = Field(28, ge=1, description="days in which purchases are foretold, in training")
    step_days: int = Field(14, ge=1, description="days between the moments of training")
    longest: int = Field(200, ge=1, description="most purchases of a customer's history")
    product: str = Field(r"\d{5}[A-Za-z]{0,2}", description="regular expression of a product's StockCode")
    epochs: int = Field(3, ge=1, description="passes over the training rows")
    batch_size: int = Field(256, ge=1, description="customers per training step")
    dim: int = Field(64, ge=2, description="width of both towers' vectors")
    learning_rate: float = Field(2e-4, gt=0, description="Adam's learning rate")
    warm_start: bool = Field(False, description="start from the vectors of the model in production")
    index: str = Field("auto", description="auto, exact or approximate search")
    seed: int = Field(20, ge=0, description="seed of initialisation and shuffling")
    run_fn: str = Field(
        "weighbridge.pipelines.recommender.model.run.run_fn", description="dotted function that trains and exports"
    )


def create_pipeline(parameters: Parameters, context: Context) -> Any:
    """ExampleGen → DataValidator → Histories → Trainer → Evaluator → Pusher.

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
    from weighbridge.pipelines.recommender import columns
    from weighbridge.pipelines.recommender.histories import Histories, HistoriesGates
    from weighbridge.pipelines.recommender.histories.build import HistoriesOptions

    gates = context.gates
    example_gen = ExampleGen(
        parameters.data,
        span=parameters.span,
        window=parameters.window,
        columns=parameters.columns,
        time_column=columns.TIME,
        time_splits={"train": None, "eval": evaluation_start(parameters)},
        time_end=parameters.until or None,
        sample=context.sample,
        sample_columns=[columns.CUSTOMER],
        schema_file=str(context.schema),
        prepare_fn="weighbridge.pipelines.recommender.columns.prepare",
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
    histories = Histories(
        example_gen.outputs["examples"],
        options=HistoriesOptions(
            product=parameters.product,
            longest=parameters.longest,
            window_days=parameters.window_days,
            step_days=parameters.step_days,
        ),
        gates=gates.of_step("Histories", HistoriesGates),
    )
    # Nothing is made of data that were refused.
    histories.add_upstream_node(validator)
    trainer = Trainer(
        parameters.run_fn,
        histories.outputs["histories"],
        base_model=production.outputs["model"] if parameters.warm_start else None,
        custom_config={
            name: getattr(parameters, name)
            for name in ("epochs", "batch_size", "dim", "learning_rate", "warm_start", "index")
        },
        seed=parameters.seed,
        checkpoint_dir=context.checkpoints,
    )
    evaluator = Evaluator(
        histories.outputs["histories"],
        trainer.outputs["model"],
        quality=gates.quality,
        latency=gates.latency,
        production_model=production.outputs["model"],
        anomalies=validator.outputs["anomalies"],
        model_run=trainer.outputs["model_run"],
        metrics_fn="weighbridge.pipelines.recommender.weigh.provider.weigh_recommender",
        ledger=context.destination,
        rehearsal=context.rehearsal,
    )
    pusher = Pusher(
        trainer.outputs["model"],
        evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        infra_blessing=evaluator.outputs["infra_blessing"],
        statistics=validator.outputs["statistics"],
        destination=context.destination,
    )
    return context.pipeline([example_gen, production, validator, histories, trainer, evaluator, pusher])


def evaluation_start(parameters: Parameters) -> str:
    """Where evaluation begins, as ExampleGen takes it: a day, or days back from the end.

    Raises:
        UsageError: a day is none, or evaluation begins at or after `until`.
    """
    start, end = (_day(name, getattr(parameters, name)) for name in ("evaluate_from", "until"))
    if start is None:
        return f"-{parameters.evaluation_days}d"
    if end is not None and start >= end:
        raise UsageError(
            f"--set evaluate_from={start}: nothing to weigh on before until={end}",
            f"Give a day up to {end - timedelta(days=1)}.",
        )
    return start.isoformat()


def _day(name: str, text: str) -> date | None:
    """The day that a parameter gives, None for none."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError(f"--set {name}={text!r} is not a day", "Write it as 2010-12-01.") from error
