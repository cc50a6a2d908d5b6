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
    assert "weighbridge schema trips.pipeline --data" in missing.err
    assert "--write" in missing.err

    shown = weighbridge("schema", "trips.pipeline", "--data", data)
    assert shown.code == 0, shown.err
    assert 'name: "payment_type"' in shown.out
    assert not (new_pipeline / "schema.pbtxt").exists()

    written = weighbridge("schema", "trips.pipeline", "--data", data, "--write")
    assert written.code == 0
    assert 'name: "payment_type"' in (new_pipeline / "schema.pbtxt").read_text()

    first = (new_pipeline / "schema.pbtxt").read_bytes()
    same = weighbridge("schema", "trips.pipeline", "--data", data, "--write", "--json")
    assert json.loads(same.out)["differences"] == []
    assert (new_pipeline / "schema.pbtxt").read_bytes() == first

    done = weighbridge("run", "trips.pipeline", "--data", data)
    assert done.code == 0, done.out + done.err
    assert "PASSED" in done.out


def test_later_data_show_how_they_differ(weighbridge, new_pipeline, tmp_path):
    weighbridge("schema", "trips.pipeline", "--data", TRIPS, "--write")
    schema = new_pipeline / "schema.pbtxt"
    schema.write_text(f"# Reviewed.\n\n{schema.read_text()}")
    reviewed = schema.read_text()
    later = tmp_path / "later.csv"
    rows = (f"{number}.5,Cash,sunny\n{number}.5,Barter,rain\n" for number in range(200))
    later.write_text("fare,payment_type,weather\n" + "".join(rows))
    different = weighbridge("schema", "trips.pipeline", "--data", later)
    assert different.code == 0, different.err
    assert "Feature 'weather' is new" in different.out
    assert "Feature 'trip_miles' is gone" in different.out
    assert '+  value: "Barter"' in different.out
    assert "--accept payment_type" in different.out
    assert schema.read_text() == reviewed

    refused = weighbridge("run", "trips.pipeline", "--data", later, "--json")
    assert refused.code == 1
    messages = " ".join(gate["message"] for gate in json.loads(refused.out)["verdict"]["gates"])
    # The whole command, as this run was started.
    command = f"weighbridge schema trips.pipeline --data {later} --workdir "
    assert any(command in part and part.endswith("--accept payment_type") for part in messages.split("`"))

    added = weighbridge("schema", "trips.pipeline", "--data", later, "--write")
    assert "Feature 'weather' is new" in added.out
    assert "--accept trip_miles" in added.out
    assert 'name: "weather"' in schema.read_text()
    assert "Barter" not in schema.read_text()

    unknown = weighbridge("schema", "trips.pipeline", "--data", later, "--accept", "payment_typ")
    assert unknown.code == 2
    assert "Did you mean 'payment_type'?" in unknown.err

    accepted = weighbridge("schema", "trips.pipeline", "--data", later, "--accept", "payment_type", "--json")
    assert json.loads(accepted.out)["taken_over"] == ["payment_type"]
    text = schema.read_text()
    assert '  value: "Barter"\n' in text
    assert 'name: "trip_miles"' in text
    assert [line for line in reviewed.splitlines() if line not in text.splitlines()] == []


def test_data_that_cannot_be_read_are_exit_2(weighbridge, new_pipeline, tmp_path):
    wrong = weighbridge("schema", "trips.pipeline", "--data", tmp_path / "nowhere.csv")
    assert wrong.code == 2
    assert "nowhere.csv" in wrong.err
