"""Where requests go, and their bytes: made before the clock runs."""

import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from weighbridge.common.errors import InfrastructureError, UsageError

Protocol = Literal["v1", "v2"]
"""`v1` is what TensorFlow Serving's REST and KServe's V1 have in common; `v2` the Open Inference Protocol."""

_V2_TYPES = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}


@dataclass(frozen=True)
class Target:
    """A path of a server.

    Attributes:
        url: `http://host:port/path` or `https://…`.
        headers: sent besides those that a body needs.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        try:
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise UsageError(
                f"{self.url!r} is no address of a server", "Write http://HOST:PORT/PATH, or https://HOST/PATH."
            )

    @property
    def host(self) -> str:
        """Name or address of the machine."""
        return str(urlsplit(self.url).hostname)

    @property
    def tls(self) -> bool:
        """Whether it is reached by HTTPS."""
        return urlsplit(self.url).scheme == "https"

    @property
    def port(self) -> int:
        """Its port."""
        return urlsplit(self.url).port or (443 if self.tls else 80)

    @property
    def path(self) -> str:
        """With the query."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def wire(self, body: bytes) -> bytes:
        """A whole request as it goes over the connection."""
        headers = {"Host": urlsplit(self.url).netloc.rpartition("@")[2], "Content-Type": "application/json"}
        headers |= dict(self.headers) | {"Content-Length": str(len(body))}
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1") + body

    def ask(self, body: bytes, timeout_s: float = 30.0) -> tuple[int, bytes]:
        """One request by the standard library's client: status and body of the answer.

        Raises:
            InfrastructureError: the server cannot be reached, or does not answer.
        """
        kind = http.client.HTTPSConnection if self.tls else http.client.HTTPConnection
        connection = kind(self.host, self.port, timeout=timeout_s)
        try:
            headers = {"Content-Type": "application/json", **self.headers}
            connection.request("POST", self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            raise InfrastructureError(
                f"{self.url} does not answer: {type(error).__name__}: {error}", "See whether the server runs."
            ) from error
        finally:
            connection.close()


def predict_path(name: str, protocol: Protocol) -> str:
    """The path under which a server predicts with a model: KServe's and TensorFlow Serving's."""
    return f"/v1/models/{name}:predict" if protocol == "v1" else f"/v2/models/{name}/infer"


def body_of(rows: Sequence[Mapping[str, Any]], protocol: Protocol) -> bytes:
    """The body of a request.

    Args:
        rows: value by feature, one mapping a row; all with the same features. A value is a number, a truth value, a
            text, or a list of such.
        protocol: of the server. V2 knows tensors alone, so a feature is a tensor of all rows.

    Raises:
        UsageError: V2 has no type for a value, or rows have lists of different lengths or lack a value.
    """
    if protocol == "v1":
        return json.dumps({"instances": [dict(row) for row in rows]}, separators=(",", ":")).encode()
    names = list(rows[0])
    inputs = [_tensor(name, [row[name] for row in rows]) for name in names]
    return json.dumps({"inputs": inputs}, separators=(",", ":")).encode()


def _tensor(name: str, values: list[Any]) -> dict[str, Any]:
    lengths = {len(value) if isinstance(value, list) else None for value in values}
    flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
    types = {type(each) for each in flat}
    if types == {int, float}:
        types = {float}
    if len(lengths) != 1 or len(types) != 1 or not types <= set(_V2_TYPES):
        raise UsageError(
            f"V2 has no tensor for {name}: {values[:3]}", "Send rows by V1, where a value may be missing: protocol: v1."
        )
    (length,), (kind,) = lengths, types
    shape = [len(values)] if length is None else [len(values), length]
    return {"name": name, "shape": shape, "datatype": _V2_TYPES[kind], "data": flat}
