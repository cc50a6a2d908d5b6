"""The table of input formats: what one entry does, ORC's own cases, and a format that another package adds."""

import dataclasses
import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import orc

from tests.components.example_gen.helpers import one_split, rows, write, write_table
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen import formats, readers
from weighbridge.components.example_gen.infer import infer_feature_types
from weighbridge.components.example_gen.process import ReadRequest
from weighbridge.components.example_gen.reading import InputFormat, Reading


def read_lines(reading: Reading) -> Iterator[pa.RecordBatch]:
    """JSON lines, each an object."""
    with reading.open() as file:
        found = [json.loads(line) for line in file]
    if found:
        reading.needed(list(found[0]))
        yield reading.renamed(pa.RecordBatch.from_pylist(found))


LINES = InputFormat("lines", "JSON lines", r"\.jsonl$", ".jsonl", read_lines, damaged=(ValueError,))
TAKEN = dataclasses.replace(LINES, name="csv")


def install(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """As if a package were installed that has this entry point."""
    point = metadata.EntryPoint("lines", value, formats.GROUP)
    monkeypatch.setattr(metadata, "entry_points", lambda *, group: [point] if group == formats.GROUP else [])
    formats.formats.cache_clear()


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    formats.formats.cache_clear()


def test_a_format_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "in.jsonl", '{"id": 1, "n": "Anna"}\n{"id": 2, "n": null}\n')
    with pytest.raises(UsageError, match=r"in\.jsonl has no known format"):
        one_split(path, tmp_path / "out")
    assert formats.added_modules() == []
    install(monkeypatch, f"{__name__}:LINES")
    one_split(path, tmp_path / "out", columns={"n": "name"})
    assert rows(tmp_path / "out") == [{"id": 1, "name": b"Anna"}, {"id": 2}]
    assert formats.added_modules() == [__name__]  # which a cache of the step must be keyed by
    with pytest.raises(UsageError, match="there is no column 'x'"):
        one_split(path, tmp_path / "out", columns={"x": "y"})
    path.write_text("{torn\n")
    with pytest.raises(UsageError, match=r"in\.jsonl cannot be read as lines"):
        one_split(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (f"{__name__}:missing", "cannot be imported"),
        ("no_such_module:format", "cannot be imported"),
        (f"{__name__}:read_lines", "is a function"),
        (f"{__name__}:TAKEN", "has the name 'csv', which is taken"),
    ],
)
def test_what_another_package_offers_wrongly_is_told(monkeypatch: pytest.MonkeyPatch, value: str, told: str) -> None:
    install(monkeypatch, value)
    with pytest.raises(UsageError, match=told) as caught:
        formats.formats()
    assert value in caught.value.message


def test_orc_in_stripes_and_batches_is_the_same_as_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table(
        {
            "id": range(5_000),
            "share": [None if number % 7 == 0 else number / 3 for number in range(5_000)],
            "name": [None if number % 5 == 0 else f"Zürich {number}" for number in range(5_000)],
            "flag": [number % 2 == 0 for number in range(5_000)],
            "at": pa.array(range(5_000), pa.timestamp("us")),
            "several": [list(range(number % 3)) for number in range(5_000)],
        }
    )
    orc.write_table(table, tmp_path / "in.orc", stripe_size=1 << 16, batch_size=500)
    assert orc.ORCFile(tmp_path / "in.orc").nstripes > 1
    monkeypatch.setattr(readers, "BATCH_ROWS", 300)
    there = one_split(write_table(tmp_path / "in.parquet", table), tmp_path / "there")
    here = one_split(tmp_path / "in.orc", tmp_path / "here")
    assert here["splits"] == there["splits"]
    assert here["columns"] == there["columns"]


@pytest.mark.parametrize(("data", "told"), [(b"", "cannot be read as orc"), (b"ORC", "cannot be read as orc")])
def test_orc_of_no_bytes_is_damaged(data: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "in.orc").write_bytes(data)
    with pytest.raises(UsageError, match=told):
        one_split(tmp_path / "in.orc", tmp_path / "out")


def test_torn_orc_is_damaged(tmp_path: Path) -> None:
    path = write_table(tmp_path / "in.orc", pa.table({"x": list(range(10_000))}))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UsageError, match=r"in\.orc cannot be read as orc"):
        one_split(path, tmp_path / "out")


def test_orc_without_rows_and_with_a_column_to_rename(tmp_path: Path) -> None:
    path = write_table(tmp_path / "in.orc", pa.table({"x": pa.array([], pa.int64())}))
    with pytest.raises(UsageError, match="no rows"):
        one_split(path, tmp_path / "out")
    with pytest.raises(UsageError, match="there is no column 'y'"):
        one_split(path, tmp_path / "out", columns={"y": "z"})
    write_table(path, pa.table({"x": [1, 2]}))
    one_split(path, tmp_path / "out", columns={"x": "id"})
    assert rows(tmp_path / "out") == [{"id": 1}, {"id": 2}]


def as_it_is(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A prepare_fn."""
    return batch


@pytest.mark.parametrize("name", ["in.csv", "in.parquet", "in.orc"])
def test_only_texts_are_read_for_their_types_first(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A late value that changes a column's type costs one more reading, two where prepare_fn makes columns of texts."""
    kind = formats.formats()[name.removeprefix("in.")]
    opened = []

    def spy(reading: Reading) -> Iterator[pa.RecordBatch]:
        opened.append(reading.path)
        yield from kind.read(reading)

    monkeypatch.setitem(formats.formats(), kind.name, dataclasses.replace(kind, read=spy))
    path = write_table(tmp_path / name, pa.table({"x": [1, 2, 3], "y": ["a", "b", "c"]}))
    for prepare_fn, readings in {"": 1, f"{__name__}.as_it_is": 2 if kind.texts else 1}.items():
        opened.clear()
        request = ReadRequest(input=str(path), prepare_fn=prepare_fn)
        _, output_kinds = infer_feature_types(request, kind.name, [str(path)], str(path))
        assert len(opened) == readings + 1  # one for the names of the first file
        assert output_kinds.found == {"x": "int64", "y": "bytes"}
        assert output_kinds.seen == {"x", "y"}


def test_the_format_of_the_readme_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (Path(formats.__file__).parent / "README.md").read_text()
    found: dict[str, InputFormat] = {}
    exec(
        compile(readme.partition("## Formats")[2].split("```python\n")[1].partition("```")[0], "README.md", "exec"),
        found,
    )
    monkeypatch.setitem(formats.formats(), "lines", found["LINES"])
    one_split(write(tmp_path / "in.jsonl", '{"id": 1}\n{"id": 2}\n'), tmp_path / "out")
    assert rows(tmp_path / "out") == [{"id": 1}, {"id": 2}]
