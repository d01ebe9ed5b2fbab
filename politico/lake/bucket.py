"""The bucket through boto3: objects read and written, writers that meet told apart, old versions purged."""

import gzip
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from politico.errors import ConflictError, StorageError

WRITE_ATTEMPTS = 8
WRITE_PAUSE = 0.05
"""Seconds, at most, before the second attempt of a writer that another one outran; twice as many before each further one."""
GZIP_LEVEL = 6
"""Within 2 % of the smallest, in two fifths to two thirds of its time."""
READERS = 8
"""Objects read side by side: a page is small, and S3 far."""

# Nothing that is written contains itself, so nobody needs to look for that.
as_line = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


@dataclass(frozen=True)
class Lake:
    """The bucket through boto3's S3 client."""

    s3: Any
    bucket: str

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def read(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def read_if_any(self, key: str) -> tuple[bytes, str] | None:
        """The object's content and its ETag, or None when there is none."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
        except self.s3.exceptions.NoSuchKey:
            return None
        return answer["Body"].read(), answer["ETag"]

    def write(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def read_json(self, key: str) -> Any:
        return json.loads(self.read(key))

    def read_json_if_any(self, key: str) -> Any:
        """The value, or None when there is no object."""
        held = self.read_if_any(key)
        return json.loads(held[0]) if held else None

    def write_json(self, key: str, value: Any) -> None:
        self.write(key, json.dumps(value, ensure_ascii=False, indent=1).encode())

    def read_text(self, key: str) -> str:
        """A text object, `.gz` or plain."""
        body = self.read(key)
        return (gzip.decompress(body) if key.endswith(".gz") else body).decode()

    def read_lines(self, key: str) -> Iterator[Any]:
        """The objects of a JSON-lines file, `.gz` or plain."""
        return (json.loads(line) for line in self.read_text(key).split("\n") if line)

    def write_lines(self, key: str, values: Iterable[Any]) -> None:
        """Write JSON lines. The same values give the same bytes."""
        # Escaped: a page of X may hold half a surrogate pair, which UTF-8 can't.
        self.write_text(key, "".join(as_line(one) + "\n" for one in values).encode())

    def write_text(self, key: str, body: bytes) -> None:
        """Write a text in bytes; under a key that ends with `.gz` packed. The same text gives the same bytes."""
        self.write(key, gzip.compress(body, GZIP_LEVEL, mtime=0) if key.endswith(".gz") else body)

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key under the prefix, in order."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for one in page.get("Contents", ()):
                yield one["Key"]

    def replace(self, key: str, compute: Callable[[], bytes | None]) -> None:
        """Write what `compute` gives, or remove the object when it gives None, unless another writer was quicker.

        Then `compute` runs again on what there is now. Raises ConflictError after WRITE_ATTEMPTS.
        """
        for attempt in range(WRITE_ATTEMPTS):
            if attempt:
                time.sleep(random.uniform(0, WRITE_PAUSE * 2**attempt))
            before = self._etag(key)
            body = compute()
            try:
                if body is not None:
                    condition = {"IfMatch": before} if before else {"IfNoneMatch": "*"}
                    self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **condition)
                elif before:
                    self.s3.delete_object(Bucket=self.bucket, Key=key, IfMatch=before)
                return
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
                    raise
        raise ConflictError(f"{key} kept changing under {WRITE_ATTEMPTS} attempts to write it; run the step again")

    def purge_old(self, prefix: str, wanted: Callable[[str], bool]) -> int:
        """Delete all noncurrent versions and delete markers of the wanted keys under a prefix; how many.

        Markers go last: while one stands, what it deleted does not come back, whatever ends this on its way.
        """
        markers: list[dict[str, str]] = []
        purged = 0
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
            markers += [one for one in page.get("DeleteMarkers", ()) if wanted(one["Key"])]
            purged += self._delete([one for one in page.get("Versions", ()) if not one["IsLatest"] and wanted(one["Key"])])
        return purged + self._delete(markers)

    def delete(self, key: str) -> None:
        """Put a delete marker over an object; what lies under it is there until it is purged."""
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def purge(self, key: str) -> None:
        """Delete the noncurrent versions of an object, and a delete marker where the object is gone: nothing old is left."""
        self._delete_versions(key, also_current=False)

    def erase(self, key: str) -> None:
        """Delete an object with all its versions."""
        self._delete_versions(key, also_current=True)

    def _delete_versions(self, key: str, *, also_current: bool) -> None:
        found, markers = [], []
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=key):
            found += [one for one in page.get("Versions", ()) if one["Key"] == key and (also_current or not one["IsLatest"])]
            markers += [one for one in page.get("DeleteMarkers", ()) if one["Key"] == key]
        # The newest last: until then a reader sees what it saw, and never an older state.
        self._delete(sorted([*found, *markers], key=lambda one: one["IsLatest"]))

    def _delete(self, versions: Sequence[Mapping[str, Any]]) -> int:
        """Delete these versions, a call for each thousand; how many. Raises StorageError when S3 keeps any of them."""
        named = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in versions]
        for start in range(0, len(named), 1000):
            some = {"Objects": named[start : start + 1000], "Quiet": True}
            answer = self.s3.delete_objects(Bucket=self.bucket, Delete=some)
            if kept := answer.get("Errors"):
                codes = sorted({str(one.get("Code")) for one in kept})  # keys hold ids: no error names them
                raise StorageError(f"S3 did not delete {len(kept)} old versions ({', '.join(codes)}); run the step again")
        return len(named)

    def _etag(self, key: str) -> str | None:
        try:
            etag: str = self.s3.head_object(Bucket=self.bucket, Key=key)["ETag"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return None
            raise
        return etag
