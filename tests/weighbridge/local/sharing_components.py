"""Reads, trains and weighs in no time. What the first two make follows from their code, parameters and inputs."""

import uuid
from pathlib import Path

import pyarrow as pa
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, ModelEvaluation

from tests.pipelines.taxi.data import write_split
from tests.weighbridge.local.tiny import called
from weighbridge.common.digests import tree_digest
from weighbridge.components.traits import ComponentTraits
from weighbridge.verdict import Bounds, Verdict, write_gates


@component
def Read(examples: OutputArtifact[Examples], rows: Parameter[int], sample: Parameter[float] = 1.0) -> None:
    called("Read")
    kept = int(rows * sample)
    write_split(
        pa.table({"miles": pa.array([float(row) for row in range(kept)], pa.float32())}), Path(examples.uri), "eval"
    )
    examples.split_names = '["eval"]'
    examples.set_string_custom_property("content_digest", f"sha256:{kept}")


@component
def Train(
    examples: InputArtifact[Examples], model: OutputArtifact[Model], weight: Parameter[str], scratch: Parameter[str]
) -> None:
    called("Train")
    folder = Path(model.uri, "Format-Serving")
    folder.mkdir(parents=True)
    # As on another machine, the same training does not give the same bytes.
    (folder / "saved_model.pb").write_text(f"{weight} {uuid.uuid4()}")


@component
def Weigh(
    model: InputArtifact[Model],
    production_model: InputArtifact[Model],
    evaluation: OutputArtifact[ModelEvaluation],
    quality: Parameter[float],
    history: Parameter[str],
    fail: Parameter[str] = "",
) -> None:
    called("Weigh")
    if fail:
        raise ValueError(fail)
    span = Path(history, "span-1/Split-train")
    called(f"found:{sum(1 for path in Path(history).glob('span-*'))}")
    span.mkdir(parents=True, exist_ok=True)
    (span / "FeatureStats.pb").write_text("statistics")
    gates = Bounds(min=0.5).judge("quality.auc", quality)
    write_gates(evaluation.uri, gates)
    subject = {"model": tree_digest(Path(model.uri, "Format-Serving"))}
    if production_model.has_custom_property("model_digest"):
        subject["production"] = production_model.get_string_custom_property("model_digest")
    Verdict.of(gates, pipeline="sharing", run_id="a-run", subject=subject).write(Path(evaluation.uri, "verdict.json"))


Read.TRAITS = ComponentTraits(examples="examples", sample="sample", reproducible=True)
Train.TRAITS = ComponentTraits(reproducible=True, places=("scratch",))
