"""Whether a model was weighed as strictly as a policy asks: by the thresholds in force, and as the verdict shows."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from weighbridge.thresholds.gate_names import gate_names
from weighbridge.thresholds.gates_file import Gates
from weighbridge.thresholds.in_force import KeyInForce, keys_of, rule_sign
from weighbridge.thresholds.strictness import Looser, looser, with_rows
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.bounds import RELATIVE_RULES

# Sections by which a model is weighed; `delivery` and `canary` say on which way it goes.
SECTIONS = ("examples", "data", "quality", "latency", "steps")
# Some formats, such as Parquet, have no lines that could be lost, so no gate counts them.
_NOT_ALWAYS_ASKED = ("examples.rows_lost.",)
_AGAIN = "Run the pipeline anew with the thresholds that are asked for."


def policy_gates(
    policy: Gates, thresholds: Mapping[str, Any] | None, verdict: Verdict, group: str, again: str = _AGAIN
) -> list[Gate]:
    """Check what a model was weighed by against a policy.

    Args:
        policy: what it must have been weighed by, or by stricter thresholds.
        thresholds: sections in force when it was weighed, as JSON; None where nobody says.
        verdict: that it was weighed to.
        group: first part of the gates' names.
        again: what to do where one refuses, a sentence.

    Returns:
        A refusing gate for each key that is looser; a single one that passed where none is.
    """
    if not thresholds:
        message = f"Nobody says by which thresholds the model was weighed, so none can be held to. {again}"
        return [Gate(name=f"{group}.strict", status="unmeasured", message=message)]
    gates = [_looser_gate(each, group, again) for name in SECTIONS for each in _section(name, policy, thresholds)]
    named = {gate.name for gate in gates}
    gates += [gate for gate in _shown(policy, verdict, group, again) if gate.name not in named]
    if gates:
        return gates
    message = "The thresholds that it was weighed by are at least as strict as the policy's, and the verdict shows it."
    return [Gate(name=f"{group}.strict", status="passed", message=message)]


def _section(name: str, policy: Gates, thresholds: Mapping[str, Any]) -> Iterator[Looser]:
    wanted: Any = getattr(policy, name)
    if name == "steps":
        yield from looser(thresholds.get(name), wanted, (name,))
        return
    try:
        found = None if name not in thresholds else type(wanted).model_validate(thresholds[name])
    except (ValidationError, RecursionError):
        yield Looser(name, "unreadable", "a section of gates.yaml")
        return
    if name == "quality":
        found, wanted = None if found is None else with_rows(found), with_rows(wanted)
    if found is None and wanted == type(wanted).model_construct():
        return
    yield from looser(found, wanted, (name,))


def _looser_gate(each: Looser, group: str, again: str) -> Gate:
    now = "nothing" if each.value is None else each.value
    message = f"{each.path} was {now} when the model was weighed, and the policy asks for {each.wanted}. {again}"
    name = f"{group}.{each.path}"
    return Gate(name=name, status="refused", observed=each.value, threshold=each.wanted, message=message)


def _shown(policy: Gates, verdict: Verdict, group: str, again: str) -> Iterator[Gate]:
    """A refusing gate for each blocking rule of the policy that the verdict does not show to be kept."""
    for key in keys_of(policy):
        asked = key.is_rule and key.severity == "blocking" and key.location[0] in SECTIONS
        pattern = gate_names(key, policy) if asked else None
        if pattern is None or key.path.startswith(_NOT_ALWAYS_ASKED):
            continue
        found = [gate for gate in verdict.gates if pattern.fullmatch(gate.name)]
        bad = next((gate for gate in found if not _keeps(gate, key, policy)), None)
        if bad is not None or not (found or _too_small(key, verdict)):
            what = f"shows {bad.name} {bad.status.replace('_', ' ')}" if bad else "shows no gate for it"
            yield Gate(
                name=f"{group}.{key.path}",
                status="refused" if bad else "unmeasured",
                observed=bad.observed if bad else None,
                threshold=key.value,
                message=f"The policy asks for {key.path} {key.value}, and the verdict {what}. {again}",
            )


def _keeps(gate: Gate, key: KeyInForce, policy: Gates) -> bool:
    """Whether a gate of the verdict shows that a rule of the policy was kept."""
    section = getattr(policy, key.location[0])
    if gate.status == "inconclusive":
        return getattr(section, "on_undecided", "refuse") == "warn"
    if gate.status == "not_compared":
        return key.location[-1] in RELATIVE_RULES or key.path.startswith("data.drift.")
    sign, threshold = rule_sign(key), gate.threshold
    if not isinstance(threshold, int | float) or isinstance(threshold, bool):
        return False
    return gate.status == "passed" and sign * (threshold - key.value) >= 0


def _too_small(key: KeyInForce, verdict: Verdict) -> bool:
    """Whether a threshold on slices has no gate since each of them was too small to be judged, as a gate says."""
    return key.path.startswith("quality.slice_metrics.") and any(
        gate.name.startswith("quality.") and "=" in gate.name and gate.name.endswith(".rows.min")
        for gate in verdict.gates
    )
