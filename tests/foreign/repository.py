"""A repository of somebody else's, whose packages happen to be named as folders of ours are: see `payments/`."""

import random
import shutil
from pathlib import Path

PIPELINE = "pipelines/fraud/pipeline.py"
_FILES = Path(__file__).with_name("payments")


def write_repository(folder: Path, *, packages: bool = True) -> Path:
    """Write the repository and its data.

    Args:
        folder: where.
        packages: whether its folders have an `__init__.py`; without, they are namespace packages.
    """
    shutil.copytree(_FILES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in () if packages else folder.rglob("__init__.py"):
        if not file.read_text():
            file.unlink()
    write_rows(folder)
    return folder


def write_rows(folder: Path) -> None:
    """Write `payments.csv`: 600 amounts, the larger ones fraud as a rule."""
    draw = random.Random(3)
    amounts = [round(draw.uniform(1, 200), 2) for _ in range(600)]
    rows = [f"{amount},{int(amount + draw.gauss(0, 10) > 100)}" for amount in amounts]
    (folder / "payments.csv").write_text("\n".join(["amount,fraud", *rows]) + "\n")
