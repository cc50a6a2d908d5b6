"""ExampleGen as TFX sees it: artifact properties, parameters, and a cache that knows the data."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tfx import types
from tfx.types import standard_artifacts

from tests.components.example_gen.helpers import outcome, quarantined, write
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.example_gen import ExampleGen, ExamplesGates
from weighbridge.components.example_gen.component import ExampleGenDriver, ExampleGenExecutor
from weighbridge.verdict import read_gates


def execute(component: ExampleGen, folder: Path, beam_arguments: list[str] | None = None) -> types.Artifact:
    """Call the executor with the component's parameters, as its driver completes them."""
    driver = ExampleGenDriver(None)  # type: ignore[arg-type]
    properties = driver.resolve_exec_properties(dict(component.exec_properties), None, None)  # type: ignore[arg-type]
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    context = ExampleGenExecutor.Context(beam_pipeline_args=beam_arguments or [], tmp_dir=str(folder.parent / "tmp"))
    ExampleGenExecutor(context).Do({}, {"examples": [examples]}, properties)
    return examples


def test_properties_of_the_artifact(tmp_path: Path) -> None:
    for day in ("2026-11-22", "2026-11-23"):
        write(tmp_path / f"{day}.csv", "a,b\n" + "".join(f"{n},{day}\n" for n in range(60)) + "1,2,3\n")
    component = ExampleGen(
        str(tmp_path / "{YYYY}-{MM}-{DD}.csv"),
        splits={"train": 3, "eval": 1},
        gates=ExamplesGates(max_quarantined_fraction=0.1),
    )
    examples = execute(component, tmp_path / "out")
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert json.loads(examples.split_names) == ["train", "eval"]
    assert examples.span == summary["span"] == 20_780
    assert examples.get_string_custom_property("content_digest") == summary["content_digest"]
    assert examples.get_string_custom_property("input_digest").startswith("sha256:")
    assert examples.get_int_custom_property("quarantined_rows") == 1 == len(quarantined(tmp_path / "out"))
    for name in ("train", "eval"):
        assert examples.get_int_custom_property(f"rows_{name}") == summary["splits"][name]["rows"] > 0
    assert all(gate.passed for gate in read_gates(examples.uri))


def test_times_are_resolved_into_properties(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "No,at\n" + "".join(f"{n},2010-12-{1 + n % 9:02}\n" for n in range(90)))
    component = ExampleGen(
        str(path),
        time_column="at",
        time_splits={"train": None, "eval": "-2d"},
        columns={"No": "number"},
        sample=0.5,
        sample_columns=["number"],
    )
    examples = execute(component, tmp_path / "out")
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    told = json.loads(examples.get_string_custom_property("time_splits"))
    assert told == summary["time_splits"] == {"train": None, "eval": "2010-12-08T00:00:00+00:00"}
    assert examples.get_string_custom_property("time_end") == summary["time_end"] == "2010-12-10T00:00:00+00:00"
    assert summary["columns"] == {"number": "int64", "at": "bytes"}
    assert summary["sample"] == 0.5
    assert 0 < summary["rows_left_out"] < 90


