"""How commands print what is not a table or a card: one JSON document, or a plain line."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from weighbridge.common.text import clean, escaped_json, mask, masked

EXIT_CODES = (
    "Exit codes: 0 passed, 1 a gate refused, 2 usage or configuration error, 3 infrastructure failure (safe to retry)."
)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    text = json.dumps(masked(document), indent=2, ensure_ascii=False)
    sys.stdout.write(escaped_json(text) + "\n")


def print_line(text: str) -> None:
    """Print one plain line on stdout at once, also into a pipe."""
    sys.stdout.write(f"{clean(mask(text))}\n")
    sys.stdout.flush()


@contextmanager
def without_output() -> Iterator[None]:
    """Discard what libraries print inside the block: it is not part of a command's output."""
    from weighbridge.local.output_capture import discarded_output

    with discarded_output():
        yield
