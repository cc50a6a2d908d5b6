import hashlib
import subprocess
import sys
from modulefinder import ModuleFinder
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common import digests
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


def test_code_digest_follows_own_imports_in_packages_without_an_init(tmp_path):
    model = tmp_path / "mine/fraud/model.py"
    model.parent.mkdir(parents=True)
    model.write_text("from mine.shared.layers import build\n")
    layers = tmp_path / "mine/shared/layers.py"
    layers.parent.mkdir()
    layers.write_text("def build():\n    return 1\n")
    before = {name: digest_in_a_new_process(tmp_path, name) for name in ("mine.fraud.model", "mine.fraud", "mine")}
    layers.write_text("def build():\n    return 2\n")
    for name, digest in before.items():
        assert digest_in_a_new_process(tmp_path, name) != digest


@pytest.mark.parametrize("place", ["lib/site-packages", "target"])
def test_of_an_installed_package_nothing_but_the_package_counts(tmp_path, place):
    """As pip lays it out, also below `pip install --target`: libraries lie beside it."""
    folder = tmp_path / place
    for name, text in {
        "mine/__init__.py": "",
        "mine/model.py": "import library\nfrom mine import layers\n",
        "mine/layers.py": "",
        "mine/parts/__init__.py": "",
        "library/__init__.py": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "mine-1.0.dist-info").mkdir()
    names = ("mine.model", "mine.parts", "mine")
    before = {name: digest_in_a_new_process(folder, name) for name in names}
    (folder / "library/__init__.py").write_text("changed = True\n")
    assert {name: digest_in_a_new_process(folder, name) for name in names} == before
    (folder / "mine/layers.py").write_text("changed = True\n")
    after = {name: digest_in_a_new_process(folder, name) for name in names}
    assert [name for name in names if after[name] != before[name]] == ["mine.model", "mine"]


IMPORTS = {
    "import own.other": ["own.other"],
    "import own.other as x": ["own.other"],
    "from own import other": ["own.other"],
    "from . import other": ["own.other"],
    "from .other import name": ["own.other"],
    "from .deep.one import *": ["own.deep", "own.deep.one"],
    "def f():\n    class A:\n        from .deep import one": ["own.deep", "own.deep.one"],
    "try:\n    import nowhere\nexcept ImportError:\n    from .other import x": ["own.other"],
    "import json, os.path": [],
    "": [],
}


@pytest.mark.parametrize("statement", IMPORTS)
def test_what_a_module_imports_is_found_again_when_it_changes(tmp_path, monkeypatch, statement):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own", raising=False)
    for name, text in {
        "__init__": "",
        "model": "import own.before",
        "before": "",
        "other": "",
        "deep/__init__": "",
        "deep/one": "",
    }.items():
        path = tmp_path / f"own/{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert sorted(source_files(["own.model"])) == ["own", "own.before", "own.model"]
    (tmp_path / "own/model.py").write_text(statement)
    assert sorted(source_files(["own.model"])) == sorted(["own", "own.model", *IMPORTS[statement]])


def test_import_statements_are_those_that_modulefinder_finds():
    """Also where functions without any are passed over."""
    for module in (hashlib, subprocess, pytest, st):
        path = module.__file__
        found = ModuleFinder()
        code = compile(Path(path).read_bytes(), path, "exec")

        def all_of(code, finder=found):
            yield from (each for each in finder.scan_opcodes(code) if each[0] != "store")
            for constant in code.co_consts:
                if hasattr(constant, "co_code"):
                    yield from all_of(constant)

        expected = [
            (0, found[1] or "", found[0]) if what == "absolute_import" else (found[0], found[2] or "", found[1])
            for what, found in all_of(code)
        ]
        expected = [(level, name, [each for each in names or () if each != "*"]) for level, name, names in expected]
        assert list(digests._OwnFinder(Path("/"), "")._imports(code)) == expected


def test_a_file_is_taken_apart_once(monkeypatch):
    source_files(["weighbridge.verdict"])
    monkeypatch.setattr(digests._OwnFinder, "_imports", lambda *_: pytest.fail("taken apart again"))
    assert "weighbridge.common.digests" in source_files(["weighbridge.verdict"])


def test_code_digest_does_not_wander_into_other_components_or_libraries():
    found = source_files(["weighbridge.verdict"])
    assert "weighbridge.verdict.bounds" in found
    assert "weighbridge.common.digests" in found
    assert not [name for name in found if name.startswith(("pydantic", "weighbridge.components.trainer"))]


@pytest.mark.parametrize("module", ["no.such.module", "no_such", "math"])
def test_a_module_without_source_is_named(module):
    with pytest.raises(UsageError, match=module.partition(".")[0]):
        code_digest([module])
