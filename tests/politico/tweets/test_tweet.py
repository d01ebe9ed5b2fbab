"""One tweet: what is read of a post, what is cleaned away, and which tweets are kept, by which rule first."""

import html
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from politico.errors import TweetError
from politico.tweets.tweet import Rules, Tweet, clean, count_words, parse_post, read_time, write_time

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
FIVE_WORDS = "uno dos tres cuatro cinco"


def post(**changes: Any) -> dict[str, Any]:
    """A good post of API v2; a value of None takes the name away."""
    whole = {"id": "20", "author_id": "7", "created_at": "2024-05-03T14:22:10.000Z", "text": FIVE_WORDS, **changes}
    return {name: value for name, value in whole.items() if value is not None}


def refusal(**changes: Any) -> str | None:
    return Rules().refusal(parse_post(post(**changes)), NOW)


def references(*types: str) -> list[dict[str, str]]:
    return [{"type": one, "id": "1"} for one in types]


def editable(until: datetime) -> dict[str, Any]:
    return {"edits_remaining": 5, "is_edit_eligible": True, "editable_until": write_time(until)}


# Which tweets are kept


def test_an_original_tweet_of_five_words_is_kept() -> None:
    assert refusal() is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"referenced_tweets": references("retweeted")}, "retweet"),
        ({"text": f"RT @alguien: {FIVE_WORDS}"}, "retweet"),
        ({"referenced_tweets": references("quoted")}, "quote"),
        ({"referenced_tweets": references("quoted", "retweeted")}, "retweet"),
        ({"referenced_tweets": references("replied_to", "quoted")}, "quote"),
        ({"referenced_tweets": references("replied_to")}, None),
        ({"text": f"Sobre el RT @alguien: {FIVE_WORDS}"}, None),
        ({"created_at": "2020-01-01T00:00:00Z"}, "too_old"),
        ({"edit_controls": editable(NOW + timedelta(minutes=1))}, "still_editable"),
        ({"text": "uno dos tres cuatro"}, "too_short"),
    ],
)
def test_each_rule_refuses_by_its_name(changes: dict[str, Any], reason: str | None) -> None:
    assert refusal(**changes) == reason


def test_the_first_rule_that_refuses_is_the_reason() -> None:
    broken: dict[str, Any] = {
        "text": "corto",
        "edit_controls": editable(NOW + timedelta(minutes=1)),
        "created_at": "2020-01-01T00:00:00Z",
        "referenced_tweets": references("quoted", "retweeted"),
    }
    assert refusal(**broken) == "retweet"
    assert refusal(**broken | {"referenced_tweets": references("quoted")}) == "quote"
    assert refusal(**broken | {"referenced_tweets": None}) == "too_old"
    assert refusal(text="corto", edit_controls=broken["edit_controls"]) == "still_editable"
    assert refusal(text="corto") == "too_short"


def test_a_tweet_of_five_hundred_days_to_the_second_is_kept_and_one_a_second_older_is_not() -> None:
    edge = NOW - timedelta(days=500)
    assert refusal(created_at=write_time(edge)) is None
    assert refusal(created_at=write_time(edge - timedelta(seconds=1))) == "too_old"


def test_a_tweet_is_settled_from_the_second_its_editing_ends() -> None:
    assert refusal(edit_controls=editable(NOW)) is None
    assert refusal(edit_controls=editable(NOW + timedelta(seconds=1))) == "still_editable"


def test_links_do_not_count_as_words() -> None:
    assert refusal(text="uno dos tres cuatro https://t.co/abc") == "too_short"
    assert refusal(text="https://t.co/abc") == "too_short"


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("hola", 1), ("¡Vamos! 🇨🇱 👍 @juan #Ley 24 -", 4), ("uno\ndos", 2), ("… — _ ' ñ", 1), ("e\u0301", 1), ("日本", 1)],
)
def test_a_word_is_a_piece_between_blanks_with_a_letter_or_a_digit(text: str, words: int) -> None:
    assert count_words(text) == words


