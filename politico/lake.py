"""Where things lie in the bucket, and how they are read and written."""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from botocore.exceptions import ClientError

from politico.errors import ConflictError

REGISTRY = "registry/politicians.csv"
REGISTRY_SETTINGS = "registry/settings.json"
RAW = "raw/"
ANNOTATED = "annotated/"
DATASET = "dataset/"
TOMBSTONES = "tombstones/"
CORPORA = "corpora/"
MODELS = "models/"
WRITE_ATTEMPTS = 8


def raw_pages(run: str, user_id: str) -> str:
    """The prefix of one account's pages of one run."""
    return f"{RAW}run={run}/user={user_id}/"


def raw_page(run: str, user_id: str, newest: str, oldest: str) -> str:
    return f"{raw_pages(run, user_id)}{newest}-{oldest}.jsonl.gz"


def manifest(run: str) -> str:
    """The item list that a run's annotation goes through."""
    return f"runs/{run}/manifest.json"


def fetched(run: str) -> str:
    """What became of each account that a run asked X for."""
    return f"runs/{run}/fetched.json"


def part_counts_folder(run: str) -> str:
    return f"runs/{run}/parts/"


def part_counts(run: str, part: str) -> str:
    """What became of one part of a run's manifest, account by account."""
    return f"{part_counts_folder(run)}{part}.json"


def rejected(run: str, part: str) -> str:
    """The posts of one part that could not be read, one a line, with the reason and without the text."""
    return f"runs/{run}/rejected/{part}.jsonl"


def touched_days(run: str) -> str:
    """The item list that a run's curation goes through."""
    return f"runs/{run}/days.json"


def day_counts_folder(run: str) -> str:
    return f"runs/{run}/days/"


def day_counts(run: str, first_day: str) -> str:
    """What became of a batch of days."""
    return f"{day_counts_folder(run)}{first_day}.json"


def report(run: str) -> str:
    return f"runs/{run}/report.json"


def annotated_day(day: date) -> str:
    return f"{ANNOTATED}dt={day}/"


def annotated_part(day: date, run: str, part: str) -> str:
    """Kept tweets of a day; keys of one day sort by run, oldest first."""
    return f"{annotated_day(day)}{run}-{part}.jsonl.gz"


def dataset_day(day: date) -> str:
    return f"{DATASET}dt={day}/tweets.parquet"


def corpus(name: str) -> str:
    """A text collection as it was given."""
    return f"{CORPORA}{name}/source/"


def shards(run: str) -> str:
    """A tokenizer and token shards, as the corpus job writes them."""
    return f"{CORPORA}runs/{run}/"


def models(run: str) -> str:
    return f"{MODELS}{run}/"


def checkpoints(run: str, stage: str) -> str:
    return f"{models(run)}checkpoints/{stage}/"


def evaluation(run: str) -> str:
    """The folder of a run's evaluation."""
    return f"{models(run)}evaluation/"


def evaluation_figures(run: str) -> str:
    return f"{evaluation(run)}evaluation.json"


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

    def write_json(self, key: str, value: Any) -> None:
        self.write(key, json.dumps(value, ensure_ascii=False, indent=1).encode())

    def read_lines(self, key: str) -> Iterator[Any]:
        """The objects of a JSON-lines file, `.gz` or plain."""
        body = self.read(key)
        text = gzip.decompress(body) if key.endswith(".gz") else body
        return (json.loads(line) for line in text.splitlines() if line)

    def write_lines(self, key: str, values: Iterable[Any]) -> None:
        """Write JSON lines. The same values give the same bytes."""
        # Escaped: a page of X may hold half a surrogate pair, which UTF-8 can't.
        body = "".join(json.dumps(one) + "\n" for one in values).encode()
        self.write(key, gzip.compress(body, mtime=0) if key.endswith(".gz") else body)

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key under the prefix, in order."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for one in page.get("Contents", ()):
                yield one["Key"]

    def replace(self, key: str, compute: Callable[[], bytes | None]) -> None:
        """Write what `compute` gives, or remove the object when it gives None, unless another writer was quicker.

        Then `compute` runs again on what there is now. Raises ConflictError after WRITE_ATTEMPTS.
        """
        for _ in range(WRITE_ATTEMPTS):
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

    def tombstones(self) -> frozenset[str]:
        """Ids that must never come back."""
        return frozenset(line.strip() for key in self.keys(TOMBSTONES) for line in self.read(key).decode().splitlines())

    def _etag(self, key: str) -> str | None:
        try:
            etag: str = self.s3.head_object(Bucket=self.bucket, Key=key)["ETag"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return None
            raise
        return etag
