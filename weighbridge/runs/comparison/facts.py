"""What two runs were made of, side by side: data, code, parameters, sections of the thresholds."""

from collections.abc import Iterable, Mapping
from typing import Any

from weighbridge.evidence.summary import ExamplesSummary
from weighbridge.report.comparison import Fact
from weighbridge.report.evidence import Evidence
from weighbridge.runs.record import RunRecord

_DATA = "data"  # the parameter that names the data


def data(before: RunRecord, theirs: Evidence, after: RunRecord, ours: Evidence) -> tuple[Fact, ...]:
    """What the two read: where it was, digests, the newest span, the share of it, and rows by split."""
    found = [
        Fact(name="input", before=before.parameters.get(_DATA), after=after.parameters.get(_DATA)),
        *_fingerprinted(before, after, (("digest", "data"), ("sample", "sample"))),
    ]
    summaries = theirs.examples, ours.examples
    if any(summaries):
        rows = [_rows(summary) for summary in summaries]
        spans = [None if summary is None else summary.span for summary in summaries]
        found += [Fact(name="span", before=spans[0], after=spans[1])] if any(each is not None for each in spans) else []
        found += _each(rows[0], rows[1])
    return tuple(fact for fact in found if (fact.before, fact.after) != (None, None))


def _rows(summary: ExamplesSummary | None) -> dict[str, Any]:
    if summary is None:
        return {}
    rows = {f"rows {name}": split.rows for name, split in summary.splits.items()}
    return rows | {"rows quarantined": summary.quarantined_rows, "columns": len(summary.columns)}


def code(before: RunRecord, after: RunRecord) -> tuple[Fact, ...]:
    """Commit; digests of the definition, of the code behind each step, schema, files beside; image and libraries."""
    theirs, ours = before.fingerprint, after.fingerprint
    modules = {**_mapping(theirs, "modules"), **_mapping(ours, "modules")}
    steps = [
        fact.model_copy(update={"name": f"code of {fact.name}", "note": ", ".join(modules.get(fact.name, ()))})
        for fact in _each(_mapping(theirs, "code"), _mapping(ours, "code"))
    ]
    beside = _each(_mapping(theirs, "files"), _mapping(ours, "files"))
    libraries = _each(_mapping(theirs, "libraries"), _mapping(ours, "libraries"))
    found = [
        Fact(name="commit", before=before.commit or None, after=after.commit or None),
        *_fingerprinted(before, after, (("definition", "pipeline"),)),
        *steps,
        *_fingerprinted(before, after, (("schema", "schema"),)),
        *beside,
        *_fingerprinted(before, after, (("image", "image"),)),
        *libraries,
    ]
    return tuple(fact for fact in found if (fact.before, fact.after) != (None, None))


def parameters(before: RunRecord, after: RunRecord) -> tuple[Fact, ...]:
    """The parameters of both, but for the data."""
    theirs, ours = (
        {name: value for name, value in record.parameters.items() if name != _DATA} for record in (before, after)
    )
    return tuple(_each(theirs, ours))


def sections(before: RunRecord, after: RunRecord) -> tuple[Fact, ...]:
    """Digests of each section of the thresholds file."""
    return tuple(_each(_mapping(before.fingerprint, "gates"), _mapping(after.fingerprint, "gates")))


def notes(before: RunRecord, after: RunRecord) -> list[str]:
    """Which of the two kept no digests of what it was made of: only one that came to a verdict does."""
    return [
        f"Run {record.run_id} kept no digests of its data and code, as it {_ended(record)}: they are not compared."
        for record in (before, after)
        if not record.fingerprint
    ]


def _ended(record: RunRecord) -> str:
    if record.is_delivery:
        return f"is a {record.kind}"
    return f"is {record.display_state}" if record.display_state == "running" else f"ended {record.display_state}"


def _mapping(fingerprint: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = fingerprint.get(name)
    return found if isinstance(found, Mapping) else {}


def _fingerprinted(before: RunRecord, after: RunRecord, names: Iterable[tuple[str, str]]) -> list[Fact]:
    """Parts of the fingerprints, where both have them: an older run may not have kept one."""
    return [
        Fact(name=name, before=_plain(before.fingerprint[part]), after=_plain(after.fingerprint[part]))
        for name, part in names
        if part in before.fingerprint and part in after.fingerprint
    ]


def _plain(value: Any) -> Any:
    """A value as it is told: none for an empty one, the one of a list that has one."""
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    return value if value not in ("", []) else None


def _each(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Fact]:
    """A fact for each key of either, where both kept any: what one did not keep at all is not compared."""
    if not before or not after:
        return []
    names = dict.fromkeys([*before, *after])
    return [Fact(name=name, before=before.get(name), after=after.get(name)) for name in names]
