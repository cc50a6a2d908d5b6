"""Small multiples: one feature's distribution in two splits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from markupsafe import Markup

from weighbridge.report.charts.scale import Axis, horizontal
from weighbridge.report.charts.svg import area, drawing, element, filled, legend, path, stroke, text
from weighbridge.report.features import Bucket, Feature, Numbers, Words
from weighbridge.report.text import cut

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 340.0, 184.0, 14.0, 46.0, 156.0
_BINS = 30
_VALUES = 5


def feature_chart(name: str, splits: Mapping[str, Feature], note: str = "", *, alone: bool = False) -> Markup:
    """The distribution of one feature.

    Args:
        name: the feature.
        splits: the feature in each split; the series are `train` and `eval`, others are not drawn.
        note: a short line below the name, such as a distance.
        alone: whether it stands without others, and has a legend of its own.
    """
    shown = {split: found.distribution for split, found in splits.items() if split in ("train", "eval")}
    numbers = {split: found for split, found in shown.items() if isinstance(found, Numbers)}
    words = {split: found for split, found in shown.items() if isinstance(found, Words)}
    parts = [text(_LEFT, 17, cut(name, 42), font_weight="bold")]
    parts.append(text(_LEFT, 34, cut(note, 56), font_size=11, fill_opacity=0.75))
    if numbers:
        parts += _outlines(numbers)
    elif words:
        parts += _bars(words)
    else:
        parts.append(text(_LEFT, 90, "no values to show", fill_opacity=0.75))
    if alone:
        parts += legend(_LEFT, _HEIGHT + 8, [(split, split) for split in shown])
    splits_told = " and ".join(shown)
    return drawing(
        _WIDTH,
        _HEIGHT + (20 if alone else 0),
        name,
        f"Distribution of {name} in {splits_told or 'no split'}. {note}",
        parts,
    )


def _outlines(found: Mapping[str, Numbers]) -> list[Markup]:
    """Outlines of histograms; far ends are left out, or they would be all one sees."""
    edges = _edges(list(found.values()))
    shares = {split: rebin(numbers.buckets, edges, numbers.whole) for split, numbers in found.items()}
    x = Axis.of([edges[0], edges[-1]], _LEFT, _WIDTH - 18, ticks=4, round_out=False)
    if edges[1] - edges[0] == 1 and all(numbers.whole for numbers in found.values()):
        x = replace(x, ticks=tuple(tick for tick in x.ticks if tick == round(tick)))
    y = Axis.of([0.0, *(share for values in shares.values() for share in values)], _BOTTOM, _TOP, round_out=False)
    parts = []
    for split, values in shares.items():
        points = [(x(edges[0]), y(0))]
        for place, share in enumerate(values):
            points += [(x(edges[place]), y(share)), (x(edges[place + 1]), y(share))]
        points.append((x(edges[-1]), y(0)))
        look = filled(split, 0.25) if split == "train" else stroke(split)
        parts.append(path(points, **(look | {"stroke_width": 1.6})))
    return parts + horizontal(x, _TOP, _BOTTOM, grid=False)


def _edges(found: Sequence[Numbers]) -> list[float]:
    lows, highs = zip(*(_middle(numbers) for numbers in found), strict=True)
    low, high = min(lows), max(highs)
    if all(numbers.whole for numbers in found) and high - low <= 40:
        return [low - 0.5 + number for number in range(int(high - low) + 2)]
    if high <= low:
        low, high = low - (abs(low) * 0.05 or 0.5), high + (abs(high) * 0.05 or 0.5)
    return [low + (high - low) * number / _BINS for number in range(_BINS + 1)]


def _middle(numbers: Numbers) -> tuple[float, float]:
    """Where the middle of the values lies: 98 % of them, as far as the buckets tell."""
    total = sum(bucket.rows for bucket in numbers.buckets)
    if not total:
        return numbers.min, numbers.max
    first, *inner, last = numbers.buckets if len(numbers.buckets) > 2 else (*numbers.buckets * 3,)
    if max(first.rows, last.rows) <= 0.015 * total:
        return inner[0].low, inner[-1].high
    # In a coarse histogram the outermost buckets hold more than 1 %: they are shown, but their tails are not.
    margin = (inner[-1].high - inner[0].low) / 2
    return max(first.low, inner[0].low - margin), min(last.high, inner[-1].high + margin)


def rebin(buckets: Sequence[Bucket], edges: Sequence[float], whole: bool) -> list[float]:
    """Shares of all rows in the bins between ascending `edges`; what lies outside is in none.

    The rows of a bucket are spread evenly over its width, those of a feature of whole numbers over the whole numbers
    in it.
    """
    total = sum(bucket.rows for bucket in buckets) or 1.0
    width = (edges[-1] - edges[0]) / (len(edges) - 1)
    shares = [0.0] * (len(edges) - 1)
    for bucket in buckets:
        low, high = bucket.low, bucket.high
        if whole and high > low:
            # A bucket is (low, high]: its numbers are low + 1 … high.
            low, high = low + 0.5, high + 0.5
        for place in range(len(shares)):
            begin, end = edges[0] + place * width, edges[0] + (place + 1) * width
            if high > low:
                part = max(min(high, end) - max(low, begin), 0.0) / (high - low)
            else:
                part = float(begin <= low < end or (low == edges[-1] and place == len(shares) - 1))
            shares[place] += part * bucket.rows / total
    return shares


def _bars(found: Mapping[str, Words]) -> list[Markup]:
    """The most frequent values, a pair of bars each; the last pair is of all others."""
    totals = {split: sum(rows for _, rows in words.values) or 1.0 for split, words in found.items()}
    shares = {split: {value: rows / totals[split] for value, rows in words.values} for split, words in found.items()}
    first = next(iter(shares))
    ranked = sorted(
        {value for each in shares.values() for value in each}, key=lambda v: (-shares[first].get(v, 0.0), v)
    )
    kept = ranked if len(ranked) <= _VALUES + 1 else ranked[:_VALUES]
    rows = [(value, {split: each.get(value, 0.0) for split, each in shares.items()}) for value in kept]
    if len(kept) < len(ranked):
        more = f"{len(ranked) - len(kept)} more"
        rows.append((more, {split: 1 - sum(each.get(value, 0.0) for value in kept) for split, each in shares.items()}))
    left, step = 140.0, (_HEIGHT - 8 - _TOP) / max(len(rows), 3)
    longest = max((share for _, each in rows for share in each.values()), default=0.0) or 1.0
    parts = []
    for number, (value, each) in enumerate(rows):
        top = _TOP + step * number
        label = text(left - 8, top + step / 2 + 3, cut(value, 18), text_anchor="end", font_size=11)
        parts.append(element("g", element("title", value), label))
        thick = min((step - 5) / len(found), 11.0)
        begin = top + (step - thick * len(found)) / 2
        for place, (split, share) in enumerate(each.items()):
            length = max(share, 0.0) / longest * (_WIDTH - left - 52)
            y = begin + thick * place
            where = {"x": left, "y": y, "width": max(length, 0.5), "height": thick - 1}
            parts.append(element("rect", **where, **area(split, 0.85)))
            if place == 0:
                shown = f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"
                parts.append(text(left + length + 5, top + step / 2 + 3, shown, font_size=11, fill_opacity=0.75))
    return parts
