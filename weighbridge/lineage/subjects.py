"""What a person asks about: data, a span or a commit; and which weighings it touched."""

import fnmatch
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from typing import Literal

from weighbridge.evidence.provenance import DataOrigin
from weighbridge.evidence.summary import InputFile
from weighbridge.lineage.models import Weighing

Kind = Literal["data", "span", "commit"]

_EPOCH = date(1970, 1, 1)
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{8,64}")
_POINTER = ".dvc"
_FIRST_DAY = 10_000  # 1997-05-19: spans below are numbers that somebody counts, and no days


@dataclass(frozen=True)
class Subject:
    """What is asked about.

    Attributes:
        kind: data, a span or a commit.
        asked: as it was asked.
        told: in words.
        span: its number; None for another kind.
        commit: beginning of its id; empty for another kind.
        pattern: path, name, folder or glob of data; empty for another kind, or for bytes alone.
        digest: of bytes, rows or inputs, or its beginning; empty where the data are told by name alone.
    """

    kind: Kind
    asked: str
    told: str
    span: int | None = None
    commit: str = ""
    pattern: str = ""
    digest: str = ""
    _absolute: str = field(default="", compare=False)

    def files(self, weighing: Weighing) -> list[InputFile]:
        """The files of a weighing that are the data, or of the span."""
        return [file for origin in weighing.data for file in origin.files if self._is(file, origin)]

    def touched(self, weighing: Weighing) -> bool:
        """Whether it went into what was weighed, as far as is recorded."""
        if self.kind == "commit":
            return bool(weighing.commit) and weighing.commit.startswith(self.commit)
        if self.files(weighing):
            return True
        if self.kind == "span":
            return any(origin.span == self.span for origin in weighing.data)
        digests = [each for origin in weighing.data for each in (origin.content_digest, origin.input_digest)]
        return bool(self.digest) and any(
            each.startswith(self.digest) for each in (*digests, weighing.subject.get("data", "")) if each
        )

    def may_have_touched(self, weighing: Weighing) -> bool:
        """Whether it may have gone into what was weighed, since it is not recorded what did."""
        if self.touched(weighing):
            return False
        if self.kind == "commit":
            return not weighing.commit
        # A step between, as stock Transform, may have told nothing of the files that it was given.
        untold = not any(origin.files for origin in weighing.data)
        if self.kind == "span":
            spans = [origin.span for origin in weighing.data if origin.span is not None]
            # Releases before this one told the newest span of a window alone.
            older = any(file.span is None for origin in weighing.data for file in origin.files)
            return (untold and not spans) or ((untold or older) and any(span > (self.span or 0) for span in spans))
        return untold

    def _is(self, file: InputFile, origin: DataOrigin) -> bool:
        if self.kind == "span":
            return (origin.span if file.span is None else file.span) == self.span
        called = file.called(origin.dvc)
        digests = file.sha256, f"sha256:{origin.dvc.get(called, '')}"  # DVC's MD5 is a digest to people, too
        if self.digest and any(each.startswith(self.digest) for each in digests):
            return True
        return bool(self.pattern) and any(_names(self.pattern, self._absolute, each) for each in (file.path, called))


def span_subject(text: str) -> Subject | None:
    """A span by its number, `span:17`, or its day, `2026-11-23` or `span:2026-11-23`; None for other texts."""
    given = text.removeprefix("span:")
    if text.startswith("span:") and given.isdecimal():
        number = int(given)
    else:
        try:
            number = (date.fromisoformat(given) - _EPOCH).days if "-" in given else -1
        except ValueError:
            number = -1
        if number < 0:
            return None
    return Subject("span", text, span_told(number), span=number)


def span_told(number: int) -> str:
    """A span in words: with its day, where its number is likely to count days."""
    day = f" ({_EPOCH + timedelta(days=number):%Y-%m-%d})" if _FIRST_DAY <= number < 10 * _FIRST_DAY else ""
    return f"span {number}{day}"


def commit_subject(text: str) -> Subject | None:
    """A commit by its id or the beginning of one, also as `commit:1a2b3c4`; None for other texts."""
    given = text.removeprefix("commit:").lower()
    return Subject("commit", text, f"commit {given}", commit=given) if _COMMIT.fullmatch(given) else None


def data_subject(text: str, digest_of: Callable[[str], str] = lambda path: "") -> Subject:
    """Data by the digest of bytes, rows or inputs, or by path, name, folder or glob; also as `data:…`.

    Args:
        text: what was asked.
        digest_of: digest of the bytes at a path, empty for no such file: the same bytes elsewhere are the same data.
    """
    given = text.removeprefix("data:")
    if text.startswith("data:") and is_digest(f"sha256:{given}"):
        given = f"sha256:{given}"
    if is_digest(given):
        return Subject("data", text, given, digest=given)
    given = given.removesuffix(_POINTER)  # what it names
    absolute = given if "://" in given else str(Path(given).absolute())
    return Subject("data", text, given, pattern=given.rstrip("/"), digest=digest_of(given), _absolute=absolute)


def is_digest(text: str) -> bool:
    """Whether a text is a digest, or the beginning of one."""
    return _DIGEST.fullmatch(text) is not None


def names_of(weighing: Weighing) -> Iterator[str]:
    """What may be asked of a weighing, to find the nearest to a slip: names of files, spans, its commit."""
    for origin in weighing.data:
        for file in origin.files:
            yield PurePosixPath(file.called(origin.dvc)).name
            yield file.called(origin.dvc)
            span = origin.span if file.span is None else file.span
            if span is not None:
                yield f"span:{span}"
    if weighing.commit:
        yield weighing.commit[:12]


def _names(pattern: str, absolute: str, path: str) -> bool:
    """Whether a path, name, folder or glob names a file."""
    if path in (pattern, absolute) or path.startswith((f"{absolute}/", f"{pattern}/")):
        return True
    name = PurePosixPath(path).name
    if "/" not in pattern:
        return name == pattern or fnmatch.fnmatchcase(name, pattern)
    return path.endswith(f"/{pattern}") or any(fnmatch.fnmatchcase(path, each) for each in (pattern, absolute))
