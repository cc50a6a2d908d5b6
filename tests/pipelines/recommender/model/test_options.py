"""What can be set, and what cannot."""

from types import SimpleNamespace

import pytest

from weighbridge.common.errors import UsageError
from weighbridge.pipelines.recommender.model.options import RecommenderOptions


def of(hyperparameters=None, **custom_config):
    return RecommenderOptions.of(SimpleNamespace(custom_config=custom_config, hyperparameters=hyperparameters))


def test_what_is_the_trainers_own_is_not_looked_at():
    assert of(seed=3, checkpoint_dir="x", epochs=7).epochs == 7


@pytest.mark.parametrize("tuned", [{"dim": 16}, {"values": {"dim": 16}, "space": []}])
def test_a_tuner_wins(tuned):
    assert of(tuned, dim=8, epochs=2) == RecommenderOptions(dim=16, epochs=2)


@pytest.mark.parametrize(
    ("tuned", "custom", "told"),
    [
        ({"dims": 3}, {}, "dims=3"),
        (None, {"dim": 0}, "dim=0"),
        (None, {"index": "annoy"}, "index='annoy'.*exact"),
        (None, {"targets": 129}, "targets=129"),
        (None, {"dropout": 1.0}, "dropout=1.0"),
    ],
)
def test_what_cannot_be_is_named_with_what_there_is(tuned, custom, told):
    with pytest.raises(UsageError, match=told) as caught:
        of(tuned, **custom)
    assert "learning_rate" in caught.value.hint
