"""The notebooks: kept without outputs, executed from clean, and what they show; see `execute.py`."""

import ast
import json
import re

import nbformat
import pytest

from tests.notebooks.execute import NOTEBOOKS, ROOT, execute, html

README = ROOT / "notebooks/README.md"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(notebook):
    """So that a commit shows what somebody wrote, and nothing of anybody's data or machine."""
    content = nbformat.read(notebook, as_version=4)
    nbformat.validate(content)
    for cell in content.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
        assert not cell.metadata
    assert content.metadata.keys() == {"kernelspec", "language_info"}
    assert content.metadata.language_info.keys() == {"name"}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_is_python_that_a_person_can_read(notebook):
    for cell in json.loads(notebook.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            ast.parse(re.sub(r"^%%writefile.*\n", "", source))
            assert max(map(len, source.splitlines())) <= 120


def test_the_readme_lists_every_notebook():
    assert set(re.findall(r"\]\((\w+\.ipynb)\)", README.read_text())) == {path.name for path in NOTEBOOKS}
    assert len(NOTEBOOKS) == 4


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_clean_and_shows_what_it_promises(notebook, tmp_path):
    content = execute(notebook, tmp_path)
    outputs = [output for cell in content.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    pages = "".join(str(output.get("data", {}).get("text/html", "")) for output in outputs)
    # Warnings of libraries stay in the run's log.
    assert not [output for output in outputs if output.get("name") == "stderr"]
    wanted = {
        "1_explore_data": ("PASSED", "REFUSED", "allowed values gain &#39;Crypto&#39;", "trip_miles"),
        "2_try_models": ("PASSED", "experiment pushes nothing", "HIDDEN", "Would run"),
        "3_find_why_a_gate_refused": ("REFUSED", "≠ learning_rate", "quality.auc.min", "difference, in pairs"),
        "4_to_kubeflow": ("taxi on Kubeflow", "succeeded", "PASSED"),
    }
    told = pages + "".join(cell.source for cell in content.cells)
    assert [text for text in wanted[notebook.stem] if text not in told] == []
    page = html(content, theme="dark")
    assert "weighbridge" in page
    assert str(ROOT / "work") not in page
