"""The planted shop and a model of it, made once."""

import pytest

from tests.made_once import made_once
from tests.pipelines.recommender.model import planted


@pytest.fixture(scope="session")
def histories(tmp_path_factory):
    """Folder of the planted shop's histories."""
    return made_once(tmp_path_factory, "planted", planted.make_planted) / "histories"


@pytest.fixture(scope="session")
def trained(tmp_path_factory, histories):
    """A model trained on it, exported with a twin over ten times as many items."""
    folder = made_once(tmp_path_factory, "trained", lambda folder: planted.train(histories, folder, scales=(10,)))
    return planted.Trained.of(histories, folder, scales=(10,))
