"""A candidate is served by a real model server beside production, loaded, judged and sized; what cannot be says why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.components.evaluator.helpers import batch_of, gate, latency_gates, weighing
from tests.serving_server import serving_python
from weighbridge.common.digests import file_digest
from weighbridge.common.environment import SERVING_PYTHON_VARIABLE
from weighbridge.components.evaluator.evaluate import evaluate
from weighbridge.components.evaluator.latency.under_load.rows import rows_of
from weighbridge.components.evaluator.latency.under_load.weigh import weigh
from weighbridge.components.evaluator.signature import Signature
from weighbridge.components.evaluator.unmeasurable import gates_or_refusal
from weighbridge.evidence.served import ServedReport
from weighbridge.evidence.sizing import Sizing
from weighbridge.load.server import ServerFailed, model_server

# What is asked here of a busy machine is that it measures: not how fast.
SERVED = {
    "rate_rps": 40,
    "load_s": 10,
    "max_lag": 1.0,
    "p50_ms": {"max": 5000, "max_ratio": 50},
    "error_rate": {"max": 0.05},
}


@pytest.mark.slow
def test_a_served_candidate_is_loaded_beside_production_judged_and_sized(
    examples: Path, models: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SERVING_PYTHON_VARIABLE, serving_python())
    section = latency_gates(served=SERVED)
    section = section.model_copy(update={"served": section.served.model_copy(update={"load_s": 4.0})})
    request = weighing(examples, models("good"), production=str(models("serialized")), latency=section)
    verdict = evaluate(request, tmp_path).verdict
    for name in ("p50_ms.max", "p50_ms.max_ratio", "error_rate.max"):
        assert gate(verdict, f"latency.served.{name}").status == "passed", gate(verdict, f"latency.served.{name}")
    found = ServedReport.require(tmp_path)
    assert found.production is not None
    for model in (found.candidate, found.production):
        assert model.requests > 60
        assert model.errors == {}
        assert model.cpu_ms > 0.1
        assert model.memory_bytes > 50 << 20
    sizing = Sizing.require(tmp_path)
    assert (sizing.replicas, sizing.max_rps_per_replica) == (2, 40)
    assert sizing.memory_bytes > found.candidate.memory_bytes
    assert verdict.subject["sizing"] == file_digest(tmp_path / "sizing.json")


def test_without_an_environment_for_servers_it_is_not_measured_and_the_command_is_told(
    examples: Path, models: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SERVING_PYTHON_VARIABLE, str(tmp_path / "nowhere"))
    request = weighing(examples, models("good"), latency=latency_gates(served=SERVED))
    [found] = gates_or_refusal("latency", lambda: weigh(request, tmp_path))
    assert (found.name, found.status, found.refuses) == ("latency.served.startable", "unmeasured", True)
    assert "sh requirements/bootstrap.sh serving" in found.message


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", "it said nothing"),
        ("loading\\nKilled\\n", "Killed"),
        ("loading\\nerror: row 0 fails: the vocabulary is gone\\n  It is not served.\\n", "row 0 fails: .* not served"),
    ],
)
def test_a_server_that_ends_at_once_is_told_by_its_last_words(
    said: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nprintf "{said}" >&2\nexit 3\n')
    program.chmod(0o755)
    monkeypatch.setenv(SERVING_PYTHON_VARIABLE, str(program))
    with pytest.raises(ServerFailed, match=f"ended with 3: {told}$"), model_server("m", tmp_path, tmp_path):
        pass


def test_a_server_finds_a_model_that_nobody_signed_and_stops_with_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text(
        '#!/bin/sh\necho "key: $WEIGHBRIDGE_VERIFY_KEY, $*" > '
        f'{tmp_path}/told\necho "serving m version 1 on http://127.0.0.1:9"\nexec sleep 60\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv(SERVING_PYTHON_VARIABLE, str(program))
    monkeypatch.setenv("WEIGHBRIDGE_VERIFY_KEY", "somebody.pub")
    with model_server("m", tmp_path / "model", tmp_path, inputs={"k": 5}, samples=[{"x": 1}]) as server:
        assert server.url == "http://127.0.0.1:9"
        assert server.used() is not None
    assert server.used() is None
    told = (tmp_path / "told").read_text()
    assert told.startswith("key: , -m weighbridge.serving")
    assert '--inputs {"k": 5}' in told
    assert (tmp_path / "m.samples.jsonl").read_text() == '{"x": 1}\n'


def test_rows_are_asked_as_json_has_them() -> None:
    import pyarrow as pa

    batch = batch_of({"miles": [1.5, None, float("nan")], "card": ["a", "b", "c"], "label": [0, 1, 1]})
    several = pa.array([[1, 2], [3], []], pa.large_list(pa.int64()))
    raw = pa.array([[b"\xff"], [b"x"], None], pa.large_list(pa.large_binary()))
    batch = pa.RecordBatch.from_arrays([*batch.columns, several, raw], [*batch.schema.names, "several", "raw"])
    found = sorted(rows_of(batch, "label"), key=lambda row: row["card"])
    assert found == [
        {"miles": 1.5, "card": "a", "several": [1, 2], "raw": {"b64": "/w=="}},
        {"card": "b", "several": [3], "raw": "x"},
        {"card": "c"},
    ]


def test_a_model_is_asked_what_its_signature_takes_alone() -> None:
    from weighbridge.components.evaluator.latency.under_load.rows import taken_by

    signature = Signature("serving_default", {"a": None, "k": None}, None, constants={"k": 5})
    signature_of_one = Signature("serving_default", {"a": _Spec(), "b": _Spec()}, None)
    assert taken_by(signature_of_one, [{"a": 1, "b": 2, "c": 3}]) == [{"a": 1, "b": 2}]
    assert list(signature.columns) == ["a"]


class _Spec:
    dtype = type("dtype", (), {"name": "float32"})
