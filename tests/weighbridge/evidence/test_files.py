"""Every evidence file: read back as it was written, and strict about what it holds."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.weighbridge.report import sample
from weighbridge.common.errors import UsageError
from weighbridge.evidence.base import EvidenceFile, Interval
from weighbridge.evidence.comparison import Comparison
from weighbridge.evidence.history import TrainingHistory
from weighbridge.evidence.latency import LatencyReport
from weighbridge.evidence.metrics import Metrics
from weighbridge.evidence.summary import AnySummary, ExamplesSummary
from weighbridge.verdict import Estimate

CONTENTS: dict[type[EvidenceFile], dict[str, Any]] = {
    Metrics: sample.metrics(0.9, True),
    LatencyReport: sample.latency(False, True),
    TrainingHistory: sample.history(),
    Comparison: sample.comparison(sample.data_gates()),
    ExamplesSummary: sample.summary(),
}
KINDS = pytest.mark.parametrize("kind", CONTENTS, ids=lambda kind: kind.FILE)


@KINDS
def test_a_file_is_read_as_it_was_written(kind: type[EvidenceFile], tmp_path: Path) -> None:
    found = kind.model_validate(CONTENTS[kind])
    found.write(tmp_path)
    assert kind.read(tmp_path) == kind.require(tmp_path) == found


@KINDS
def test_nothing_of_a_file_is_lost_in_reading_it(kind: type[EvidenceFile], tmp_path: Path) -> None:
    (tmp_path / kind.FILE).write_text(json.dumps(CONTENTS[kind]))
    found = kind.require(tmp_path).model_dump(mode="json", exclude_unset=True)
    assert found == CONTENTS[kind]


@KINDS
@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_a_damaged_file_is_told(kind: type[EvidenceFile], content: str, tmp_path: Path) -> None:
    (tmp_path / kind.FILE).write_text(content)
    with pytest.raises(UsageError, match=rf"{kind.FILE} is not a valid"):
        kind.read(tmp_path)


@KINDS
def test_a_field_of_another_version_is_told_by_its_name(kind: type[EvidenceFile], tmp_path: Path) -> None:
    (tmp_path / kind.FILE).write_text(json.dumps(CONTENTS[kind] | {"brand_new": 1}))
    with pytest.raises(UsageError, match="brand_new"):
        kind.read(tmp_path)


@KINDS
def test_a_file_that_is_not_there_is_none_or_told(kind: type[EvidenceFile], tmp_path: Path) -> None:
    assert kind.read(tmp_path) is None
    with pytest.raises(UsageError, match=f"There is no {kind.FILE} in"):
        kind.require(tmp_path)


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / Metrics.FILE).mkdir()
    with pytest.raises(UsageError, match=r"metrics\.json cannot be read: "):
        Metrics.read(tmp_path)


def test_an_estimate_that_is_not_finite_is_not_measured() -> None:
    assert Interval.of(Estimate(0.5, -math.inf, math.nan)) == Interval(value=0.5, low=None, high=None)
    assert Interval.of(Estimate(math.nan)) == Interval(value=None)


def test_the_summary_of_any_step_is_read_for_what_all_have(tmp_path: Path) -> None:
    ours = ExamplesSummary.model_validate(sample.summary() | {"span": 7, "sample": 0.5})
    ours.write(tmp_path)
    found = AnySummary.require(tmp_path)
    assert (found.splits, found.columns, found.span, found.sample) == (ours.splits, ours.columns, 7, 0.5)
    other = {name: sample.summary()[name] for name in ("splits", "total_rows", "content_digest", "columns")}
    (tmp_path / AnySummary.FILE).write_text(json.dumps(other | {"longest": 9}))
    found = AnySummary.require(tmp_path)
    assert (found.span, found.sample) == (None, 1.0)
