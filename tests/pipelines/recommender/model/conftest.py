"""A model that has learned nothing yet, over a catalogue by hand."""

import pytest

from tests.pipelines.recommender.model.planted import catalogue, options
from weighbridge.pipelines.recommender.model import network
from weighbridge.pipelines.recommender.model.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def untrained():
    """Model, vocabulary and catalogue of 300 items."""
    known = catalogue(300)
    vocabulary = Vocabulary(known)
    return network.build(network.CatalogueData.of(known, vocabulary), vocabulary, options(), 1), vocabulary, known
