"""Calls to a Kubeflow Pipelines server, with timeouts, and with errors that a person can act on."""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

from weighbridge.common import progress
from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.kubeflow.client.endpoint import (
    CA_BUNDLE,
    COOKIES,
    ENDPOINT,
    NAMESPACE,
    TOKEN,
    TOKEN_FILE,
    USER,
    Endpoint,
)
from weighbridge.report.text import one_line

# Connecting and reading, in seconds. The client's own default is to wait for ever.
TIMEOUT = (10.0, 60.0)
# What the server answers with status 500 although the package or a value is wrong.
_WRONG_INPUT = re.compile(r"InvalidInputError|not implemented|unknown producer task|only supports schema version")
_LONGEST_MESSAGE = 600


class NotThereError(UsageError):
    """The server has nothing under this id."""


class AlreadyThereError(UsageError):
    """The server has something of this name."""


@dataclass(frozen=True)
class Answer:
    """What a plain HTTP request gave: the status, the content type and the bytes."""

    status: int
    content_type: str
    data: bytes

    @property
    def is_page(self) -> bool:
        """Whether it is a web page: a login, or the UI, which answers so under addresses that it does not know.

        The content type alone does not distinguish them: the UI's server (Express) sends its error sentences as
        `text/html`, too.
        """
        return self.data.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))


