"""The TFX face of the Evaluator."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts

from weighbridge.common import files
from weighbridge.common.digests import code_digest
from weighbridge.common.errors import UsageError
from weighbridge.common.import_string import module_of
from weighbridge.common.resources import Resources
from weighbridge.components import interactive
from weighbridge.components.artifacts.models import LOOKED_UP_AT, is_absent
from weighbridge.components.evaluator.evaluate import Evaluation, evaluate
from weighbridge.components.evaluator.flavours import flavour_modules
from weighbridge.components.evaluator.gates import LatencyGates, QualityGates
from weighbridge.components.evaluator.origin import provenance
from weighbridge.components.evaluator.preflight import check_budget, preflight
from weighbridge.components.evaluator.quality import providers
from weighbridge.components.evaluator.request import COMPUTE, EvaluationRequest
from weighbridge.components.traits import ComponentTraits, left_to_preflight
from weighbridge.storage.destination import open_destination

_UPSTREAM = ("examples", "anomalies", "model_run")
_SUBJECT = {"code": "code_digest", "parameters": "parameters_digest"}


class EvaluatorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters of the Evaluator."""

    PARAMETERS = {
        "quality": component_spec.ExecutionParameter(type=str),
        "latency": component_spec.ExecutionParameter(type=str),
        "label": component_spec.ExecutionParameter(type=str),
        "split": component_spec.ExecutionParameter(type=str),
        "metrics_fn": component_spec.ExecutionParameter(type=str),
        "ungated": component_spec.ExecutionParameter(type=str),
        "ledger": component_spec.ExecutionParameter(type=str),
        "rehearsal": component_spec.ExecutionParameter(type=int),
        "code_digest": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema, optional=True),
        "production_model": component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies, optional=True),
        "model_run": component_spec.ChannelParameter(type=standard_artifacts.ModelRun, optional=True),
    }
    OUTPUTS = {
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
        "infra_blessing": component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing),
    }


class EvaluatorExecutor(base_executor.BaseExecutor):
    """Calls `evaluate` and writes its outcome as stock TFX's blessings."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Leave the verdict, the measurements and the blessings in the output artifacts."""
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        model = artifact_utils.get_single_instance(input_dict["model"])
        production = _in_production(input_dict.get("production_model") or [])
        ungated = exec_properties["ungated"].split(",")
        request = EvaluationRequest(
            examples=examples.uri,
            model=model.uri,
            quality=QualityGates.model_validate_json(exec_properties["quality"]),
            latency=LatencyGates.model_validate_json(exec_properties["latency"]),
            label=exec_properties["label"],
            split=exec_properties["split"],
            schema=_uri(input_dict, "schema"),
            production=None if production is None else production.uri,
            upstream={
                name: uri for name in _UPSTREAM if name not in ungated and (uri := _uri(input_dict, name)) is not None
            },
            metrics_fn=exec_properties["metrics_fn"],
            pipeline=_context(self._context, "pipeline_info", "id"),
            run_id=_context(self._context, "pipeline_run_id"),
            subject=_subject(examples, model, input_dict.get("production_model") or []),
            deterministic=model.get_int_custom_property("deterministic") == 1,
            ledger=exec_properties.get("ledger") or "",
            rehearsal=bool(exec_properties.get("rehearsal")),
        )
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        outcome = evaluate(request, evaluation.uri)
        provenance(request, _uri(input_dict, "model_run"), outcome.verdict.subject).write(evaluation.uri)
        _describe(evaluation, outcome)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        _bless(blessing, outcome.model_blessed, "")
        for name, artifact in (("current_model", model), ("baseline_model", production)):
            if artifact is not None:
                blessing.set_string_custom_property(name, artifact.uri)
                blessing.set_int_custom_property(f"{name}_id", artifact.id)
        infra_blessing = artifact_utils.get_single_instance(output_dict["infra_blessing"])
        _bless(infra_blessing, outcome.infra_blessed, "INFRA_")
        infra_blessing.set_int_custom_property("has_model", 0)  # holds no copy of the model with warm-up requests


