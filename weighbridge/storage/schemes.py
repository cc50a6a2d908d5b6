"""The table of stores, by the scheme of their addresses; the one place that knows which there are."""

from collections.abc import Callable

from weighbridge.common.errors import UsageError
from weighbridge.common.text import mask_addresses
from weighbridge.storage.gcs import GcsStore
from weighbridge.storage.s3 import S3Store
from weighbridge.storage.store import ObjectStore

STORES: dict[str, Callable[[str], ObjectStore]] = {"gs://": GcsStore, "s3://": S3Store}


def is_address(text: str) -> bool:
    """Whether `text` begins with the scheme of a store."""
    return text.startswith(tuple(STORES))


def open_store(address: str) -> tuple[ObjectStore, str]:
    """The store of `scheme://bucket/name`, and the name, which may be empty. Nothing is asked of it yet.

    Raises:
        UsageError: the address names no bucket, or holds credentials.
    """
    if mask_addresses(address) != address:
        raise UsageError(
            f"{mask_addresses(address)} holds credentials, and addresses are kept in plain",
            "Leave them out: the store's own variables say who asks, such as GOOGLE_APPLICATION_CREDENTIALS or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    scheme = next(scheme for scheme in STORES if address.startswith(scheme))
    bucket, _, name = address.removeprefix(scheme).partition("/")
    if not bucket:
        raise UsageError(f"{address!r} names no bucket", f"Give {scheme}bucket/prefix, without spaces.")
    return STORES[scheme](bucket), name


def addresses(end: str, between: str = " or ") -> str:
    """What an address may look like, for messages: `gs://<end> or s3://<end>`."""
    return between.join(f"{scheme}{end}" for scheme in STORES)
