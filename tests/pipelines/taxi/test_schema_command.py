"""`weighbridge schema`: a first schema for a new pipeline, and what later data would change."""

import json
import sys

import pytest

from weighbridge.pipelines.taxi.pipeline import TRIPS

NEW = """
from weighbridge.definition import Context
from weighbridge.definition import Parameters as Base


class Parameters(Base):
    pass


def create_pipeline(parameters, context: Context):
    from weighbridge.components.data_validator import DataGates, DataValidator
    from weighbridge.components.example_gen import ExampleGen

    examples = ExampleGen(parameters.data)
    validator = DataValidator(examples.outputs["examples"], schema_file=str(context.schema), gates=DataGates())
    return context.pipeline([examples, validator])
"""


@pytest.fixture
def new_pipeline(tmp_path, monkeypatch):
    """A pipeline that a user has just begun, without a schema."""
    package = tmp_path / "trips"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "pipeline.py").write_text(NEW)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("trips", "trips.pipeline"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return package


def test_from_nothing_to_a_reviewed_schema_and_a_verdict(weighbridge, new_pipeline):
    data = TRIPS
    missing = weighbridge("run", "trips.pipeline", "--data", data)
    assert missing.code == 2
    assert "weighbridge schema" in missing.err

    shown = weighbridge("schema", "trips.pipeline", "--data", data)
    assert shown.code == 0, shown.err
    assert 'name: "payment_type"' in shown.out
    assert not (new_pipeline / "schema.pbtxt").exists()

    written = weighbridge("schema", "trips.pipeline", "--data", data, "--write")
    assert written.code == 0
    assert 'name: "payment_type"' in (new_pipeline / "schema.pbtxt").read_text()

    same = weighbridge("schema", "trips.pipeline", "--data", data, "--json")
    assert json.loads(same.out)["differences"] == []

    done = weighbridge("run", "trips.pipeline", "--data", data)
    assert done.code == 0, done.out + done.err
    assert "PASSED" in done.out


def test_later_data_show_how_they_differ(weighbridge, new_pipeline, tmp_path):
    weighbridge("schema", "trips.pipeline", "--data", TRIPS, "--write")
    later = tmp_path / "later.csv"
    rows = (f"{number}.5,Cash,sunny\n{number}.5,Barter,rain\n" for number in range(200))
    later.write_text("fare,payment_type,weather\n" + "".join(rows))
    different = weighbridge("schema", "trips.pipeline", "--data", later)
    assert different.code == 0, different.err
    assert "Feature 'weather' is new" in different.out
    assert "Feature 'trip_miles' is gone" in different.out
    assert "Barter" in different.out
    refused = weighbridge("run", "trips.pipeline", "--data", later)
    assert refused.code == 1
    assert "weather" in refused.out


def test_data_that_cannot_be_read_are_exit_2(weighbridge, new_pipeline, tmp_path):
    wrong = weighbridge("schema", "trips.pipeline", "--data", tmp_path / "nowhere.csv")
    assert wrong.code == 2
    assert "nowhere.csv" in wrong.err
