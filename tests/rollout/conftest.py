"""What deliveries are tried with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rollout.models import models_of


@pytest.fixture(scope="session")
def rollout_models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the model of a kind, see `models.KINDS`."""
    return models_of(tmp_path_factory)
