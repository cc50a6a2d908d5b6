"""Where a stream is written to: one file, or a file for each week or month."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.datasets.shop.drift_kinds import CSV_ONLY
from weighbridge.datasets.shop.options import ShopOptions

SPANS = ("week", "month")
SUFFIXES = (".parquet", ".csv")
_EPOCH = date(1970, 1, 1)
_IN_FOLDER = "{YYYY}-{MM}-{DD}/orders.parquet"
_FIELD = re.compile(r"\{[^}]*\}")
_DAY, _NUMBER = {"{YYYY}", "{MM}", "{DD}"}, {"{SPAN}"}


@dataclass(frozen=True)
class OutputFiles:
    """Where to write.

    Attributes:
        path: the file, or the pattern of the spans' files, as ExampleGen takes it.
        by: `week` or `month`; empty for one file.
        force: replace what is there.
    """

    path: str
    by: str = ""
    force: bool = False

    @classmethod
    def of(cls, out: str, by: str, force: bool) -> "OutputFiles":
        """Understand `--out`: with `--by`, a pattern, or a folder, which gets a usual pattern.

        Raises:
            UsageError: the format or the pattern is none.
        """
        if by and by not in SPANS:
            raise UsageError(f"--by {by} is not a span", f"Give {' or '.join(SPANS)}.")
        out = str(Path(out))
        fields = set(_FIELD.findall(out))
        if fields and not by:
            raise UsageError(f"--out {out} is a pattern of spans", "Add --by week or --by month.")
        if by and not fields:
            if out.endswith(SUFFIXES):
                raise UsageError(f"--out {out} is one file, but --by {by} writes many", f"Give a folder: {_IN_FOLDER}")
            return cls(f"{out}/{_IN_FOLDER}", by, force)
        if fields and fields not in (_DAY, _NUMBER):
            raise UsageError(
                f"--out {out} holds {', '.join(sorted(fields))}", "A pattern holds {YYYY}, {MM} and {DD}, or {SPAN}."
            )
        if fields and "/" not in out[: out.index("{")]:
            raise UsageError(f"--out {out} names no folder", f"Write the spans into one of their own: spans/{out}")
        if not out.endswith(SUFFIXES):
            raise UsageError(f"--out {out} has no known format", f"It must end in {' or '.join(SUFFIXES)}.")
        return cls(out, by, force)

    @property
    def target(self) -> Path:
        """What is replaced as a whole: the file, or the folder that all spans are in."""
        return Path(self.path[: self.path.index("{")].rpartition("/")[0] or "/") if self.by else Path(self.path)

    @property
    def is_csv(self) -> bool:
        """Whether the format is CSV rather than Parquet."""
        return self.path.endswith(".csv")

    def check(self, options: ShopOptions) -> None:
        """Look whether it can be written to.

        Raises:
            UsageError: something is there that must not be replaced, or the format cannot hold the drift.
        """
        texts = [kind for kind in options.drift if kind in CSV_ONLY]
        if texts and not self.is_csv:
            raise UsageError(
                f"--drift {texts[0]} puts text among numbers, which Parquet cannot hold",
                f"Write CSV: --out {self.path.removesuffix('.parquet')}.csv",
            )
        target = self.target
        there = target.exists() and not (self.by and target.is_dir() and not any(target.iterdir()))
        if there and not self.force:
            raise UsageError(f"{target} is there already", "Replace it with --force, or give another --out.")
        if there and target.is_dir() != bool(self.by):
            raise UsageError(f"{target} is {'no folder' if self.by else 'a folder'}", "Give another --out.")
        if there and self.by:
            spans = set(map(str, target.glob(_FIELD.sub("*", self.path.removeprefix(f"{target}/")))))
            others = sorted(str(path) for path in target.rglob("*") if path.is_file() and str(path) not in spans)
            if others:
                raise UsageError(f"{target} holds {others[0]}, which is not a span", "Give another --out.")

    def file(self, span: date) -> Path:
        """The file of the span that begins on a day."""
        values = {"YYYY": f"{span:%Y}", "MM": f"{span:%m}", "DD": f"{span:%d}", "SPAN": (span - _EPOCH).days}
        return Path(self.path.format(**values))

    def begins(self, first: date, end: date) -> Iterator[date]:
        """First days of the weeks, from Monday, or months that lie in [first, end) wholly or in part."""
        day = first - timedelta(days=first.weekday()) if self.by == "week" else first.replace(day=1)
        while day < end:
            yield day
            day = day + timedelta(days=7) if self.by == "week" else (day + timedelta(days=31)).replace(day=1)
