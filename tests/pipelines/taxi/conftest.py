"""The taxi examples in TFX's form, made once."""

from types import SimpleNamespace

import pytest

from tests.made_once import made_once
from tests.pipelines.taxi import data


@pytest.fixture(scope="session")
def taxi_examples(tmp_path_factory, taxi_csv):
    """Folder of an Examples artifact with the splits `train` and `eval`."""
    return made_once(
        tmp_path_factory, "taxi-examples", lambda folder: data.write_examples(data.trips(taxi_csv), folder)
    )


@pytest.fixture(scope="session")
def taxi_statistics(tmp_path_factory, taxi_examples):
    """FeatureStats.pb of the train split."""

    def make(folder):
        data.write_statistics(taxi_examples, folder / "FeatureStats.pb")

    return made_once(tmp_path_factory, "taxi-statistics", make) / "FeatureStats.pb"


@pytest.fixture
def taxi_fn_args(tmp_path, taxi_examples, taxi_statistics):
    """Makes what a run_fn is given; keywords go to custom_config."""

    def make(**custom_config):
        return SimpleNamespace(
            train_files=[f"{taxi_examples}/Split-train/*"],
            eval_files=[f"{taxi_examples}/Split-eval/*"],
            train_steps=None,
            eval_steps=None,
            hyperparameters=None,
            transform_graph_path=None,
            model_run_dir=str(tmp_path / "run"),
            serving_model_dir=str(tmp_path / "model/Format-Serving"),
            custom_config={"statistics_path": str(taxi_statistics), **custom_config},
        )

    return make
