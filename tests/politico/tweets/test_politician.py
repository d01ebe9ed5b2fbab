"""The registry: who is found by what, and what a list of politicians that can't be used says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from politico.errors import RegistryError
from politico.tweets.politician import COLUMNS, Politician, Registry, read_registry
from tests.support.paths import SHARED

TWEETS = SHARED / "tweets"
HEADER = "screen_name,user_id,name,office,coalition,party\n"
JUANA = Politician("JuanaRojas", "7", "Juana Rojas", "Senadora", "Norte Unido", "PVA")
PEDRO = Politician("pedro_s", "8", "Pedro Soto, hijo", "Alcalde", "Sur Libre", "UDI")
WITHOUT_IDS = (
    HEADER.replace("user_id,", "") + "JuanaRojas,Juana Rojas,Senadora,Norte Unido,PVA\npedro_s,Pedro,Alcalde,Sur Libre,UDI\n"
)


def row(one: Politician) -> str:
    return f'{one.screen_name},{one.user_id},"{one.name}",{one.office},{one.coalition},{one.party}\n'


def test_a_politician_is_found_by_id_and_by_screen_name_in_any_case() -> None:
    registry = Registry([JUANA, PEDRO])
    assert registry.by_id("7") == registry.by_screen_name("JUANAROJAS") == JUANA
    assert registry.by_screen_name("pedro_s") == PEDRO
    assert (registry.by_id("9"), registry.by_screen_name("ana")) == (None, None)
    assert (list(registry), len(registry)) == ([JUANA, PEDRO], 2)


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=12)
screen_names = words.filter(lambda one: not one.startswith("@"))  # an @ before a screen name is none of it
people = st.builds(Politician, screen_names, st.integers(1, 10**19).map(str), words, words, words, words)


@given(st.lists(people, min_size=1, max_size=5, unique_by=(lambda one: one.user_id, lambda one: one.screen_name.casefold())))
def test_a_registry_survives_its_file(listed: list[Politician]) -> None:
    text = Registry(listed).to_csv()
    assert list(read_registry(text)) == listed
    assert read_registry(text).to_csv() == text


def test_a_list_may_have_a_byte_order_mark_more_columns_blank_lines_and_blanks_around_values() -> None:
    text = "\ufeffnote," + HEADER + "x, JuanaRojas , 7 ,Juana Rojas,Senadora,Norte Unido,PVA\n\n"
    assert list(read_registry(text)) == [JUANA]


def test_a_list_without_ids_is_completed_and_whoever_has_no_tweets_is_left_out() -> None:
    registry = read_registry(WITHOUT_IDS, {"juanarojas": "7"})
    assert list(registry) == [JUANA]
    with pytest.raises(RegistryError, match="lists nobody whose tweets are at hand"):
        read_registry(WITHOUT_IDS, {})


def test_an_at_sign_before_a_screen_name_and_semicolons_between_values_are_a_persons_way_to_write() -> None:
    assert list(read_registry(HEADER + "@" + row(JUANA))) == [JUANA]
    assert list(read_registry((HEADER + row(JUANA)).replace(",", ";"))) == [JUANA]


def test_all_that_is_wrong_with_a_list_is_said_at_once_a_line_each() -> None:
    with pytest.raises(RegistryError) as raised:
        read_registry(HEADER + row(JUANA) + "a,siete,A,b,,d\n" + "juanarojas,9,Otra,b,c,d\n" + 'x,10,"Uno",Dos,a,b,c\n')
    said = str(raised.value).splitlines()
    assert said == [
        "line 3 of the registry has no coalition",
        "line 3 of the registry: user_id is 'siete'; it takes digits",
        "the registry lists 'juanarojas' twice: Juana Rojas and Otra (lines 2 and 4)",
        "line 5 of the registry has 1 value(s) too many; put quotes around a value that holds the separator",
    ]


def test_an_id_that_the_list_gives_is_not_replaced() -> None:
    assert read_registry(HEADER + row(JUANA), {"juanarojas": "99"}).by_id("7") == JUANA


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks the column screen_name, user_id"),
        (HEADER.replace("party", "partido"), "lacks the column party; it takes a CSV with " + ",".join(COLUMNS)),
        (WITHOUT_IDS, "lacks the column user_id"),
        (HEADER, "lists nobody"),
        (HEADER + row(JUANA) + "pedro_s,8,Pedro,Alcalde, ,\n", "line 3 of the registry has no coalition, party"),
        (HEADER + "pedro_s,8,Pedro\n", "line 2 of the registry has no office, coalition, party"),
        (HEADER + "a,siete,A,b,c,d\n", "line 2 of the registry: user_id is 'siete'; it takes digits"),
        (HEADER + "a,²,A,b,c,d\n", "user_id is '²'; it takes digits"),  # a digit to Python, to no one else
        (HEADER + row(JUANA) + row(JUANA), "lists '7' twice: Juana Rojas and Juana Rojas"),
        (HEADER + row(JUANA) + "JUANAROJAS,9,Otra,b,c,d\n", "lists 'juanarojas' twice: Juana Rojas and Otra"),
    ],
)
def test_a_list_that_cannot_be_used_says_what_is_wrong_and_where(text: str, message: str) -> None:
    with pytest.raises(RegistryError) as raised:
        read_registry(text)
    assert message in str(raised.value)


def test_the_real_list_is_completed_from_its_archive() -> None:
    path = TWEETS / "argentina-2019-politicians.csv"
    if not path.is_file():
        pytest.skip(f"the real list is not at {path}")
    names = [line.split(",")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    registry = read_registry(path.read_text(encoding="utf-8"), {name.casefold(): str(n) for n, name in enumerate(names, 1)})
    assert [one.screen_name for one in registry] == names
