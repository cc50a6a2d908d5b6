"""How nodes find each other."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.components.trainer import strategy
from weighbridge.components.trainer.train_job import workers


def test_addresses_are_those_of_jobsets_pods():
    """As `JAX_COORDINATOR_ADDRESS` and `PET_MASTER_ADDR` of Trainer's runtimes: <job>-node-0-0.<job>, port 29500."""
    assert workers.addresses("train-ab", 2) == ["train-ab-node-0-0.train-ab:29500", "train-ab-node-0-1.train-ab:29500"]


@given(nodes=st.integers(2, 40), data=st.data())
def test_every_node_knows_all_and_the_first_is_the_chief(nodes, data):
    index = data.draw(st.integers(0, nodes - 1))
    addresses = workers.addresses("train-ab", nodes)
    config = workers.tf_config(addresses, index)
    assert config["cluster"] == {"worker": addresses}
    assert config["cluster"]["worker"][config["task"]["index"]] == addresses[index]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_CONFIG", json.dumps(config))
        assert strategy.is_chief() is (index == 0)


def test_a_node_alone_needs_no_cluster():
    assert workers.tf_config(["a:1"], 0) is None


@pytest.mark.parametrize(("nodes", "index"), [(2, 2), (2, -1), (1, 1), (0, 0)])
def test_a_node_that_is_none_is_refused(nodes, index):
    with pytest.raises(ValueError, match="none of"):
        workers.tf_config(["a:1"] * nodes, index)
