"""A live canary's timeline as a picture and a table: shares, times, failures, intervals, and what was decided why."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from markupsafe import Markup

from weighbridge.evidence.rollout import RolloutEvent
from weighbridge.report.charts.timeline import Moment, Panel, Story, Trace, timeline_chart
from weighbridge.verdict import Gate

_LONG_S = 180.0  # what is shorter is told in seconds
_MOST_PANELS = 4  # of gates with an interval
_STATES = {"next": "passed", "promote": "passed", "roll_back": "refused"}
_WHAT = {"hold": "holds", "next": "next step", "promote": "promoted", "roll_back": "rolled back"}
_KINDS = {"began": "began", "resumed": "taken up again", "ended": "ended"}


def rollout_picture(events: Sequence[RolloutEvent]) -> Markup | str:
    """The timeline as a picture; empty where nothing was looked at."""
    looks = [event for event in events if event.kind == "look"]
    if not looks:
        return ""
    first, last = events[0].at, events[-1].at
    unit, length = ("minutes", 60.0) if (last - first).total_seconds() > _LONG_S else ("seconds", 1.0)

    def place(event: RolloutEvent) -> float:
        return (event.at - first).total_seconds() / length

    panels = [_shares(events, place)]
    quantities: dict[str, Callable[[Mapping[str, Any]], float | None]] = {
        "99th percentile of the time (ms)": lambda side: _quantile_ms(side, 0.99),
        "failures by requests (%)": _failures,
    }
    panels += [panel for label, of in quantities.items() if (panel := _both(label, looks, place, of)).traces]
    panels += list(_gate_panels(looks, place))
    moments = [
        Moment(place(event), str(number), _STATES.get(event.action, "failed"))
        for number, event in enumerate(_told(events), 1)
    ]
    title = f"Canary of version {looks[0].version} beside version {looks[0].stable}"
    labels = (("candidate", "canary"), ("production", "production"))
    return timeline_chart(Story(title, f"{unit} since it began", panels, moments, labels))


def rollout_rows(events: Sequence[RolloutEvent], names: Mapping[int, str] | None = None) -> list[tuple[str, ...]]:
    """What happened, a row each: number, time, share, what, requests of the step, why."""
    return [
        (
            str(number),
            f"{event.at:%Y-%m-%d %H:%M:%S}",
            "shadow" if event.shadow else f"{event.percent:g} %",
            _WHAT.get(event.action, _KINDS.get(event.kind, "")),
            f"{event.requests:,}" if event.kind == "look" else "",
            event.reason,
        )
        for number, event in enumerate(_told(events), 1)
    ]


def _told(events: Sequence[RolloutEvent]) -> list[RolloutEvent]:
    """The events that changed something, and of looks that held for a new reason the first."""
    found: list[RolloutEvent] = []
    problems: tuple[str, ...] = ()
    for event in events:
        if event.kind == "resumed" and event.window is not None:
            continue
        if event.kind == "look" and event.action in ("hold", ""):
            new = bool(event.problems) != bool(problems)  # what they say counts up
            problems = event.problems
            if not new or not event.problems:
                continue
        if event.kind == "ended" and event.outcome != "left" and found and found[-1].action in _STATES:
            continue  # the decision has said it
        found.append(event)
    return found


def _shares(events: Sequence[RolloutEvent], place: Callable[[RolloutEvent], float]) -> Panel:
    """The canary's share over time, as steps."""
    points: list[tuple[float, float]] = []
    spans, before = [], None
    for (_, shadow, percent), group in groupby(events, key=lambda event: (event.step, event.shadow, event.percent)):
        listed = list(group)
        start, end = place(before or listed[0]), place(listed[-1])
        before = listed[-1]  # which decided what comes
        if points:
            points.append((start, points[-1][1]))
        points += [(start, percent), (end, percent)]
        spans.append((start, end, "shadow" if shadow else f"{percent:g} %"))
    last = events[-1]
    if last.kind == "ended" and last.outcome != "left":
        points.append((place(last), 100.0 if last.outcome == "promoted" else 0.0))
    return Panel(
        "share of users' requests that the canary answers (%)", [Trace("candidate", points, filled=True)], spans=spans
    )


def _both(
    label: str,
    looks: Sequence[RolloutEvent],
    place: Callable[[RolloutEvent], float],
    of: Callable[[Mapping[str, Any]], float | None],
) -> Panel:
    """A quantity of both in each window."""
    traces = []
    for series, side in (("production", "stable"), ("candidate", "canary")):
        points = [
            (place(event), value)
            for event in looks
            if event.window is not None and (value := of(event.window[side])) is not None
        ]
        if points:
            traces.append(Trace(series, points))
    return Panel(label, traces)


def _gate_panels(looks: Sequence[RolloutEvent], place: Callable[[RolloutEvent], float]) -> Iterator[Panel]:
    """The gates that an interval decided, with it and what is allowed: first those that refuse."""
    last = {gate.name: gate for event in looks for gate in event.gates if gate.interval is not None}
    ordered = sorted(last.values(), key=lambda gate: (gate.status != "refused", gate.severity != "blocking"))
    for gate in ordered[:_MOST_PANELS]:
        points, band = [], []
        for event in looks:
            found = next((one for one in event.gates if one.name == gate.name), None)
            observed = None if found is None else _number(found.observed)
            if found is None or observed is None:
                continue
            points.append((place(event), observed))
            low, high = found.interval or (None, None)
            if low is not None and high is not None:
                band.append((place(event), low, high))
        limit = _number(gate.threshold)
        if points:
            yield Panel(_label(gate), [Trace("candidate", points, band)], limit)


def _label(gate: Gate) -> str:
    unit = f" ({gate.unit})" if gate.unit else ""
    return f"{gate.name}{unit}, with its interval; allowed {gate.allowed}"


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _failures(side: Mapping[str, Any]) -> float | None:
    requests = side.get("requests", 0)
    return 100.0 * side.get("errors", 0) / requests if requests else None


def _quantile_ms(side: Mapping[str, Any], share: float) -> float | None:
    """A quantile of the times in a window, straight within its bucket; beyond all edges it is the last edge."""
    histogram = side.get("seconds") or {}
    edges, counts = histogram.get("edges") or [], histogram.get("counts") or []
    total = sum(counts)
    if not total or not edges:
        return None
    wanted, below = share * total, 0.0
    for number, count in enumerate(counts[:-1]):
        if count and below + count >= wanted:
            start = edges[number - 1] if number else 0.0
            return 1000.0 * float(start + (edges[number] - start) * (wanted - below) / count)
        below += count
    return 1000.0 * float(edges[-1])
