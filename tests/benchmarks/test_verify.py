"""The benchmark of `weighbridge verify` runs; what it measures is looked at in benchmarks/NOTES.md."""

import shutil

import pytest

from benchmarks.verify import main


def test_a_small_model_is_measured_beside_what_reads_it_once(capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    main(megabytes=1, repeats=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| `weighbridge verify` | ")
    assert lines[2].endswith(" | 1.00x |")
    assert len(lines) == 5
