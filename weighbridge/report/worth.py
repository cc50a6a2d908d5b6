"""What a verdict, and each gate that decides by a sample, is worth: its interval and its rates, in words.

A gate states how often it is wrong. What all of them are worth together follows from that by Boole's inequality alone,
which holds however the gates depend on each other: a model as good as production is refused at least as often as by
the gate that is most often wrong, and at most as often as all of them would refuse it one at a time.

Where a change or a ratio is proven to be on the wrong side, the model is so unlike production that how sure a
comparison of two equal ones would be cannot be told from it: there the rate is only a bound.
"""

import math
from collections.abc import Iterable, Sequence

from weighbridge.report.text import count, digits_of, value_text
from weighbridge.verdict import Gate, Rates, Verdict

# Up to here what the gates might do together is close enough to what the worst does alone to be said in one number.
_CLOSE = 0.1
_MOST_DIGITS = 9
_ROUNDING = 1e-9
_DATA = "data"


def worth_text(verdict: Verdict) -> str:
    """How much a pass and a refusal say, in at most four sentences; empty where no gate states it.

    Only the gates that block count: no other decides anything.
    """
    blocking = [gate for gate in verdict.weighed if gate.severity == "blocking"]
    rated = [gate for gate in blocking if gate.rates is not None]
    if not rated:
        return ""
    of_data = [gate for gate in rated if _of_data(gate)]
    of_model = [gate for gate in rated if not _of_data(gate)]
    unknown = sum(gate.rates is None and gate.interval is not None for gate in blocking)
    exact = len(blocking) - len(rated) - unknown
    only_warn = sum(gate.status == "inconclusive" and not gate.refuses for gate in verdict.gates)
    parts = [
        _together(of_model) if of_model else "",
        _together(of_data) if of_data else "",
        f"Of {count(unknown, 'gate')} it is not known." if unknown else "",
        f"{count(only_warn, 'undecided gate')} only {'warns' if only_warn == 1 else 'warn'}." if only_warn else "",
        f"{count(exact, 'other gate')} {'takes its value as it is' if exact == 1 else 'take values as they are'}."
        if exact
        else "",
    ]
    return " ".join(filter(None, parts))


def rates_text(gate: Gate) -> str:
    """How often such a gate is wrong: `Refuses 12% of equal models, passes 5% of those at the threshold.`."""
    if gate.rates is None:
        return ""
    refused, passed = rate_text(gate.rates.false_refusal), rate_text(gate.rates.false_pass)
    bound = "at most " if _only_bounds(gate) and not refused.startswith("<") else ""
    verb = "Refuses" if gate.severity == "blocking" else "Does not pass"
    return f"{verb} {bound}{refused} of equal {_what(gate)}, passes {passed} of those at the threshold."


def ends_text(gate: Gate) -> str:
    """The interval that decided, `-0.062 to -0.031`; empty where none did.

    It has as many digits as its width bears out, and so many more that both ends stand on their side of the threshold.
    """
    if gate.interval is None:
        return ""
    low, high = gate.interval
    if low is None and high is None:
        return "unknown"
    if gate.unit == "bytes" or low is None or high is None or low == high:
        return " to ".join("unknown" if end is None else value_text(end, gate.unit) for end in gate.interval)
    digits, limit = digits_of(low, high), gate.threshold
    if isinstance(limit, int | float):
        while digits < _MOST_DIGITS and any(_moved(end, round(end, digits), limit) for end in (low, high)):
            digits += 1
    unit = gate.unit if gate.unit in ("x", "%") else f" {gate.unit}".rstrip()
    return " to ".join(f"{round(end, digits) + 0.0:,.{digits}f}" for end in (low, high)) + unit


def rate_text(rate: float | None) -> str:
    """A probability as a table shows it: `12%`, `2.5%`, `<0.1%`; `–` for None."""
    if rate is None:
        return "–"
    if rate < 0.001:
        return "<0.1%"
    if rate > 0.99:
        return ">99%"
    return f"{_percent(rate)}%"


