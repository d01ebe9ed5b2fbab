"""The dataset folder, one Parquet file a day, as one table."""

from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as files

from politico.errors import FileFormatError

DAY = "dt"
"""The partition's column: the tweet's day in the registry's time zone, `YYYY-MM-DD`."""
COLUMNS = ("id_str", "coalition", "party", "text", "hashtags", "entities", "key_phrases", "sentiment")


def read_dataset(folder: Path) -> pa.Table:
    """Every tweet with what steers it and its day, in order of day. Raises FileFormatError when the folder is no dataset."""
    if not any(folder.rglob(f"{DAY}=*/*.parquet")):
        raise FileFormatError(f"{folder} is no dataset; it takes {DAY}=YYYY-MM-DD/tweets.parquet")
    try:
        days = files.partitioning(pa.schema([(DAY, pa.string())]), flavor="hive")
        found = files.dataset(folder, format="parquet", partitioning=days, exclude_invalid_files=False)
        table = found.to_table(columns=[*COLUMNS, DAY])
    except (pa.ArrowException, OSError) as error:
        raise FileFormatError(f"{folder} can't be read as a dataset: {error}") from error
    if not len(table):
        raise FileFormatError(f"{folder} holds no tweet")
    # A fixed order, so that the same dataset gives the same run; one chunk, so that rows are taken quickly.
    return table.sort_by([(DAY, "ascending"), ("id_str", "ascending")]).combine_chunks()
