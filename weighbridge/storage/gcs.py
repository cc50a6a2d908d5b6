"""Google Cloud Storage: one client for all components, and its errors as ones that a person can act on.

`STORAGE_EMULATOR_HOST` is honoured, as google-cloud-storage does; addresses are `gs://bucket/name`.
"""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError

SCHEME = "gs://"

_SIGN_IN = (
    "Sign in with 'gcloud auth application-default login', or name a key file in GOOGLE_APPLICATION_CREDENTIALS; "
    "in a cluster, bind the pod's service account to one that may use the bucket."
)
_ROLES = "Looking up needs roles/storage.objectViewer on the bucket, pushing needs roles/storage.objectUser."


def split(address: str) -> tuple[str, str]:
    """Bucket and name in `gs://bucket/name`; the name may be empty."""
    bucket, _, name = address.removeprefix(SCHEME).partition("/")
    return bucket, name


@functools.cache
def client() -> Any:
    """The client; anonymous against an emulator, else with the machine's own credentials.

    Raises:
        UsageError: google-cloud-storage is not installed, or no credentials were found.
    """
    try:
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import storage  # type: ignore[attr-defined]
    except ImportError as error:
        raise UsageError("Using gs:// needs google-cloud-storage", "pip install 'weighbridge[gcs]'") from error
    if os.environ.get("STORAGE_EMULATOR_HOST"):
        return storage.Client(project="emulated", credentials=AnonymousCredentials())
    try:
        return storage.Client(project=None)  # objects belong to buckets: credentials without a project will do
    except DefaultCredentialsError as error:
        raise UsageError("Found no credentials for Google Cloud Storage", _SIGN_IN) from error


@contextmanager
def explained(address: str) -> Iterator[None]:
    """Turn errors of the client inside the block into ones that name `address` and what to do.

    The client has tried again for two minutes by itself before it gives up on what may pass.

    Raises:
        UsageError: no such bucket or object, no permission, or credentials that are refused.
        InfrastructureError: the service or the way to it fails, or bytes arrived torn.
    """
    try:
        yield
    except WeighbridgeError:
        raise
    except Exception as error:
        told = _told(address, error)
        if told is None:
            raise
        raise told from error


def _told(address: str, error: Exception) -> WeighbridgeError | None:
    """What to tell of `error`; None if it is not the client's."""
    from google.api_core import exceptions as api
    from google.auth import exceptions as auth
    from google.resumable_media import DataCorruption
    from requests import RequestException

    bucket, _ = split(address)
    reason = getattr(error, "message", "") or str(error) or type(error).__name__
    if isinstance(error, api.NotFound):
        return UsageError(
            f"Google Cloud Storage finds nothing at {address}: {reason}",
            f"Is {bucket!r} the right bucket? If so: gcloud storage buckets create {SCHEME}{bucket}",
        )
    if isinstance(error, api.Unauthorized) or (
        isinstance(error, auth.RefreshError | auth.DefaultCredentialsError) and not error.retryable
    ):
        return UsageError(f"Google Cloud Storage refuses the credentials used for {address}: {reason}", _SIGN_IN)
    if isinstance(error, api.Forbidden):
        return UsageError(f"No permission for {address}: {reason}", _ROLES)
    if isinstance(error, api.BadRequest):
        return UsageError(f"Google Cloud Storage refuses {address}: {reason}", "Is it a valid bucket and name?")
    failures = (api.GoogleAPIError, auth.GoogleAuthError, DataCorruption, RequestException)
    if isinstance(error, (*failures, ConnectionError, TimeoutError)):
        return InfrastructureError(f"Google Cloud Storage fails at {address}: {reason}", "It is safe to run again.")
    return None
