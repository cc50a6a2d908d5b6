"""Latency: slow models are refused, the undecidable is measured longer and then refused, the broken told."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.components.evaluator.helpers import gate, latency_gates, load, weighing
from weighbridge.components.evaluator.evaluate import Evaluation, evaluate
from weighbridge.components.evaluator.latency.judge import judge
from weighbridge.components.evaluator.latency.measure import measure
from weighbridge.components.evaluator.latency.memory import peak_memory
from weighbridge.components.evaluator.unmeasurable import gates_or_refusal
from weighbridge.evidence.latency import LatencyReport
from weighbridge.report import tables

Models = Callable[[str], Path]


@pytest.fixture
def weigh(examples: Path, models: Models, tmp_path: Path) -> Callable[..., Evaluation]:
    def run(kind: str, section: dict[str, Any], production: str | None = None) -> Evaluation:
        baseline = str(models(production)) if production else None
        gates = latency_gates(**section)
        return evaluate(weighing(examples, models(kind), latency=gates, production=baseline), tmp_path / "evaluation")

    return run


@dataclass
class Fake:
    """A contender that sleeps."""

    delay_s: float
    loads: int = 0

    def caller(self, batch_rows: int, requests: int) -> Callable[[int], object]:
        return lambda _: time.sleep(self.delay_s)

    def requests(self, batch_rows: int) -> int:
        return 10**6

    def load(self) -> Callable[[], object]:
        self.loads += 1
        return lambda: None

    def size(self) -> int:
        return 1000


RELATIVE = {"batch_sizes": {1: {"p50_ms": {"max_ratio": 1.5}}, 8: {}}, "calls": 60, "budget_s": 20}


@pytest.mark.parametrize(("candidate", "production", "passes"), [("slow", "good", False), ("good", "slow", True)])
def test_a_slow_model_is_refused_against_production(
    weigh: Callable[..., Evaluation], tmp_path: Path, candidate: str, production: str, passes: bool
) -> None:
    outcome = weigh(candidate, RELATIVE, production)
    found = gate(outcome.verdict, "latency.batch_1.p50_ms.max_ratio")
    assert found.passed is passes
    assert found.unit == "x"
    assert outcome.infra_blessed is passes
    assert outcome.model_blessed
    measured = load(tmp_path / "evaluation/latency.json")
    assert LatencyReport.require(tmp_path / "evaluation").model_dump(mode="json") == measured
    first = measured["batches"][0]
    assert first["batch_size"] == 1
    assert first["ratio"]["p50_ms"]["value"] == found.observed
    assert first["production"]["p50_ms"]["value"] == found.baseline
    assert sum(first["candidate"]["histogram"]["counts"]) == first["calls"]
    assert [batch["batch_size"] for batch in measured["batches"]] == [1, 8]


def test_load_is_gated_told_and_kept(weigh: Callable[..., Evaluation], tmp_path: Path) -> None:
    """A SavedModel, called by threads; its response time at a rate, and one at which it cannot answer."""
    section = {
        "batch_sizes": {
            1: {
                "at_rate": {"rate_rps": 1, "p99_ms": {"max": 1e6, "max_ratio": 1e3}},
                "concurrency": {4: {"p50_ms": {"max": 1e6}, "p99_ms": {"max": 1e6}}, 2: {}},
            },
            8: {"at_rate": {"rate_rps": 1e7, "servers": 2, "p99_ms": {"max": 1e9}}},
        },
        "calls": 60,
        "budget_s": 30,
    }
    outcome = weigh("good", section, "serialized")
    prefix = "latency.batch_1"
    for name in (
        "at_rate.p99_ms.max",
        "at_rate.p99_ms.max_ratio",
        "concurrency_4.p50_ms.max",
        "concurrency_4.p99_ms.max",
    ):
        assert gate(outcome.verdict, f"{prefix}.{name}").status == "passed"
    overloaded = gate(outcome.verdict, "latency.batch_8.at_rate.p99_ms.max")
    assert overloaded.status == "refused"
    assert "10,000,000 requests/s are more than the model answers" in overloaded.message
    assert not outcome.infra_blessed
    kept = LatencyReport.require(tmp_path / "evaluation")
    first, second = kept.batches
    assert first.at_rate is not None
    assert first.at_rate.candidate.p99_ms.value == gate(outcome.verdict, f"{prefix}.at_rate.p99_ms.max").observed
    assert first.at_rate.ratio is not None
    assert 0 < (first.at_rate.candidate.utilisation or 0) < 1 < (first.at_rate.candidate.capacity_rps or 0)
    assert [(each.threads, each.production is not None) for each in first.at_once] == [(4, True), (2, True)]
    assert (
        first.at_once[0].candidate.p99_ms.value == gate(outcome.verdict, f"{prefix}.concurrency_4.p99_ms.max").observed
    )
    assert second.at_rate is not None
    assert second.at_rate.candidate.p99_ms.value is None
    rates = tables.load_rows(kept)
    assert [row[:5] for row in rates[:3]] == [
        ("1", "1", "1", "candidate", "0%"), ("1", "1", "1", "production", "0%"), ("1", "1", "1", "ratio", "")
    ]  # fmt: skip
    assert rates[3][3] == "candidate"
    assert rates[3][5] == "without end"
    assert [row[:4:3] for row in tables.at_once_rows(kept)[:3]] == [
        ("1", "candidate"),
        ("1", "production"),
        ("1", "ratio"),
    ]


def test_a_model_that_cannot_be_called_at_once_is_refused() -> None:
    """Whatever it raises then."""
    main = threading.get_ident()

    class Shy(Fake):
        def caller(self, batch_rows: int, requests: int) -> Callable[[int], object]:
            def call(_: int) -> None:
                if threading.get_ident() != main:
                    raise RuntimeError("who are you?")

            return call

    gates = latency_gates(batch_sizes={1: {"concurrency": {2: {"p50_ms": {"max": 1}}}}})
    (found,) = gates_or_refusal(
        "latency", lambda: judge(gates, measure(gates, {"candidate": Shy(0)}), in_production=False)
    )
    assert found.name == "latency.signature.callable"
    assert found.refuses
    assert "Called by 2 threads at once: RuntimeError: who are you?" in found.message


def test_a_signature_that_raises_is_refused_with_its_first_line(weigh: Callable[..., Evaluation]) -> None:
    outcome = weigh("raising", {})
    for room in ("quality", "latency"):
        found = gate(outcome.verdict, f"{room}.signature.callable")
        assert not found.passed
        assert "the vocabulary is gone" in found.message
    assert not outcome.model_blessed
    assert not outcome.infra_blessed


def test_a_missing_signature_is_refused_and_those_that_are_there_named(weigh: Callable[..., Evaluation]) -> None:
    outcome = weigh("good", {"signature": "score"})
    assert "no signature 'score'; it has: serving_default" in gate(outcome.verdict, "latency.signature.present").message
    assert outcome.model_blessed
    assert not outcome.infra_blessed


def test_load_size_and_memory_are_gates(weigh: Callable[..., Evaluation], models: Models, tmp_path: Path) -> None:
    section = {
        "load_ms": {"max": 1e6},
        "model_bytes": {"max": 10},
        "peak_memory_bytes": {"max": 1e12, "max_change": 1e12},
    }
    verdict = weigh("good", section, "serialized").verdict
    assert gate(verdict, "latency.load_ms.max").observed > 0  # type: ignore[operator]
    assert gate(verdict, "latency.peak_memory_bytes.max").passed
    size = sum(path.stat().st_size for path in (models("good") / "Format-Serving").rglob("*") if path.is_file())
    assert gate(verdict, "latency.model_bytes.max").observed == size
    assert not gate(verdict, "latency.model_bytes.max").passed
    measured = load(tmp_path / "evaluation/latency.json")
    assert measured["model_bytes"]["candidate"] == size
    assert measured["load_ms"]["production"]["value"] > 0


def test_it_measures_until_a_tail_is_decided() -> None:
    gates = latency_gates(batch_sizes={1: {"p99_ms": {"max": 1000}}}, calls=20, budget_s=60)
    found = measure(gates, {"candidate": Fake(0.001)})
    assert len(found.times[1]) >= 368
    assert all(gate.passed for gate in judge(gates, found, in_production=False))


def test_what_the_budget_does_not_decide_is_refused_as_inconclusive() -> None:
    gates = latency_gates(batch_sizes={1: {"p99_ms": {"max": 1000}, "p50_ms": {"max": 1000}}}, calls=20, budget_s=3)
    found = measure(gates, {"candidate": Fake(0.02)})
    assert len(found.times[1]) < 368
    by_name = {gate.name: gate for gate in judge(gates, found, in_production=False)}
    assert by_name["latency.batch_1.p50_ms.max"].passed
    assert not by_name["latency.batch_1.p99_ms.max"].passed
    assert by_name["latency.batch_1.p99_ms.max"].status == "inconclusive"
    assert "undecided" in by_name["latency.batch_1.p99_ms.max"].message


def test_the_budget_holds_for_a_model_that_takes_its_time() -> None:
    gates = latency_gates(batch_sizes={1: {"p50_ms": {"max": 1}}, 2: {"p50_ms": {"max": 1}}}, calls=10_000, budget_s=1)
    found = measure(gates, {"candidate": Fake(0.05), "production": Fake(0.05)})
    assert all(1 <= len(found.times[rows]) <= 20 for rows in (1, 2))  # which fit into the budget, as each takes 50 ms
    assert not any(gate.passed for gate in judge(gates, found, in_production=True))


def test_both_models_are_loaded_as_often() -> None:
    contenders = {"candidate": Fake(0), "production": Fake(0)}
    measure(latency_gates(), contenders)
    assert contenders["candidate"].loads == contenders["production"].loads >= 3


def test_a_baseline_that_could_not_be_measured_refuses_relative_thresholds() -> None:
    gates = latency_gates(batch_sizes={1: {"p50_ms": {"max": 1000, "max_ratio": 2}}})
    found = measure(gates, {"candidate": Fake(0)})
    assert [gate.passed for gate in judge(gates, found, in_production=True)] == [True, False]
    assert [gate.passed for gate in judge(gates, found, in_production=False)] == [True, True]


def test_peak_memory_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with peak_memory() as peak:
        block = bytearray(64 << 20)
        block[:: 1 << 12] = b"x" * len(block[:: 1 << 12])
        del block
    if peak.bytes != peak.bytes:
        pytest.skip("this system does not let the high-water mark be reset")
    assert 60 << 20 < peak.bytes < 200 << 20
    monkeypatch.setattr("weighbridge.components.evaluator.latency.memory._PROCESS", Path("/nowhere"))
    with peak_memory() as unknown:
        pass
    assert unknown.bytes != unknown.bytes
