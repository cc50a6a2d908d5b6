"""The taxi model trained on the real trips: what it is worth, what it exports, and its variants that are no good."""

import json
import math
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.pipelines.taxi import bad_models
from weighbridge.common.errors import UsageError
from weighbridge.components.trainer import train
from weighbridge.pipelines.taxi import model as taxi
from weighbridge.pipelines.taxi.preprocessing import raw_types

BAD = "tests.pipelines.taxi.bad_models"


def gates_of(trained):
    return {gate.name: gate for gate in trained.gates}


def serving(fn_args, signature="serving_default"):
    import tensorflow as tf

    loaded = tf.saved_model.load(fn_args.serving_model_dir)
    function = loaded.signatures[signature]
    function.keep = loaded
    return function


def trip(rows=1, **changes):
    """Raw features of `rows` equal trips, all missing but `changes`."""
    import tensorflow as tf

    missing = {tf.float32: math.nan, tf.int64: -1, tf.string: ""}
    return {name: tf.constant([changes.get(name, missing[dtype])] * rows, dtype) for name, dtype in raw_types().items()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, taxi_examples, taxi_statistics):
    folder = tmp_path_factory.mktemp("trained")
    fn_args = SimpleNamespace(
        train_files=[f"{taxi_examples}/Split-train/*"],
        eval_files=[f"{taxi_examples}/Split-eval/*"],
        train_steps=None,
        eval_steps=None,
        hyperparameters=None,
        model_run_dir=str(folder / "run"),
        serving_model_dir=str(folder / "model/Format-Serving"),
        custom_config={"statistics_path": str(taxi_statistics)},
    )
    assert all(gate.passed for gate in train("weighbridge.pipelines.taxi.model.run_fn", fn_args).gates)
    return fn_args


def test_it_tells_big_tippers(trained):
    history = json.loads(Path(trained.model_run_dir, "history.json").read_text())
    assert history["epochs"] == 5
    assert history["metrics"]["val_auc"][-1] > 0.94


def test_serving_takes_raw_features_by_name(trained):
    function = serving(trained)
    names = {name: (tuple(spec.shape), spec.dtype) for name, spec in function.structured_input_signature[1].items()}
    assert names == {name: ((None,), dtype) for name, dtype in raw_types().items()}
    card, cash = (
        function(**trip(payment_type=kind, fare=12.0, trip_miles=3.0))["probability"].numpy()[0]
        for kind in ("Credit Card", "Cash")
    )
    assert card > 0.3 > 0.05 > cash
    for rows in (0, 1, 7):
        assert function(**trip(rows))["probability"].shape == (rows,)


def test_odd_trips_get_a_probability(trained):
    odd = {
        "fare": math.inf,
        "trip_miles": -3e38,
        "trip_seconds": 2**62,
        "company": "☃" * 50,
        "pickup_community_area": 0,
    }
    for changes in ({}, odd):
        probability = serving(trained)(**trip(**changes))["probability"].numpy()[0]
        assert 0 <= probability <= 1


def test_both_signatures_agree_on_real_rows(trained):
    import tensorflow as tf

    from weighbridge.pipelines.taxi.preprocessing import parse

    files = sorted(tf.io.gfile.glob(trained.eval_files[0]))
    serialized = next(iter(tf.data.TFRecordDataset(files, "GZIP").batch(64)))
    by_example = serving(trained, "serving_examples")(examples=serialized)["probability"].numpy()
    by_name = serving(trained)(**parse(serialized))["probability"].numpy()
    np.testing.assert_allclose(by_example, by_name, rtol=1e-6)
    assert by_name.std() > 0.1


def test_options_come_from_custom_config_and_a_tuner(taxi_fn_args):
    fn_args = taxi_fn_args(epochs=2, batch_size=64, something_else=1)
    assert taxi.TaxiOptions.of(fn_args).epochs == 2
    fn_args.hyperparameters = {"space": [], "values": {"epochs": 3, "hidden": [8]}}
    assert (taxi.TaxiOptions.of(fn_args).epochs, taxi.TaxiOptions.of(fn_args).hidden) == (3, (8,))
    assert taxi.TaxiOptions.of(fn_args).batch_size == 64


@pytest.mark.parametrize(
    ("config", "hyperparameters", "message"),
    [({"epochs": 0}, None, "epochs=0"), ({}, {"learning_rat": 0.1}, "learning_rat")],
)
def test_wrong_options_are_named(taxi_fn_args, config, hyperparameters, message):
    fn_args = taxi_fn_args(**config)
    fn_args.hyperparameters = hyperparameters
    with pytest.raises(UsageError, match=message) as caught:
        taxi.TaxiOptions.of(fn_args)
    assert "batch_size" in caught.value.hint


