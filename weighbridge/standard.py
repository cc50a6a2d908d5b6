"""The usual pipeline: data, validation, training, evaluation, push; wired once, for pipelines that need no other.

It only builds components and hands them on: a pipeline that calls `standard_pipeline` and one that builds the same six
components itself are the same pipeline, with the same digests. To grow out of it:

* an option of a component: `standard_pipeline(…, trainer={"mixed_precision": "float16"})`; what is given there wins;
* a step more, before training: `data_steps`, then your own component, then `model_steps(…, examples=…)`;
* a step more, at the end: `context.pipeline([*data, *model, mine])`;
* anything else: copy the two functions into your own module, and change them.
"""

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import Field

from weighbridge.common.errors import UsageError
from weighbridge.definition import Context, Parameters

_NOT_THE_MODELS = frozenset({"data", "span", "window", "seed", "run_fn"})

Options = Mapping[str, Any]
"""Arguments of a component, by name, beside those that the standard pipeline gives; they win over these."""


class StandardParameters(Parameters):
    """What `--set` can change of a standard pipeline; a subclass adds its own and gives other defaults."""

    span: str = Field(
        "latest",
        coerce_numbers_to_str=True,  # as `--set span=17` is one
        description="span to train on, where data holds {SPAN} or {YYYY}/{MM}/{DD}",
    )
    window: int = Field(1, ge=1, description="how many spans to train on, the named one the last")
    epochs: int = Field(5, ge=1, description="passes over the training examples")
    batch_size: int = Field(256, ge=1, description="examples per training step")
    learning_rate: float = Field(2e-3, gt=0, description="Adam's learning rate")
    seed: int = Field(20, ge=0, description="seed of initialisation and shuffling")
    run_fn: str = Field("", description="dotted function that trains and exports")

    def model_options(self) -> dict[str, Any]:
        """What `run_fn` finds in `fn_args.custom_config`: every parameter but data, span, window, seed and run_fn.

        So a parameter that a subclass adds for its model needs no wiring. Values are as in JSON; of a secret it is the
        reference.
        """
        return self.model_dump(mode="json", exclude=set(_NOT_THE_MODELS))


class DataSteps(NamedTuple):
    """What comes before a model: TFX components, in the order in which they run."""

    example_gen: Any
    production: Any
    validator: Any


class ModelSteps(NamedTuple):
    """What trains, weighs and pushes: TFX components, in the order in which they run."""

    trainer: Any
    evaluator: Any
    pusher: Any


def standard_pipeline(
    parameters: StandardParameters,
    context: Context,
    *,
    label: str = "",
    prepare_fn: str = "",
    splits: Mapping[str, float] | None = None,
    example_gen: Options | None = None,
    production_model: Options | None = None,
    data_validator: Options | None = None,
    trainer: Options | None = None,
    evaluator: Options | None = None,
    pusher: Options | None = None,
) -> Any:
    """ExampleGen → ProductionModel → DataValidator → Trainer → Evaluator → Pusher.

    Args:
        parameters: its data, spans, model options, seed and `run_fn`.
        context: where it runs; its thresholds and schema are used.
        label: name of the label's column, which no model is sent; empty where there is none.
        prepare_fn: dotted `(pa.RecordBatch) -> pa.RecordBatch`, called on every batch of raw rows.
        splits: weight of each split, by default `{"train": 2, "eval": 1}`.
        example_gen: further arguments of ExampleGen, such as `{"key_columns": ["customer"]}`.
        production_model: further arguments of ProductionModel, such as `{"resources": Resources(...)}`.
        data_validator: further arguments of DataValidator.
        trainer: further arguments of Trainer, such as `{"resources": Resources(...)}`.
        evaluator: further arguments of Evaluator.
        pusher: further arguments of Pusher.

    Returns:
        A TFX pipeline.

    Raises:
        UsageError: no `run_fn` is given, or a component refuses an argument.
    """
    reading: dict[str, Any] = {"prepare_fn": prepare_fn, "splits": splits}
    data = data_steps(
        parameters,
        context,
        example_gen=reading | dict(example_gen or {}),
        production_model=production_model,
        data_validator=data_validator,
    )
    model = model_steps(parameters, context, data, label=label, trainer=trainer, evaluator=evaluator, pusher=pusher)
    return context.pipeline([*data, *model])