# The words of a tweet


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Mira https://t.co/abc esto", "Mira esto"),
        ("https://t.co/a https://t.co/b", ""),
        ("http://a.cl/b?c=1&amp;d=2", ""),
        ("(https://t.co/a", "("),
        ("uno &amp; dos &lt;3 &gt; &quot;tres&quot;", 'uno & dos <3 > "tres"'),
        ("typed as &amp;amp; it was", "typed as &amp; it was"),
        ("uno  dos\t tres ", "uno dos tres"),
        ("uno\n\n dos \r\ntres", "uno\ndos\ntres"),
        ("uno\u2028dos", "uno\ndos"),
        ("https://t.co/a\nuno", "uno"),
        ("https:// no es enlace", "https:// no es enlace"),
    ],
)
def test_links_go_references_are_resolved_blanks_are_folded_and_line_breaks_stay(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


pieces = st.sampled_from(
    ["https://t.co/a", "http://", "https:/", "h", "t", "/", " ", "\n", "\r", "\x1c", "\u2029", "\xa0", "&", "#58;"]
)


@given(st.text() | st.lists(pieces | st.text(max_size=3), max_size=12).map("".join))
@example("http&#58;//a.cl b")
@example("ht&#1;tps://a.cl b")
def test_cleaning_clean_text_changes_nothing(text: str) -> None:
    once = clean(text)
    assume(html.unescape(once) == once)  # `&amp;amp;` is how X writes a typed `&amp;`: only one layer is X's
    assert clean(once) == once


# What is read of a post


def test_a_post_is_read_whole() -> None:
    tweet = parse_post(
        post(
            text="Hola &amp; adiós\nhttps://t.co/x #Ley",
            lang="es",
            source="Twitter Web App",
            entities={"hashtags": [{"tag": "Ley"}, {"tag": "Ley"}, {"tag": ""}]},
            edit_history_tweet_ids=["18", "19", "20"],
            edit_controls=editable(NOW),
        )
    )
    assert tweet == Tweet(
        id_str="20",
        author_id="7",
        created_at=datetime(2024, 5, 3, 14, 22, 10, tzinfo=UTC),
        text="Hola & adiós\n#Ley",
        lang="es",
        source="Twitter Web App",
        hashtags=("Ley",),
        kind="original",
        previous_ids=("18", "19"),
        editable_until=NOW,
    )


def test_a_long_post_gives_its_whole_text_and_that_texts_hashtags() -> None:
    note = {"text": "Una carta muy larga #Final", "entities": {"hashtags": [{"tag": "Final"}]}}
    tweet = parse_post(post(text="Una carta… #Corto", note_tweet=note, entities={"hashtags": [{"tag": "Corto"}]}))
    assert (tweet.text, tweet.hashtags) == ("Una carta muy larga #Final", ("Final",))
    bare_note = parse_post(post(text="Una carta…", note_tweet={"text": "Una carta muy larga #Final"}))
    assert bare_note.hashtags == ("Final",)


@pytest.mark.parametrize(
    ("text", "hashtags"),
    [
        ("#Uno y #dos, #Uno", ("Uno", "dos")),
        ("＃ancho #niñez #año2024", ("ancho", "niñez", "año2024")),
        ("#2024 a#b &#39;hola&#39; C#", ()),
        ("(#entre) ¡#Sí!", ("entre", "Sí")),
        ("mira https://a.cl/pagina#contacto #Ley", ("Ley",)),  # a link's own # was taken for a hashtag
    ],
)
def test_without_entities_the_hashtags_are_read_from_the_text(text: str, hashtags: tuple[str, ...]) -> None:
    assert parse_post(post(text=text)).hashtags == hashtags


def test_a_post_that_was_never_edited_replaces_nothing() -> None:
    for history in (None, [], ["20"]):
        tweet = parse_post(post(edit_history_tweet_ids=history))
        assert not tweet.edited
        assert tweet.previous_ids == ()


def test_an_old_version_does_not_replace_the_newer_ones() -> None:
    """X lists every version in each of them; two versions that replaced each other would both be dropped."""
    tweet = parse_post(post(id="19", edit_history_tweet_ids=["18", "19", "20"]))
    assert tweet.previous_ids == ("18",)
    assert parse_post(post(id="18", edit_history_tweet_ids=["18", "19", "20"])).previous_ids == ()


def test_ids_may_come_as_numbers_and_times_in_any_zone() -> None:
    tweet = parse_post(post(id=1000042592598482946, author_id=7, created_at="2024-05-03T10:22:10-04:00"))
    assert (tweet.id_str, tweet.author_id) == ("1000042592598482946", "7")
    assert tweet.created_at == datetime(2024, 5, 3, 14, 22, 10, tzinfo=UTC)
    assert tweet.created_at.tzinfo == UTC


@pytest.mark.parametrize(
    ("given_post", "reason"),
    [
        (None, "not_an_object"),
        ("hola", "not_an_object"),
        ([], "not_an_object"),
        (post(text=None), "no_text"),
        (post(text=" \n"), "no_text"),
        (post(text=5), "no_text"),
        (post(id=None), "no_id"),
        (post(id=""), "no_id"),
        (post(id=1.000042592598483e18), "no_id"),
        (post(id=True), "no_id"),
        (post(id="1.00004259259848E+18"), "bad_id"),
        (post(id="-5"), "bad_id"),
        (post(id="١٢"), "bad_id"),
        (post(author_id=None), "no_author_id"),
        (post(author_id="juan"), "bad_author_id"),
        (post(created_at=None), "bad_created_at"),
        (post(created_at=1714746130), "bad_created_at"),
        (post(created_at="ayer"), "bad_created_at"),
        (post(created_at="2024-05-03T14:22:10"), "bad_created_at"),
        (post(created_at="2024-02-30T14:22:10Z"), "bad_created_at"),
        (post(created_at="0001-01-01T00:00:00+03:00"), "bad_created_at"),
        (post(edit_controls={"editable_until": "pronto"}), "bad_created_at"),
        # These ended the reading of a whole part of a run.
        (post(entities={"hashtags": [3]}), "broken_post"),
        (post(entities={"hashtags": None}), "broken_post"),
        (post(entities={"hashtags": [{"tag": 3}]}), "broken_post"),
        (post(note_tweet="larga"), "broken_post"),
        (post(referenced_tweets=["1"]), "broken_post"),
        (post(lang=3), "broken_post"),
        (post(text="hola \ud83d"), "bad_encoding"),
        (post(entities={"hashtags": [{"tag": "\ud83d"}]}), "bad_encoding"),
    ],
)
def test_a_post_that_cannot_be_read_says_why(given_post: Any, reason: str) -> None:
    with pytest.raises(TweetError) as raised:
        parse_post(given_post)
    assert raised.value.reason == reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["hashtags", "tag", "type", "text"]), inner, max_size=3)
    ),
    max_leaves=6,
)
names = ["id", "text", "lang", "source", "entities", "note_tweet", "referenced_tweets", "edit_controls", "edit_history_tweet_ids"]


