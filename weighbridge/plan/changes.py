"""What differs between the fingerprint of two runs, or of two revisions, part by part."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from weighbridge.common.digests import value_digest
from weighbridge.plan.model import Change, What

_DATA = "data"  # the parameter that names the data
_BESIDE = "a file beside the pipeline changed"
_SHOWN = 40  # characters of a value


def differences(before: Mapping[str, Any], after: Mapping[str, Any], data: Collection[str] = ()) -> list[Change]:
    """What differs between two fingerprints, see `weighbridge.runs.fingerprint`.

    A fact that only one of them has is not compared: an older run may not have kept it.

    Args:
        before: a fingerprint.
        after: another.
        data: names of the files beside the pipeline's definition that are its data.
    """
    of_data = list(_data(before, after))
    of_code = code_changes(before, after)
    data_beside = [change for change in of_code if change.part in data and change.note == _BESIDE]
    return [
        *of_data,
        *(Change(what="data", part=each.part, note="the file changed") for each in data_beside if not of_data),
        *(change for change in of_code if change not in data_beside),
        *_each(before, after, "parameters", "parameters", skip=(_DATA,)),
        *_of("gates", before, after, "its thresholds changed"),
        *_single(before, after, "schema", "the reviewed schema changed"),
        *_single(before, after, "image", "another image"),
        *_each(before, after, "libraries", "libraries"),
        *_single(before, after, "sample", "another share of the data", what="parameters"),
    ]


def code_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Steps whose code differs, the pipeline's definition, and other files beside it."""
    found = [Change(what="code", part=step, note="its code changed") for step in _differing(before, after, "code")]
    if "pipeline" in before and before["pipeline"] != after.get("pipeline"):
        found.append(Change(what="code", part="pipeline", note="its definition changed"))
    # A module that is the code of a step, or of the definition, is listed as that.
    others = [name for name in _differing(before, after, "files") if not (found and name.endswith(".py"))]
    return [*found, *(Change(what="code", part=name, note=_BESIDE) for name in others)]


def subject_differences(subject: Mapping[str, str], now: Mapping[str, str]) -> list[Change]:
    """What differs between the digests of a production record and those of today, where both are known."""
    notes: dict[str, tuple[What, str, str]] = {
        "data": ("data", "", "the data differ"),
        "code": ("code", "Trainer", "the code that trains differs"),
        "parameters": ("parameters", "Trainer", "the training's parameters differ"),
        "gates": ("gates", "quality, latency", "the thresholds differ"),
        "schema": ("schema", "", "the reviewed schema differs"),
        "image": ("image", "", "another image"),
    }
    return [
        Change(what=what, part=part, note=note)
        for name, (what, part, note) in notes.items()
        if name in subject and name in now and subject[name] != now[name]
    ]


def _data(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    old, new = (fingerprint.get("parameters", {}).get(_DATA) for fingerprint in (before, after))
    if "parameters" in before and "parameters" in after and old != new:
        yield Change(what="data", part=_DATA, note=f"was {_shown(old)}, is {_shown(new)}")
    elif before.get("data") != after.get("data") and "data" in before and "data" in after:
        yield Change(what="data", part=_DATA, note=f"the files of {_shown(new)} changed")


def _each(
    before: Mapping[str, Any], after: Mapping[str, Any], name: str, what: What, skip: tuple[str, ...] = ()
) -> Iterator[Change]:
    for key in _differing(before, after, name):
        if key not in skip:
            old, new = (fingerprint[name].get(key) for fingerprint in (before, after))
            yield Change(what=what, part=key, note=f"was {_shown(old)}, is {_shown(new)}")


def _of(name: What, before: Mapping[str, Any], after: Mapping[str, Any], note: str) -> Iterator[Change]:
    for key in _differing(before, after, name):
        yield Change(what=name, part=key, note=note)


def _single(
    before: Mapping[str, Any], after: Mapping[str, Any], name: str, note: str, what: What | None = None
) -> Iterator[Change]:
    if name in before and name in after and before[name] != after[name]:
        yield Change(what=what or name, part=name if what else "", note=note)  # type: ignore[arg-type]


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> list[str]:
    """Keys of part of a fingerprint whose values differ, or that only one has."""
    old, new = before.get(name), after.get(name)
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return []
    return [key for key in (*new, *(key for key in old if key not in new)) if old.get(key) != new.get(key)]


def _shown(value: Any) -> str:
    text = "not there" if value is None else str(value)
    return text if len(text) <= _SHOWN else f"…{text[1 - _SHOWN :]}"


def step_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs between the parameters of two executions of a step, in words; see `fingerprint.of_step`."""
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if value_digest(old) != value_digest(new):
            found.append(_WORDS.get(name) or _parts(name, old, new))
    return list(dict.fromkeys(found))


_WORDS = {
    "code_digest": "its code or a library changed",
    "input_digest": "the data changed",
    "production_state": "production changed",
    "push_state": "the model is not at the destination",
    "schema": "the schema changed",
    "schema_text": "the schema changed",
    "destination": "another destination",
    "ledger": "another destination",
}
_SECTIONS = ("gates", "quality", "latency")


def _parts(name: str, old: Any, new: Any) -> str:
    keys = _differing({name: old}, {name: new}, name)
    inside = f" ({', '.join(keys)})" if keys else ""
    if name in _SECTIONS:
        return f"thresholds changed: {name}{inside}"
    return f"parameters changed{inside}" if name == "parameters" else f"{name} changed"
