"""Amazon S3, and stores that speak its protocol: a bucket as an `ObjectStore`.

Credentials, region and endpoint come from boto3's own chain (environment, profile, role of the machine or pod):
`AWS_ENDPOINT_URL` leads to MinIO and others; addresses are `s3://bucket/name`. An object's version is its ETag, its
checksum SHA-256. An ETag would not do as a checksum: that of an encrypted object is no digest, and changes in a copy.

Preconditions are what keeps two pushes apart, and not every store that speaks this protocol honours them. So the first
object that is created is created twice: the second time must be refused.
"""

import base64
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from weighbridge.common.errors import UsageError
from weighbridge.storage.s3_errors import LOST, MISSING, code_of, explained, missing_boto3
from weighbridge.storage.store import ABSENT, StoredObject

SCHEME = "s3://"
LARGEST_BYTES = 5 << 30  # of one request to write or to copy, which alone can be made in one step

# How long one try may take to reach the store and to be answered, and how many there are.
CONNECT_S = 10.0
ANSWER_S = 60.0
CREDENTIALS_ANSWER_S = 10.0
TRIES = 4

_ALGORITHM = "SHA256"


class S3Store:
    """A bucket; see `ObjectStore`.

    Args:
        bucket: its name.
    """

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._refuses = False  # whether the store was seen to refuse what a precondition forbids

    @property
    def address(self) -> str:
        """`s3://bucket`."""
        return f"{SCHEME}{self._bucket}"

    def objects(self, prefix: str) -> list[StoredObject]:
        """All objects below `prefix`; one request for each 1000."""
        with self._explained(prefix):
            return [
                StoredObject(found["Key"], found["ETag"], found["Size"], found["LastModified"])
                for page in self._pages(prefix)
                for found in page.get("Contents", [])
            ]

    def holds(self, prefix: str) -> bool:
        """Whether there is an object below `prefix`."""
        with self._explained(prefix):
            answer = client().list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1)
            return bool(answer.get("Contents"))

    def folders(self, prefix: str) -> list[str]:
        """What stands between `prefix` and the next slash."""
        with self._explained(prefix):
            found = [entry for page in self._pages(prefix, Delimiter="/") for entry in page.get("CommonPrefixes", [])]
            return sorted(entry["Prefix"].removeprefix(prefix).rstrip("/") for entry in found)

    def checksums(self, prefix: str) -> dict[str, str]:
        """SHA-256 of each object, base64; a request for each, since listings do not tell it."""
        found = {}
        for stored in self.objects(prefix):
            head = self._head(stored.name, ChecksumMode="ENABLED")
            if head is not None:
                found[stored.name] = head.get("ChecksumSHA256", "")
        return found

    def checksum(self, file: BinaryIO) -> str:
        """SHA-256, base64."""
        return base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()  # type: ignore[arg-type]

    def stat(self, name: str) -> StoredObject | None:
        """What is at `name`."""
        head = self._head(name)
        return None if head is None else StoredObject(name, head["ETag"], head["ContentLength"], head["LastModified"])

    def read(self, name: str) -> bytes | None:
        """All bytes of an object."""
        with self._explained(name):
            try:
                return bytes(client().get_object(Bucket=self._bucket, Key=name)["Body"].read())
            except client().exceptions.NoSuchKey:  # a bucket that is not there has a code of its own
                return None

    def read_range(self, found: StoredObject, start: int, stop: int) -> bytes:
        """A part of an object's bytes, of its ETag."""
        with self._explained(found.name):
            answer = client().get_object(
                Bucket=self._bucket, Key=found.name, Range=f"bytes={start}-{stop - 1}", IfMatch=found.version
            )
            return bytes(answer["Body"].read())

    def download(self, name: str, path: Path) -> None:
        """Write an object's bytes to a file; the client verifies its checksum."""
        with self._explained(name), path.open("wb") as file:
            body = client().get_object(Bucket=self._bucket, Key=name, ChecksumMode="ENABLED")["Body"]
            for chunk in body.iter_chunks(1 << 20):
                file.write(chunk)

    def write(self, name: str, data: bytes, expected: str) -> bool:
        """Write a JSON document if the ETag is `expected`."""
        condition = {"IfNoneMatch": "*"} if expected == ABSENT else {"IfMatch": expected}
        written = self._put(name, data, ContentType="application/json", CacheControl="no-store", **condition)
        if written and expected == ABSENT and not self._refuses:
            if self._put(name, data, ContentType="application/json", CacheControl="no-store", IfNoneMatch="*"):
                raise UsageError(
                    f"{self.address} ignores preconditions (If-None-Match), so two pushes could overwrite each other",
                    "Push to a store that honours them, as Amazon S3 does; or mount this one as a folder.",
                )
            self._refuses = True
        return written

    def upload(self, path: Path, name: str, content_type: str = "") -> None:
        """Write a file to a name that is not taken, in one request."""
        if path.stat().st_size > LARGEST_BYTES:
            raise UsageError(
                f"{path} is larger than 5 GiB, which is the most that S3 takes in one step",
                "Write the model's variables in several files, or mount the bucket as a folder.",
            )
        with path.open("rb") as file:
            self._put(name, file, IfNoneMatch="*", **({"ContentType": content_type} if content_type else {}))

    def copy(self, source: str, target: str) -> str | None:
        """Copy within the bucket if `target` is not taken."""
        with self._explained(target):
            try:
                answer = client().copy_object(
                    Bucket=self._bucket,
                    Key=target,
                    CopySource={"Bucket": self._bucket, "Key": source},
                    ChecksumAlgorithm=_ALGORITHM,
                    IfNoneMatch="*",
                )
            except client().exceptions.ClientError as error:
                if code_of(error) in LOST | {"NoSuchKey"}:
                    return None
                raise
            return answer["CopyObjectResult"].get("ChecksumSHA256")

    def delete(self, name: str) -> None:
        """Remove an object."""
        with self._explained(name):
            client().delete_object(Bucket=self._bucket, Key=name)

    def _pages(self, prefix: str, **options: str) -> Iterator[dict[str, Any]]:
        pages = client().get_paginator("list_objects_v2")
        return iter(pages.paginate(Bucket=self._bucket, Prefix=prefix, **options))

    def _head(self, name: str, **options: str) -> dict[str, Any] | None:
        with self._explained(name):
            try:
                return client().head_object(Bucket=self._bucket, Key=name, **options)
            except client().exceptions.ClientError as error:
                if code_of(error) in MISSING:
                    return None
                raise

    def _put(self, name: str, body: bytes | BinaryIO, **options: str) -> bool:
        """Write an object in one request, which the store verifies by its SHA-256; False if a condition failed."""
        with self._explained(name):
            try:
                client().put_object(Bucket=self._bucket, Key=name, Body=body, ChecksumAlgorithm=_ALGORITHM, **options)
            except client().exceptions.ClientError as error:
                if code_of(error) in LOST or ("IfMatch" in options and code_of(error) == "NoSuchKey"):
                    return False
                raise
        return True

    def _explained(self, name: str) -> Any:
        return explained(f"{self.address}/{name}".rstrip("/"))


@functools.cache
def client() -> Any:
    """The client, with what boto3 finds of credentials, region and endpoint; credentials are looked for when asked.

    Every wait has an end, that for whoever gives credentials too.

    Raises:
        UsageError: boto3 is not installed, or what it finds is not valid.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.session import get_session
    except ImportError as error:
        raise missing_boto3() from error
    with explained(SCHEME):
        session = get_session()
        session.set_default_client_config(_limits(Config, CREDENTIALS_ANSWER_S))  # of whoever gives credentials
        return boto3.Session(botocore_session=session).client("s3", config=_limits(Config, ANSWER_S))


def _limits(config: Any, answer_s: float) -> Any:
    retries = {"mode": "standard", "total_max_attempts": TRIES}
    return config(connect_timeout=CONNECT_S, read_timeout=answer_s, retries=retries)