def data_steps(
    parameters: StandardParameters,
    context: Context,
    *,
    example_gen: Options | None = None,
    production_model: Options | None = None,
    data_validator: Options | None = None,
) -> DataSteps:
    """ExampleGen, ProductionModel and DataValidator.

    Args:
        parameters: which data and spans.
        context: where it runs; its thresholds and schema are used.
        example_gen: further arguments of ExampleGen.
        production_model: further arguments of ProductionModel.
        data_validator: further arguments of DataValidator.

    Raises:
        UsageError: a component refuses an argument.
    """
    from weighbridge.components.data_validator import DataValidator
    from weighbridge.components.example_gen import ExampleGen
    from weighbridge.components.production_model import ProductionModel

    gates = context.gates
    examples = _build(
        ExampleGen,
        {
            "input": parameters.data,
            "span": parameters.span,
            "window": parameters.window,
            "schema_file": str(context.schema),
            "sample": context.sample,
            "gates": gates.examples,
        },
        example_gen,
    )
    production = _build(ProductionModel, {"destination": context.production}, production_model)
    validator = _build(
        DataValidator,
        {
            "examples": examples.outputs["examples"],
            "schema_file": str(context.schema),
            "gates": gates.data,
            "production_statistics": production.outputs["statistics"],
            "history_dir": context.history,
        },
        data_validator,
    )
    return DataSteps(examples, production, validator)


def model_steps(
    parameters: StandardParameters,
    context: Context,
    data: DataSteps,
    *,
    label: str = "",
    examples: Any = None,
    trainer: Options | None = None,
    evaluator: Options | None = None,
    pusher: Options | None = None,
) -> ModelSteps:
    """Trainer, Evaluator and Pusher.

    Args:
        parameters: the model's options, its seed and its `run_fn`.
        context: where it runs; its thresholds are used.
        data: the steps before.
        label: name of the label's column; empty where there is none.
        examples: what to train and to weigh on, by default ExampleGen's; a channel of a step in between.
        trainer: further arguments of Trainer.
        evaluator: further arguments of Evaluator.
        pusher: further arguments of Pusher.

    Raises:
        UsageError: no `run_fn` is given, or a component refuses an argument.
    """
    from weighbridge.components.evaluator import Evaluator
    from weighbridge.components.pusher import Pusher
    from weighbridge.components.trainer import Trainer

    if not parameters.run_fn:
        hint = 'Give Parameters a field run_fn: str = Field("my_package.model.run_fn", description=…).'
        raise UsageError("The pipeline names no function that trains: its parameter run_fn is empty", hint)
    gates = context.gates
    examples = data.example_gen.outputs["examples"] if examples is None else examples
    training = _build(
        Trainer,
        {
            "run_fn": parameters.run_fn,
            "examples": examples,
            "schema": data.validator.outputs["schema"],
            "statistics": data.validator.outputs["statistics"],
            "custom_config": parameters.model_options(),
            "seed": parameters.seed,
            "checkpoint_dir": context.checkpoints,
        },
        trainer,
    )
    # Nothing trains on data that was refused, yet new thresholds for the data alone train nothing again.
    training.add_upstream_node(data.validator)
    evaluation = _build(
        Evaluator,
        {
            "examples": examples,
            "model": training.outputs["model"],
            "quality": gates.quality,
            "latency": gates.latency,
            "label": label,
            "schema": data.validator.outputs["schema"],
            "production_model": data.production.outputs["model"],
            "anomalies": data.validator.outputs["anomalies"],
            "model_run": training.outputs["model_run"],
            "ledger": (pusher or {}).get("destination", context.destination),
            "rehearsal": context.rehearsal,
        },
        evaluator,
    )
    push = _build(
        Pusher,
        {
            "model": training.outputs["model"],
            "evaluation": evaluation.outputs["evaluation"],
            "blessing": evaluation.outputs["blessing"],
            "infra_blessing": evaluation.outputs["infra_blessing"],
            "statistics": data.validator.outputs["statistics"],
            "destination": context.destination,
        },
        pusher,
    )
    return ModelSteps(training, evaluation, push)


def _build(component: Any, arguments: dict[str, Any], options: Options | None) -> Any:
    """A component with its arguments; a name that it does not know is refused with those that it does."""
    known = [name for name in inspect.signature(component.__init__).parameters if name != "self"]
    for name in options or {}:
        if name not in known:
            raise UsageError(f"{component.__name__} has no argument {name!r}", f"Arguments: {', '.join(known)}.")
    return component(**(arguments | dict(options or {})))
