"""The planted shop and a model of it, made once."""

import pytest

from tests.pipelines.recommender.model import planted


@pytest.fixture(scope="session")
def histories(tmp_path_factory):
    """Folder of the planted shop's histories."""
    return planted.make_planted(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="session")
def trained(tmp_path_factory, histories):
    """A model trained on it, exported with a twin over ten times as many items."""
    return planted.train(histories, tmp_path_factory.mktemp("trained"), scales=(10,))
