"""Asks Prometheus over its HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/) for raw samples.

Raw, not `rate()` or `increase()`: these extrapolate to the ends of a range and lose what a series begins with, so they
are no numbers of requests. Its own clock counts: that of the samples.
"""

import json
import math
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any

from weighbridge.common.environment import PROMETHEUS_PASSWORD_VARIABLE, PROMETHEUS_TOKEN_VARIABLE, PROMETHEUS_VARIABLE
from weighbridge.common.environment import PROMETHEUS_USER_VARIABLE as USER_VARIABLE
from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.common.text import hide, mask_addresses
from weighbridge.common.web import NoRedirects, basic_credentials
from weighbridge.thresholds.jenkins import is_loopback

_MOST_BYTES = 256 << 20
_TRIES = 3
_PAUSE_S = 0.5  # before the second try, and twice that before the third
_CLUSTER = re.compile(r"[a-z0-9.-]+\.svc(\.[a-z0-9.-]+)?")  # names inside a Kubernetes cluster
_PLAIN = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\s*(\{.*\})?|\{.*\}", re.DOTALL)


@dataclass(frozen=True)
class Series:
    """The raw samples of one series.

    Attributes:
        labels: its labels, without its name.
        times: [samples] when each was taken, ascending; Unix seconds by Prometheus' clock.
        values: [samples] what was taken; no NaN.
    """

    labels: Mapping[str, str]
    times: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Prometheus:
    """A server of Prometheus, or one that answers as it does (Thanos, Mimir, VictoriaMetrics).

    Attributes:
        address: `https://host[/prefix]`; `http://` for this machine and names inside a cluster alone.
        timeout_s: how long one answer is waited for.
        pause: waits between tries; for tests.
    """

    address: str
    timeout_s: float = 10.0
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", _address(self.address))
        _credentials(self.address)  # an error of theirs is told before anything begins

    def now(self) -> datetime:
        """The time by Prometheus' own clock, UTC.

        Raises:
            UsageError, InfrastructureError: as for `samples`.
        """
        found = self._query("time()", {})
        try:
            return datetime.fromtimestamp(float(found["result"][0]), UTC)
        except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise _strange(self.address, "time() is no number") from error

    def samples(self, query: str, end: datetime, seconds: float, resolution_s: float = 15.0) -> list[Series]:
        """All samples of what a query selects, in a time.

        Args:
            query: a selector, as `name{label="value"}`; of any other expression the values at every `resolution_s`.
            end: of the time, by Prometheus' clock; samples at it count.
            seconds: length of the time.
            resolution_s: see `query`.

        Returns:
            The series that have samples there; none for an unknown name.

        Raises:
            UsageError: the query is wrong, or the credentials.
            InfrastructureError: nothing answers, or something else than Prometheus.
        """
        length = f"{math.ceil(seconds * 1000)}ms"
        selector = _PLAIN.fullmatch(query.strip()) is not None
        ranged = f"{query.strip()}[{length}]" if selector else f"({query})[{length}:{round(resolution_s * 1000)}ms]"
        found = self._query(ranged, {"time": f"{end.timestamp():.3f}"})
        if found.get("resultType") != "matrix":
            raise _strange(self.address, f"a {found.get('resultType')} where samples were asked for")
        try:
            return [series for each in found["result"] if (series := _series(each)).times]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _strange(self.address, "samples that are none") from error

    def _query(self, query: str, options: Mapping[str, str]) -> Mapping[str, Any]:
        fields = {"query": query, "timeout": f"{max(1, round(self.timeout_s))}s", **options}
        body = urllib.parse.urlencode(fields).encode()
        for tried in range(1, _TRIES + 1):
            try:
                document = self._post(body)
                break
            except InfrastructureError:
                if tried == _TRIES:
                    raise
                self.pause(_PAUSE_S * 2 ** (tried - 1))
        data = document.get("data")
        if document.get("status") != "success" or not isinstance(data, dict):
            raise _strange(self.address, f"status {document.get('status')!r}")
        if missing := _missing(document):
            raise InfrastructureError(
                f"Prometheus at {self.address} does not answer with all that it has: {missing}",
                "What is missing would look like servers without requests. Mend what it warns of, then run again.",
            )
        return data

    def _post(self, body: bytes) -> Mapping[str, Any]:
        """Ask once; a POST is not cut short where a query is long."""
        request = urllib.request.Request(  # noqa: S310, the scheme was looked at
            f"{self.address}/api/v1/query", data=body, headers={"Accept": "application/json"}
        )
        for name, value in _credentials(self.address).items():
            request.add_unredirected_header(name, value)
        handlers: list[urllib.request.BaseHandler] = [NoRedirects()]
        if is_loopback(urllib.parse.urlsplit(self.address).hostname or ""):
            handlers.append(urllib.request.ProxyHandler({}))
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=self.timeout_s) as answer:
                data = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            raise self._refused(error) from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise InfrastructureError(f"Prometheus at {self.address} cannot be reached: {reason}", "Run again.") from (
                error
            )
        if len(data) > _MOST_BYTES:
            raise _strange(self.address, f"more than {_MOST_BYTES:,} bytes")
        try:
            document = json.loads(data)
        except ValueError as error:
            raise _strange(self.address, "no JSON") from error
        if not isinstance(document, dict):
            raise _strange(self.address, "no JSON object")
        return document

    def _refused(self, error: urllib.error.HTTPError) -> WeighbridgeError:
        code, why = error.code, ""
        try:
            why = str(json.loads(error.read(1 << 16)).get("error", ""))
        except (OSError, ValueError, AttributeError, HTTPException):
            pass
        finally:
            error.close()
        told = f"Prometheus at {self.address} answers with HTTP {code}{f': {why}' if why else ''}"
        if code in (400, 422) and why:
            return UsageError(told, "Look at canary.queries and canary.business in gates.yaml: they are PromQL.")
        if code in (401, 403):
            names = f"{PROMETHEUS_TOKEN_VARIABLE}, or {USER_VARIABLE} and {PROMETHEUS_PASSWORD_VARIABLE}"
            return UsageError(told, f"Set {names}, to credentials that may read.")
        if code == 404 or 300 <= code < 400:
            return UsageError(told, "Give the address that Prometheus' own page has, without /api or /graph.")
        return InfrastructureError(told, "Run again.")


