"""The dataset written plainly in Polars, as its users would: the same join and the same filter, all in expressions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from politico.lake.registry import DEFAULT_TIME_ZONE

REFERENCES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
COLUMNS = ["id_str", "created_at", "screen_name", "name", "office", "coalition", "party", "text", "hashtags"]
COLUMNS += ["entities", "key_phrases", "sentiment", "sentiment_score", "lang", "source", "edited"]


def build_with_polars(
    pages: Sequence[Path], registry: Path, annotations: Sequence[dict[str, Any]], reference: datetime, out: Path
) -> int:
    """A Parquet file a day under `out`; how many rows."""
    post = pl.col("data").struct
    posts = (
        pl.read_ndjson(pages, infer_schema_length=1_000)
        .select(pl.col("data"))
        .explode("data")
        .select(
            id_str=post.field("id"),
            author_id=post.field("author_id"),
            raw=post.field("text"),
            created_at=post.field("created_at").str.to_datetime(time_zone="UTC"),
            hashtags=post.field("entities").struct.field("hashtags").list.eval(pl.element().struct.field("tag")),
            history=post.field("edit_history_tweet_ids"),
            editable_until=post.field("edit_controls").struct.field("editable_until").str.to_datetime(time_zone="UTC"),
            lang=post.field("lang"),
        )
        .with_columns(
            text=pl.col("raw")
            .str.replace_many(list(REFERENCES), list(REFERENCES.values()))
            .str.replace_all(r"https?://\S+", " ")
            .str.replace_all(r"[^\S\n]+", " ")
            .str.replace_all(r" ?\n ?", "\n")
            .str.replace_all(r"\n{2,}", "\n")
            .str.strip_chars(),
            edited=pl.col("history").list.len() > 1,
            number=pl.col("id_str").cast(pl.Int64),
        )
        .filter(
            ~pl.col("raw").str.contains(r"^\s*RT\s?:?\s@\w")
            & ~pl.col("raw").str.contains(r"(?:^|\W)(?:QT|MT)\s?:?\s@\w|^\s*[\"“«]\s?@\w+:")
            & (pl.col("created_at") >= reference - timedelta(days=500))
            & (pl.col("editable_until") <= reference)
            & (pl.col("text").str.count_matches(r"[\p{L}\p{N}]\S*") >= 5)
        )
        .unique("id_str", keep="last", maintain_order=True)
    )
    replaced = posts.select(pl.col("history").list.head(pl.col("history").list.len() - 1)).explode("history").drop_nulls()
    people = pl.read_csv(registry, infer_schema=False)
    frame = (
        posts.filter(~pl.col("id_str").is_in(replaced["history"].implode()))
        .join(people, left_on="author_id", right_on="user_id")
        .sort("number")
        .with_columns(
            source=pl.lit(None, dtype=pl.String),
            day=pl.col("created_at").dt.convert_time_zone(DEFAULT_TIME_ZONE).dt.date(),
        )
    )
    answers = pl.DataFrame(annotations)
    frame = frame.hstack(answers[[number % len(answers) for number in range(len(frame))]])
    for (day,), rows in frame.partition_by("day", as_dict=True, maintain_order=True).items():
        folder = out / f"dt={day}"
        folder.mkdir(parents=True)
        rows.select(COLUMNS).write_parquet(folder / "tweets.parquet", compression="snappy")
    return len(frame)
