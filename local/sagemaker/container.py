"""A SageMaker container's folder layout, /opt/ml, laid out under a folder of ours, and its way to and from S3."""

import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from politico.errors import JobError
from politico.models.packed import unpack

ROOT = "/opt/ml"
ISOLATION = Path(__file__).parent / "isolated"
"""On PYTHONPATH it keeps the project's own folder out of sight."""


class Container:
    """One container's files."""

    def __init__(self, folder: Path, s3: Any) -> None:
        self.root = folder / "ml"
        self.root.mkdir(parents=True)
        self.tools = folder / "bin"
        """Programs of its machine, first on the path."""
        self._s3 = s3

    def path(self, inside: str) -> Path:
        """Where a path inside the container lies on this machine."""
        return Path(self.translate(inside))

    def translate(self, text: str) -> str:
        """A text of the request with the container's root replaced by ours: the one liberty that is taken with it."""
        return text.replace(ROOT, str(self.root))

    def download(self, uri: str, folder: Path) -> int:
        """Everything under an S3 prefix, as SageMaker's File mode lays it out. Raises JobError when there is nothing."""
        bucket, prefix = split_uri(uri)
        folder.mkdir(parents=True, exist_ok=True)
        keys = list(self._keys(bucket, prefix))
        for key in keys:
            target = folder / _below(prefix, key)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._s3.download_file(bucket, key, str(target))
        if not keys:
            raise JobError(f"ClientError: No S3 objects found under S3 URL {uri!r}")
        return len(keys)

    def download_if_any(self, uri: str, folder: Path) -> None:
        """As `download`, but nothing there is fine, as for checkpoints."""
        bucket, prefix = split_uri(uri)
        if next(self._keys(bucket, prefix), None) is not None:
            self.download(uri, folder)

    def times(self, inside: str) -> dict[Path, int]:
        """When each file of a folder was last written, for `upload`."""
        return {path: path.stat().st_mtime_ns for path in self.path(inside).rglob("*") if path.is_file()}

    def upload(self, folder: Path, uri: str, since: Mapping[Path, int] | None = None) -> None:
        """Every file of the folder; of several machines over one prefix only what each has written `since`."""
        bucket, prefix = split_uri(uri)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and (since or {}).get(path) != path.stat().st_mtime_ns:
                self._s3.upload_file(str(path), bucket, prefix.rstrip("/") + "/" + path.relative_to(folder).as_posix())

    def upload_packed(self, folder: Path, uri: str) -> None:
        """The folder as one `.tar.gz`, as SageMaker packs a model."""
        archive = self.root / f"{folder.name}.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as out:
            for path in sorted(folder.iterdir()):
                out.add(path, arcname=path.name)
        bucket, key = split_uri(uri)
        self._s3.upload_file(str(archive), bucket, key)
        archive.unlink()

    def unpack(self, uri: str, folder: Path) -> None:
        """A `.tar.gz` of S3 into a folder."""
        bucket, key = split_uri(uri)
        archive = self.root / "download.tar.gz"
        self._s3.download_file(bucket, key, str(archive))
        folder.mkdir(parents=True, exist_ok=True)
        unpack(archive, folder)
        archive.unlink()

    def _keys(self, bucket: str, prefix: str) -> Iterator[str]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from (one["Key"] for one in page.get("Contents", ()))


def _below(prefix: str, key: str) -> str:
    """Where a key lies under the prefix's folder, whether or not its address ended in a slash; an object is its own name."""
    folder = prefix.rstrip("/") + "/"
    if key.startswith(folder):
        return key[len(folder) :]
    return key[len(prefix.rpartition("/")[0]) :].lstrip("/")


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3:// address."""
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/")
