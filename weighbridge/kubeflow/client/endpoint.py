"""Which Kubeflow endpoint, and as whom: secrets come from the environment and never leave it.

A token, a token file or cookies are read from environment variables alone: a command line is seen by every process
of the machine and ends in logs. Nothing here prints them, and `Endpoint.redacted` takes them out of what a server
echoes.
"""

import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from weighbridge.common.errors import UsageError

ENDPOINT = "WEIGHBRIDGE_KFP_ENDPOINT"
NAMESPACE = "WEIGHBRIDGE_KFP_NAMESPACE"
TOKEN = "WEIGHBRIDGE_KFP_TOKEN"  # noqa: S105, the name of a variable
TOKEN_FILE = "WEIGHBRIDGE_KFP_TOKEN_FILE"  # noqa: S105, the name of a variable
COOKIES = "WEIGHBRIDGE_KFP_COOKIES"
CA_BUNDLE = "WEIGHBRIDGE_KFP_CA_BUNDLE"
USER = "WEIGHBRIDGE_KFP_USER"

_USER_HEADER = "kubeflow-userid"  # Kubeflow's own default; a gateway adds it for whoever signed in

_NAMESPACE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True)
class Endpoint:
    """A Kubeflow Pipelines server and the credentials for it.

    Attributes:
        url: what the KFP client calls its host: the UI's address, or the API server's; without a slash at its end.
        namespace: Kubernetes namespace of the user; empty where Kubeflow Pipelines runs for one user.
        token: bearer token; not shown.
        token_file: file that holds one and is read anew for every request, as the kubelet replaces it.
        cookies: value of the Cookie header, e.g. `authservice_session=…`; not shown.
        ca_bundle: PEM file of the authorities that the server's certificate is checked against.
        user: sent as the header `kubeflow-userid`, where no gateway between here and the server adds it.
    """

    url: str
    namespace: str = ""
    token: str = field(default="", repr=False)
    token_file: str = ""
    cookies: str = field(default="", repr=False)
    ca_bundle: str = ""
    user: str = ""

    def headers(self) -> dict[str, str]:
        """The headers that identify the caller.

        Raises:
            UsageError: the token file cannot be read.
        """
        headers = {"Cookie": self.cookies} if self.cookies else {}
        headers |= {_USER_HEADER: self.user} if self.user else {}
        token = self.token or (_read_token(self.token_file) if self.token_file else "")
        return headers | ({"Authorization": f"Bearer {token}"} if token else {})

    def redacted(self, text: object) -> str:
        """`text` without the secrets that are known here."""
        redacted = str(text)
        # A cookie's short value, say `1`, is not a secret, and would be found everywhere.
        secrets = [self.token, self.cookies, *re.findall(r"=([^;\s]{6,})", self.cookies)]
        if self.token_file and Path(self.token_file).is_file():
            secrets.append(Path(self.token_file).read_text(errors="replace").strip())
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            redacted = redacted.replace(secret, "***")
        return redacted

    def page(self, path: str) -> str:
        """Address of a page of the UI, such as `runs/details/<id>`."""
        return f"{self.url}/#/{path}"

    def client(self) -> Any:
        """A `kfp.Client` for this endpoint; making it asks the server nothing.

        The stock constructor reads `~/.config/kfp/context.json`, which can hold the cookies and the namespace of some
        other cluster, and without a namespace asks the server's health five times, five seconds apart, each time
        logging a traceback. Neither belongs into a command whose answer is one clear error.
        """
        import kfp

        namespace = self.namespace

        class Client(kfp.Client):
            def _load_context_setting_or_default(self) -> None:
                # Not empty: for an empty namespace the constructor asks the server and may write the file.
                self._context_setting = {"namespace": namespace or "-"}

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            client = Client(
                host=self.url,
                namespace=namespace or "kubeflow",
                existing_token=self.token or None,
                cookies=self.cookies or None,
                credentials=_FileCredentials(self.token_file) if self.token_file else None,
                ssl_ca_cert=self.ca_bundle or None,
            )
        client._context_setting["namespace"] = namespace
        if self.user:
            client.runs.api_client.set_default_header(_USER_HEADER, self.user)  # all of the client's APIs share it
        return client


class _FileCredentials:
    """The part of KFP's TokenCredentialsBase that its client uses; KFP's own logs an error at each failure."""

    def __init__(self, path: str) -> None:
        self._path = path

    def refresh_api_key_hook(self, configuration: Any) -> None:
        configuration.api_key["authorization"] = _read_token(self._path)


def from_environment(
    url: str | None = None, namespace: str | None = None, environment: Mapping[str, str] | None = None
) -> Endpoint:
    """The endpoint that options and environment variables name.

    Args:
        url: `--endpoint`; by default `WEIGHBRIDGE_KFP_ENDPOINT`.
        namespace: `--namespace`; by default `WEIGHBRIDGE_KFP_NAMESPACE`.
        environment: the variables; by default this process's.

    Raises:
        UsageError: no endpoint is named, it is not an http(s) address, or a secret or file cannot be used. The message
            names the variable, never its value.
    """
    variables = os.environ if environment is None else environment
    given = (url or variables.get(ENDPOINT, "")).strip()
    if not given:
        raise UsageError(
            "No Kubeflow endpoint is named",
            f"Give --endpoint URL or set {ENDPOINT}, e.g. to https://kubeflow.example.com/pipeline.",
        )
    space = (namespace or variables.get(NAMESPACE, "")).strip()
    if space and not _NAMESPACE_NAME.fullmatch(space):
        raise UsageError(f"{space!r} is not a Kubernetes namespace", "Allowed: a-z, 0-9 and -, at most 63 characters.")
    token, cookies = _secret(variables, TOKEN), _secret(variables, COOKIES)
    token_file = _file(variables, TOKEN_FILE)
    if token and token_file:
        raise UsageError(f"Both {TOKEN} and {TOKEN_FILE} are set", "Unset one of them.")
    return Endpoint(
        _checked_url(given), space, token, token_file, cookies, _file(variables, CA_BUNDLE), _secret(variables, USER)
    )


def _checked_url(given: str) -> str:
    try:
        parts = urlsplit(given)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable, parts = False, urlsplit("")
    if "@" in given:  # the address itself would show the password: it is not repeated
        raise UsageError(
            "The Kubeflow endpoint has a user or password in its address",
            f"Take it out, and put a token into {TOKEN} or cookies into {COOKIES}.",
        )
    if not usable:
        raise UsageError(f"{given!r} is not a Kubeflow endpoint", "Give http://HOST[:PORT][/PATH] or https://…")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def _secret(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "").strip()
    if value and not _HEADER_VALUE.fullmatch(value):
        # Python's http.client would put the value into its error.
        raise UsageError(f"{name} holds characters that no HTTP header can carry", "Set it to one line of plain ASCII.")
    return value


def _file(variables: Mapping[str, str], name: str) -> str:
    path = variables.get(name, "").strip()
    if path and not Path(path).is_file():
        raise UsageError(f"{name} names {path}, which is not a file", "Correct it, or unset it.")
    return path


def _read_token(path: str) -> str:
    try:
        return _secret({TOKEN_FILE: Path(path).read_text()}, TOKEN_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The token file {path} cannot be read: {type(error).__name__}", f"See {TOKEN_FILE}."
        ) from None
