"""Earlier statistics to compare with: of the production model's data, and of the previous span."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.common import files
from weighbridge.common.errors import UsageError
from weighbridge.common.sealed import changed_since, is_sealed, seal, unseal
from weighbridge.components.data_validator.statistics import (
    dataset_of,
    read_statistics,
    statistics_path,
    write_statistics,
)

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import statistics_pb2

TRAIN_SPLIT = "train"
EVAL_SPLIT = "eval"

_SPAN_FOLDER = re.compile(r"span-(\d+)")


@dataclass(frozen=True)
class Baseline:
    """Where earlier statistics are, why there are none, or why they cannot be had.

    Attributes:
        title: what they are statistics of.
        folder: holds `Split-<name>/FeatureStats.pb`; None where there are none.
        absent: why there are none, as a sentence: nothing is compared.
        problem: why they cannot be had although they should be there, as a sentence: a comparison is refused.
    """

    title: str
    folder: Path | None = None
    absent: str = ""
    problem: str = ""

    def dataset(self, split: str) -> "statistics_pb2.DatasetFeatureStatistics | None":
        """Statistics of a split; None where there are no earlier statistics.

        Raises:
            UsageError: they should be there but cannot be read.
        """
        if self.problem:
            raise UsageError(self.problem)
        if self.folder is None:
            return None
        path = statistics_path(self.folder, split)
        return dataset_of(read_statistics(path), path)


def production_baseline(folder: str | Path | None, *, exists: bool = True, problem: str = "") -> Baseline:
    """The data of the model in production.

    Args:
        folder: statistics of its data, one folder per split.
        exists: whether anything is in production.
        problem: why there are no statistics although something is.
    """
    title = "the production model's data"
    if problem or not exists or folder is None:
        return Baseline(title, absent="Nothing is in production yet to compare with.", problem=problem)
    return Baseline(title, folder=Path(folder))


def previous_span(history: str | Path | None, span: int | None) -> Baseline:
    """The newest span before `span` whose statistics were kept in `history`."""
    title = "the previous span"
    if not history or span is None:
        return Baseline(title, absent="The data have no spans, so there is no earlier one to compare with.")
    earlier = [number for number in _spans(Path(history)) if number < span]
    if not earlier:
        return Baseline(title, absent=f"There is no span before {span} yet to compare with.")
    folder = Path(history, f"span-{max(earlier)}")
    problem = ""
    if is_sealed(folder) and (changed := changed_since(folder)):  # an earlier version kept them without digests
        told = f"{folder / changed} is not what was kept of span {max(earlier)}"
        problem = f"{told}. Restore it from a copy, or remove {folder}."
    return Baseline(f"span {max(earlier)}", folder=folder, problem=problem)


def keep_span(
    history: str | Path, span: int, statistics: "dict[str, statistics_pb2.DatasetFeatureStatisticsList]"
) -> Path:
    """Keep a span's statistics for those that follow; each split's file is replaced in one step.

    Returns:
        The span's folder in `history`.
    """
    folder = Path(history, f"span-{span}")
    unseal(folder)
    for split, of_split in statistics.items():
        write_statistics(statistics_path(folder, split), of_split)
    seal(folder)
    files.sync_folder(folder)
    return folder


def _spans(history: Path) -> list[int]:
    """Spans whose training data can be compared with; one that a killed run left half written is none."""
    if not history.is_dir():
        return []
    folders = {path: _SPAN_FOLDER.fullmatch(path.name) for path in history.iterdir()}
    return [int(match[1]) for path, match in folders.items() if match and statistics_path(path, TRAIN_SPLIT).exists()]
