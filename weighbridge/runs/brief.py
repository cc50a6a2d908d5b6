"""A run in a few words, for lists of runs: on what data, how good, and what refused it."""

from weighbridge.common.errors import UsageError
from weighbridge.runs.own_verdict import read_verdict
from weighbridge.runs.record import Run
from weighbridge.verdict import Verdict
from weighbridge.verdict.gate import format_value
from weighbridge.verdict.verdict import VERDICT_FILE

_ERROR = 72  # characters; `show` has the rest


def weighed(run: Run) -> tuple[str, str]:
    """The key metric, and what refused the run or why it has no verdict; empty where there is nothing to say."""
    try:
        verdict = read_verdict(run) if (run.folder / VERDICT_FILE).exists() else None
    except UsageError:
        return "", "its verdict was changed since"
    if verdict is None:
        error = next(iter(run.record.error.strip().splitlines()), "")
        return "", error if len(error) <= _ERROR else f"{error[: _ERROR - 1]}…"
    return key_metric(verdict), refused_by(verdict)


def data_name(run: Run) -> str:
    """What a run was on, by the last part of its path; empty where it is not known."""
    given = run.record.parameters.get("data") or ""
    return str(given).rstrip("/").rpartition("/")[2]


def key_metric(verdict: Verdict) -> str:
    """The first quality that can refuse, as `auc=0.9431`; empty where none was measured."""
    for gate in verdict.gates:
        group, _, rest = gate.name.partition(".")
        absolute = gate.rule in ("min", "max") and gate.observed is not None
        if group == "quality" and gate.severity == "blocking" and absolute:
            return f"{rest.rpartition('.')[0]}={format_value(gate.observed, gate.unit)}"
    return ""


def refused_by(verdict: Verdict) -> str:
    """The first gate that refused and how many more, as `quality.auc.min +2`; empty for none."""
    names = [gate.name for gate in verdict.refusals]
    return f"{names[0]} +{len(names) - 1}" if len(names) > 1 else "".join(names)
