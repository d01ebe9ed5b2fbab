"""Long posts in the archive of an X account: tweets.js has their beginning, note-tweet.js the whole, and no id joins the two."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TextIO

from politico.archives.json_values import Broken, read_values
from politico.errors import TweetError
from politico.tweets.tweet import clean, read_time

COMPARED = 100
"""Characters at the beginning that are the same in both: enough to tell two posts of one second apart."""
_SAME_MOMENT = timedelta(seconds=1)
"""tweets.js tells the second, note-tweet.js sometimes the millisecond."""
_CUT = re.compile(r"\s*…\s*\Z")


class Notes:
    """The long posts of one archive, by the second they were written in."""

    def __init__(self, notes: Iterable[Mapping[str, Any]] = ()) -> None:
        """`notes` are the objects under `noteTweet`. One without a text or a time joins nothing and is passed over."""
        self._by_second: defaultdict[datetime, list[dict[str, Any]]] = defaultdict(list)
        for one in notes:
            core = one.get("core")
            text = core.get("text") if isinstance(core, Mapping) else None
            try:
                moment = read_time(one.get("createdAt"))
            except TweetError:
                continue
            if isinstance(core, Mapping) and isinstance(text, str) and text.strip():
                self._by_second[moment.replace(microsecond=0)].append(_as_v2(text, core))

    @classmethod
    def read(cls, texts: Iterable[TextIO]) -> "Notes":
        """From the files of an archive."""
        values = (value for text in texts for _line, value in read_values(text) if not isinstance(value, Broken))
        return cls(value["noteTweet"] for value in values if isinstance(value, Mapping) and _is_note(value))

    def whole(self, written: datetime, text: str) -> dict[str, Any] | None:
        """The `note_tweet` of API v2 for a post of this moment that begins so; None when it is no long post."""
        begins = _beginning(text)
        if len(begins) < COMPARED:  # no post that had to be cut is so short; one of a thread may begin as the next one does
            return None
        second = written.replace(microsecond=0)
        for moment in (second, second - _SAME_MOMENT, second + _SAME_MOMENT):
            for note in self._by_second.get(moment, ()):
                if _beginning(note["text"]).startswith(begins[:COMPARED]):
                    return note
        return None


def _is_note(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("noteTweet"), Mapping)


def _as_v2(text: str, core: Mapping[str, Any]) -> dict[str, Any]:
    tags = [{"tag": str(one["text"])} for one in core.get("hashtags") or () if isinstance(one, Mapping) and one.get("text")]
    return {"text": text, **({"entities": {"hashtags": tags}} if tags else {})}


def _beginning(text: str) -> str:
    """Without links and line breaks, which the two files write differently, and without the mark of a cut."""
    return _CUT.sub("", " ".join(clean(text).split()))
