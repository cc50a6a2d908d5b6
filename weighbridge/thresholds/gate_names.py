"""How the gates are called that a key of `gates.yaml` decides."""

import re

from weighbridge.thresholds.gates_file import Gates
from weighbridge.thresholds.in_force import KeyInForce

LABEL_MISSING = "data.label.max_missing_fraction"

# Keys whose gates are not called as they are.
_NAMED: dict[str, str] = {
    "examples.max_quarantined_fraction": r"examples\.quarantined_fraction\.max",
    "data.label.min_distinct": r"data\.label\.distinct\.min",
    LABEL_MISSING: r"data\.label\.present",
    "data.anomalies": r"data\.(.+\.)?schema",
}


def gate_names(key: KeyInForce, gates: Gates) -> "re.Pattern[str] | None":
    """The names of the gates that a key decides; None where it decides none by itself."""
    section, *rest = key.location
    if key.path in _NAMED:
        return re.compile(_NAMED[key.path])
    if key.path.startswith("quality.slice_metrics."):
        return _slice_gates(key, gates)
    if not key.is_rule or section == "delivery":
        return None
    if section == "canary":
        rest = [*rest[:2], rest[-1]] if rest[0] == "business" else rest  # without `rate`
        output = r".+\." if rest[0] == "prediction_distance" else ""
        return re.compile(rf"canary\.{re.escape('.'.join(rest[:-1]))}\.{output}{rest[-1]}")
    if section == "steps":  # a step calls its gates as it likes
        return re.compile(rf"(?!examples\.|data\.|quality\.|latency\.|canary\.).+\.{re.escape('.'.join(rest[-2:]))}")
    if section == "quality":
        rest = rest[1:]  # without `metrics`
    if section == "latency":
        name = ".".join(rest)
        name = re.sub(r"(^|\.)batch_sizes\.(\d+)\.", r"\1batch_\2.", name).removeprefix("variants.")
        name = re.sub(r"\.concurrency\.(\d+)\.", r".concurrency_\1.", name)
        rest = [name]
    return re.compile(re.escape(".".join((section, *rest))))


def _slice_gates(key: KeyInForce, gates: Gates) -> "re.Pattern[str] | None":
    position, what, *rest = key.location[2:]
    entry = gates.quality.slice_metrics[int(position)]
    # A value may hold a comma; what follows one and is a feature belongs to a slice by more of them.
    features = {feature for slicing in gates.quality.all_slices() for feature in slicing}
    value = f"(?:(?!,(?:{'|'.join(map(re.escape, sorted(features)))})=).)*"
    name = ",".join(f"{re.escape(feature)}={value}" for feature in entry.features)
    if entry.wanted is not None:
        name = re.escape(entry.wanted)
    if what == "metrics":
        return re.compile(rf"quality\.{name}\.{re.escape('.'.join(rest))}")
    return re.compile(rf"quality\.{name}\.rows\.min") if what == "min_rows" else None
