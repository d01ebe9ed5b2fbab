"""The dataset written plainly in pandas, whole in memory: the same join and the same filter."""

import gzip
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from politico.lake.registry import DEFAULT_TIME_ZONE
from politico.tweets.tweet import clean


def build_with_pandas(
    pages: Sequence[Path], registry: Path, annotations: Sequence[dict[str, Any]], reference: datetime, out: Path
) -> int:
    """A Parquet file a day under `out`; how many rows."""
    posts = []
    for page in pages:
        with gzip.open(page, "rt", encoding="utf-8") as lines:
            for line in lines:
                posts += json.loads(line)["data"]
    frame = pd.DataFrame(posts)
    del posts

    frame["raw"] = frame["text"]
    frame["text"] = frame["raw"].map(clean)
    frame["created_at"] = pd.to_datetime(frame["created_at"])
    frame["hashtags"] = frame["entities"].map(lambda entities: [one["tag"] for one in entities.get("hashtags", ())])
    frame["edited"] = frame["edit_history_tweet_ids"].map(len) > 1
    editable_until = pd.to_datetime(frame["edit_controls"].map(lambda controls: controls["editable_until"]))

    frame = frame[
        ~frame["raw"].str.match(r"\s*RT\s?:?\s@\w")
        & ~frame["raw"].str.contains(r"(?<!\w)(?:QT|MT)\s?:?\s@\w|^\s*[\"“«]\s?@\w+:")
        & (frame["created_at"] >= reference - timedelta(days=500))
        & (editable_until <= reference)
        & (frame["text"].str.count(r"[^\W_]\S*") >= 5)
    ]
    frame = frame.drop_duplicates("id", keep="last")
    replaced = {one for history in frame["edit_history_tweet_ids"] for one in history[:-1]}
    frame = frame[~frame["id"].isin(replaced)]
    frame = frame.merge(pd.read_csv(registry, dtype=str), left_on="author_id", right_on="user_id")

    answers = [annotations[number % len(annotations)] for number in range(len(frame))]
    for name in ("sentiment", "sentiment_score", "entities", "key_phrases"):
        frame[name] = [one[name] for one in answers]

    frame = frame.assign(
        id_str=frame["id"],
        source=None,
        number=frame["id"].astype("int64"),
        day=frame["created_at"].dt.tz_convert(ZoneInfo(DEFAULT_TIME_ZONE)).dt.date,
    )
    columns = ["id_str", "created_at", "screen_name", "name", "office", "coalition", "party", "text", "hashtags"]
    columns += ["entities", "key_phrases", "sentiment", "sentiment_score", "lang", "source", "edited"]
    for day, rows in frame.sort_values("number").groupby("day"):
        folder = out / f"dt={day}"
        folder.mkdir(parents=True)
        rows[columns].to_parquet(folder / "tweets.parquet", index=False)
    return len(frame)
