"""How many rows a split must have: of samples, of splits by time, of data with lists and without a label."""

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from tests.components.data_validator.test_validate import gate_of
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.examples import read_batches
from weighbridge.components.data_validator.baseline import production_baseline
from weighbridge.components.data_validator.gates import DataGates
from weighbridge.components.data_validator.rows_and_labels import rows_gates
from weighbridge.components.data_validator.schema import infer_schema, schema_text
from weighbridge.components.data_validator.statistics import compute_statistics
from weighbridge.components.data_validator.validate import Validation, validate_examples
from weighbridge.components.example_gen.gates import ExamplesGates
from weighbridge.components.example_gen.generate import generate
from weighbridge.components.example_gen.process import ReadRequest
from weighbridge.components.example_gen.sample import Sample
from weighbridge.components.example_gen.splits import Splits
from weighbridge.verdict import Bounds

LAST = datetime.datetime(2010, 12, 9, 12)


def examples(folder: Path, rows: int, *, end: datetime.datetime = LAST, share: float = 1.0) -> dict[str, Any]:
    """A row per hour up to `end`, the last week as eval, with a list in every row."""
    folder.mkdir(exist_ok=True)
    times = [end - datetime.timedelta(hours=number) for number in range(rows)]
    tags = [["red", "large"] if number % 4 else ["blue"] for number in range(rows)]
    table = pa.table({"at": pa.array(times, pa.timestamp("us")), "tags": tags, "price": [1.0, 2.5] * (rows // 2)})
    parquet.write_table(table, folder / "in.parquet")
    splits = Splits(time_column="at", time_splits={"train": None, "eval": "-7d"})
    request = ReadRequest(input=str(folder / "in.parquet"), splits=splits, sample=Sample(share=share))
    return generate(request, folder / "examples", ExamplesGates()).model_dump(mode="json")


def inferred(folder: Path) -> str:
    return schema_text(infer_schema(compute_statistics(read_batches(str(folder / "examples"), "train"))))


def validate(folder: Path, section: Mapping[str, Any], schema: str = "", **kw: Any) -> Validation:
    gates = DataGates.model_validate(section)
    return validate_examples(str(folder / "examples"), ["train", "eval"], schema or inferred(folder), gates, **kw)


def test_lists_without_a_label_pass_and_drift_in_them_is_seen(tmp_path: Path) -> None:
    examples(tmp_path, 1_000)
    section = {"rows": {"train": {"min": 800}}, "skew": {"tags": {"linf": {"max": 0.1}}}}
    validation = validate(tmp_path, section)
    assert [gate.message for gate in validation.gates if not gate.passed] == []
    assert not [gate for gate in validation.gates if gate.name.startswith("data.label")]
    [tags] = [found for found in validation.distances if (found.feature, found.measure) == ("tags", "linf")]
    assert tags.value == pytest.approx(0, abs=0.02)
    gate = gate_of(validation, "data.skew.tags.linf.max")
    assert (gate.passed, gate.threshold) == (True, 0.1)


def test_a_list_longer_than_the_schema_allows_is_refused(tmp_path: Path) -> None:
    examples(tmp_path, 1_000)
    assert gate_of(validate(tmp_path, {}), "data.train.schema").passed
    schema = (
        'feature { name: "at" type: INT } feature { name: "price" type: FLOAT }'
        ' feature { name: "tags" type: BYTES value_count { min: 1 max: 1 } }'
    )
    gate = gate_of(validate(tmp_path, {}, schema), "data.train.tags.schema")
    assert gate.refuses
    assert "values in a row, but must have 1 value" in gate.message


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize(("rows", "passed"), [(1_000, True), (400, False)])
def test_a_sample_is_asked_for_its_share(rows: int, passed: bool, share: float, tmp_path: Path) -> None:
    examples(tmp_path, rows, share=share)
    gate = gate_of(validate(tmp_path, {"rows": {"train": {"min": 600}}}), "data.rows.train.min")
    assert gate.passed is passed
    assert gate.threshold == 600 * share
    if share < 1:
        assert gate.message.endswith("(≥ 300 rows is 600 × sample 0.5)")
    else:
        assert "sample" not in gate.message


def test_a_split_without_thresholds_must_have_a_row_in_a_sample_too(tmp_path: Path) -> None:
    examples(tmp_path, 1_000, share=0.5)
    gate = gate_of(validate(tmp_path, {}), "data.rows.eval.min")
    assert (gate.passed, gate.threshold) == (True, 1)
    assert "sample" not in gate.message


@pytest.mark.parametrize("sample", [0, 1.5, "half", None])
def test_a_summary_whose_sample_is_none_is_told(sample: Any, tmp_path: Path) -> None:
    summary = examples(tmp_path, 300)
    (tmp_path / "examples/summary.json").write_text(json.dumps(summary | {"sample": sample}))
    with pytest.raises(UsageError, match=r"sample=.* is not a share of the rows"):
        validate(tmp_path, {})


def test_examples_of_before_there_were_samples_are_all_the_data(tmp_path: Path) -> None:
    summary = examples(tmp_path, 300)
    del summary["sample"]
    (tmp_path / "examples/summary.json").write_text(json.dumps(summary))
    assert gate_of(validate(tmp_path, {"rows": {"train": {"min": 100}}}), "data.rows.train.min").threshold == 100


RATIO = {"rows": {"train": {"min_ratio": 0.9}, "eval": {"min_ratio": 0.75, "max_ratio": 1.25}}}


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_the_volume_of_a_week_against_that_of_production(share: float, tmp_path: Path) -> None:
    """Splits that move with the newest row: each week is held against the week that production was weighed on."""
    examples(tmp_path / "before", 1_000)
    before = validate(tmp_path / "before", {})
    before.write(tmp_path / "statistics", tmp_path / "anomalies")
    production = production_baseline(tmp_path / "statistics")

    week = datetime.timedelta(days=7)
    examples(tmp_path / "next", 1_168, end=LAST + week, share=share)
    found = validate(tmp_path / "next", RATIO, inferred(tmp_path / "before"), production=production)
    assert [gate.message for gate in found.gates if gate.name.startswith("data.rows") and not gate.passed] == []
    gate = gate_of(found, "data.rows.eval.min_ratio")
    assert gate.observed == pytest.approx(1, abs=0.25)
    assert gate.message.endswith("(against production's rows × sample 0.5)") == (share < 1)

    # An export that ends in the middle of the week: its last day is there, but hardly anything before.
    folder = tmp_path / "gap"
    folder.mkdir()
    recent = [LAST + week - datetime.timedelta(hours=number) for number in (*range(20), *range(168, 1_168))]
    columns = {"at": pa.array(recent, pa.timestamp("us")), "tags": [["red"]] * 1_020, "price": [1.0] * 1_020}
    parquet.write_table(pa.table(columns), folder / "in.parquet")
    splits = Splits(time_column="at", time_splits={"train": None, "eval": "-7d"})
    generate(ReadRequest(input=str(folder / "in.parquet"), splits=splits), folder / "examples", ExamplesGates())
    found = validate(folder, RATIO, inferred(tmp_path / "before"), production=production)
    assert gate_of(found, "data.rows.eval.min_ratio").refuses
    assert gate_of(found, "data.rows.train.min_ratio").passed


def test_production_whose_rows_cannot_be_read_refuses_a_sample_too(tmp_path: Path) -> None:
    examples(tmp_path, 300, share=0.5)
    found = validate(tmp_path, RATIO, production=production_baseline(tmp_path / "nowhere"))
    assert gate_of(found, "data.rows.train.min_ratio").refuses
    first = validate(tmp_path, RATIO, production=production_baseline(None, exists=False))
    assert gate_of(first, "data.rows.train.min_ratio").passed


@given(
    least=st.integers(0, 10**7), percent=st.integers(1, 100), rows=st.integers(0, 10**7), most=st.integers(10**7, 10**8)
)
def test_whole_rows_are_asked_of_a_sample(least: int, percent: int, rows: int, most: int) -> None:
    from tensorflow_metadata.proto.v0 import statistics_pb2

    dataset = statistics_pb2.DatasetFeatureStatistics(num_examples=rows)
    bounds = {"train": Bounds(min=least, max=most)}
    at_least, at_most = rows_gates({"train": dataset}, bounds, {}, percent / 100)
    assert at_least.threshold == -(-least * percent // 100)
    assert at_least.passed == (rows * 100 >= least * percent)
    assert at_most.threshold == most
