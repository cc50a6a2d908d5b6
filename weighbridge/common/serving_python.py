"""The Python that model servers run in: KServe wants other versions of packages than TFX."""

import importlib.util
import os
import sys
from pathlib import Path

from weighbridge.common.environment import SERVING_PYTHON_VARIABLE
from weighbridge.common.errors import UsageError

_IN_CHECKOUT = ".venv-serving"


def serving_python() -> Path:
    """The program: what `WEIGHBRIDGE_SERVING_PYTHON` names, that of `.venv-serving` in the checkout, or this very one.

    Raises:
        UsageError: there is none.
    """
    if named := os.environ.get(SERVING_PYTHON_VARIABLE):
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise UsageError(
                f"{SERVING_PYTHON_VARIABLE} is {named!r}, which is no program",
                "Name the Python of an environment with KServe: sh requirements/bootstrap.sh serving makes one in "
                f"{_IN_CHECKOUT}.",
            )
        return Path(named)
    beside = Path(__file__).absolute().parents[2] / _IN_CHECKOUT / "bin" / "python"
    if beside.exists():
        return beside
    if importlib.util.find_spec("kserve") is not None:  # as in the image of servers
        return Path(sys.executable)
    raise UsageError(
        "There is no environment with a model server here",
        f"Make one: sh requirements/bootstrap.sh serving; or name its Python in {SERVING_PYTHON_VARIABLE}.",
    )
