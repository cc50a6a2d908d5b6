"""The client of Google Cloud Storage, whose every wait has an end: for credentials, and for each answer.

google-auth asks the metadata server of Google's machines last, several times; where a network swallows the question,
that alone takes a minute. The client of the store then waits for each answer as long, and tries again for two.
"""

import functools
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

from weighbridge.common import progress
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.machine import first_line

SIGN_IN = (
    "Sign in with 'gcloud auth application-default login', or name a key file in GOOGLE_APPLICATION_CREDENTIALS; "
    "in a cluster, bind the pod's service account to one that may use the bucket."
)
CREDENTIALS_S = 20.0  # to find credentials and be given a token, all tries together
ASK_S = 2.0  # for an answer while credentials are looked for: a metadata server is on the same machine
CONNECT_S = 10.0
READ_S = 60.0
SILENT = 3  # requests in a row that nobody answers


@functools.cache
def client() -> Any:
    """The client; anonymous against an emulator, else with the machine's own credentials.

    Raises:
        UsageError: google-cloud-storage is not installed, no credentials were found, or they are refused.
        InfrastructureError: whoever was asked for credentials does not answer.
    """
    try:
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
        from google.cloud import storage  # type: ignore[attr-defined, unused-ignore]
    except ImportError as error:
        raise UsageError("Using gs:// needs google-cloud-storage", "pip install 'weighbridge[gcs]'") from error
    if os.environ.get("STORAGE_EMULATOR_HOST"):
        anonymous = AnonymousCredentials()
        return storage.Client(project="emulated", credentials=anonymous, _http=_session(anonymous))
    progress.report(f"{progress.WAITING}credentials of Google Cloud Storage")
    try:
        credentials = _within(CREDENTIALS_S, lambda: _credentials(storage.Client.SCOPE))
    except DefaultCredentialsError as error:
        raise UsageError("Found no credentials for Google Cloud Storage", SIGN_IN) from error
    except GoogleAuthError as error:
        raise _refused(error) from error
    # Objects belong to buckets: credentials without a project will do.
    return storage.Client(project=None, credentials=credentials, _http=_session(credentials))


def _credentials(scopes: Any) -> Any:
    """The machine's credentials, with a token: whoever gives that is asked here, and not by the first request."""
    import google.auth

    credentials, _ = google.auth.default(scopes=scopes, request=_request(ASK_S))
    credentials.refresh(_request(CONNECT_S))
    return credentials


def _refused(error: Any) -> UsageError | InfrastructureError:
    """Why credentials that were found give no token."""
    from google.auth.exceptions import TransportError

    unanswered = error.retryable or isinstance(error, TransportError) or isinstance(error.__cause__, TransportError)
    kind = InfrastructureError if unanswered else UsageError
    return kind(f"The credentials found for Google Cloud Storage give no token: {first_line(error)}", SIGN_IN)


def _within(limit_s: float, ask: Callable[[], Any]) -> Any:
    """What `ask` gives or raises. It goes on by itself after the limit: a look-up of a name cannot be stopped."""
    answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def answer() -> None:
        try:
            answers.put((ask(), None))
        except BaseException as error:  # raised below, where someone waits for it
            answers.put((None, error))

    threading.Thread(target=answer, daemon=True, name="credentials").start()
    try:
        found, error = answers.get(timeout=limit_s)
    except queue.Empty:
        raise InfrastructureError(
            f"Nobody gave credentials for Google Cloud Storage within {limit_s:g} s: the metadata server of Google's "
            "machines, or whoever issues tokens, does not answer",
            SIGN_IN,
        ) from None
    if error is not None:
        raise error
    return found


def _request(limit_s: float) -> Any:
    """What google-auth asks with, waiting no longer than this for one answer."""
    from google.auth.transport.requests import Request

    class Limited(Request):  # type: ignore[misc, unused-ignore]
        def __call__(
            self, url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **more: Any
        ) -> Any:
            limit = min(timeout or limit_s, limit_s)
            return super().__call__(url, method, body, headers, timeout=limit, **more)  # type: ignore[no-untyped-call]

    return Limited()


def _session(credentials: Any) -> Any:
    """What the client asks with: no answer is waited for long, and not more than a few times in a row."""
    from google.api_core.exceptions import RetryError
    from google.auth.transport.requests import AuthorizedSession
    from requests import Timeout

    class Limited(AuthorizedSession):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__(credentials, auth_request=_request(CONNECT_S))  # type: ignore[no-untyped-call]
            self._silent = 0

        def request(self, *arguments: Any, **options: Any) -> Any:
            try:
                limits = {"timeout": (CONNECT_S, READ_S)}
                answer = super().request(*arguments, **options | limits)  # type: ignore[no-untyped-call]
            except Timeout as error:
                self._silent += 1
                if self._silent >= SILENT:
                    self._silent = 0
                    raise RetryError(f"no answer, {SILENT} times", error) from error
                raise
            self._silent = 0
            return answer

    return Limited()
