"""The TFX face: artifacts as stock TFX writes and reads them, and what the cache sees."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.components.data_validator.conftest import WriteExamples, to_batch
from tests.components.data_validator.test_drift import PRODUCTION, SPANS
from tests.components.data_validator.test_validate import SCHEMA, TRIPS
from weighbridge.common.errors import UsageError
from weighbridge.components.data_validator import DataGates
from weighbridge.components.data_validator.statistics import compute_statistics, statistics_path, write_statistics
from weighbridge.verdict import read_gates


@pytest.fixture
def schema_file(tmp_path: Path) -> str:
    path = tmp_path / "schema.pbtxt"
    path.write_text(f"# Reviewed.\n{SCHEMA}")
    return str(path)


def _artifact(kind: str, uri: Path | str) -> Any:
    from tfx.types import standard_artifacts

    artifact = getattr(standard_artifacts, kind)()
    artifact.uri = str(uri)
    return artifact


def _component(schema_file: str, gates: DataGates, **options: Any) -> Any:
    from tfx import types
    from tfx.types import standard_artifacts

    from weighbridge.components.data_validator import DataValidator

    channel = types.Channel(type=standard_artifacts.Examples)
    return DataValidator(channel, schema_file=schema_file, gates=gates, **options)


def _execute(component: Any, uri: str, outputs: Path, production: Any = None, span: int = 0) -> dict[str, Any]:
    examples = _artifact("Examples", uri)
    examples.split_names = json.dumps(["train", "eval"])
    examples.span = span
    found = {
        key: _artifact(kind, outputs / key)
        for key, kind in {
            "statistics": "ExampleStatistics",
            "schema": "Schema",
            "anomalies": "ExampleAnomalies",
        }.items()
    }
    inputs = {"examples": [examples]} | ({"production_statistics": [production]} if production else {})
    executor = component.executor_spec.executor_class()
    executor.Do(inputs, {key: [value] for key, value in found.items()}, dict(component.exec_properties))
    return found


def test_outputs_are_what_stock_tfx_reads(write_examples: WriteExamples, schema_file: str, tmp_path: Path) -> None:
    from tensorflow_metadata.proto.v0 import anomalies_pb2
    from tfx.components.statistics_gen import stats_artifact_utils
    from tfx.types import artifact_utils
    from tfx.utils import io_utils

    uri = write_examples({"train": TRIPS | {"colour": ["red"] * 100}, "eval": TRIPS})
    found = _execute(_component(schema_file, DataGates()), uri, tmp_path / "out", span=4)

    statistics = stats_artifact_utils.load_statistics(found["statistics"], "train")
    assert statistics.proto().datasets[0].num_examples == 100
    assert artifact_utils.decode_split_names(found["statistics"].split_names) == ["train", "eval"]
    schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(found["schema"].uri))
    assert [feature.name for feature in schema.feature] == ["fare", "paid", "hour", "tip"]
    assert Path(found["schema"].uri, "schema.pbtxt").read_text() == Path(schema_file).read_text()
    content = Path(found["anomalies"].uri, "Split-train/SchemaDiff.pb").read_bytes()
    assert list(anomalies_pb2.Anomalies.FromString(content).anomaly_info) == ["colour"]
    assert found["anomalies"].get_json_value_custom_property("blessed") == {"train": 0, "eval": 1}
    assert found["anomalies"].span == found["statistics"].span == 4


def test_a_refusal_is_data_and_not_an_error(write_examples: WriteExamples, schema_file: str, tmp_path: Path) -> None:
    gates = DataGates.model_validate(
        {"rows": {"train": {"min": 1000}}, "skew": {"paid": {"jensen_shannon": {"max": 0.1}}}}
    )
    uri = write_examples({"train": TRIPS, "eval": TRIPS})
    found = _execute(_component(schema_file, gates), uri, tmp_path / "out")
    written = read_gates(found["anomalies"].uri)
    assert [gate.name for gate in written if gate.refuses] == ["data.rows.train.min"]
    distances = json.loads(Path(found["anomalies"].uri, "comparison.json").read_text())["distances"]
    judged = [found for found in distances if found["threshold"] is not None]
    assert judged == [{"feature": "paid", "kind": "skew", "measure": "jensen_shannon", "value": 0.0, "threshold": 0.1}]


@pytest.mark.parametrize(
    ("exists", "version", "status", "told"),
    [
        (0, None, "not_compared", "Nothing is in production yet"),
        (1, 2, "passed", "paid.linf is 0"),
        (None, None, "passed", "paid.linf is 0"),
        (0, 2, "unmeasured", "version 2 is in production without statistics"),
    ],
)
def test_production_as_its_artifact_tells(
    write_examples: WriteExamples,
    schema_file: str,
    tmp_path: Path,
    exists: int | None,
    version: int | None,
    status: str,
    told: str,
) -> None:
    from tfx import types
    from tfx.types import standard_artifacts

    production = _artifact("ExampleStatistics", tmp_path / "production")
    if exists is not None:
        production.set_int_custom_property("exists", exists)
    if version is not None:
        production.set_int_custom_property("version", version)
    if exists != 0:
        write_statistics(statistics_path(production.uri, "train"), compute_statistics([to_batch(TRIPS)]))
    component = _component(
        schema_file,
        DataGates.model_validate(PRODUCTION),
        production_statistics=types.Channel(type=standard_artifacts.ExampleStatistics),
    )
    uri = write_examples({"train": TRIPS, "eval": TRIPS})
    found = _execute(component, uri, tmp_path / "out", production)
    [gate] = [gate for gate in read_gates(found["anomalies"].uri) if gate.name.startswith("data.drift")]
    assert gate.status == status
    assert gate.refuses is (status == "unmeasured")
    assert told in gate.message


@pytest.mark.parametrize(
    ("in_summary", "in_property", "kept"), [(7, 0, ["span-7"]), (None, 5, []), (..., 5, ["span-5"])]
)
def test_the_span_comes_from_the_summary_or_else_from_the_artifact(
    write_examples: WriteExamples, schema_file: str, tmp_path: Path, in_summary: Any, in_property: int, kept: list[str]
) -> None:
    uri = write_examples({"train": TRIPS, "eval": TRIPS})
    if in_summary is not ...:
        columns = {"fare": "float", "paid": "bytes", "hour": "int64", "tip": "int64"}
        splits = {name: {"rows": len(TRIPS), "content_digest": ""} for name in ("train", "eval")}
        summary = {"splits": splits, "total_rows": 2 * len(TRIPS), "content_digest": "", "columns": columns}
        Path(uri, "summary.json").write_text(json.dumps(summary | {"span": in_summary}))
    history = tmp_path / "history"
    component = _component(schema_file, DataGates.model_validate(SPANS), history_dir=str(history))
    _execute(component, uri, tmp_path / "out", span=in_property)
    assert sorted(path.name for path in history.glob("*")) == kept


def test_the_cache_sees_schema_and_thresholds(schema_file: str) -> None:
    before = _component(schema_file, DataGates()).exec_properties
    assert _component(schema_file, DataGates()).exec_properties == before
    assert _component(schema_file, DataGates(anomalies="warning")).exec_properties != before
    with Path(schema_file).open("a") as file:
        file.write("# Looked at again.\n")
    assert _component(schema_file, DataGates()).exec_properties != before
    assert before["code_digest"].startswith("sha256:")


def test_wrong_declarations_are_errors_before_anything_runs(schema_file: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no schema"):
        _component(str(tmp_path / "other.pbtxt"), DataGates())
    with pytest.raises(UsageError, match="production"):
        _component(schema_file, DataGates.model_validate(PRODUCTION))
    with pytest.raises(UsageError, match="history"):
        _component(schema_file, DataGates.model_validate(SPANS))


def test_importing_the_package_loads_no_heavy_library() -> None:
    program = (
        "import sys, weighbridge.components.data_validator.validate, weighbridge.components.data_validator;"
        "print([name for name in ('tfx', 'tensorflow', 'apache_beam', 'tensorflow_data_validation')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
