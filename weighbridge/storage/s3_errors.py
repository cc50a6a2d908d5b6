"""Errors of S3's client as ones that a person can act on. No credential is ever part of them."""

from contextlib import AbstractContextManager
from functools import partial

from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.storage.explain import explaining

# Codes of answers: a precondition does not hold; nothing is there (the answer to HEAD has a number alone).
LOST = frozenset({"PreconditionFailed", "412"})
MISSING = frozenset({"NoSuchKey", "404", "NotFound"})

_SIGN_IN = (
    "Sign in with 'aws configure' or 'aws sso login', or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY; in a cluster, give the pod's service account a role that may use the bucket."
)
_RIGHTS = (
    "Looking up needs s3:ListBucket on the bucket and s3:GetObject on its objects; pushing needs s3:PutObject and "
    "s3:DeleteObject too."
)
_REFUSED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
}
_FORBIDDEN = {"AccessDenied", "AccountProblem", "AllAccessDisabled", "403", "KMS.DisabledException"}
_PLACE = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "301"}
# Conflicts of two requests at once, and what a client answers with a number below 500 although it may pass.
_PASSING = {"ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "SlowDown", "ThrottlingException"}


def missing_boto3() -> UsageError:
    """What to tell where boto3 is not installed."""
    return UsageError("Using s3:// needs boto3", "pip install 'weighbridge[s3]'")


def code_of(error: Exception) -> str:
    """The service's word for what went wrong; empty if the error is not an answer of the service."""
    return str((getattr(error, "response", None) or {}).get("Error", {}).get("Code", ""))


def explained(address: str) -> AbstractContextManager[None]:
    """Turn errors of the client inside the block into ones that name `address` and what to do.

    The client has tried again by itself before it gives up on what may pass. What is waited for is said after some
    seconds.

    Raises:
        UsageError: no such bucket or object, no permission, or credentials that are refused or missing.
        InfrastructureError: the service or the way to it fails, an object changed while it was read, or bytes arrived
            torn.
    """
    return explaining(partial(_explanation, address), f"S3 at {address}")


def _explanation(address: str, error: Exception) -> WeighbridgeError | None:
    """What to raise instead of `error`; None if it is not the client's."""
    from botocore import exceptions as boto

    if isinstance(error, boto.ClientError):
        return _explanation_of_answer(address, error)
    reason = " ".join(str(error).split())
    unsigned = (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.ProfileNotFound,
        boto.NoAuthTokenError,
        boto.SSOError,
        boto.TokenRetrievalError,
        boto.UnknownCredentialError,
    )
    if isinstance(error, unsigned):
        return UsageError(f"Found no credentials for {address}: {reason}", _SIGN_IN)
    if isinstance(error, boto.NoRegionError | boto.InvalidRegionError | boto.ConfigParseError | boto.ConfigNotFound):
        return UsageError(f"boto3 cannot be set up for {address}: {reason}", "Set AWS_DEFAULT_REGION, or mend ~/.aws.")
    if isinstance(error, boto.ParamValidationError | boto.InvalidDNSNameError):
        return UsageError(f"{address} is refused: {reason}", "Is it a valid bucket and name?")
    if isinstance(error, ValueError) and "endpoint" in reason.lower():
        return UsageError(f"boto3 cannot be set up for {address}: {reason}", "AWS_ENDPOINT_URL must be an http(s) URL.")
    if isinstance(error, (boto.BotoCoreError, boto.HTTPClientError, ConnectionError, TimeoutError)):
        return InfrastructureError(f"S3 fails at {address}: {reason}", "It is safe to run again.")
    return None


def _explanation_of_answer(address: str, error: Exception) -> WeighbridgeError:
    answer = getattr(error, "response", {})
    code, status = code_of(error), answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reason = f"{answer.get('Error', {}).get('Message') or 'no reason is given'} ({code})"
    bucket = address.partition("://")[2].partition("/")[0]
    if code == "NoSuchBucket" or code in MISSING:
        return UsageError(
            f"S3 finds nothing at {address}: {reason}",
            f"Is {bucket!r} the right bucket? If so: aws s3 mb s3://{bucket}",
        )
    if code in _REFUSED or status == 401:
        return UsageError(f"S3 refuses the credentials used for {address}: {reason}", _SIGN_IN)
    if code in LOST:  # those of writes are answers and no errors
        return InfrastructureError(f"{address} changed while it was read", "Run again.")
    if code in _FORBIDDEN:
        return UsageError(f"No permission for {address}: {reason}", _RIGHTS)
    if code in _PLACE:
        return UsageError(f"{address} is in another region: {reason}", "Set AWS_DEFAULT_REGION to the bucket's region.")
    if code in _PASSING or status >= 500 or status in (0, 409, 429):
        return InfrastructureError(f"S3 fails at {address}: {reason}", "It is safe to run again.")
    return UsageError(f"S3 refuses {address}: {reason}", "Is it a valid bucket and name?")
