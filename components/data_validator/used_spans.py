"""Spans as they were used: one whose files hold other bytes than an earlier run used is told. No tfx.

What is used is kept beside the statistics of spans, one file for each set of bytes; none is ever written again:

```
span-17/files-<digest>.json    the files of span 17, each with its digest, and when they were used first
```
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from weighbridge.common import files
from weighbridge.common.digests import value_digest
from weighbridge.components.data_validator.gates import ChangedSpans
from weighbridge.evidence.base import Document, problem
from weighbridge.evidence.summary import AnySummary, InputFile
from weighbridge.verdict import Gate, Severity

USED_FILES = "files-*.json"

_TOLD = 3  # files that a message names
_DIGITS = 12
_Files = Mapping[str, InputFile]


class UsedSpan(Document):
    """What an earlier run used of a span.

    Attributes:
        span: its number.
        files: that it consisted of.
        first_used: when a run used these bytes first; UTC.
    """

    span: int
    files: list[InputFile]
    first_used: AwareDatetime

    @property
    def digest(self) -> str:
        """Digest of the files: their paths and bytes."""
        return value_digest(sorted([file.path, file.sha256] for file in self.files))

    @property
    def name(self) -> str:
        """Name of the file that keeps it."""
        return USED_FILES.replace("*", self.digest.removeprefix("sha256:")[:16])


def spans_of(summary: AnySummary | None) -> dict[int, list[InputFile]]:
    """The files of each span that was read; a file in DVC's cache by the path that it has in the working tree."""
    found: dict[int, list[InputFile]] = {}
    if summary is not None:
        for file in summary.files:
            if file.span is not None:
                path = _absolute(file.called(summary.dvc))
                found.setdefault(file.span, []).append(file.model_copy(update={"path": path}))
    return found


def keep_used(history: str | Path, spans: Mapping[int, list[InputFile]]) -> None:
    """Keep which bytes a run uses; what is kept already stays as it is.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    now = datetime.now(UTC)
    for number, of_span in spans.items():
        used = UsedSpan(span=number, files=of_span, first_used=now)
        path = _folder(history, number) / used.name
        if not path.exists():
            files.write_json(path, used.model_dump(mode="json"))


def unchanged_gates(
    history: str | Path, spans: Mapping[int, list[InputFile]], severity: ChangedSpans, pipeline: str
) -> list[Gate]:
    """Judge whether spans still hold the bytes that an earlier run used.

    A span is compared with what was read in the same folder: its number at another place is another span. Bytes that
    any earlier run used are no change.

    Args:
        history: folder that keeps what earlier runs used.
        spans: files of the spans that are read now.
        severity: of a change; `ignore` for no gates.
        pipeline: its name, for the command that tells which models are concerned.
    """
    if severity == "ignore" or not spans:
        return []
    gates: list[Gate] = []
    unchanged = 0
    for number, of_span in sorted(spans.items()):
        try:
            used = [each for each in _used(history, number) if _folders(each.files) & _folders(of_span)]
        except ValueError as error:
            gates.append(_unmeasured(number, severity, str(error)))
            continue
        now = {file.path: file for file in of_span}
        if not used:
            continue
        if any(_digests(each.files) == _digests(of_span) for each in used):
            unchanged += 1
        else:
            gates.append(_changed(max(used, key=lambda each: each.first_used), now, severity, pipeline))
    if gates:
        return gates
    message = (
        f"{unchanged} of {len(spans)} spans were used by earlier runs, and hold the same bytes."
        if unchanged
        else "No earlier run used these spans."
    )
    status = "passed" if unchanged else "not_compared"
    return [
        Gate(
            name="data.spans.unchanged",
            status=status,  # type: ignore[arg-type]
            severity=severity,
            observed=0 if unchanged else None,
            threshold=0,
            unit="changed spans",
            message=message,
        )
    ]


def _changed(used: UsedSpan, now: _Files, severity: Severity, pipeline: str) -> Gate:
    before = {file.path: file for file in used.files}
    told = [
        f"{path} was {_short(before.get(path))}, is {_short(now.get(path))}"
        for path in sorted(before.keys() | now.keys())
        if _digest(before.get(path)) != _digest(now.get(path))
    ]
    more = f"; and {len(told) - _TOLD} more files" if len(told) > _TOLD else ""
    accept = (
        "restore the files, or accept the correction once with data.changed_spans: warning in gates.yaml"
        if severity == "blocking"
        else "if nobody corrected it, restore the files and run again"
    )
    return Gate(
        name=_name(used.span),
        status="refused",
        severity=severity,
        observed=len(told),
        threshold=0,
        unit="changed files",
        message=(
            f"Span {used.span} is not what earlier runs used since {used.first_used:%Y-%m-%d %H:%M} UTC: "
            f"{'; '.join(told[:_TOLD])}{more}; see which models were trained on it with "
            f"`weighbridge lineage span:{used.span} --pipeline {pipeline}`, and {accept}."
        ),
    )


def _unmeasured(span: int, severity: Severity, why: str) -> Gate:
    return Gate(
        name=_name(span),
        status="unmeasured",
        severity=severity,
        threshold=0,
        unit="changed files",
        message=f"What earlier runs used of span {span} cannot be told: {why}; restore it from a copy, or remove it.",
    )


def _used(history: str | Path, span: int) -> list[UsedSpan]:
    """What earlier runs used of a span.

    Raises:
        ValueError: a file that says so was damaged.
    """
    found = []
    for path in sorted(_folder(history, span).glob(USED_FILES)):
        try:
            used = UsedSpan.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise ValueError(f"{path} is damaged: {problem(error)}") from error
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from error
        if (used.span, used.name) != (span, path.name):
            raise ValueError(f"{path} is damaged: its content is not what its name is the digest of")
        found.append(used)
    return found


def _folder(history: str | Path, span: int) -> Path:
    return Path(history, f"span-{span}")


def _name(span: int) -> str:
    return f"data.span_{span}.unchanged"


def _folders(of_span: Iterable[InputFile]) -> set[str]:
    return {file.path.rpartition("/")[0] for file in of_span}


def _digests(of_span: Iterable[InputFile]) -> list[tuple[str, str]]:
    return sorted((file.path, file.sha256) for file in of_span)


def _digest(file: InputFile | None) -> str:
    return file.sha256 if file else ""


def _short(file: InputFile | None) -> str:
    return f"{file.sha256[: len('sha256:') + _DIGITS]}…" if file else "not there"


def _absolute(path: str) -> str:
    return path if "://" in path else str(Path(path).absolute())
