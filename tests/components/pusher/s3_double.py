"""A double of boto3's client of S3: see `doubles`."""

import base64
import hashlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, BinaryIO

from botocore.exceptions import ClientError

from tests.components.pusher.doubles import Content, Double


def answer(code: str, status: int, message: str = "no") -> ClientError:
    """An error as the service answers it."""
    return ClientError(_response(code, status, message), "Operation")


def _response(code: str, status: int, message: str) -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}


class NoSuchKey(ClientError):
    """What GET and COPY answer of a name that is not there."""

    def __init__(self) -> None:
        super().__init__(_response("NoSuchKey", 404, "The specified key does not exist."), "Operation")


class S3Double(Double):
    """The client; an ETag is an MD5, as the service makes it where nothing is encrypted.

    Attributes:
        ignores: whether preconditions are ignored, as some stores do that speak the protocol.
    """

    scheme = "s3://"
    exceptions = SimpleNamespace(ClientError=ClientError, NoSuchKey=NoSuchKey)

    def __init__(self) -> None:
        super().__init__()
        self.ignores = False

    def no_bucket(self) -> Exception:
        return answer("NoSuchBucket", 404, "The specified bucket does not exist")

    def lost(self) -> Exception:
        return answer("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold")

    def unavailable(self, reason: str) -> Exception:
        return answer("ServiceUnavailable", 503, reason)

    def get_paginator(self, operation: str) -> SimpleNamespace:
        assert operation == "list_objects_v2"
        return SimpleNamespace(paginate=self._pages)

    def list_objects_v2(
        self, Bucket: str, Prefix: str = "", Delimiter: str | None = None, MaxKeys: int = 1000
    ) -> dict[str, Any]:
        self.ask("list", Bucket, Prefix)
        names, folders = self.listed(Prefix, Delimiter)
        entries = [{"Key": name, **_told(self.contents[name])} for name in names[:MaxKeys]]
        sized = [{**entry, "Size": entry["ContentLength"]} for entry in entries]
        return {"Contents": sized, "CommonPrefixes": [{"Prefix": folder} for folder in folders]}

    def head_object(self, Bucket: str, Key: str, ChecksumMode: str = "") -> dict[str, Any]:
        self.ask("get", Bucket, Key)
        if Key not in self.contents:
            raise answer("404", 404, "Not Found")
        told = _told(self.contents[Key])
        return told | ({"ChecksumSHA256": _sha256(self.contents[Key].data)} if ChecksumMode == "ENABLED" else {})

    def get_object(
        self, Bucket: str, Key: str, Range: str = "", IfMatch: str = "", ChecksumMode: str = ""
    ) -> dict[str, Any]:
        self.ask("read", Bucket, Key)
        if Key not in self.contents:
            raise NoSuchKey
        content = self.contents[Key]
        if IfMatch and _etag(content) != IfMatch:
            raise self.lost()
        start, _, last = Range.removeprefix("bytes=").partition("-")
        return {"Body": Body(content.data[int(start) : int(last) + 1] if Range else content.data)}

    def put_object(
        self,
        Bucket: str,
        Key: str,
        Body: bytes | BinaryIO,
        IfNoneMatch: str = "",
        IfMatch: str = "",
        ChecksumAlgorithm: str = "",
        **described: str,
    ) -> dict[str, Any]:
        assert ChecksumAlgorithm == "SHA256"
        if isinstance(Body, bytes):
            self.put("write", Bucket, Key, lambda: Body, self._expected(Key, IfNoneMatch, IfMatch))
        else:
            self.put("upload", Bucket, Key, lambda: _whole(Body), self._expected(Key, IfNoneMatch, IfMatch))
        return _told(self.contents[Key])

    def copy_object(
        self, Bucket: str, Key: str, CopySource: dict[str, str], IfNoneMatch: str = "", ChecksumAlgorithm: str = ""
    ) -> dict[str, Any]:
        assert ChecksumAlgorithm == "SHA256"

        def read() -> bytes:
            if CopySource["Key"] not in self.contents:
                raise NoSuchKey
            return self.contents[CopySource["Key"]].data

        content = self.put("copy", Bucket, Key, read, self._expected(Key, IfNoneMatch, ""))
        return {"CopyObjectResult": {"ETag": _etag(content), "ChecksumSHA256": _sha256(content.data)}}

    def delete_object(self, Bucket: str, Key: str) -> None:
        self.ask("delete", Bucket, Key)
        self.contents.pop(Key, None)

    def _pages(self, **options: Any) -> Iterator[dict[str, Any]]:
        yield self.list_objects_v2(**options)

    def _expected(self, name: str, if_none_match: str, if_match: str) -> int | None:
        """The generation that the object must have."""
        if self.ignores or not (if_none_match or if_match):
            return None
        if if_none_match:
            return 0
        present = self.contents.get(name)
        return present.generation if present and _etag(present) == if_match else -1


class Body:
    """What an answer streams."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self) -> bytes:
        return self._data

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        return (self._data[start : start + size] for start in range(0, len(self._data), size))


def _whole(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _told(content: Content) -> dict[str, Any]:
    return {"ETag": _etag(content), "ContentLength": len(content.data), "LastModified": content.time_created}


def _etag(content: Content) -> str:
    return f'"{hashlib.md5(content.data).hexdigest()}"'


def _sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
