"""YAML that people wrote: what would silently mean something else is an error with its line, and bombs are defused."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.errors import UsageError
from weighbridge.common.yaml_file import MAX_BYTES, read_yaml


def read(folder: Path, text: str | bytes) -> Any:
    path = folder / "some.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a:\n  min:\n", r"line 2: a\.min has no value"),
        ("a:\n  min: ~\n", r"line 2: a\.min has no value"),
        ("a: [1,\n  null]\n", r"line 2: a\.1 has no value"),
        ("data:\nquality: {a: 1}\n", "line 1: data has no value"),
        ("a: {min: .nan}\n", r"line 1: a\.min is \.nan"),
        ("a:\n\n  max: -.INF\n", r"line 3: a\.max is -\.INF"),
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is given twice in the file, first in line 1"),
        ("a: {min: 0.9, min: 0.1}\n", "'min' is given twice in a"),
        ("a: {on: 1}\n", "line 1: the key on in a is neither text nor a whole number"),
        ("? [1, 2]\n: 3\n", "the key a list or mapping in the file"),
        ("a: 010\n", "YAML reads 010 as another number"),
        ("a: 1:30\n", "YAML reads 1:30 as another number"),
        ("a: &a [*a]\n", "holds itself"),
        ("a: &a {<<: *a}\n", "holds itself"),
        ("a: [1,\n", "line 2: this is not valid YAML"),
        ("a: *nowhere\n", "line 1: this is not valid YAML"),
        ("a: 1\n---\nb: 2\n", "line 2: this is not valid YAML"),
        ("a: 2020-02-31\n", "is not valid YAML"),
        ("!!python/object/apply:os.system ['true']", "line 1: this is not valid YAML"),
        ("a: \x07\n", "is not valid YAML"),
        (b"a: 1\nb: \xff\xfe\n", "line 2: the file is not UTF-8"),
        ("a: é".encode("utf-16"), "the file is not UTF-8"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(UsageError, match=rf"some\.yaml.*{told}"):
        read(tmp_path, text)


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
MERGES = "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LAUGHS, "aliases grow"),
        (MERGES, "aliases grow"),
        ("[" * 100_000, "nested deeper"),
        ("{a: " * 50_000, "nested deeper"),
        ("- 1\n" * 50_000, "more than 20,000 values"),
        ("#" * (MAX_BYTES + 1), "is larger than"),
    ],
)
def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read(tmp_path, text)


def test_what_people_write_is_read_as_it_is(tmp_path: Path) -> None:
    text = "\ufeffcommon: &common\n  min: 0.9\nauc:\n  <<: *common\n  max: 1e-3\n64: {}\nlist: [a, true]\n"
    file = read(tmp_path, text)
    assert file.content == {
        "common": {"min": 0.9},
        "auc": {"min": 0.9, "max": 0.001},
        64: {},
        "list": ["a", True],
    }
    assert file.place(("auc", "max")).endswith("some.yaml, line 5")
    assert file.place(("auc", "min")).endswith("some.yaml, line 2")
    # What a validator puts in between is skipped, and what is not there is told by what is above it.
    assert file.place(("64", "constrained-str", "p99")).endswith("line 6")
    assert read(tmp_path, "").content is None


plain = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
    max_leaves=12,
)


@given(plain)
def test_plain_data_come_back_or_end_in_one_clear_error(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    folder = tmp_path_factory.getbasetemp()
    with contextlib.suppress(UsageError):
        assert read(folder, text).content == yaml.safe_load(text)