class Evaluator(base_component.BaseComponent):
    """Quality and latency against thresholds and production, and the verdict; see the README beside this file.

    Attributes:
        resources: the machine this step needs, and the secrets of a ledger, honoured on Kubeflow.
    """

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(EvaluatorExecutor)
    TRAITS = ComponentTraits(
        gates=("evaluation",),
        verdict="evaluation",
        metrics="evaluation",
        thresholds=("quality", "latency"),
        code_digest="code_digest",
        defaults={"ungated": "", "rehearsal": 0},
        preflight=preflight,
    )

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        *,
        quality: QualityGates,
        latency: LatencyGates,
        label: str = "",
        split: str = "eval",
        schema: types.BaseChannel | None = None,
        production_model: types.BaseChannel | None = None,
        anomalies: types.BaseChannel | None = None,
        model_run: types.BaseChannel | None = None,
        metrics_fn: str = COMPUTE,
        ungated: Sequence[str] = (),
        ledger: str | Path = "",
        rehearsal: bool = False,
        resources: Resources | None = None,
    ) -> None:
        """Declare the step.

        Args:
            examples: of ExampleGen, or of any stock component.
            model: the candidate, of Trainer or of any stock component.
            quality: the `quality` section of the thresholds file.
            latency: the `latency` section of the thresholds file.
            label: name of the label's column, which no model is sent; empty where there is none.
            split: of the examples to weigh on.
            schema: of the examples; without it the columns that are found are taken.
            production_model: of ProductionModel, or a stock Importer or Resolver; without it nothing is compared.
            anomalies: of DataValidator, whose gates then belong to the verdict.
            model_run: of Trainer, whose gates then belong to the verdict.
            metrics_fn: dotted name of a metrics provider beside the built-in one, see
                `weighbridge.components.evaluator.quality.metrics_api`.
            ungated: which of `examples`, `anomalies` and `model_run` come from components that leave no gates.
            ledger: the Pusher's destination, where attempts on the same data are counted; empty: they are not.
            rehearsal: whether nothing will be pushed: the model is judged as the next attempt, and none is counted.
            resources: what this step needs on Kubeflow, such as secrets for a ledger in MLflow's registry.

        Raises:
            UsageError: a metric is unknown, it needs a label, a limit of latency has no time to be measured in,
                `ungated` names an input that has no gates, or `ledger` is no destination.
        """
        if (
            metrics_fn == COMPUTE and not left_to_preflight()
        ):  # whether another is what it should be shows its import, which `preflight` does
            providers.check(metrics_fn, quality.metric_names(), label)
        providers.check_reserve(metrics_fn, quality.reserve)
        if not left_to_preflight():
            check_budget(latency)
        for name in ungated:
            if name not in _UPSTREAM:
                raise UsageError(f"ungated={name!r} is not an input with gates", f"Allowed: {', '.join(_UPSTREAM)}.")
        interactive.show_gates()
        self.resources = resources or Resources()
        super().__init__(
            EvaluatorSpec(
                examples=examples,
                model=model,
                schema=schema,
                production_model=production_model,
                anomalies=anomalies,
                model_run=model_run,
                quality=quality.model_dump_json(),
                latency=latency.model_dump_json(),
                label=label,
                split=split,
                metrics_fn=metrics_fn,
                ungated=",".join(ungated),
                ledger=open_destination(ledger).address if ledger else "",
                rehearsal=int(rehearsal),
                code_digest=code_digest(
                    [
                        "weighbridge.components.evaluator",
                        module_of(metrics_fn),
                        *flavour_modules(),
                        *(["weighbridge.serving"] if latency.served else []),  # what is measured then
                    ]
                ),
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
                infra_blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            )
        )


def _uri(input_dict: dict[str, list[types.Artifact]], name: str) -> str | None:
    artifacts = input_dict.get(name) or []
    return artifact_utils.get_single_uri(artifacts) if artifacts else None


def _in_production(artifacts: list[types.Artifact]) -> types.Artifact | None:
    """The model in production: none where the channel is not connected, is empty, or says so itself."""
    if not artifacts:
        return None
    artifact = artifact_utils.get_single_instance(artifacts)
    return None if is_absent(artifact) else artifact


def _subject(examples: types.Artifact, model: types.Artifact, production: list[types.Artifact]) -> dict[str, str]:
    subject = {"data": examples.get_string_custom_property("content_digest")}
    subject |= {name: model.get_string_custom_property(key) for name, key in _SUBJECT.items()}
    subject[LOOKED_UP_AT] = production[0].get_string_custom_property(LOOKED_UP_AT) if production else ""
    return {name: digest for name, digest in subject.items() if digest}


def _context(context: Any, *names: str) -> str:
    """What the executor's context knows; empty outside a pipeline."""
    for name in names:
        context = getattr(context, name, None)
    return str(context or "")


def _describe(evaluation: types.Artifact, outcome: Evaluation) -> None:
    evaluation.set_int_custom_property("passed", int(outcome.verdict.passed))
    evaluation.set_string_custom_property("verdict_digest", outcome.verdict.digest)


def _bless(artifact: types.Artifact, blessed: bool, prefix: str) -> None:
    name = f"{prefix}BLESSED" if blessed else f"{prefix}NOT_BLESSED"
    files.write_text(Path(artifact.uri, name), "")
    artifact.set_int_custom_property("blessed", int(blessed))
