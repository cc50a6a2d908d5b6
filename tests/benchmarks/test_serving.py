"""The benchmark of the model server runs; what it measures is looked at in benchmarks/NOTES.md."""

import pytest

from benchmarks.serving import main
from tests.components.evaluator.helpers import export
from tests.serving_server import serving_python


@pytest.mark.slow
def test_a_small_model_is_measured_bare_and_served(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WEIGHBRIDGE_SERVING_PYTHON", serving_python())
    model = export(tmp_path, lambda miles: {"p": miles * 2}, {"miles": ((None,), "float32")})
    main(model=model, requests=20, rounds=1)
    lines = capsys.readouterr().out.splitlines()
    names = ["call of the model", "row made into tensors, and call", "request over HTTP", "its p99"]
    assert [line.split("|")[1].strip() for line in lines[2:]] == names
