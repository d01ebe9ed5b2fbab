"""What a model saw: a list of fingerprints that answers for exactly its own tweets, and names none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from politico.errors import FileFormatError
from politico.lake.tombstones import fingerprint
from politico.models.seen import SIZE, Seen, seen_list

ids = st.sets(st.integers(1, 10**19).map(str), max_size=60)


@given(ids, ids)
def test_it_counts_the_tweets_that_are_among_them_and_no_others(
    tmp_path_factory: pytest.TempPathFactory, seen: set[str], asked: set[str]
) -> None:
    path = tmp_path_factory.mktemp("seen") / "seen"
    path.write_bytes(seen_list(seen))
    found = Seen.read(path.read_bytes())
    assert len(found) == len(seen)
    assert len(found.among(map(fingerprint, asked))) == len(seen & asked)
    assert len(found.among(map(fingerprint, seen))) == len(seen)


def test_the_same_tweets_in_any_order_and_twice_give_the_same_file_without_an_id(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(seen_list(["1446921934455017486", "12", "12"]))
    (tmp_path / "b").write_bytes(seen_list(["12", "1446921934455017486"]))
    body = (tmp_path / "a").read_bytes()
    assert body == (tmp_path / "b").read_bytes()
    assert len(body) == 2 * SIZE
    assert b"1446921934455017486" not in body


def test_a_job_that_saw_no_tweets_has_an_empty_list_and_a_torn_one_is_told_apart(tmp_path: Path) -> None:
    assert len(Seen.read(b"").among([fingerprint("12")])) == 0
    (tmp_path / "a").write_bytes(seen_list(["12"]))
    with pytest.raises(FileFormatError, match="9 bytes"):
        Seen.read((tmp_path / "a").read_bytes()[:-1])
