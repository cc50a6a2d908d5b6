"""Axes: from numbers to pixels, with ticks at round numbers."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from weighbridge.report.charts.svg import line, text

_GRID = {"stroke": "currentColor", "stroke_opacity": 0.13}
_BASE = {"stroke": "currentColor", "stroke_opacity": 0.45}
_FAINT = {"fill_opacity": 0.75}


@dataclass(frozen=True)
class Axis:
    """A linear scale: `low` lies at pixel `start`, `high` at pixel `end`.

    Attributes:
        low: smallest number shown.
        high: largest number shown, above `low`.
        start: pixel of `low`.
        end: pixel of `high`; above `start` for a horizontal axis, below it for a vertical one.
        ticks: the round numbers that get a label, ascending.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float], start: float, end: float, *, ticks: int = 5, round_out: bool = True) -> "Axis":
        """An axis that shows all of `values`.

        Args:
            values: numbers; those that are not finite do not count.
            start: pixel of the smallest.
            end: pixel of the largest.
            ticks: about how many ticks.
            round_out: begin and end at a tick.
        """
        finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(finite), max(finite)
        # A range too small to be told apart from its numbers' own rounding is none.
        if high - low <= 1e-9 * max(abs(low), abs(high)) or not math.isfinite(high - low):
            margin = min(abs(low) * 0.1, 1e300) or 0.5
            low, high = max(low - margin, -1e300), min(high + margin, 1e300)
        step = nice_step((high - low) / max(ticks, 1))
        first = math.floor(low / step) if round_out else math.ceil(low / step - 1e-9)
        last = math.ceil(high / step) if round_out else math.floor(high / step + 1e-9)
        marks = tuple(number * step for number in range(first, last + 1))
        if round_out:
            low, high = marks[0], marks[-1]
        return cls(low, high, start, end, marks)

    def __call__(self, value: float) -> float:
        """The pixel of `value`; what lies outside is drawn at the edge."""
        part = (value - self.low) / (self.high - self.low)
        return self.start + min(max(part, 0.0), 1.0) * (self.end - self.start)

    def labels(self) -> list[str]:
        """One label per tick, all with the same decimals."""
        step = self.ticks[1] - self.ticks[0] if len(self.ticks) > 1 else self.high - self.low
        return [tick_text(tick, step) for tick in self.ticks]


def nice_step(rough: float) -> float:
    """The smallest of 1, 2, 2.5, 5, 10 times a power of ten that is at least `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10, 20) if factor * power >= rough * (1 - 1e-9))


def tick_text(value: float, step: float) -> str:
    """A tick's label: as many decimals as its step needs; millions and beyond shortened."""
    largest = max(abs(value), step)
    if largest >= 1e15 or step < 1e-6:
        return f"{value:.3g}"
    for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if largest >= size:
            return f"{value / size:,.{_decimals(step / size)}f}{suffix}" if value else "0"
    return f"{value:,.{_decimals(step)}f}" if abs(value) > step / 1e6 else "0"


def _decimals(step: float) -> int:
    """Decimals that tell neighbours apart: 0.25 needs two, 0.2 one, 20 none."""
    for decimals in range(9):
        if abs(round(step, decimals) - step) < step * 1e-6:
            return decimals
    return 9


def horizontal(axis: Axis, top: float, bottom: float, label: str = "", grid: bool = True) -> list[Markup]:
    """An x axis along `bottom`: ticks, their labels, the axis' own label, grid lines up to `top`."""
    parts = [line((axis.start, bottom), (axis.end, bottom), **_BASE)]
    for tick, shown in zip(axis.ticks, axis.labels(), strict=True):
        x = axis(tick)
        if grid:
            parts.append(line((x, top), (x, bottom), **_GRID))
        parts.append(text(x, bottom + 16, shown, text_anchor="middle", font_size=11, **_FAINT))
    if label:
        parts.append(text((axis.start + axis.end) / 2, bottom + 34, label, text_anchor="middle"))
    return parts


def vertical(axis: Axis, left: float, right: float, label: str = "") -> list[Markup]:
    """A y axis along `left`: ticks, their labels, grid lines to `right`; its label stands level above it."""
    parts = []
    for tick, shown in zip(axis.ticks, axis.labels(), strict=True):
        y = axis(tick)
        parts.append(line((left, y), (right, y), **_GRID))
        parts.append(text(left - 7, y + 4, shown, text_anchor="end", font_size=11, **_FAINT))
    if label:
        parts.append(text(left - 7, min(axis.start, axis.end) - 12, label))
    return parts