def rates_range(gates: Sequence[Gate], rate: str) -> str:
    """`rate_text` of one gate, and of several the most of them: `≤ 3%`.

    Args:
        gates: of one line of a table.
        rate: `false_refusal` or `false_pass`.
    """
    found = [getattr(gate.rates, rate) for gate in gates if isinstance(gate.rates, Rates)]
    if not found:
        return "–"
    most = rate_text(max(found))
    exact = len(gates) == 1 and not (rate == "false_refusal" and _only_bounds(gates[0]))
    return most if exact or most.startswith("<") else f"≤ {most}"


def _together(gates: Sequence[Gate]) -> str:
    """`A model as good as production passes all 24 sampled gates in at least 97 of 100 weighings; one exactly …`."""
    rates = [gate.rates for gate in gates if gate.rates is not None]
    told = {gate.name: gate.rates.false_refusal for gate in gates if gate.rates and not _only_bounds(gate)}
    worst = max(told, key=lambda name: told[name], default="")
    least, most = told.get(worst, 0.0), min(sum(rate.false_refusal for rate in rates), 1.0)
    what = "drift and skew" if _of_data(gates[0]) else "sampled"
    them = {1: f"the {what} gate", 2: f"both {what} gates"}.get(len(gates), f"all {len(gates):,} {what} gates")
    stopped = f", stopped mostly by {worst}" if least > _CLOSE and len(gates) > 1 else ""
    passes, one = ("passes", "one exactly at a threshold")
    if _of_data(gates[0]):
        passes, one = ("pass", "data exactly as far apart as allowed")
    at_limit = _percent(max(rate.false_pass for rate in rates))
    often = _often(1 - most, 1 - least, bound=len(told) < len(gates))
    passing = f"{_equal(gates)} {passes} {them} in {often} of 100 weighings{stopped}"
    if not often:
        passing = f"Beside a model so unlike production nobody can tell how often one as good passes {them}"
    return f"{passing}; {one} {passes} that gate in at most {at_limit}."


def _often(least: float, most: float, *, bound: bool) -> str:
    """Of 100, between two bounds; never all, since nothing is that sure.

    Args:
        least: share that passes at least.
        most: share that passes at most.
        bound: whether some rates are only bounds, so that what passes at most may be anything; then perhaps empty.
    """
    low, high = min(math.floor(100 * least + _ROUNDING), 99), math.ceil(100 * most - _ROUNDING)
    if most - least < _ROUNDING and 1 <= low < 99:
        return f"about {low}"
    if low < 1:
        return "" if bound and high > 100 * (1 - _CLOSE) else f"at most {high}"
    return f"at least {low}" if most - least <= _CLOSE or bound else f"{low} to {high}"


def _percent(rate: float) -> str:
    """Of 100, with two digits, as `5`, `2.5` or `54`."""
    return f"{max(100 * rate, 0.1):.2g}" if rate < 0.99 else "100"


def _equal(gates: Iterable[Gate]) -> str:
    """Whom a false refusal would hit: what nothing is in production for is held against itself."""
    listed = list(gates)
    if _of_data(listed[0]):
        return "Data that did not drift"
    return f"A model as good as {'production' if any(gate.baseline is not None for gate in listed) else 'this one'}"


def _of_data(gate: Gate) -> bool:
    return gate.name.partition(".")[0] == _DATA


def _only_bounds(gate: Gate) -> bool:
    """Whether its false refusal is only known not to be more than it states."""
    return gate.status == "refused" and gate.rule.endswith(("_change", "_ratio"))


def _what(gate: Gate) -> str:
    return "data" if _of_data(gate) else "models"


def _moved(end: float, rounded: float, limit: float) -> bool:
    """Whether an end that is rounded seems to lie on another side of the threshold than it does."""
    return (end > limit) != (rounded > limit) or (end < limit) != (rounded < limit)
