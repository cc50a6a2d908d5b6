"""Attempts on the same rows as a run meets them: what counts as one, what it is judged at, what is said of it."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.components.evaluator.helpers import gate, latency_gates, load, quality_gates, weighing
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator import attempts
from weighbridge.components.evaluator.attempts import GATE, at_attempt, attempt_gate, evaluation_data
from weighbridge.components.evaluator.evaluate import evaluate
from weighbridge.components.evaluator.latency import weigh as latency
from weighbridge.components.evaluator.ledger import LEDGER_FOLDER, Attempt
from weighbridge.components.evaluator.quality import weigh as quality
from weighbridge.components.evaluator.request import EvaluationRequest
from weighbridge.evidence.summary import ExamplesSummary, InputFile, Split
from weighbridge.verdict import Gate, Verdict

Models = Callable[[str], Path]
Weigh = Callable[..., Verdict]


@pytest.fixture
def weigh(examples: Path, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weigh:
    """Weighs the quality of a kind of model, with the ledger at one destination; no time is taken."""
    runs = iter(range(100))
    monkeypatch.setattr(latency, "weigh", lambda *_: [])

    def call(kind: str, **changes: Any) -> Verdict:
        number = next(runs)
        settings = {"ledger": str(tmp_path / "production"), "run_id": f"run-{number}", "latency": latency_gates()}
        request = weighing(examples, models(kind), **{**settings, **changes})
        return evaluate(request, tmp_path / f"evaluation-{number}").verdict

    return call


def files(tmp_path: Path) -> list[str]:
    found = (tmp_path / "production" / LEDGER_FOLDER).rglob("*.json")
    return sorted(path.name for path in found)


def test_each_candidate_is_an_attempt_and_the_same_one_again_is_none(weigh: Weigh, tmp_path: Path) -> None:
    first, second, again = weigh("good"), weigh("shuffled"), weigh("good")
    assert [gate(each, GATE).observed for each in (first, second, again)] == [1, 2, 1]
    assert files(tmp_path) == ["1.json", "2.json"]
    assert gate(first, GATE).message == (
        "Attempt 1 on these evaluation data: judged at a false_pass of 3 % instead of 5 %, so that all attempts "
        "together keep 5 %."
    )
    assert gate(second, "quality.auc.min").refuses
    assert gate(second, GATE).message.startswith("Attempt 2 on these evaluation data: judged at a false_pass of 0.76 %")
    assert (first.passed, second.passed, again.passed) == (True, False, True)
    assert first.subject["gates"] == second.subject["gates"]  # what is declared, whatever the attempt


def test_the_interval_that_is_printed_is_that_of_the_attempt(weigh: Weigh, tmp_path: Path) -> None:
    first, third = weigh("good"), (weigh("shuffled"), weigh("two_outputs", quality=quality_gates(prediction="p")))[1]
    low, high = gate(first, "quality.auc.min").interval or (0, 0)
    lower, higher = gate(third, "quality.auc.min").interval or (0, 0)
    assert lower < low < high < higher  # of the same scores
    assert load(tmp_path / "evaluation-2/metrics.json")["confidence"] == pytest.approx(0.9932, abs=1e-4)


def test_training_again_what_comes_out_the_same_is_no_new_attempt(weigh: Weigh) -> None:
    recipe = {"data": "sha256:d", "code": "sha256:c", "parameters": "sha256:p"}
    gates = quality_gates(prediction="p")
    numbers = [
        gate(weigh(kind, subject=subject, deterministic=deterministic, quality=gates), GATE).observed
        for kind, subject, deterministic in (
            ("good", recipe, True),
            ("shuffled", recipe, True),  # as if another machine rounded otherwise
            ("serialized", recipe | {"parameters": "sha256:q"}, True),  # another seed
            ("two_outputs", recipe, False),
        )
    ]
    assert numbers == [1, 1, 2, 3]


def test_what_was_not_measured_is_no_attempt(weigh: Weigh, tmp_path: Path) -> None:
    for kind in ("raising", "nan", "garbage"):
        assert GATE not in [each.name for each in weigh(kind).gates]
    weigh("good", upstream={"anomalies": str(tmp_path / "nothing")})
    assert files(tmp_path) == []


def test_an_experiment_is_judged_as_the_next_attempt_and_counts_none(weigh: Weigh, tmp_path: Path) -> None:
    weigh("good")
    before = tree_digest(tmp_path / "production")
    found = gate(weigh("shuffled", rehearsal=True), GATE)
    assert found.observed == 2
    assert found.message.startswith(
        "This would be attempt 2 on these evaluation data: judged at a false_pass of 0.76 %"
    )
    assert "who chooses among experiments has looked as often" in found.message
    assert gate(weigh("good", rehearsal=True), GATE).message.startswith("Attempt 1 on")
    assert tree_digest(tmp_path / "production") == before


@pytest.mark.parametrize(
    "changes",
    [
        {"quality": quality_gates(attempts="ignore")},
        {"quality": quality_gates(on_undecided="warn")},
        {"ledger": ""},
    ],
)
def test_attempts_that_are_not_counted_are_judged_at_the_whole_risk(
    weigh: Weigh, tmp_path: Path, changes: dict[str, Any]
) -> None:
    assert GATE not in [each.name for each in weigh("good", **changes).gates]
    assert not (tmp_path / "production").exists()
    assert load(tmp_path / "evaluation-0/metrics.json")["confidence"] == pytest.approx(0.9)


def test_nothing_is_judged_by_a_ledger_that_is_broken(weigh: Weigh, tmp_path: Path) -> None:
    weigh("good")
    (entry,) = (tmp_path / "production" / LEDGER_FOLDER).rglob("1.json")
    entry.write_bytes(b"{}")
    with pytest.raises(UsageError, match=r"ledger of attempts is broken at .*1\.json: number: Field") as caught:
        weigh("shuffled")
    assert f"mv {entry.parent} {entry.parent}.broken" in caught.value.hint


def test_a_model_that_was_compared_with_nothing_stays_so(weigh: Weigh) -> None:
    verdict = weigh(
        "good",
        quality=quality_gates(metrics={"auc": {"min_change": 0}}),
        latency=latency_gates(batch_sizes={1: {"p50_ms": {"max_ratio": 2}}}),
        upstream={},
    )
    assert {each.status for each in verdict.gates} == {"not_compared"}
    assert not verdict.passed


def test_where_a_threshold_is_left_open_the_gate_says_what_helps() -> None:
    gates = quality_gates(metrics={"auc": {"min": 0.8, "min_change": -0.01}})
    undecided = Gate(name="quality.auc.min_change", status="inconclusive", message="open")
    first, tenth = (attempt_gate(gates, Attempt(number, written=True), [undecided])[0] for number in (1, 10))
    assert first.status == "passed"
    assert (tenth.status, tenth.severity, tenth.refuses) == ("inconclusive", "warning", False)
    assert tenth.message == (
        "Attempt 10 on these evaluation data: judged at a false_pass of 0.03 % instead of 5 %, so that all attempts "
        "together keep 5 %. At that it is not decided by auc.min_change. Judged at 5 % each, one of 10 models at a "
        "threshold would pass by luck in up to 40 % of the cases. Weigh on fresh data, where attempts count from 1 "
        "again."
    )
    assert at_attempt(gates, 10).confidence == pytest.approx(0.99939, abs=1e-5)


def summary(**changes: Any) -> ExamplesSummary:
    settings: dict[str, Any] = {
        "splits": {"eval": Split(rows=3, content_digest="sha256:rows")},
        "total_rows": 3,
        "content_digest": "sha256:all",
        "columns": {},
        "quarantined_rows": 0,
        "rows_after_end": 0,
        "rows_left_out": 0,
        "time_splits": {"train": None, "eval": "2026-01-01"},
        "time_end": None,
        "sample": 1.0,
        "files": [InputFile(path="/a/1.csv", bytes=1, sha256="1"), InputFile(path="/a/2.csv", bytes=1, sha256="2")],
        "input_digest": "sha256:input",
        "span": None,
    }
    return ExamplesSummary(**(settings | changes))


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        # Features made otherwise of the same rows, and the same files elsewhere.
        (
            {"splits": {"eval": Split(rows=3, content_digest="sha256:more features")}, "content_digest": "sha256:o"},
            True,
        ),
        ({"files": [InputFile(path=f"/b/{name}", bytes=1, sha256=name) for name in "21"]}, True),
        ({"files": [InputFile(path="/a/1.csv", bytes=1, sha256="1")]}, False),
        ({"time_splits": {"train": None, "eval": "2026-02-01"}}, False),
        ({"time_end": "2026-03-01"}, False),
        ({"sample": 0.5}, False),
    ],
)
def test_evaluation_data_are_the_rows_and_not_what_is_made_of_them(
    changes: dict[str, Any], same: bool, tmp_path: Path
) -> None:
    summary().write(tmp_path)
    before = evaluation_data(str(tmp_path), "eval")
    summary(**changes).write(tmp_path)
    assert (evaluation_data(str(tmp_path), "eval") == before) is same


def test_what_names_no_files_is_known_by_its_content(tmp_path: Path, examples: Path) -> None:
    summary(files=[]).write(tmp_path)
    before = evaluation_data(str(tmp_path), "eval")
    summary(files=[], splits={"eval": Split(rows=3, content_digest="sha256:others")}).write(tmp_path)
    assert evaluation_data(str(tmp_path), "eval") != before
    assert evaluation_data(str(examples), "eval") == tree_digest(examples / "Split-eval")


def test_by_default_nothing_is_counted_anywhere() -> None:
    request = EvaluationRequest("examples", "model", quality_gates(), latency_gates())
    assert (request.ledger, request.rehearsal, request.recipe) == ("", False, "")


def test_behind_a_model_that_was_pushed_attempts_count_from_one(
    weigh: Weigh, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    weigh("shuffled")
    assert gate(weigh("good"), GATE).observed == 2
    served = tree_digest(models("good") / "Format-Serving")
    monkeypatch.setattr(attempts, "production_history", lambda _: [SimpleNamespace(model_digest=served)])
    later = quality_gates(prediction="p")
    assert gate(weigh("two_outputs", quality=later), GATE).observed == 1
    assert gate(weigh("good"), GATE).observed == 2
    assert gate(weigh("shuffled"), GATE).observed == 1


def test_what_a_sample_leaves_open_only_warns_in_a_rehearsal(
    weigh: Weigh, monkeypatch: pytest.MonkeyPatch, examples: Path
) -> None:
    auc = gate(weigh("good", rehearsal=True), "quality.auc.min").observed
    close = quality_gates(metrics={"auc": {"min": float(str(auc)) - 0.001}})
    assert gate(weigh("good", rehearsal=True, quality=close), "quality.auc.min").refuses
    monkeypatch.setattr(quality, "read_summary", lambda _: SimpleNamespace(sample=0.5))
    found = gate(weigh("good", rehearsal=True, quality=close), "quality.auc.min")
    assert (found.status, found.severity) == ("inconclusive", "warning")
    assert gate(weigh("good", quality=close), "quality.auc.min").refuses
