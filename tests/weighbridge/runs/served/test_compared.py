"""What is served against what the record says: in step, behind, drifted."""

from datetime import UTC, datetime, timedelta

import pytest

from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.runs.served.compared import Serving, compare, worst

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def record(version: int, minutes: float = 5, digit: str = "") -> ProductionRecord:
    digest = f"sha256:{(digit or str(version)) * 64}"
    pushed_at = NOW - timedelta(minutes=minutes)
    return ProductionRecord(
        version=version,
        model_digest=digest,
        verdict_digest=digest,
        run_id=f"run-{version}",
        pipeline="taxi",
        pushed_at=pushed_at,
        subject={},
    )


HISTORY = [record(1, 500), record(2, 300)]


def step(serving: Serving, live: ProductionRecord, canary: ProductionRecord | None = None) -> tuple[str, str]:
    [found] = compare(live, HISTORY, [serving], canary, NOW)
    return found.step, found.message


def serving(version: int, digit: str = "", **more: object) -> Serving:
    return Serving(source="x", version=version, digest=f"sha256:{digit * 64}" if digit else "", **more)


@pytest.mark.parametrize("digit", ["3", ""])
def test_the_version_of_the_record_is_in_step(digit: str) -> None:
    assert step(serving(3, digit), record(3)) == ("in step", "it serves version 3")


def test_the_version_before_is_behind_and_after_a_while_drifted() -> None:
    assert step(serving(2, "2"), record(3, 5))[0] == "behind"
    state, message = step(serving(2, "2"), record(3, 31))
    assert state == "drifted"
    assert "serves version 2, and production is version 3 for 31 minutes (2026-11-28 11:29 UTC)" in message


def test_what_is_rolling_out_is_behind_since_then() -> None:
    since = NOW - timedelta(minutes=2)
    found = step(serving(3, ready=False, since=since, note="1 of 3 pods are of this version"), record(3, 200))
    assert found == (
        "behind",
        "version 3 is rolling out for 2 minutes (2026-11-28 11:58 UTC): 1 of 3 pods are of this version",
    )


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (serving(0), "serves no version that it tells"),
        (serving(3, "f"), "serves other bytes as version 3"),
        (serving(2, "f"), "serves other bytes than version 2 had"),
        (serving(9), "serves version 9, which was never in production"),
    ],
)
def test_what_the_record_does_not_say_is_drift(found: Serving, why: str) -> None:
    state, message = step(found, record(3))
    assert state == "drifted"
    assert why in message


def test_the_canary_that_is_on_its_way_is_in_step() -> None:
    assert step(serving(4, "4"), record(3), record(4)) == ("in step", "it serves version 4, the canary")
    assert step(serving(4, "f"), record(3), record(4))[0] == "drifted"
    assert step(serving(4, "4"), record(3))[0] == "drifted"


def test_the_worst_counts() -> None:
    found = compare(record(3), HISTORY, [serving(3), serving(2), serving(9)], now=NOW)
    assert worst(found) == "drifted"
    assert worst(found[:2]) == "behind"
    assert worst(found[:1]) == worst([]) == "in step"
