"""Every field of the evidence has a reader: one that is added and shown nowhere does not go unnoticed."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

import weighbridge
from weighbridge.evidence.base import EvidenceFile
from weighbridge.evidence.comparison import Comparison
from weighbridge.evidence.history import TrainingHistory
from weighbridge.evidence.latency import LatencyReport
from weighbridge.evidence.metrics import Metrics
from weighbridge.evidence.summary import ExamplesSummary

ROOT = Path(weighbridge.__file__).parent
READERS = ("report", "backtest", "kubeflow/step", "components/data_validator", "components/example_gen/component.py")
# Written for people and for whoever digests the data; the program reads them nowhere.
FOR_PEOPLE = {"ExamplesSummary.rows_after_end", "ExamplesSummary.rows_left_out"}


def models(kind: Any) -> Iterator[type[BaseModel]]:
    """A model and all that its fields hold."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from models(field.annotation)
    elif get_origin(kind) in (list, dict, tuple, Union, UnionType):
        for part in get_args(kind):
            yield from models(part)


def fields(file: type[EvidenceFile]) -> set[str]:
    return {f"{model.__name__.partition('[')[0]}.{name}" for model in models(file) for name in model.model_fields}


@pytest.fixture(scope="module")
def accessed() -> set[str]:
    """Names after a dot, in code and templates of what reads evidence."""
    found: set[str] = set()
    for name in READERS:
        paths = [ROOT / name] if name.endswith(".py") else sorted((ROOT / name).rglob("*.[pj]*"))
        for path in paths:
            if path.suffix in (".py", ".j2"):
                found |= set(re.findall(r"\.(\w+)", path.read_text()))
    return found


@pytest.mark.parametrize(
    "file", [Metrics, LatencyReport, TrainingHistory, Comparison, ExamplesSummary], ids=lambda file: file.FILE
)
def test_every_field_is_read_somewhere_or_written_for_people(file: type[EvidenceFile], accessed: set[str]) -> None:
    """A name is all that is compared: two fields of one name cover each other."""
    unread = {field for field in fields(file) if field.partition(".")[2] not in accessed}
    assert unread == {field for field in FOR_PEOPLE if field in fields(file)}


def test_the_search_finds_nested_fields() -> None:
    assert {"LatencyReport.batches", "Batch.candidate", "Latency.histogram", "Histogram.edges_ms", "Interval.low"} <= (
        fields(LatencyReport)
    )
