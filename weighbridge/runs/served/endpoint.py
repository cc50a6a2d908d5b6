"""What a server says that it serves: ours and what has its metrics, one of the V2 protocol, or TensorFlow Serving."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.web import NoRedirects
from weighbridge.runs.served.compared import Serving

_LIMIT = 16 * 2**20  # bytes; a page of metrics has some hundred thousand
_TIMEOUT_S = 10.0
_INFO = re.compile(r"^weighbridge_model_info\{(?P<labels>.*)\}\s+(?P<value>\S+)", re.MULTILINE)
_READY = re.compile(r"^weighbridge_model_ready\{(?P<labels>.*)\}\s+(?P<value>\S+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def ask_server(url: str, name: str) -> list[Serving]:
    """What a server serves as a model.

    Args:
        url: of the server, such as `http://taxi.models.svc:8080`, or of its page of metrics.
        name: of the model.

    Returns:
        A value for each version; a single one without a version where it knows no such model.

    Raises:
        UsageError: the address is none, or nothing there says what it serves.
        InfrastructureError: the server cannot be reached.
    """
    base = _checked(url)
    if (metrics := _get(f"{base}/metrics")) is not None and (
        found := of_metrics(metrics.decode(errors="replace"), name)
    ):
        return [each.model_copy(update={"source": base}) for each in found]
    readers: tuple[tuple[str, Callable[[Any], list[Serving]]], ...] = (
        (f"/v2/models/{quote(name, safe='')}", of_v2),
        (f"/v1/models/{quote(name, safe='')}", of_tensorflow_serving),
    )
    answered = metrics is not None
    for path, read in readers:
        data = _get(base + path)
        answered = answered or data is not None
        try:
            found = read(json.loads(data)) if data is not None else []
        except ValueError:
            continue
        if found:
            return [each.model_copy(update={"source": base}) for each in found]
    if not answered:
        raise UsageError(
            f"Nothing at {base} says which model it serves: no /metrics, /v2/models/{name} or /v1/models/{name}",
            "Give the address of a model server, e.g. http://127.0.0.1:8080.",
        )
    return [Serving(source=base, ready=False, note=f"nothing there speaks of a model {name}")]


def of_metrics(text: str, name: str) -> list[Serving]:
    """The versions in a page of our server's metrics, by `weighbridge_model_info`."""
    ready = {
        labels.get("version"): value == 1
        for labels, value in map(_sample, _READY.finditer(text))
        if labels.get("model") == name
    }
    return [
        Serving(
            source="",
            version=_number(labels.get("version", "")),
            digest=labels.get("digest", ""),
            ready=ready.get(labels.get("version"), True),
            note="" if ready.get(labels.get("version"), True) else "it is not ready yet",
        )
        for labels, value in map(_sample, _INFO.finditer(text))
        if labels.get("model") == name and value == 1
    ]


def of_v2(document: Any) -> list[Serving]:
    """The versions in the metadata of a model by the V2 (Open Inference) protocol: the highest, which is served."""
    versions = document.get("versions") if isinstance(document, dict) else None
    numbers = [_number(str(version)) for version in versions or ()]
    return [Serving(source="", version=max(numbers))] if any(numbers) else []


def of_tensorflow_serving(document: Any) -> list[Serving]:
    """The versions in TensorFlow Serving's `model_version_status`: those that are available, else those to come."""
    statuses = document.get("model_version_status") if isinstance(document, dict) else None
    told = [each for each in statuses or () if isinstance(each, dict) and _number(str(each.get("version", "")))]
    available = [each for each in told if each.get("state") == "AVAILABLE"]
    coming = [each for each in told if each.get("state") in ("START", "LOADING")]
    found = available or coming
    if not found:
        return []
    newest = max(found, key=lambda each: _number(str(each["version"])))
    status = newest.get("status") or {}
    return [
        Serving(
            source="",
            version=_number(str(newest["version"])),
            ready=bool(available),
            note="" if available else str(dict(status).get("error_message") or "it is loading"),
        )
    ]


def _sample(match: "re.Match[str]") -> tuple[dict[str, str], float]:
    labels = {name: value.replace(r"\"", '"').replace(r"\\", "\\") for name, value in _LABEL.findall(match["labels"])}
    try:
        return labels, float(match["value"])
    except ValueError:
        return labels, float("nan")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else 0


def _checked(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--served {url} is no address of a server", "E.g. http://127.0.0.1:8080.")
    return url.strip().split("?")[0].removesuffix("/").removesuffix("/metrics").removesuffix("/")


def _get(url: str) -> bytes | None:
    """The answer; None for a page that is not there."""
    try:
        with urllib.request.build_opener(NoRedirects).open(url, timeout=_TIMEOUT_S) as answer:
            return bytes(answer.read(_LIMIT))
    except urllib.error.HTTPError as error:
        error.close()
        if error.code >= 500:
            raise InfrastructureError(f"{url} answers {error.code}", "Run again; see the server's log.") from error
        return None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise InfrastructureError(f"{url} cannot be reached: {reason}", "Is it running? Then run again.") from error
