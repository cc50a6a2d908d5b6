"""Trains and weighs in one step, so that a test waits for neither."""

from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model, ModelEvaluation

from tests.weighbridge.local.tiny import called
from weighbridge.common.digests import tree_digest
from weighbridge.verdict import Bounds, Verdict, write_gates


@component
def Make(
    production_model: InputArtifact[Model],
    model: OutputArtifact[Model],
    evaluation: OutputArtifact[ModelEvaluation],
    weight: Parameter[str],
    quality: Parameter[float],
    sample: Parameter[float] = 1.0,
    pipeline: Parameter[str] = "delivering",
) -> None:
    called("Make")
    folder = Path(model.uri, "Format-Serving")
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_text(f"{weight} on {sample}")
    gates = Bounds(min=0.5).judge("quality.auc", quality)
    write_gates(evaluation.uri, gates)
    subject = {"model": tree_digest(folder)}
    if production_model.has_custom_property("model_digest"):
        subject["production"] = production_model.get_string_custom_property("model_digest")
    Verdict.of(gates, pipeline=pipeline, run_id="a-run", subject=subject).write(Path(evaluation.uri, "verdict.json"))
