"""A span once used is immutable: if its bytes change later, the next run says so."""

from pathlib import Path
from typing import Any

import pytest

from tests.components.data_validator.conftest import WriteExamples
from tests.components.data_validator.test_validate import SCHEMA, TRIPS
from weighbridge.components.data_validator.gates import DataGates
from weighbridge.components.data_validator.used_spans import keep_used, spans_of, unchanged_gates
from weighbridge.components.data_validator.validate import validate_examples
from weighbridge.evidence.summary import AnySummary, InputFile
from weighbridge.verdict import Gate

COLUMNS = {"fare": "float", "paid": "bytes", "hour": "int64", "tip": "int64"}


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def files(letters: str, span: int = 17, folder: str = "/data") -> list[InputFile]:
    """A span of as many files as letters, each with bytes of its own."""
    return [
        InputFile(path=f"{folder}/{span}-{number}.csv", bytes=1, sha256=digest(letter), span=span)
        for number, letter in enumerate(letters)
    ]


def judged(history: Path, spans: dict[int, list[InputFile]], severity: Any = "warning") -> list[Gate]:
    return unchanged_gates(history, spans, severity, "taxi")


def test_nothing_is_compared_before_anything_was_used(tmp_path: Path) -> None:
    assert [(gate.name, gate.status) for gate in judged(tmp_path, {17: files("a")})] == [
        ("data.spans.unchanged", "not_compared")
    ]
    assert judged(tmp_path, {}) == []


def test_spans_that_are_as_they_were_pass(tmp_path: Path) -> None:
    keep_used(tmp_path, {17: files("ab"), 18: files("c", 18)})
    [gate] = judged(tmp_path, {17: files("ab"), 18: files("c", 18), 19: files("d", 19)})
    assert (gate.name, gate.status, gate.observed) == ("data.spans.unchanged", "passed", 0)
    assert gate.message.startswith("2 of 3 spans")


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("ax", "/data/17-1.csv was sha256:bbbbbbbbbbbb…, is sha256:xxxxxxxxxxxx…"),
        ("a", "/data/17-1.csv was sha256:bbbbbbbbbbbb…, is not there"),
        ("abc", "/data/17-2.csv was not there, is sha256:cccccccccccc…"),
    ],
)
def test_a_span_that_changed_is_named_with_its_files_and_both_digests(tmp_path: Path, now: str, told: str) -> None:
    keep_used(tmp_path, {17: files("ab")})
    [gate] = judged(tmp_path, {17: files(now), 18: files("c", 18)})
    assert (gate.name, gate.status, gate.severity, gate.observed) == (
        "data.span_17.unchanged",
        "refused",
        "warning",
        1,
    )
    assert told in gate.message
    assert "weighbridge lineage span:17 --pipeline taxi" in gate.message
    assert judged(tmp_path, {17: files(now)}, "ignore") == []
    [blocking] = judged(tmp_path, {17: files(now)}, "blocking")
    assert blocking.refuses
    assert "data.changed_spans: warning" in blocking.message


def test_what_any_run_used_is_no_change(tmp_path: Path) -> None:
    keep_used(tmp_path, {17: files("a")})
    keep_used(tmp_path, {17: files("b")})
    assert {judged(tmp_path, {17: files(letter)})[0].status for letter in "ab"} == {"passed"}
    assert judged(tmp_path, {17: files("c")})[0].status == "refused"


def test_a_span_at_another_place_is_another_span(tmp_path: Path) -> None:
    keep_used(tmp_path, {17: files("a")})
    assert judged(tmp_path, {17: files("b", folder="/small")})[0].status == "not_compared"


def test_what_is_kept_is_written_once(tmp_path: Path) -> None:
    keep_used(tmp_path, {17: files("a")})
    [path] = tmp_path.glob("span-17/*")
    before = path.read_bytes()
    keep_used(tmp_path, {17: files("a")})
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", [b"", b"{}", None], ids=["empty", "other", "edited"])
def test_a_damaged_record_is_not_taken_for_none(tmp_path: Path, damage: bytes | None) -> None:
    keep_used(tmp_path, {17: files("a")})
    [path] = tmp_path.glob("span-17/*")
    path.write_bytes(path.read_bytes().replace(b"aaaa", b"bbbb") if damage is None else damage)
    [gate] = judged(tmp_path, {17: files("b")}, "blocking")
    assert (gate.status, gate.refuses) == ("unmeasured", True)
    assert str(path) in gate.message


def test_a_file_in_the_cache_of_dvc_is_known_by_its_own_name() -> None:
    md5 = "ab" + "c" * 30
    where = f"/r/.dvc/cache/files/md5/ab/{'c' * 30}"
    summary = AnySummary(
        splits={},
        total_rows=0,
        content_digest="",
        columns={},
        files=[InputFile(path=where, bytes=1, sha256=digest("a"), span=17)],
        dvc={"/r/17.csv": md5},
    )
    assert [file.path for file in spans_of(summary)[17]] == ["/r/17.csv"]


@pytest.mark.parametrize("severity", ["warning", "blocking"])
def test_the_data_validator_says_so_and_keeps_what_it_let_through(
    write_examples: WriteExamples, tmp_path: Path, severity: str
) -> None:
    def weigh(letters: str, span: int = 18) -> tuple[bool, list[str]]:
        uri = write_examples({"train": TRIPS, "eval": TRIPS})
        AnySummary(
            splits={},
            total_rows=1,
            content_digest="",
            columns=COLUMNS,
            files=[*files(letters), *files("z", 18)],
            span=span,
        ).write(uri)
        gates = DataGates.model_validate({"changed_spans": severity})
        found = validate_examples(uri, ("train", "eval"), SCHEMA, gates, history=str(tmp_path / "history"), span=span)
        return found.refused, [gate.name for gate in found.gates if not gate.passed]

    assert weigh("a") == (False, [])
    assert weigh("a") == (False, [])
    assert weigh("b") == (severity == "blocking", ["data.span_17.unchanged"])
    # Shown once, a correction is what is used from then on; one that was refused stays refused.
    assert weigh("b")[1] == (["data.span_17.unchanged"] if severity == "blocking" else [])
    assert weigh("a") == (False, [])
