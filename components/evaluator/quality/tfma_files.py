"""The measurements in TFMA's own file format, so that `tfma.load_eval_result` and its views open them."""

from itertools import groupby
from pathlib import Path
from typing import Any

from weighbridge.common import files
from weighbridge.components.evaluator.aliases import SliceKey
from weighbridge.components.evaluator.quality.metrics_api import MetricRow, MetricsRequest, MetricsResponse
from weighbridge.verdict import Estimate

CANDIDATE = "candidate"
PRODUCTION = "production"


def write(folder: Path, request: MetricsRequest, response: MetricsResponse) -> None:
    """Write `eval_config.json` and `metrics-00000-of-00001.tfrecord` into `folder`.

    Args:
        folder: of the ModelEvaluation artifact.
        request: names the models, the examples and the slices.
        response: the metrics, one row per metric and slice.
    """
    import tensorflow as tf
    from google.protobuf import json_format

    files.write_text(folder / "eval_config.json", json_format.MessageToJson(_run(request)) + "\n")
    rows = sorted(response.metrics, key=lambda row: row.slice)
    with tf.io.TFRecordWriter(str(folder / "metrics-00000-of-00001.tfrecord")) as writer:
        for _, group in groupby(rows, key=lambda row: row.slice):
            writer.write(_slice(list(group), compared=request.production is not None).SerializeToString())


def _run(request: MetricsRequest) -> Any:
    from tensorflow_model_analysis import version
    from tensorflow_model_analysis.proto import config_pb2

    names = [CANDIDATE] if request.production is None else [CANDIDATE, PRODUCTION]
    config = config_pb2.EvalConfig(
        model_specs=[
            # One model goes by the empty name, as TFMA has it: its views then need no name.
            config_pb2.ModelSpec(
                name=name if len(names) > 1 else "", label_key=request.label, is_baseline=name == PRODUCTION
            )
            for name in names
        ],
        slicing_specs=[config_pb2.SlicingSpec(feature_keys=features) for features in ((), *request.slices)],
    )
    config.options.compute_confidence_intervals.value = True
    config.options.confidence_intervals.method = config_pb2.ConfidenceIntervalOptions.JACKKNIFE
    locations = {name if len(names) > 1 else "": str(path) for name, path in _paths(request).items()}
    return config_pb2.EvalRun(
        eval_config=config,
        version=version.VERSION,
        data_location=request.examples,
        file_format="tfrecord",
        model_locations=locations,
    )


def _paths(request: MetricsRequest) -> dict[str, Path]:
    paths = {CANDIDATE: request.candidate}
    return paths if request.production is None else {**paths, PRODUCTION: request.production}


def _slice(rows: list[MetricRow], *, compared: bool) -> Any:
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2 as pb

    result = pb.MetricsForSlice(slice_key=_key(rows[0].key))
    for row in rows:
        found = (
            (CANDIDATE if compared else "", False, row.candidate),
            (PRODUCTION, False, row.production),
            (CANDIDATE, True, row.change),
        )
        for model, is_diff, estimate in found:
            if estimate is not None:
                entry = result.metric_keys_and_values.add(
                    key=pb.MetricKey(name=row.name, model_name=model, is_diff=is_diff)
                )
                _fill(entry, estimate)
    return result


def _key(key: SliceKey) -> Any:
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2 as pb

    def single(feature: str, value: str | int | float) -> Any:
        if isinstance(value, str):
            return pb.SingleSliceKey(column=feature, bytes_value=value.encode())
        if isinstance(value, int):
            return pb.SingleSliceKey(column=feature, int64_value=value)
        return pb.SingleSliceKey(column=feature, float_value=value)

    return pb.SliceKey(single_slice_keys=[single(feature, value) for feature, value in key])


def _fill(entry: Any, estimate: Estimate) -> None:
    entry.value.double_value.value = estimate.value
    if estimate.low is not None and estimate.high is not None:
        entry.confidence_interval.lower_bound.double_value.value = estimate.low
        entry.confidence_interval.upper_bound.double_value.value = estimate.high