class Api:
    """One Kubeflow Pipelines server.

    Attributes:
        endpoint: where and as whom.
        client: the `kfp.Client` whose calls go through `call`.
        versions: what is known of pipelines' versions, see `versions.version_of`.
        lists_tasks: whether it lists the tasks of runs, see `task_api`; None until it was asked.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.client = endpoint.client()
        self.versions: dict[tuple[str, str], Any] = {}
        self.lists_tasks: bool | None = None
        self._pool: Any = None

    @property
    def models(self) -> Any:
        """The message types of the server's API."""
        return self.client.api_models

    def check(self) -> None:
        """Ask whether the server is there, before something that takes long is begun.

        Raises:
            UsageError: it is not a Kubeflow Pipelines, or one of many users and no namespace is named.
            InfrastructureError: it does not answer.
        """
        health = self.call("the server's health", self.client.healthzs.healthz_service_get_healthz)
        if health.multi_user and not self.endpoint.namespace:
            raise UsageError(
                f"Kubeflow at {self.endpoint.url} is for many users, and no namespace is named",
                f"Give --namespace or set {NAMESPACE}.",
            )

    def call(self, what: str, method: Any, *arguments: Any, **options: Any) -> Any:
        """Call a method of the client's generated API.

        Args:
            what: what is asked for, as a person would name it, for errors: `run 1234`.
            method: e.g. `api.client.runs.run_service_get_run`.
            *arguments: passed on.
            **options: passed on.

        Raises:
            NotThereError: there is no such thing.
            AlreadyThereError: there is one already.
            UsageError: not allowed, or the server refuses what it was given.
            InfrastructureError: no answer, or none that means anything: safe to retry.
        """
        import kfp_server_api
        import urllib3

        try:
            with progress.waiting(f"Kubeflow at {self.endpoint.url} ({what})"):
                result = method(*arguments, _request_timeout=TIMEOUT, **options)
        except kfp_server_api.ApiException as error:
            if not error.status:
                self._unreachable(str(error.reason))
            self._refused(what, int(error.status), error.body or error.reason)
        except urllib3.exceptions.HTTPError as error:
            self._unreachable(str(error))
        # A generated method takes any text for an answer, and gives an object with nothing in it.
        content_type = method.__self__.api_client.last_response.getheader("content-type") or ""
        if "json" not in content_type:
            self._no_api(content_type)
        return result

    def last_json(self) -> dict[str, Any]:
        """The answer to the last `call` as the server wrote it: generated messages drop what their version lacks."""
        answer = json.loads(self.client.runs.api_client.last_response.data)
        return answer if isinstance(answer, dict) else {}

    def read(self, what: str, path: str, query: dict[str, str] | None = None) -> dict[str, Any]:
        """A JSON object of the server's own API that not every version of the generated API knows.

        Args:
            what: what is asked for, as for `call`.
            path: below the endpoint.
            query: query parameters.

        Raises:
            The errors of `call`.
        """
        answer = self.fetch(path, query)
        if answer.status != 200:
            self._refused(what, answer.status, answer.data)
        if "json" not in answer.content_type:
            self._no_api(answer.content_type)
        try:
            document = json.loads(answer.data)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise InfrastructureError(
                f"Kubeflow at {self.endpoint.url} broke off its answer about {what}", "Run the same command again."
            )
        return document

    def fetch(
        self, path: str, query: dict[str, str] | None = None, *, body: bytes | None = None, content_type: str = ""
    ) -> Answer:
        """A plain request below the endpoint, for what the generated API lacks: logs, artifacts, metadata.

        Args:
            path: below the endpoint; one that begins with `//` is below the endpoint's host instead.
            query: query parameters.
            body: makes it a POST.
            content_type: of the body.

        Raises:
            InfrastructureError: no answer at all. Any status is an answer.
        """
        import urllib3

        if self._pool is None:
            self._pool = urllib3.PoolManager(ca_certs=self.endpoint.ca_bundle or None)
        parts = urlsplit(self.endpoint.url)
        base = f"{parts.scheme}://{parts.netloc}/" if path.startswith("//") else f"{self.endpoint.url}/"
        address = base + path.lstrip("/") + (f"?{urlencode(query)}" if query else "")
        headers = self.endpoint.headers() | ({"Content-Type": content_type} if content_type else {})
        try:
            with progress.waiting(f"Kubeflow at {self.endpoint.url}"):
                answer = self._pool.request(
                    "GET" if body is None else "POST",
                    address,
                    body=body,
                    headers=headers,
                    timeout=urllib3.Timeout(*TIMEOUT),
                    # Elsewhere is a login page, or a host that must not get our token.
                    redirect=False,
                )
        except urllib3.exceptions.HTTPError as error:
            self._unreachable(str(error))
        return Answer(answer.status, answer.headers.get("content-type", ""), answer.data)

    def _unreachable(self, reason: str) -> NoReturn:
        reason_text = self._redacted(reason)
        if "CERTIFICATE_VERIFY_FAILED" in reason or "certificate verify failed" in reason:
            raise UsageError(
                f"The certificate of {self.endpoint.url} is not trusted: {reason_text}",
                f"Set {CA_BUNDLE} to the PEM file of the authority that signed it.",
            ) from None
        raise InfrastructureError(
            f"Kubeflow at {self.endpoint.url} does not answer: {reason_text}",
            f"Check --endpoint ({ENDPOINT}) and that the cluster is up, then run the same command again.",
        ) from None

    def _refused(self, what: str, status: int, body: object) -> NoReturn:
        message = self._redacted(_server_message(body))
        raise self._error(what, status, message) from None

    def _error(self, what: str, status: int, message: str) -> WeighbridgeError:
        where = self.endpoint.url
        if status == 401:
            return UsageError(
                f"Kubeflow at {where} does not know who asks (401): {message}",
                f"Set {TOKEN}, {TOKEN_FILE} or {COOKIES} to credentials that are still valid. Where the message "
                f"misses a user identity header, ask through Kubeflow's gateway, which adds it, or set {USER}.",
            )
        if status == 403:
            return UsageError(
                f"Kubeflow at {where} does not allow {what} (403): {message}",
                f"Set {NAMESPACE} (or --namespace) to a namespace of yours, or {TOKEN} or {COOKIES} of an account "
                "that may. The role that all commands need is in infra/kubernetes/base/roles.yaml.",
            )
        if status == 404:
            return NotThereError(
                f"Kubeflow at {where} has no {what} (404): {message}",
                f"Check the id, and --endpoint ({ENDPOINT}) if it is right.",
            )
        if status == 409 or "AlreadyExist" in message:
            return AlreadyThereError(f"Kubeflow at {where} already has {what}: {message}")
        if 300 <= status < 400:
            return self._login(f"sends elsewhere ({status})")
        if (400 <= status < 500 and status not in (408, 429)) or _WRONG_INPUT.search(message):
            return UsageError(f"Kubeflow at {where} refuses {what} ({status}): {message}", _hint(message))
        return InfrastructureError(
            f"Kubeflow at {where} failed at {what} ({status}): {message}", "Run the same command again."
        )

    def _no_api(self, content_type: str) -> NoReturn:
        raise self._login(f"answers with {content_type.partition(';')[0] or 'something'} instead of JSON") from None

    def _login(self, how: str) -> UsageError:
        return UsageError(
            f"{self.endpoint.url} {how}: this is a login page, or no Kubeflow Pipelines",
            f"Check --endpoint ({ENDPOINT}; often it ends in /pipeline), and set {COOKIES}, {TOKEN} or {TOKEN_FILE}.",
        )

    def _redacted(self, text: str) -> str:
        redacted = one_line(self.endpoint.redacted(text))
        return redacted if len(redacted) <= _LONGEST_MESSAGE else f"{redacted[:_LONGEST_MESSAGE]}…"


def _server_message(body: object) -> str:
    """The sentence in a server's answer; the answer itself where it has none."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "no reason given")
    try:
        answer = json.loads(text)
    except ValueError:
        plain = re.sub(r"<[^>]*>", " ", text)  # a proxy's error page
        return plain.strip() or "no reason given"
    if not isinstance(answer, dict):
        return text
    return str(answer.get("message") or answer.get("error_message") or answer.get("error") or text)


def _hint(message: str) -> str:
    if "namespace" in message.lower():
        return f"Set {NAMESPACE} (or --namespace) to your namespace; leave it empty where Kubeflow is for one user."
    return "Correct what it names, then run again."
