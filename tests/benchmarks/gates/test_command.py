"""`python -m benchmarks gates`: tables, charts, and counts that are kept."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.gates.tables import HEAD, renewed
from tests.documents.blocks import ROOT

RESULTS = ROOT / "benchmarks/gates/RESULTS.md"


def invoke(*arguments: object):
    return CliRunner().invoke(app, ["gates", *map(str, arguments)])


def test_it_writes_tables_charts_and_counts_and_weighs_nothing_twice(tmp_path: Path) -> None:
    results, charts, keep = tmp_path / "R.md", tmp_path / "charts", tmp_path / "counts.json"
    small = ["--gate", "quality", "--equal", 20, "--worse", 20, "--steps", 1]
    given = [*small, "--results", results, "--charts", charts, "--keep", keep]
    done = invoke(*given)
    assert done.exit_code == 0, done.output
    written = results.read_text()
    assert "`python -m benchmarks gates --gate quality --equal 20 --worse 20 --steps 1 --seed 0`" in written
    assert "| quality, made-up rows, AUC, 5,000 rows | TFMA |" in written
    assert "| made-up rows, AUC, 1,000 rows | Weighbridge | 2 |" in written
    assert "## Rows to decide" in written
    assert sorted(path.name for path in charts.iterdir()) == ["gates-quality-rows.svg", "gates-quality.svg"]
    assert all(path.read_text().startswith("<svg") for path in charts.iterdir())
    counts = json.loads(keep.read_text())
    counts["quality"]["cells"][0]["refused"] = 2
    del counts["quality"]["by rows"][-1]
    counts["drift"] = {"asked": counts["quality"]["asked"], "cells": [], "by rows": []}  # was interrupted
    keep.write_text(json.dumps(counts))
    again = invoke(*given)
    assert again.exit_code == 0, again.output
    assert "| made-up rows, AUC, 1,000 rows | Weighbridge | 2 | > 0 % |" in results.read_text()


def test_a_kind_of_gate_that_there_is_not_is_a_usage_error() -> None:
    done = invoke("--gate", "lateness")
    assert done.exit_code == 2
    assert "lateness is no kind of gate; allowed: latency, quality, drift" in re.sub(r"[│\s]+", " ", done.output)


def test_the_page_shows_the_table_of_the_results() -> None:
    def table(document: Path) -> list[str]:
        section = document.read_text().partition(f"{HEAD}\n")[2].partition("\n## ")[0]
        return [line for line in section.splitlines() if line.startswith("|")]

    assert len(table(RESULTS)) > 20
    assert table(ROOT / "docs/gates.md") == table(RESULTS)


def test_only_the_section_of_a_page_is_renewed() -> None:
    page = f"# A\n\nText.\n\n{HEAD}\n\n| old |\n\n## Next\n\nMore.\n"
    assert renewed(page, f"{HEAD}\n\n| new |") == page.replace("old", "new")
    with pytest.raises(ValueError, match="no section 'In short'"):
        renewed("# A\n", HEAD)
