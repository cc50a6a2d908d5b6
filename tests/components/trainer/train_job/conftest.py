"""A Kubernetes for the step to talk to: a double, and a client that is impatient."""

from collections.abc import Iterator

import pytest

from tests.components.trainer.train_job.double import NAMESPACE, Double, serving
from weighbridge.components.trainer.train_job.access import TrainJobs


@pytest.fixture
def kubernetes() -> Iterator[Double]:
    with serving(Double()) as double:
        yield double


@pytest.fixture
def jobs(kubernetes: Double) -> TrainJobs:
    return TrainJobs(kubernetes.configuration(), NAMESPACE, patience_s=0.3, pause_s=0.01)
