"""Where things lie in the bucket, and how they are read and written."""

import gzip
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from botocore.exceptions import ClientError

from politico.errors import ConflictError, StorageError

REGISTRY = "registry/politicians.csv"
CANDIDATES = "registry/candidates.csv"
"""Accounts found by search, for a person to review."""
REGISTRY_SETTINGS = "registry/settings.json"
REGISTRY_CURATED = "registry/curated.json"
"""The people that every day of the dataset was joined with, as they were listed then."""
RAW = "raw/"
ANNOTATED = "annotated/"
DATASET = "dataset/"
PARTITION = "dt"
"""What a day's folder is named by, `dt=DAY`: the column that Athena knows it as."""
DATASET_MANIFEST = f"{DATASET}manifest.json"
"""What the dataset consists of, day by day; in no day's folder, so that no query reads it as data."""
TOMBSTONES = "tombstones/"
CORPORA = "corpora/"
MODELS = "models/"
COMPLIANCE = "compliance/"
COMPLIANCE_TURN = f"{COMPLIANCE}turn.json"
"""Where the lookups of a few posts a day go on."""
COMPLIANCE_SWEPT = f"{COMPLIANCE}swept.json"
"""When the last complete sweep began."""
COMPLIANCE_CHANGED = f"{COMPLIANCE}changed/"
"""Corpora that a sweep had to change and whose models are not named yet."""
COMPLIANCE_MODELS = f"{COMPLIANCE}models.json"
"""The models that were trained on what is buried now."""
RUNS = "runs/"
REGISTRY_FOLDER = "registry/"
WRITE_ATTEMPTS = 8
WRITE_PAUSE = 0.05
"""Seconds, at most, before the second attempt of a writer that another one outran; twice as many before each further one."""
GZIP_LEVEL = 6
"""Within 2 % of the smallest, in two fifths to two thirds of its time."""


def raw_of_run(run: str) -> str:
    """The prefix of all pages of one run."""
    return f"{RAW}run={run}/"


def raw_pages(run: str, user_id: str) -> str:
    """The prefix of one account's pages of one run."""
    return f"{raw_of_run(run)}user={user_id}/"


def raw_page(run: str, user_id: str, newest: str, oldest: str) -> str:
    return f"{raw_pages(run, user_id)}{newest}-{oldest}.jsonl.gz"


def manifest(run: str) -> str:
    """The item list that a run's annotation goes through."""
    return f"runs/{run}/manifest.json"


def plan(run: str) -> str:
    """As of when a run's pages are to be judged: written before the first of them."""
    return f"runs/{run}/plan.json"


def accounts(run: str) -> str:
    """The item list of the accounts that a run asks X for."""
    return f"runs/{run}/accounts.json"


def fetched(run: str, number: str) -> str:
    """What became of one of them; no key holds a user's id but a raw page's."""
    return f"runs/{run}/accounts/{number}.json"


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


def registry_of_run(run: str) -> str:
    """The people that a run's curation is to join the days with."""
    return f"runs/{run}/registry.json"


def day_counts_folder(run: str) -> str:
    return f"runs/{run}/days/"


def day_counts(run: str, first_day: str) -> str:
    """What became of a batch of days."""
    return f"{day_counts_folder(run)}{first_day}.json"


def report(run: str) -> str:
    return f"runs/{run}/report.json"


def is_report(key: str) -> bool:
    return key.startswith(RUNS) and key.endswith("/report.json")


def annotated_day(day: date) -> str:
    return f"{ANNOTATED}dt={day}/"


def annotated_part(day: date, run: str, part: str) -> str:
    """Kept tweets of a day; keys of one day sort by run, oldest first."""
    return f"{annotated_day(day)}{run}-{part}.jsonl.gz"


def dataset_day(day: date) -> str:
    return f"{DATASET}dt={day}/tweets.parquet"


def tombstone(buried: datetime, name: str) -> str:
    """One burial; keys sort by time."""
    return f"{TOMBSTONES}{buried:%Y%m%d-%H%M%S}-{name}.jsonl"


def buried_at(key: str) -> datetime:
    """When the burial under this key was made, to the second, in UTC."""
    return datetime.strptime(key.removeprefix(TOMBSTONES)[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)


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


def day_of(key: str) -> date:
    """The day in the key of an annotated part or of a dataset file."""
    return date.fromisoformat(key.split("dt=")[1].split("/")[0])


def run_and_user(key: str) -> tuple[str, str]:
    """The run and the account in the key of a raw page."""
    _raw, run, user_id, _page = key.split("/")
    return run.removeprefix("run="), user_id.removeprefix("user=")


def newest_and_oldest(key: str) -> tuple[str, str]:
    """The ids of the newest and the oldest post in the key of a raw page."""
    newest, oldest = key.rpartition("/")[2].removesuffix(".jsonl.gz").split("-")
    return newest, oldest


def is_dataset_day(key: str) -> bool:
    return key.startswith(DATASET) and key.endswith(".parquet")


def is_evaluation(key: str) -> bool:
    return key.startswith(MODELS) and key.endswith("/evaluation.json")


def is_corpus_source(key: str) -> bool:
    return key.startswith(CORPORA) and "/source/" in key


def corpus_name(key: str) -> str:
    """The name in the key of a corpus's source file."""
    return key.removeprefix(CORPORA).split("/")[0]


def request(run: str) -> str:
    """What a training run was asked for: its corpus among it."""
    return f"{models(run)}request.json"


def request_of(key: str) -> str | None:
    """The run whose request stands under this key; None for any other key."""
    return key.removeprefix(MODELS).split("/")[0] if key.startswith(MODELS) and key.endswith("/request.json") else None


def compliance_report(run: str) -> str:
    return f"{COMPLIANCE}{run}/report.json"


def compliance_asked(run: str) -> str:
    """How much X was asked about, and what it said at once."""
    return f"{COMPLIANCE}{run}/asked.json"


def compliance_heard(run: str) -> str:
    """What X's finished jobs said, by reason."""
    return f"{COMPLIANCE}{run}/heard.json"


def swept_parts(run: str) -> str:
    return f"{COMPLIANCE}{run}/parts/"


def swept_part(run: str, phase: str, part: int) -> str:
    """What one part of a sweep removed."""
    return f"{swept_parts(run)}{phase}-{part:05}.json"


def changed_corpus(name: str) -> str:
    return f"{COMPLIANCE_CHANGED}{name}.json"


def name_of_changed(key: str) -> str:
    """The corpus that a key of COMPLIANCE_CHANGED is about."""
    return key.removeprefix(COMPLIANCE_CHANGED).removesuffix(".json")


def run_of_model(uri: str) -> str | None:
    """The run that a model's address in the lake belongs to, as `s3://BUCKET/models/RUN/…`; None for any other address."""
    _scheme, _, rest = uri.partition("://")
    folder, _, run = rest.partition("/")[2].partition("/")
    return run.partition("/")[0] or None if f"{folder}/" == MODELS else None


def training_output(key: str) -> str | None:
    """The run whose job left its output archive under this key; None for any other key."""
    if not (key.startswith(MODELS) and key.endswith("/output/output.tar.gz")):
        return None
    return key.removeprefix(MODELS).split("/")[0]


# Nothing that is written contains itself, so nobody needs to look for that.
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


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
        body = "".join(_encode(one) + "\n" for one in values).encode()
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
