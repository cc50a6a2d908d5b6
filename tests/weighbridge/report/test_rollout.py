"""A canary's timeline in its report: the picture, the table, and nothing that acts."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

from weighbridge.evidence.rollout import RolloutEvent
from weighbridge.report import Evidence
from weighbridge.report.html import render_html
from weighbridge.report.markdown import render_markdown
from weighbridge.report.rollout import rollout_picture, rollout_rows
from weighbridge.report.telling import telling_pictures
from weighbridge.verdict import Gate, Verdict

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script> | `x` style=1"


def side(requests: int, errors: int) -> dict[str, Any]:
    return {"requests": requests, "errors": errors, "seconds": {"edges": [0.01, 0.1], "counts": [requests - 2, 2, 0]}}


def event(seconds: float, kind: str = "look", **fields: Any) -> RolloutEvent:
    at = BEGINNING + timedelta(seconds=seconds)
    return RolloutEvent.model_validate({"at": at, "kind": kind, "version": 7, "stable": 6, **fields})


def gate(observed: float, low: float | None, high: float | None) -> Gate:
    name, message = "canary.p99_ms.max_ratio", HOSTILE
    interval = (low, high)
    return Gate(
        name=name, status="passed", observed=observed, threshold=1.5, unit="x", interval=interval, message=message
    )


EVENTS = (
    event(0, "began", shadow=True, reason="Version 7 beside version 6."),
    event(30, shadow=True, action="hold", reason=HOSTILE, problems=(HOSTILE,)),
    event(60, shadow=True, action="hold", reason="the same", problems=("the same, later",)),
    event(
        90,
        shadow=True,
        action="next",
        requests=200,
        window={"canary": side(200, 0), "stable": side(200, 1)},
        gates=(gate(1.1, 0.9, None),),
        reason="All gates passed.",
    ),
    event(
        400,
        step=1,
        percent=50,
        action="roll_back",
        requests=300,
        window={"canary": side(300, 9), "stable": side(0, 0)},
        gates=(gate(1.2, 1.0, 1.4),),
        reason="It is worse.",
    ),
    event(401, "ended", step=1, percent=50, outcome="rolled_back", reason="It is worse."),
)


def test_the_table_tells_what_changed_something_and_why() -> None:
    rows = [(share, what, requests) for _, _, share, what, requests, _ in rollout_rows(EVENTS)]
    assert rows == [
        ("shadow", "began", ""),
        ("shadow", "holds", "0"),
        ("shadow", "next step", "200"),
        ("50 %", "rolled back", "300"),
    ]


def test_the_picture_is_one_and_has_what_both_did() -> None:
    picture = str(rollout_picture(EVENTS))
    ET.fromstring(picture)
    for words in (
        "Canary of version 7 beside version 6",
        "minutes since it began",
        "99th percentile",
        "≤ 1.5x",
        "50 %",
    ):
        assert words in picture
    assert rollout_picture(EVENTS[:1]) == ""
    assert rollout_rows(()) == []


def test_reports_show_it_and_nothing_in_it_acts() -> None:
    verdict = Verdict.of([gate(1.2, 1.0, 1.4)], pipeline="taxi", run_id="run-1", subject={})
    evidence = Evidence(verdict=verdict, rollout=EVENTS)
    page = render_html(evidence)
    assert "The canary, step by step" in page
    assert "<script" not in page
    assert re.search(r"<[^>]* style=", page) is None
    text = render_markdown(evidence)
    assert "| 2026-01-01 00:06:40 | 50 % | rolled back | 300 |" in text
    assert "<script" not in text
    assert telling_pictures(evidence)[0].name == "1-rollout"
    plain = Evidence(verdict=verdict)
    assert "step by step" not in render_html(plain) + render_markdown(plain)
