"""The whole evaluation: upstream's gates, quality, latency, and the verdict that binds them to what was weighed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from weighbridge.common.digests import file_digest, tree_digest, value_digest
from weighbridge.common.environment import IMAGE_VARIABLE
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.models import variant_folder
from weighbridge.components.evaluator.flavours import find_model
from weighbridge.components.evaluator.latency import weigh as latency
from weighbridge.components.evaluator.latency.under_load import weigh as under_load
from weighbridge.components.evaluator.quality import weigh as quality
from weighbridge.components.evaluator.quality.anchor import anchor_digest
from weighbridge.components.evaluator.request import SCHEMA_FILE, EvaluationRequest
from weighbridge.components.evaluator.unmeasurable import Unmeasurable, gates_or_refusal
from weighbridge.evidence.sizing import SIZING_FILE, SIZING_SUBJECT
from weighbridge.verdict import Gate, Verdict, read_gates, write_gates

VERDICT_FILE = "verdict.json"
_RECIPE = ("data", "code", "parameters", "schema", "production")


@dataclass(frozen=True)
class Evaluation:
    """What a evaluation ended in.

    Attributes:
        verdict: of the run as far as it is known here: upstream's gates and the Evaluator's own.
        model_blessed: upstream and quality let the model pass, and some gate weighed something.
        infra_blessed: latency lets it pass, and some gate weighed something.
    """

    verdict: Verdict
    model_blessed: bool
    infra_blessed: bool


def evaluate(request: EvaluationRequest, output: str | Path) -> Evaluation:
    """Weigh a model and leave verdict, gates and measurements in `output`.

    A model that cannot be weighed is refused by a gate that says why; it raises nothing.

    Args:
        request: what is to be weighed.
        output: folder of the ModelEvaluation artifact; created where it is not there.

    Raises:
        UsageError: a provider of metrics, a split or a schema is not what it should be.
    """
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    weighed = _models(request)
    subject = _subject(request) | weighed
    if anchor := anchor_digest(request):
        subject["anchor"] = anchor
    request = replace(request, recipe=_recipe(request, subject))
    upstream = _upstream_gates(request.upstream)
    refused = [gate.name for gate in upstream if gate.refuses]
    if refused:
        weighed_quality = [_not_measured(quality.GROUP, refused)]
        weighed_latency = [_not_measured(latency.GROUP, refused)]
    else:
        weighed_quality = gates_or_refusal(quality.GROUP, partial(quality.weigh, request, folder))
        weighed_latency = gates_or_refusal(latency.GROUP, partial(latency.weigh, request, folder))
        if request.latency.served is not None:
            weighed_latency += gates_or_refusal(latency.GROUP, partial(under_load.weigh, request, folder))
        if (folder / SIZING_FILE).is_file():
            subject[SIZING_SUBJECT] = file_digest(folder / SIZING_FILE)
        weighed_quality += _unchanged(weighed, _models(request))
    own = [*weighed_quality, *weighed_latency]
    verdict = Verdict.of([*upstream, *own], pipeline=request.pipeline, run_id=request.run_id, subject=subject)
    write_gates(folder, own)
    verdict.write(folder / VERDICT_FILE)
    return Evaluation(
        verdict=verdict,
        model_blessed=bool(verdict.weighed) and not any(gate.refuses for gate in chain(upstream, weighed_quality)),
        infra_blessed=bool(verdict.weighed) and not any(gate.refuses for gate in weighed_latency),
    )


def _upstream_gates(folders: Mapping[str, str]) -> list[Gate]:
    gates: list[Gate] = []
    for name, folder in folders.items():
        try:
            gates += read_gates(folder)
        except UsageError as error:
            message = f"The step before left no gates in its output {name}, so nothing vouches for it: {error.message}."
            gates.append(Gate(name=f"upstream.{name}.present", status="unmeasured", message=message))
    return gates


def _not_measured(group: str, refused: list[str]) -> Gate:
    message = f"The model's {group} was not measured, because {', '.join(refused)} refused before."
    return Gate(name=f"{group}.upstream.passed", status="unmeasured", message=message)


def _subject(request: EvaluationRequest) -> dict[str, str]:
    gates = {"quality": request.quality.model_dump(mode="json"), "latency": request.latency.model_dump(mode="json")}
    subject = {**request.subject, "gates": value_digest(gates)}
    subject["data"] = subject.get("data") or tree_digest(request.examples)
    if request.schema is not None:
        subject["schema"] = file_digest(Path(request.schema, SCHEMA_FILE))
    if image := os.environ.get(IMAGE_VARIABLE):
        subject["image"] = image
    return subject


def _recipe(request: EvaluationRequest, subject: Mapping[str, str]) -> str:
    """Digest of all that the candidate follows from; empty where the same need not come of it again.

    Training may start from the model in production, so that counts too.
    """
    if not request.deterministic or not all(name in subject for name in _RECIPE[:3]):
        return ""
    return value_digest({name: subject.get(name, "") for name in _RECIPE})


def _models(request: EvaluationRequest) -> dict[str, str]:
    """Digest of each model that is measured, by its name in the verdict's subject."""
    models = {"model": request.model, "production": request.production}
    models |= {f"variant_{name}": str(variant_folder(request.model, name)) for name in request.latency.variants}
    found = {}
    for name, model in models.items():
        try:
            if model is not None:
                found[name] = find_model(model, request.quality.signature).digest()
        except Unmeasurable:
            continue  # a gate says so; there are no bytes to bind the verdict to
    return found


def _unchanged(before: Mapping[str, str], after: Mapping[str, str]) -> list[Gate]:
    """Refuses a model whose files were others before it was measured than after: nobody knows what was measured."""
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [
        Gate(
            name=f"{quality.GROUP}.{name}.unchanged",
            status="refused",
            observed=after.get(name),
            threshold=before.get(name),
            message=f"The files of the {name.replace('_', ' ')} changed while it was measured. "
            "Run again, and let nobody write there meanwhile.",
        )
        for name in changed
    ]
