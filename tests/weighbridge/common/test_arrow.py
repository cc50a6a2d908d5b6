"""A hostile Parquet file runs nothing, whoever reads it."""

import ast
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from tests.command_line import ROOT
from weighbridge.common.arrow import parquet

READERS = {
    "ExampleGen, as in the README's notebook": """
from weighbridge.components.example_gen.gates import ExamplesGates
from weighbridge.components.example_gen.generate import generate
from weighbridge.components.example_gen.process import ReadRequest
generate(ReadRequest(input=path), "examples", ExamplesGates(max_quarantined_fraction=0.01))
""",
    "what promote, statistics and evaluation read": """
from weighbridge.components.artifacts.columns import read_columns
from tensorflow_metadata.proto.v0 import schema_pb2
next(read_columns([path], schema_pb2.Schema(feature=[schema_pb2.Feature(name="a", type="INT")])))
""",
    "the recommender's files": "from weighbridge.common.arrow import read_table; read_table(path)",
    "a stream of Arrow's own": """
import pyarrow as pa, weighbridge.common.arrow
try:
    pa.ipc.open_stream(path + ".arrow").read_all()
except RuntimeError as error:
    raise SystemExit(str(error))
""",
}
PLAIN = "from pyarrow import parquet; parquet.read_table(path)"


class Touch:
    """Leaves a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    path = tmp_path / "hostile.parquet"
    type_ = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(Touch(tmp_path / "it ran")),
    }
    table = pa.table({"a": [1, 2, 3]}, schema=pa.schema([pa.field("a", pa.int64(), metadata=type_)]))
    parquet.write_table(table, path)
    with pa.OSFile(f"{path}.arrow", "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    return path


def read(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    """In a new process, where nothing has loaded Beam, which would forbid it too."""
    return subprocess.run(
        [sys.executable, "-c", f"path = {str(path)!r}\n{code}"],
        cwd=path.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(int(pa.__version__.partition(".")[0]) >= 14, reason="this Arrow runs nothing by itself")
def test_the_file_is_really_hostile(hostile):
    read(PLAIN, hostile)
    assert (hostile.parent / "it ran").exists()


@pytest.mark.parametrize("reader", READERS)
def test_reading_it_runs_nothing_and_says_so(hostile, reader):
    done = read(READERS[reader], hostile)
    assert not (hostile.parent / "it ran").exists()
    assert done.returncode != 0
    assert "arrow.py_extension_type" in done.stderr
    assert "ModuleNotFoundError" not in done.stderr


def test_everybody_here_goes_through_the_one_place():
    for folder in ("weighbridge", "components", "pipelines", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            if path == ROOT / "weighbridge/common/arrow.py" or path.is_relative_to(ROOT / "weighbridge/components"):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)]
                full = [f"{getattr(node, 'module', '') or ''}.{name}".lstrip(".") for name in names]
                risky = {"pyarrow.parquet", "pyarrow.ipc", "pyarrow.feather", "pyarrow.dataset"}
                assert not risky & {*full, str(getattr(node, "module", ""))}, path
