"""The whole weighing: upstream's gates, quality, latency, and the verdict that binds them to what was weighed."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common import files
from weighbridge.common.digests import file_digest, tree_digest, value_digest
from weighbridge.common.errors import UsageError, WeighbridgeError
from weighbridge.common.import_string import import_function
from weighbridge.components.artifacts.models import variant_folder
from weighbridge.components.evaluator import signature
from weighbridge.components.evaluator.gates import LatencyGates, QualityGates
from weighbridge.components.evaluator.latency import weigh as latency
from weighbridge.components.evaluator.latency.served import ServedModel
from weighbridge.components.evaluator.quality import judge as quality
from weighbridge.components.evaluator.quality import tfma_files
from weighbridge.components.evaluator.quality.metrics import COMPUTE
from weighbridge.components.evaluator.quality.metrics_api import MetricsRequest, MetricsResponse
from weighbridge.components.evaluator.quality.predict import Predictor, predict
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.verdict import Gate, Verdict, read_gates, write_gates

if TYPE_CHECKING:
    import pyarrow as pa
    from tensorflow_metadata.proto.v0 import schema_pb2

VERDICT_FILE = "verdict.json"
METRICS_FILE = "metrics.json"
LATENCY_FILE = "latency.json"
IMAGE_VARIABLE = "WEIGHBRIDGE_IMAGE"
SCHEMA_FILE = "schema.pbtxt"

_PREDICTED_ROWS = 32_768  # at once: what a model computes on the way may take kilobytes a row


@dataclass(frozen=True)
class EvaluationRequest:
    """What is to be weighed, and against what.

    Attributes:
        examples: folder of the Examples artifact.
        model: folder of the candidate's Model artifact.
        quality: thresholds.
        latency: thresholds.
        label: name of the label's column; empty where there is none.
        split: of the examples.
        schema: folder of the Schema artifact; None to take the columns that are found.
        production: folder of the Model artifact now in production; None where nothing is in production yet.
        upstream: folders whose gates belong to the verdict, by name of the step's output, in order.
        metrics_fn: dotted name of the metrics provider.
        pipeline: name of the pipeline.
        run_id: of the run.
        subject: digests known to others: data, code, parameters. Those of the model, the schema, the gates,
            production and the image are added.
    """

    examples: str
    model: str
    quality: QualityGates
    latency: LatencyGates
    label: str = ""
    split: str = "eval"
    schema: str | None = None
    production: str | None = None
    upstream: Mapping[str, str] = field(default_factory=dict)
    metrics_fn: str = COMPUTE
    pipeline: str = ""
    run_id: str = ""
    subject: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """What a weighing ended in.

    Attributes:
        verdict: of the run as far as it is known here: upstream's gates and the Evaluator's own.
        model_blessed: upstream and quality let the model pass.
        infra_blessed: latency lets it pass.
    """

    verdict: Verdict
    model_blessed: bool
    infra_blessed: bool


def evaluate(weighing: EvaluationRequest, output: str | Path) -> Evaluation:
    """Weigh a model and leave verdict, gates and measurements in `output`.

    A model that cannot be weighed is refused by a gate that says why; it raises nothing.

    Args:
        weighing: what is to be weighed.
        output: folder of the ModelEvaluation artifact; created where it is not there.

    Raises:
        UsageError: a provider of metrics, a split or a schema is not what it should be.
    """
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    upstream = _upstream_gates(weighing.upstream)
    refused = [gate.name for gate in upstream if gate.refuses]
    if refused:
        weighed_quality = [_not_measured(quality.GROUP, refused)]
        weighed_latency = [_not_measured(latency.GROUP, refused)]
    else:
        weighed_quality = _guarded(quality.GROUP, partial(_weigh_quality, weighing, folder))
        weighed_latency = _guarded(latency.GROUP, partial(_weigh_latency, weighing, folder))
    own = [*weighed_quality, *weighed_latency]
    verdict = Verdict.of(
        [*upstream, *own], pipeline=weighing.pipeline, run_id=weighing.run_id, subject=_subject(weighing)
    )
    write_gates(folder, own)
    verdict.write(folder / VERDICT_FILE)
    return Evaluation(
        verdict=verdict,
        model_blessed=not any(gate.refuses for gate in chain(upstream, weighed_quality)),
        infra_blessed=not any(gate.refuses for gate in weighed_latency),
    )


def _upstream_gates(folders: Mapping[str, str]) -> list[Gate]:
    gates: list[Gate] = []
    for name, folder in folders.items():
        try:
            gates += read_gates(folder)
        except UsageError as error:
            message = f"The step before left no gates in its output {name}, so nothing vouches for it: {error.message}."
            gates.append(Gate(name=f"upstream.{name}.present", passed=False, message=message))
    return gates


def _not_measured(group: str, refused: list[str]) -> Gate:
    message = f"The model's {group} was not measured, because {', '.join(refused)} refused before."
    return Gate(name=f"{group}.upstream.passed", passed=False, message=message)


def _guarded(group: str, weigh: Callable[[], list[Gate]]) -> list[Gate]:
    """The gates of a group; where it cannot be weighed, the one that says why."""
    try:
        return weigh()
    except Unmeasurable as error:
        return [error.gate(group)]


def _weigh_quality(weighing: EvaluationRequest, folder: Path) -> list[Gate]:
    gates = weighing.quality
    serving = signature.serving_folder(weighing.model)
    production, judged = _production(weighing, quality.GROUP, gates)
    request = MetricsRequest(
        metrics=gates.metric_names(),
        slices=gates.all_slices(),
        confidence=gates.confidence,
        label=weighing.label,
        examples=weighing.examples,
        split=weighing.split,
        schema=_schema(weighing.schema),
        candidate=serving,
        production=production.folder if production else None,
        predictions=cache(lambda: _predict(weighing, serving, production)),
        signature=gates.signature,
        inputs=gates.inputs,
    )
    response = _compute(weighing.metrics_fn, request)
    files.write_json(folder / METRICS_FILE, quality.document(request, response))
    tfma_files.write(folder, request, response)
    return [*judged, *quality.judge(gates, response, in_production=weighing.production is not None)]


def _compute(metrics_fn: str, request: MetricsRequest) -> MetricsResponse:
    provider = import_function(metrics_fn, "metrics_fn")
    try:
        response = provider(request)
    except (Unmeasurable, WeighbridgeError):
        raise
    except Exception as error:
        if metrics_fn == COMPUTE:
            raise
        raise UsageError(f"metrics_fn={metrics_fn!r} raised {type(error).__name__}: {error}") from error
    if not isinstance(response, MetricsResponse):
        raise UsageError(
            f"metrics_fn={metrics_fn!r} returned a {type(response).__name__}", "Expected a MetricsResponse."
        )
    return response


def _predict(weighing: EvaluationRequest, serving: Path, production: "_Production | None") -> Any:
    gates = weighing.quality
    loaded = signature.load(serving, gates.signature, gates.inputs)
    return predict(
        _batches(weighing),
        weighing.label,
        dict.fromkeys(chain.from_iterable(gates.all_slices())),
        Predictor(loaded, weighing.label, gates.prediction),
        Predictor(production.signature, weighing.label, gates.prediction) if production else None,
    )


def _weigh_latency(weighing: EvaluationRequest, folder: Path) -> list[Gate]:
    gates = weighing.latency
    serving = signature.serving_folder(weighing.model)
    loaded = signature.load(serving, gates.signature, gates.inputs)
    production, judged = _production(weighing, latency.GROUP, gates)
    rows = next((batch for batch in _batches(weighing) if batch.num_rows), None)
    if rows is None:
        raise Unmeasurable("rows", "present", f"Split {weighing.split!r} has no rows to call the model with.")
    contender = partial(ServedModel, rows=rows, label=weighing.label, largest=max(gates.batch_sizes))
    contenders = {"candidate": contender(serving, loaded)}
    if production:
        contenders["production"] = contender(production.folder, production.signature)
    found = latency.measure(gates, contenders)
    judged += latency.judge(gates, found, in_production=weighing.production is not None)
    variants: dict[str, latency.Measurements] = {}
    for name in gates.variants:
        judged += _guarded(f"{latency.GROUP}.{name}", partial(_weigh_variant, weighing, name, contender, variants))
    files.write_json(folder / LATENCY_FILE, latency.document(gates, found, variants))
    return judged


def _weigh_variant(
    weighing: EvaluationRequest,
    name: str,
    contender: Callable[[Path, signature.Signature], ServedModel],
    found: dict[str, latency.Measurements],
) -> list[Gate]:
    """The gates of a variant; its measurements are added to `found`."""
    gates = weighing.latency
    folder = variant_folder(weighing.model, name)
    if not (folder / "saved_model.pb").is_file():
        message = f"There is no variant {name!r} of the model: export it to TrainingSession.variant_dir({name!r})."
        raise Unmeasurable("model", "loadable", message)
    variant = contender(folder, signature.load(folder, gates.signature, gates.inputs))
    found[name] = latency.measure_variant(gates, gates.variants[name], variant)
    return latency.judge_variant(name, gates.variants[name], found[name])


@dataclass(frozen=True)
class _Production:
    folder: Path
    signature: signature.Signature


def _production(
    weighing: EvaluationRequest, group: str, gates: QualityGates | LatencyGates
) -> tuple[_Production | None, list[Gate]]:
    """The model in production, called once with real rows; where that fails, the gate that refuses to go without."""
    if weighing.production is None:
        return None, []
    try:
        folder = signature.serving_folder(weighing.production)
        loaded = signature.load(folder, gates.signature, gates.inputs)
        for batch in _batches(weighing, batch_rows=32):
            loaded.call(loaded.request(batch, weighing.label))
            break
        return _Production(folder, loaded), []
    except Unmeasurable as error:
        message = f"The model in production cannot be compared with. {error.message}"
        return None, [Gate(name=f"{group}.production.readable", passed=False, message=message)]


def _batches(weighing: EvaluationRequest, batch_rows: int = _PREDICTED_ROWS) -> "Iterator[pa.RecordBatch]":
    from weighbridge.components.artifacts.examples import read_batches

    return read_batches(weighing.examples, weighing.split, schema=_schema(weighing.schema), batch_rows=batch_rows)


def _schema(folder: str | None) -> "schema_pb2.Schema | None":
    if folder is None:
        return None
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    path = Path(folder, SCHEMA_FILE)
    try:
        return text_format.Parse(path.read_text(), schema_pb2.Schema())
    except (OSError, text_format.ParseError) as error:
        raise UsageError(f"{path} is not a schema: {error}") from error


def _subject(weighing: EvaluationRequest) -> dict[str, str]:
    gates = {"quality": weighing.quality.model_dump(mode="json"), "latency": weighing.latency.model_dump(mode="json")}
    subject = {**weighing.subject, "gates": value_digest(gates)}
    subject["data"] = subject.get("data") or tree_digest(weighing.examples)
    for name, model in (("model", weighing.model), ("production", weighing.production)):
        try:
            if model is not None:
                subject[name] = tree_digest(signature.serving_folder(model))
        except Unmeasurable:
            continue  # a gate says so; there are no bytes to bind the verdict to
    for name in weighing.latency.variants:
        folder = variant_folder(weighing.model, name)
        if (folder / "saved_model.pb").is_file():
            subject[f"variant_{name}"] = tree_digest(folder)
    if weighing.schema is not None:
        subject["schema"] = file_digest(Path(weighing.schema, SCHEMA_FILE))
    if image := os.environ.get(IMAGE_VARIABLE):
        subject["image"] = image
    return subject
