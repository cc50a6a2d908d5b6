"""A run's model as MLflow loads it: from a copy or from where it stayed, and only if it is the one that was weighed."""

from pathlib import Path

import pandas as pd
import pytest

from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import UsageError
from weighbridge.tracking.entry import ModelReference
from weighbridge.tracking.model import write_model

EVERYTHING = float("inf")
ROWS = pd.DataFrame({"miles": [1.0, 2.5, None], "card": ["Cash", "Credit", "Cash"], "zone": [3, 4, 5]})


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """A SavedModel that takes raw columns."""
    import tensorflow as tf

    class Fare(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.float32, "miles"),
                tf.TensorSpec([None], tf.string, "card"),
                tf.TensorSpec([None], tf.int64, "zone"),
            ]
        )
        def serve(self, miles, card, zone):
            miles = tf.where(tf.math.is_nan(miles), 0.0, miles)
            return {"fare": 2.0 * miles + tf.cast(card == b"Cash", tf.float32) + tf.cast(zone, tf.float32)}

    folder = tmp_path_factory.mktemp("exported") / "7"
    model = Fare()
    tf.saved_model.save(model, str(folder), {"serving_default": model.serve})
    return folder


@pytest.fixture
def reference(exported) -> ModelReference:
    size = sum(path.stat().st_size for path in exported.rglob("*") if path.is_file())
    return ModelReference(digest=tree_digest(exported), folder=str(exported), address=str(exported), bytes=size)


@pytest.mark.parametrize("up_to", [EVERYTHING, -1], ids=["copy", "reference"])
def test_mlflow_loads_it(tmp_path, reference, up_to):
    import mlflow

    write_model(reference, "ab" * 16, tmp_path / "model", up_to)
    assert (tmp_path / "model/data").exists() == (up_to > 0)
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert list(loaded.predict(ROWS)["fare"]) == [6.0, 9.0, 6.0]
    assert loaded.metadata.metadata["weighbridge"]["digest"] == reference.digest


@pytest.mark.parametrize("up_to", [EVERYTHING, -1], ids=["copy", "reference"])
def test_mlflows_own_flavour_loads_it_without_weighbridge(tmp_path, reference, up_to):
    import mlflow.tensorflow
    import tensorflow as tf

    write_model(reference, "ab" * 16, tmp_path / "model", up_to)
    serve = mlflow.tensorflow.load_model(str(tmp_path / "model"))
    found = serve(miles=tf.constant([1.0]), card=tf.constant([b"Cash"]), zone=tf.constant([3], tf.int64))
    assert found["fare"].numpy().tolist() == [6.0]


def test_a_copy_that_was_changed_is_not_loaded(tmp_path, reference):
    import mlflow

    write_model(reference, "ab" * 16, tmp_path / "model", EVERYTHING)
    (tmp_path / "model/data/fingerprint.pb").write_bytes(b"changed")
    with pytest.raises(UsageError, match="not the one that was weighed"):
        mlflow.pyfunc.load_model(str(tmp_path / "model"))


def test_what_is_left_of_an_upload_that_was_broken_off_is_not_loaded(tmp_path, reference):
    import mlflow

    write_model(reference, "ab" * 16, tmp_path / "model", -1)
    (tmp_path / "model/data").mkdir()
    (tmp_path / "model/data/saved_model.pb").write_bytes(b"half")
    assert list(mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(ROWS)["fare"]) == [6.0, 9.0, 6.0]


def test_a_reference_to_what_is_gone_says_where_it_was(tmp_path, reference):
    import mlflow

    away = reference.model_copy(update={"folder": "", "address": "/models/production/7"})
    write_model(away, "ab" * 16, tmp_path / "model", EVERYTHING)
    with pytest.raises(UsageError, match="is not at /models/production/7"):
        mlflow.pyfunc.load_model(str(tmp_path / "model"))


def test_files_that_are_not_those_that_were_weighed_are_not_copied(tmp_path, reference):
    other = reference.model_copy(update={"digest": "sha256:" + "0" * 64})
    write_model(other, "ab" * 16, tmp_path / "model", EVERYTHING)
    assert not (tmp_path / "model/data").exists()


def test_what_mlflows_registry_has_is_not_copied_again(tmp_path, reference):
    pushed = reference.model_copy(update={"address": "models:/taxi/7"})
    described = write_model(pushed, "ab" * 16, tmp_path / "model", EVERYTHING)
    assert not (tmp_path / "model/data").exists()
    assert "tensorflow" not in described.flavors, "MLflow's own flavour would look for a folder of that name"


def test_the_description_of_a_model_names_no_folder_of_this_machine(tmp_path, reference):
    pushed = reference.model_copy(update={"address": "gs://models/taxi/7"})
    write_model(pushed, "ab" * 16, tmp_path / "model", -1)
    text = "".join(path.read_text() for path in (tmp_path / "model").iterdir())
    assert reference.folder not in text
    assert "gs://models/taxi/7" in text