def test_examples_that_are_not_there_are_named(taxi_fn_args):
    fn_args = taxi_fn_args()
    fn_args.train_files = ["/nowhere/*"]
    with pytest.raises(UsageError, match="no examples at /nowhere"):
        train("weighbridge.pipelines.taxi.model.run_fn", fn_args)


def test_train_steps_bound_the_training(taxi_fn_args):
    fn_args = taxi_fn_args(epochs=2, batch_size=16)
    fn_args.train_steps, fn_args.eval_steps = 6, 1
    train("weighbridge.pipelines.taxi.model.run_fn", fn_args)
    history = json.loads(Path(fn_args.model_run_dir, "history.json").read_text())
    assert history["epochs"] == 2
    assert history["metrics"]["loss"][-1] > 0.4  # six steps teach it little


def test_shuffled_labels_teach_nothing(taxi_fn_args):
    fn_args = taxi_fn_args(epochs=1)
    assert all(gate.passed for gate in train(f"{BAD}.shuffled_labels", fn_args).gates)
    history = json.loads(Path(fn_args.model_run_dir, "history.json").read_text())
    assert history["metrics"]["val_auc"][-1] < 0.8


def test_labels_that_are_no_numbers_are_refused(taxi_fn_args):
    gates = gates_of(train(f"{BAD}.nan_loss", taxi_fn_args(epochs=2)))
    assert gates["training.loss.finite"].refuses


def test_a_model_that_is_not_exported_is_refused(taxi_fn_args):
    gates = gates_of(train(f"{BAD}.no_export", taxi_fn_args(epochs=1)))
    assert gates["training.model.exported"].refuses


def test_the_slow_model_sleeps_on_every_call(taxi_fn_args):
    fn_args = taxi_fn_args(epochs=1)
    train(f"{BAD}.slow_serving", fn_args)
    function = serving(fn_args)
    for _ in range(2):
        began = time.perf_counter()
        assert 0 <= function(**trip())["probability"].numpy()[0] <= 1
        assert time.perf_counter() - began >= bad_models.SLEEP_S


def test_the_raising_model_loads_and_raises(taxi_fn_args):
    import tensorflow as tf

    fn_args = taxi_fn_args(epochs=1)
    train(f"{BAD}.raising_signature", fn_args)
    function = serving(fn_args)
    with pytest.raises(tf.errors.InvalidArgumentError, match="refuses to answer"):
        function(**trip())


@pytest.mark.slow
def test_a_run_fn_on_stock_transforms_graph(taxi_fn_args, taxi_examples, tmp_path):
    transform(taxi_examples, tmp_path / "transformed")
    fn_args = taxi_fn_args()
    fn_args.transform_graph_path = str(tmp_path / "transformed/graph")
    fn_args.train_files = [f"{tmp_path}/transformed/Split-train/*"]
    fn_args.eval_files = [f"{tmp_path}/transformed/Split-eval/*"]
    assert all(gate.passed for gate in train("tests.pipelines.taxi.with_transform.run_fn", fn_args).gates)
    history = json.loads(Path(fn_args.model_run_dir, "history.json").read_text())
    assert history["metrics"]["val_auc"][-1] > 0.85

    import tensorflow as tf

    serialized = next(iter(tf.data.TFRecordDataset(sorted(taxi_examples.rglob("Split-eval/*")), "GZIP").batch(8)))
    assert serving(fn_args)(examples=serialized)["probability"].shape == (8,)


def transform(examples: Path, folder: Path) -> None:
    """What stock Transform does, without its component."""
    import apache_beam as beam
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
    from tfx_bsl.tfxio.tf_example_record import TFExampleRecord

    from tests.pipelines.taxi.data import SCHEMA_FILE
    from tests.pipelines.taxi.with_transform import preprocessing_fn
    from weighbridge.components.data_validator.schema import parse_schema

    schema = parse_schema(SCHEMA_FILE.read_text())
    with beam.Pipeline() as pipeline, tft_beam.Context(temp_dir=str(folder / "temporary")):
        graph = None
        for split in ("train", "eval"):
            source = TFExampleRecord(f"{examples}/Split-{split}/*", schema=schema, telemetry_descriptors=["test"])
            data = (pipeline | f"read {split}" >> source.BeamSource(), source.TensorAdapterConfig())
            if graph is None:
                graph = data | tft_beam.AnalyzeDataset(preprocessing_fn)
                graph | tft_beam.WriteTransformFn(str(folder / "graph"))
            rows, _ = (data, graph) | f"transform {split}" >> tft_beam.TransformDataset(output_record_batches=True)
            (
                rows
                | f"encode {split}" >> beam.FlatMapTuple(lambda batch, _: RecordBatchToExamplesEncoder().encode(batch))
                | f"write {split}" >> beam.io.WriteToTFRecord(f"{folder}/Split-{split}/data", file_name_suffix=".gz")
            )
    metadata_io.write_metadata(dataset_metadata.DatasetMetadata(schema), str(folder / "graph/metadata"))
