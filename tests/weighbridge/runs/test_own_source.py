"""Which modules count as code that may change from one run to the next."""

import pytest

from weighbridge.runs.fingerprint import function_modules, is_own_source


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A pipeline that came as a wheel, and a library beside it."""
    folder = tmp_path / "lib/site-packages"
    for name in ("shop_pipelines/__init__.py", "shop_pipelines/model.py", "some_library/__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    monkeypatch.syspath_prepend(folder)


def test_what_no_version_stands_for_is_own_source_also_where_it_is_installed(installed):
    assert is_own_source("shop_pipelines.model")
    assert is_own_source("weighbridge.pipelines.taxi.model")


@pytest.mark.parametrize(
    "module", ["json.decoder", "keras", "tfx.components", "some_library", "math", "no.such", "no_such"]
)
def test_libraries_are_not(installed, module):
    assert not is_own_source(module)


def test_the_functions_of_an_installed_pipeline_count(installed):
    given = {"run_fn": "shop_pipelines.model.run_fn", "loss": "some_library.loss", "input": "data/orders.csv"}
    assert function_modules(given) == {"shop_pipelines.model"}
