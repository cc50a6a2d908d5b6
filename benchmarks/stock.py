"""The taxi job by stock TFX components in their best local configuration; run as `python -m benchmarks.stock`."""

import json
import sys
from pathlib import Path
from typing import Any

from weighbridge.pipelines.taxi.features import LABEL


def main(data_folder: str, root: str) -> None:
    """Run the pipeline on the CSV files in `data_folder`; leaves `result.json` with AUC and whether it pushed."""
    from tfx import v1 as tfx
    from tfx.orchestration.metadata import sqlite_metadata_connection_config

    pipeline = tfx.dsl.Pipeline(
        pipeline_name="stock",
        pipeline_root=f"{root}/artifacts",
        components=components(tfx, data_folder, root),
        metadata_connection_config=sqlite_metadata_connection_config(f"{root}/metadata.sqlite"),
        beam_pipeline_args=["--direct_running_mode=in_memory"],
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)
    result = {"auc": _auc(root), "pushed": bool(list(Path(root, "serving").iterdir()))}
    Path(root, "result.json").write_text(json.dumps(result))


def components(tfx: Any, data_folder: str, root: str) -> list[Any]:
    """The taxi pipeline's components, from the CSV files in `data_folder` to a push below `root`."""
    import tensorflow_model_analysis as tfma

    model = "benchmarks.stock_model"
    examples = tfx.components.CsvExampleGen(input_base=data_folder)
    statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
    schema = tfx.components.SchemaGen(statistics=statistics.outputs["statistics"], infer_feature_shape=False)
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    transform = tfx.components.Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn=f"{model}.preprocessing_fn",
    )
    trainer = tfx.components.Trainer(
        run_fn=f"{model}.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=tfx.proto.TrainArgs(),
        eval_args=tfx.proto.EvalArgs(),
    )
    config = tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                signature_name="serving_default", label_key=LABEL, preprocessing_function_names=["transform_features"]
            )
        ],
        slicing_specs=[
            tfma.SlicingSpec(),
            tfma.SlicingSpec(feature_keys=["trip_start_hour"]),
            tfma.SlicingSpec(feature_keys=["trip_start_day"]),
            tfma.SlicingSpec(feature_values={"payment_type": "Credit Card"}),
        ],
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=[
                    tfma.MetricConfig(class_name="ExampleCount"),
                    tfma.MetricConfig(class_name="BinaryAccuracy"),
                    tfma.MetricConfig(class_name="Calibration"),
                    tfma.MetricConfig(
                        class_name="AUC",
                        threshold=tfma.MetricThreshold(
                            value_threshold=tfma.GenericValueThreshold(lower_bound={"value": 0.5})
                        ),
                    ),
                ],
            )
        ],
    )
    evaluator = tfx.components.Evaluator(
        examples=examples.outputs["examples"], model=trainer.outputs["model"], eval_config=config
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=f"{root}/serving")
        ),
    )
    return [examples, statistics, schema, validator, transform, trainer, evaluator, pusher]


def _auc(root: str) -> float:
    import tensorflow_model_analysis as tfma

    [folder] = Path(root, "artifacts/Evaluator/evaluation").iterdir()
    metrics = tfma.load_eval_result(str(folder)).get_metrics_for_all_slices()
    return float(metrics[()]["auc"]["doubleValue"])


if __name__ == "__main__":
    main(*sys.argv[1:])
