"""Fixtures shared by all tests. Data is real where it can be: the taxi rows ship inside the tfx wheel."""

import importlib.util
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.command_line import weighbridge, workdir
from tests.mlflow_server import MlflowServer, mlflow_server

__all__ = ["weighbridge", "workdir"]

# How long one example may take says nothing on a machine with much else to do.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Where whoever runs the tests keeps runs is not where those of tests belong.
for _name in [name for name in os.environ if name.startswith("MLFLOW_")]:
    del os.environ[_name]

# A shell starts what runs in the background with SIGINT ignored; processes that tests interrupt would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with many tests first, so that workers end together; before them what forks often.

    A worker that has loaded TensorFlow takes three times as long to fork.
    """
    number = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.get_closest_marker("forks") is None, -number[item.path], item.path))


def _taxi_csv() -> Path:
    spec = importlib.util.find_spec("tfx")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "examples/chicago_taxi_pipeline/data/simple/data.csv"


@pytest.fixture(scope="session")
def taxi_csv() -> Path:
    """The 15,002 real Chicago taxi trips inside the installed tfx package."""
    return _taxi_csv()


@pytest.fixture(scope="session")
def online_retail() -> Path:
    """Online Retail II, kept beside the repository; tests that need it skip where it is absent."""
    path = Path(__file__).parents[2] / "shared/data/online_retail_2009_2010.parquet"
    if not path.exists():
        pytest.skip(f"Online Retail II is not at {path}")
    return path


@pytest.fixture(scope="session")
def tracking_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A real MLflow server, one for all tests of a worker: a test takes its own names and leaves it running."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@pytest.fixture(scope="session")
def tracking_server_with_auth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """The same with basic authentication: nobody may do anything without a name and a password."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow-auth"), auth=True) as server:
        yield server
