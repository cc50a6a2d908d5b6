import pytest

from tests.weighbridge.report import sample


@pytest.fixture(params=sorted(sample.RUNS))
def evidence(request, tmp_path):
    """Each kind of run in turn."""
    return sample.RUNS[request.param](tmp_path)


@pytest.fixture
def refused(tmp_path):
    return sample.refused(tmp_path / "refused")


@pytest.fixture
def passed(tmp_path):
    return sample.passed(tmp_path / "passed")


@pytest.fixture
def first_run(tmp_path):
    return sample.first_run(tmp_path / "first_run")


@pytest.fixture
def stopped(tmp_path):
    return sample.stopped(tmp_path / "stopped")


@pytest.fixture
def undecided(tmp_path):
    return sample.undecided(tmp_path / "undecided")
