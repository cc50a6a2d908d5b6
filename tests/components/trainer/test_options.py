"""What a model lets its pipeline, and a Tuner, set."""

from types import SimpleNamespace

import pytest

from weighbridge.common.errors import UsageError
from weighbridge.components.trainer import ModelOptions


class Options(ModelOptions):
    hidden: int = 8


def given(hyperparameters, **config):
    return SimpleNamespace(custom_config=config, hyperparameters=hyperparameters)


def test_hyperparameters_win_over_the_configuration():
    assert Options.of(given(None, hidden=2, seed=7)).hidden == 2
    assert Options.of(given({"hidden": 4}, hidden=2)).hidden == 4
    assert Options.of(given({"space": [], "values": {"hidden": 4}}, hidden=2)).hidden == 4


def test_notes_of_the_search_itself_are_no_options():
    """KerasTuner's Hyperband leaves them among the values."""
    notes = {"tuner/epochs": 3, "tuner/initial_epoch": 0, "tuner/bracket": 1, "tuner/round": 0, "tuner/trial_id": "0"}
    assert Options.of(given({"values": {"hidden": 4, **notes}})).hidden == 4


def test_a_hyperparameter_that_the_model_does_not_have_is_refused():
    with pytest.raises(UsageError, match="depth=3") as caught:
        Options.of(given({"values": {"depth": 3}}))
    assert caught.value.hint == "Options: hidden."
