"""What a server that runs elsewhere says of its own use of the machine, in Prometheus' text under `/metrics`."""

import http.client
import re
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from weighbridge.load.usage import Usage

_TIMEOUT_S = 5.0
_MOST_BYTES = 16 << 20
# What prometheus-client exports of a process, with a label where an exporter adds one.
_CPU = re.compile(r"^process_cpu_seconds_total(?:\{[^}]*\})? ([0-9.eE+-]+)", re.MULTILINE)
_MEMORY = re.compile(r"^process_resident_memory_bytes(?:\{[^}]*\})? ([0-9.eE+-]+)", re.MULTILINE)


def scraped_usage(url: str) -> Usage | None:
    """Processor time and resident memory of a server by its address; None where it does not tell.

    Args:
        url: any address of it, `http://…` or `https://…`.
    """
    parts = urlsplit(url)
    try:
        with urllib.request.urlopen(f"{parts.scheme}://{parts.netloc}/metrics", timeout=_TIMEOUT_S) as answer:  # noqa: S310
            text = answer.read(_MOST_BYTES).decode("utf-8", "replace")
    except (OSError, urllib.error.URLError, http.client.HTTPException, ValueError):
        return None
    cpu, memory = _CPU.search(text), _MEMORY.search(text)
    if cpu is None or memory is None:
        return None
    return Usage(float(cpu[1]), int(float(memory[1])))