def _address(text: str) -> str:
    example = f"Give its address, such as --prometheus https://prometheus.example.org, or set {PROMETHEUS_VARIABLE}."
    try:
        parts = urllib.parse.urlsplit(text.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{mask_addresses(text)!r} is no address of Prometheus", example) from error
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{mask_addresses(text)} holds credentials, and addresses are kept in plain",
            f"Leave them out, and set {PROMETHEUS_TOKEN_VARIABLE}, or {USER_VARIABLE} and "
            f"{PROMETHEUS_PASSWORD_VARIABLE}.",
        )
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UsageError(f"{mask_addresses(text)!r} is no address of Prometheus", example)
    if parts.scheme == "http" and not is_loopback(host) and _CLUSTER.fullmatch(host) is None:
        raise UsageError(
            f"{text} is not encrypted: whoever is in between could promote a model",
            "Write https://; http:// is for this machine, and for names inside a cluster (….svc).",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _credentials(address: str) -> dict[str, str]:
    token = os.environ.get(PROMETHEUS_TOKEN_VARIABLE, "").strip()
    user, password = os.environ.get(USER_VARIABLE, "").strip(), os.environ.get(PROMETHEUS_PASSWORD_VARIABLE, "")
    if bool(user) != bool(password):
        missing = USER_VARIABLE if password else PROMETHEUS_PASSWORD_VARIABLE
        given = PROMETHEUS_PASSWORD_VARIABLE if password else USER_VARIABLE
        raise UsageError(f"{given} is set, but {missing} is not", "Set both, or none to ask as nobody.")
    if token and user:
        raise UsageError(f"{PROMETHEUS_TOKEN_VARIABLE} and {USER_VARIABLE} are both set", "Set one of them.")
    if not token and not user:
        return {}
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise UsageError(f"Credentials are not sent to {address}, unencrypted", "Write https://.")
    if token:
        if not re.fullmatch(r"[!-~]+", token):
            raise UsageError(f"{PROMETHEUS_TOKEN_VARIABLE} holds characters that no token has", "Set it anew.")
        hide(token)
        return {"Authorization": f"Bearer {token}"}
    return basic_credentials(user, password)


def _series(found: Mapping[str, Any]) -> Series:
    labels = {str(name): str(value) for name, value in found["metric"].items() if name != "__name__"}
    pairs = [(float(at), float(value)) for at, value in found.get("values", ())]
    kept = [(at, value) for at, value in pairs if not math.isnan(value)]
    return Series(labels, tuple(at for at, _ in kept), tuple(value for _, value in kept))


def _missing(document: Mapping[str, Any]) -> str:
    """Why an answer is not whole, as Thanos (`warnings`) and VictoriaMetrics (`isPartial`) say; empty where it is."""
    told = document.get("warnings") or []
    if told:
        return str(mask_addresses("; ".join(map(str, told)) if isinstance(told, list) else str(told)))[:500]
    return "isPartial" if document.get("isPartial") else ""


def _strange(address: str, what: str) -> InfrastructureError:
    return InfrastructureError(
        f"{address} does not answer as Prometheus does: {what}", "Is a login page or a proxy in between?"
    )
