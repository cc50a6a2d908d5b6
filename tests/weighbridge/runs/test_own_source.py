"""Which modules count as code that may change from one run to the next."""

import json

import pytest

from weighbridge.components.example_gen.resolve import input_digest
from weighbridge.local.request import make_request
from weighbridge.plan.make import _changes
from weighbridge.runs import fingerprint
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


@pytest.mark.parametrize("data", ["shop_pipelines.model.csv", "shop_pipelines.model.data"])
def test_data_named_like_a_package_of_the_pipeline_are_no_code(installed, tmp_path, monkeypatch, data):
    assert function_modules({"input": data}) == {"shop_pipelines.model"}  # where nothing of that name lies
    monkeypatch.chdir(tmp_path)
    (tmp_path / data).mkdir()
    given = {"input": data, "parameters": json.dumps({"run_fn": "shop_pipelines.model.run_fn", "data": data})}
    assert function_modules(given) == {"shop_pipelines.model"}


PIPELINE = """
from weighbridge import definition

class Parameters(definition.Parameters):
    data: str = "{data}"

def create_pipeline(parameters, context):
    raise NotImplementedError
"""


@pytest.mark.parametrize("data", ["trips/trips.csv", "trips", "trips/*.csv", "trips.csv"])
def test_a_plan_calls_data_beside_the_definition_data(tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / f"trips{len(data)}"  # a package of its own for Python, which keeps what it has imported
    folder.mkdir()
    data = data.replace("trips/", f"{folder.name}/") if "/" in data or "." in data else folder.name
    rows = tmp_path / data if data == "trips.csv" else folder / "trips.csv"
    rows.write_text("a,b\n1,2\n")
    (folder / "pipeline.py").write_text(PIPELINE.format(data=data))
    (folder / "words.txt").write_text("some")
    request = make_request(f"{folder.name}/pipeline.py", None, None, tmp_path / "work")
    given = [{"input": data, "span": "latest", "window": 1}]
    modules = {"ExampleGen": function_modules({"input": data})}
    before = fingerprint.declared(request.definition, request.parameters, request.context, modules)
    before |= fingerprint.observed(given, [input_digest(**each) for each in given], request.context, "")

    def changed():
        now = fingerprint.current(before, request.definition, request.parameters, request.context)
        return [(each.what, each.part) for each in _changes(request, before, before, now)]

    assert changed() == []
    rows.write_text("a,b\n1,3\n")
    assert changed() == [("data", "data")]
    (folder / "words.txt").write_text("others")
    assert changed() == [("data", "data"), ("code", "words.txt")]
    assert not fingerprint.is_up_to_date(before, request.definition, request.parameters, request.context)