def test_refusal_is_data(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n" + "1,2,3\n" * 5)
    examples = execute(ExampleGen(str(path)), tmp_path / "out")
    gate, _ = read_gates(examples.uri)
    assert gate.refuses
    assert gate.observed == 1.0


def test_runner_argument_chooses_beam(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a\n" + "".join(f"{n}\n" for n in range(50)))
    component = ExampleGen(str(path))
    here = execute(component, tmp_path / "here")
    there = execute(component, tmp_path / "there", ["--runner=DirectRunner"])
    assert here.get_string_custom_property("content_digest") == there.get_string_custom_property("content_digest")
    summaries = [json.loads((tmp_path / name / "summary.json").read_text()) for name in ("here", "there")]
    assert outcome(tmp_path / "here", summaries[0]) == outcome(tmp_path / "there", summaries[1])


def test_parameters(tmp_path: Path) -> None:
    schema = write(tmp_path / "schema.pbtxt", 'feature { name: "a" type: INT }')
    component = ExampleGen("x.csv", key_columns=["a"], span=7, window=2, schema_file=str(schema))
    properties = component.exec_properties
    assert properties["span"] == "7"
    assert properties["schema"] == schema.read_text()  # its content, for the cache
    assert json.loads(properties["splits"])["key_columns"] == ["a"]
    assert properties["code_digest"].startswith("sha256:")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"splits": {}}, "positive weights"),
        ({"splits": {"train": -1}}, "positive weights"),
        ({"splits": {"a b": 1}}, "'a b' is not a name for a split"),
        ({"time_column": "at"}, "go together"),
        ({"time_end": "2010-06-01"}, "time_end needs time_column"),
        ({"time_column": "at", "time_splits": {"a": None, "b": "-7"}}, "'-7' is not a time before the end"),
        ({"time_column": "at", "time_splits": {"a": None, "b": "later"}}, "'later' is not a time"),
        ({"columns": {"a": "x", "b": "x"}}, "gives 'a', 'b' one name: 'x'"),
        ({"sample": 1.5}, "sample=1.5 is not a share of the rows"),
        ({"schema_file": "/absent/schema.pbtxt"}, "no schema at /absent/schema.pbtxt"),
        ({"schema_file": sys.executable}, "is not UTF-8"),
    ],
)
def test_parameters_without_sense(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        ExampleGen("in.csv", **parameters)


@pytest.mark.slow
def test_changed_data_at_the_same_path_are_read_again(tmp_path: Path) -> None:
    from tfx.orchestration import metadata, pipeline

    from weighbridge.local.steps import PipelineSteps

    path = write(tmp_path / "in.csv", "a\n" + "".join(f"{n}\n" for n in range(50)))
    numbers = iter(range(10))

    def launch() -> tuple[bool, str]:
        built = pipeline.Pipeline(
            pipeline_name="read",
            pipeline_root=str(tmp_path / "root"),
            components=[ExampleGen(str(path))],
            enable_cache=True,
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite")),
        )
        [result] = PipelineSteps(built, f"run-{next(numbers)}", str(tmp_path / "code.json")).launch()
        assert result.ran is not result.cached
        [examples] = result.outputs["examples"]
        return result.cached, examples.get_string_custom_property("content_digest")

    first = launch()
    assert first[0] is False
    assert launch() == (True, first[1])
    write(path, "a\n" + "".join(f"{n}\n" for n in range(1, 51)))
    second = launch()
    assert second[0] is False
    assert second[1] != first[1]
    write(path, "a\n" + "".join(f"{n}\n" for n in range(50)))
    assert launch() == (True, first[1])  # the old data are known


def test_data_that_change_behind_the_driver_are_safe_to_retry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "in.csv", "a\n" + "".join(f"{n}\n" for n in range(50)))
    component = ExampleGen(str(path))
    real = ExampleGenDriver.state

    def change_afterwards(self: ExampleGenDriver, *arguments: Any) -> str:
        digest = real(self, *arguments)
        write(path, "a\n" + "".join(f"{n}\n" for n in range(60)))
        return digest

    monkeypatch.setattr(ExampleGenDriver, "state", change_afterwards)
    with pytest.raises(InfrastructureError, match=r"in\.csv changed before they were read"):
        execute(component, tmp_path / "out")


def test_a_digest_of_other_files_is_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "in.csv", "a\n" + "".join(f"{n}\n" for n in range(50)))
    monkeypatch.setattr(ExampleGenDriver, "state", lambda *_: f"sha256:{'0' * 64}")  # as Kubeflow's parameter
    with pytest.raises(UsageError, match=r"are not those that sha256:000") as caught:
        execute(ExampleGen(str(path)), tmp_path / "out")
    assert "data_digest" in caught.value.hint
