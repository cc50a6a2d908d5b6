import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.digests import code_digest, source_files, tree_digest, value_digest
from weighbridge.common.errors import UsageError


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_value_digest_ignores_the_order_of_keys(value):
    assert value_digest(value) == value_digest(dict(reversed(value.items())))


def test_tree_digest_sees_names_and_bytes_but_not_times_or_empty_folders(tmp_path):
    def tree(name, files):
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
        return tree_digest(tmp_path / name)

    one = tree("one", {"a": "1", "b/c": "2"})
    assert tree("two", {"b/c": "2", "a": "1"}) == one
    (tmp_path / "one/empty").mkdir()
    assert tree_digest(tmp_path / "one") == one
    assert tree("renamed", {"a": "1", "b/d": "2"}) != one
    assert tree("changed", {"a": "1", "b/c": "3"}) != one
    assert tree("moved", {"a": "1", "bc": "2"}) != one


def test_tree_digest_of_nothing_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="Nothing to take a digest of"):
        tree_digest(tmp_path)


def digest_in_a_new_process(folder, *modules):
    code = f"from weighbridge.common.digests import code_digest; print(code_digest({modules!r}))"
    environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_code_digest_follows_own_imports_wherever_they_stand(tmp_path):
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "model.py").write_text("def run_fn(args):\n    from mine.layers import build\n    return build()\n")
    (package / "layers.py").write_text("def build():\n    return 1\n")
    (package / "unrelated.py").write_text("x = 1\n")
    before = digest_in_a_new_process(tmp_path, "mine.model")
    (package / "unrelated.py").write_text("x = 2\n")
    assert digest_in_a_new_process(tmp_path, "mine.model") == before
    assert digest_in_a_new_process(tmp_path, "mine") != before
    (package / "layers.py").write_text("def build():\n    return 2\n")
    assert digest_in_a_new_process(tmp_path, "mine.model") != before


def test_code_digest_does_not_wander_into_other_components_or_libraries():
    found = source_files(["weighbridge.verdict"])
    assert "weighbridge.verdict.bounds" in found
    assert "weighbridge.common.digests" in found
    assert not [name for name in found if name.startswith(("pydantic", "weighbridge.components.trainer"))]


@pytest.mark.parametrize("module", ["no.such.module", "no_such", "math"])
def test_a_module_without_source_is_named(module):
    with pytest.raises(UsageError, match=module.partition(".")[0]):
        code_digest([module])
