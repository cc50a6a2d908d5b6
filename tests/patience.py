"""How long tests wait for what must come: only a hang is meant to reach the end of it, however busy the machine is.

`WEIGHBRIDGE_TEST_PATIENCE` multiplies it, for emulated or overloaded machines.
"""

import os
import time
from collections.abc import Callable
from typing import Any

FACTOR = float(os.environ.get("WEIGHBRIDGE_TEST_PATIENCE", "1"))
PATIENCE_S = 1200 * FACTOR
"""For one process to end, or one thing to happen."""


def wait_until(so: Callable[[], Any], what: str = "what is waited for") -> None:
    """Wait until something is so.

    Raises:
        AssertionError: it never came.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not so():
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(0.02)