@given(st.dictionaries(st.sampled_from(names), json_values))
def test_whatever_a_post_holds_it_is_a_tweet_of_texts_or_a_tweet_error(changes: dict[str, Any]) -> None:
    try:
        tweet = parse_post({**post(), **changes})
    except TweetError:
        return
    for text in (tweet.text, tweet.lang, tweet.source, *tweet.hashtags, *tweet.previous_ids):
        assert text is None or text.encode().decode() == text


# Times


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_a_time_that_was_written_reads_the_same_to_the_second(moment: datetime) -> None:
    assert read_time(write_time(moment)) == moment.replace(microsecond=0)


def test_a_time_is_written_as_x_writes_it() -> None:
    moment = datetime(2024, 5, 3, 10, 22, 10, 999999, tzinfo=timezone(timedelta(hours=-4)))
    assert write_time(moment) == "2024-05-03T14:22:10.000Z"


def test_the_limits_of_the_rules_can_be_set() -> None:
    tweet = parse_post(post(text="hola"))
    assert Rules(min_words=1).refusal(tweet, NOW) is None
    assert Rules(max_age_days=1, min_words=1).refusal(tweet, NOW) == "too_old"
    assert Rules(min_words=1).refusal(replace(tweet, kind="quote"), NOW) == "quote"


def test_only_whole_references_are_resolved_and_accents_belong_to_their_letters() -> None:
    """`&región` was once read as ®ión, and a decomposed #Mañana as #Man."""
    assert clean("Ciencia&región &amp; paz &lt;3 &#33;") == "Ciencia&región & paz <3 !"
    decomposed = unicodedata.normalize("NFD", "Vamos #Mañana con #educación")
    assert parse_post(post(text=decomposed)).hashtags == ("Mañana", "educación")
    assert parse_post(post(text=" RT @otra: hola a todos")).kind == "retweet"
