"""The dataset folder, one Parquet file a day, as one table."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as files
import pyarrow.parquet as pq

from politico.control.format import Schema
from politico.control.political import SCHEMA
from politico.dataset.days import LABELS
from politico.dataset.manifest import content_hash
from politico.errors import FileFormatError
from politico.lake.places import SCHEMA_FILE

DAY = "dt"
"""The partition's column: the tweet's day in the registry's time zone, `YYYY-MM-DD`."""
COLUMNS = ("id_str", "screen_name", "office", "coalition", "party", "text", "hashtags", "entities", "key_phrases", "sentiment")


def read_dataset(folder: Path) -> pa.Table:
    """Every tweet with what steers it and its day, in order of day. Raises FileFormatError when the folder is no dataset."""
    found = _files(folder)
    try:
        days = files.partitioning(pa.schema([(DAY, pa.string())]), flavor="hive")
        # File by file: the manifest lies beside the days.
        days_files = files.dataset(list(map(str, found)), format="parquet", partitioning=days, partition_base_dir=str(folder))
        columns = [*COLUMNS, DAY]
        if (folder / SCHEMA_FILE).is_file():  # a domain's rows have labels, though not on every day
            days_files = days_files.replace_schema(
                pa.schema([one for one in days_files.schema if one.name != LABELS.name] + [LABELS])
            )
            columns.append(LABELS.name)
        table = days_files.to_table(columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise FileFormatError(f"{folder} can't be read as a dataset: {error}") from error
    if not len(table):
        raise FileFormatError(f"{folder} holds no tweet")
    # In the form that requests are brought to.
    place = table.schema.get_field_index("text")
    table = table.set_column(place, "text", pc.utf8_normalize(table["text"], form="NFC"))
    # A fixed order, so that the same dataset gives the same run; one chunk, so that rows are taken quickly.
    return table.sort_by([(DAY, "ascending"), ("id_str", "ascending")]).combine_chunks()


def schema_of(folder: Path) -> Schema:
    """The domain's schema that lies beside the days; the political one where none does. Raises SchemaError for a torn one."""
    path = folder / SCHEMA_FILE
    return Schema.from_json(path.read_bytes()) if path.is_file() else SCHEMA


def identity_of(folder: Path) -> dict[str, Any]:
    """What names the data in this folder: the content hash that the dataset's manifest has for the same files, rows and days.

    Raises FileFormatError when the folder is no dataset.
    """
    found = _files(folder)
    hashes = {path.parent.name.removeprefix(f"{DAY}="): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    return {"sha256": content_hash(hashes), "rows": sum(pq.read_metadata(path).num_rows for path in found), "days": len(hashes)}


def _files(folder: Path) -> list[Path]:
    found = sorted(folder.glob(f"{DAY}=*/tweets.parquet"))
    if not found:
        raise FileFormatError(f"{folder} is no dataset; it takes {DAY}=YYYY-MM-DD/tweets.parquet")
    return found
