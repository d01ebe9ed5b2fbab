"""A bucket that is a folder: as much of boto3's S3 client as the lake uses, for several processes at once."""

import fcntl
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import ClientError


class NoSuchKey(ClientError):  # type: ignore[misc]  # noqa: N818  botocore has no types; S3's own name
    """As S3 says it."""


class _Exceptions:
    NoSuchKey = NoSuchKey


class FolderS3:
    """Objects are files. It keeps no old versions, and an ETag is the file's identity instead of a sum over its content."""

    exceptions = _Exceptions

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803  boto3's names
        try:
            with (self._folder / Key).open("rb") as file:
                return {"Body": io.BytesIO(file.read()), "ETag": _etag(os.fstat(file.fileno()))}
        except FileNotFoundError:
            raise NoSuchKey({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject") from None

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        etag = self._etag(Key)
        if etag is None:
            raise ClientError({"Error": {"Code": "404", "Message": Key}}, "HeadObject")
        return {"ETag": etag}

    def put_object(
        self,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        IfMatch: str | None = None,  # noqa: N803
        IfNoneMatch: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        path = os.path.join(self._folder, Key)
        if not (IfMatch or IfNoneMatch):  # nobody else writes this one
            with _create(path) as file:
                file.write(Body)
            return {}
        with _create(f"{path}.{os.getpid()}") as file:
            file.write(Body)
        with self._one_writer():
            before = self._etag(Key)
            if (IfMatch and before != IfMatch) or (IfNoneMatch and before is not None):
                os.unlink(file.name)
                raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": Key}}, "PutObject")
            os.replace(file.name, path)
        return {}

    def delete_object(self, Bucket: str, Key: str, IfMatch: str | None = None) -> dict[str, Any]:  # noqa: N803
        with self._one_writer():
            if IfMatch and self._etag(Key) != IfMatch:
                raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": Key}}, "DeleteObject")
            (self._folder / Key).unlink(missing_ok=True)
        return {}

    def get_paginator(self, name: str) -> "_Pages":
        assert name == "list_objects_v2", f"a folder keeps no versions: {name}"
        return _Pages(self._folder)

    def _etag(self, key: str) -> str | None:
        try:
            return _etag((self._folder / key).stat())
        except FileNotFoundError:
            return None

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        """Looking and writing are one act."""
        with (self._folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class _Pages:
    """The one page of keys under a prefix, in order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        start = self._folder / Prefix.rpartition("/")[0]
        names = [os.path.join(folder, name) for folder, _folders, names in os.walk(start) for name in names]
        keys = sorted(os.path.relpath(name, self._folder) for name in names)
        return [{"Contents": [{"Key": key} for key in keys if key.startswith(Prefix) and not key.startswith(".")]}]


def _create(path: str) -> BinaryIO:
    try:
        return open(path, "wb")
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return open(path, "wb")


def _etag(found: os.stat_result) -> str:
    return f'"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"'
