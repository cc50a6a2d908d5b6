"""Executes the notebooks from clean, as CI and the documentation do.

`python -m tests.notebooks.execute FOLDER` leaves each of them there with its outputs, as `.ipynb` and as `.html`;
`--dark` in a dark theme, `--only 1_explore_data` one of them.

What is substituted: the fourth notebook submits to the double of a Kubeflow server in `tests/weighbridge/kubeflow`, on
a free port of this machine. Everything else is real.
"""

import argparse
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbclient
import nbformat

from tests.weighbridge.kubeflow.double import serve
from tests.weighbridge.kubeflow.double_state import Script
from weighbridge.common.files import json_text
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.verdict import GateList

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
_CELL_S = 300
_IMAGE = f"registry.example.com/weighbridge@sha256:{'c0' * 32}"
_STEPS = ("ExampleGen", "Evaluator", "Pusher")  # those that the double knows


def execute(notebook: Path, folder: Path) -> Any:
    """A notebook, executed in a new kernel in a copy of its folder.

    Args:
        notebook: of this repository.
        folder: an empty one; it becomes the working directory.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised.
    """
    shutil.copy(notebook, folder)
    content = nbformat.read(notebook, as_version=4)
    with kubeflow() as endpoint:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WEIGHBRIDGE_")},
            "PYTHONPATH": str(ROOT),
            "IPYTHONDIR": str(folder / ".ipython"),
            "WEIGHBRIDGE_KFP_ENDPOINT": endpoint,
            "WEIGHBRIDGE_IMAGE": _IMAGE,
        }
        client = nbclient.NotebookClient(
            content, timeout=_CELL_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )
        client.execute(env=environment)
    return content


@contextlib.contextmanager
def kubeflow() -> Iterator[str]:
    """Address of a substitute of a Kubeflow server, whose runs of taxi pass."""
    double, stop = serve("2.17")
    passed = Gate(name="quality.auc.min", status="passed", observed=0.9512, threshold=0.94, message="auc is 0.9512.")
    pushed = Gate(name="push.model.pushed", status="passed", observed=True, threshold=True, message="It was pushed.")
    verdict = Verdict.of([passed], pipeline="taxi", run_id="inside", subject={"model": f"sha256:{'cd' * 32}"})
    for step, key, gate in (("Evaluator", "evaluation", passed), ("Pusher", "pushed_model", pushed)):
        double.put(step, key, "gates.json", json_text(GateList(gates=(gate,)).model_dump(mode="json")).encode())
    double.put("Evaluator", "evaluation", "verdict.json", verdict.canonical())
    double.next_script = lambda: Script(
        [
            *[("RUNNING", {"ExampleGen": "SUCCEEDED", "Evaluator": "RUNNING"})] * 6,
            ("SUCCEEDED", dict.fromkeys(_STEPS, "SUCCEEDED")),
        ]
    )
    try:
        yield double.url
    finally:
        stop()


def html(content: Any, theme: str = "light") -> str:
    """An executed notebook as a page."""
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter(theme=theme, embed_images=True).from_notebook_node(content)
    return str(page)


def main() -> None:
    """Execute the notebooks into a folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dark", action="store_true", help="in a dark theme")
    parser.add_argument("--only", default="", help="beginning of a notebook's name")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for notebook in NOTEBOOKS:
        if notebook.name.startswith(given.only):
            with tempfile.TemporaryDirectory(prefix="weighbridge-") as scratch:
                content = execute(notebook, Path(scratch))
            nbformat.write(content, given.folder / notebook.name)
            page = given.folder / notebook.with_suffix(".html").name
            page.write_text(html(content, "dark" if given.dark else "light"), encoding="utf-8")


if __name__ == "__main__":
    main()
