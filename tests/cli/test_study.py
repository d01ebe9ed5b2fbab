"""`politico study`: a page that gives nothing away, and answers that are counted as they were given."""

import json
import random
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from cli.pages.render import script_of
from cli.study import distinguishing, making
from cli.study.making import ANSWERS, CHECK, GENERATED, MACHINE, PERSON, REAL, Item, make_study, page_of
from cli.study.reading import fleiss_kappa, read_answers, read_key, results_of, show_study
from inference.engine import GeneratedTweet
from politico.errors import InputError
from tests.support.runs import micro_runs
from training.dataset.folder import read_dataset

STUDY = "0123456789abcdef"


def items(count: int = 20) -> list[Item]:
    found = [Item(f"r{number}", f"Un tuit real {number}", REAL, "AB"[number % 2]) for number in range(count)]
    found += [Item(f"g{number}", f"Un tuit escrito {number}", GENERATED, "AB"[number % 2], "m") for number in range(count)]
    return [
        *found,
        Item("c0", "Marque una persona", CHECK, answer=PERSON),
        Item("c1", "Marque una máquina", CHECK, answer=MACHINE),
    ]


def answered(folder: Path, name: str, given: dict[str, str], study: str = STUDY) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"study": study, "answers": given}))
    return path


def right(of: list[Item]) -> dict[str, str]:
    return {one.id: one.right for one in of}


def test_answers_at_random_are_right_as_often_as_chance(tmp_path: Path) -> None:
    drawn, of = random.Random(2), items(50)
    paths = [
        answered(tmp_path, str(person), {one.id: one.right if one.kind == CHECK else drawn.choice(ANSWERS) for one in of})
        for person in range(40)
    ]
    answers = read_answers(paths, STUDY, of)
    assert (answers.read, len(answers.used)) == (40, 40)
    found = results_of(answers, of)
    everybody = found["accuracy"]["all"]["all"]
    assert everybody["answers"] == 40 * 100
    assert everybody["low"] < 0.5 < everybody["high"]
    assert everybody["share"] == pytest.approx(0.5, abs=0.03)
    assert found["agreement"] == pytest.approx(0, abs=0.03)
    assert found["taken_for_people"]["share"] == pytest.approx(0.5, abs=0.05)


def test_each_answer_is_counted_where_it_belongs(tmp_path: Path) -> None:
    of = items(4)
    always_machine = {one.id: one.right if one.kind == CHECK else MACHINE for one in of}
    answers = read_answers([answered(tmp_path, "a", right(of)), answered(tmp_path, "b", always_machine)], STUDY, of)
    found = results_of(answers, of)
    shares = {by: {name: one["share"] for name, one in named.items()} for by, named in found["accuracy"].items()}
    assert shares["all"]["all"] == 0.75
    assert shares["kind"] == {REAL: 0.5, GENERATED: 1.0}
    assert shares["model"] == {"m": 1.0}
    assert shares["party"] == {"A": 0.75, "B": 0.75}
    assert found["taken_for_people"]["share"] == 0
    assert {name: one["answers"] for name, one in found["accuracy"]["party"].items()} == {"A": 8, "B": 8}


def test_files_reconcile_and_each_that_is_not_used_has_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of = items(2)
    (tmp_path / "answers").mkdir()
    folder = tmp_path / "answers"
    answered(folder, "good", right(of))
    answered(folder, "inattentive", {**right(of), "c0": MACHINE})
    answered(folder, "unread", {one.id: one.right for one in of if one.kind != CHECK})
    answered(folder, "other", right(of), study="another")
    answered(folder, "more", {**right(of), "x": PERSON})
    answered(folder, "odd", {**right(of), "r0": "perhaps"})
    (folder / "torn.json").write_text('{"study": ')
    (folder / "list.json").write_text("[]")
    (folder / "notes.txt").write_text("no answers")
    (tmp_path / "key.json").write_text(json.dumps({"study": STUDY, "seed": 1, "items": [asdict(one) for one in of]}))
    show_study(tmp_path / "key.json", [folder], as_json=True)
    files = json.loads(capsys.readouterr().out)["files"]
    assert files["read"] == 8 == files["used"] + files["inattentive"] + len(files["rejected"])
    assert (files["used"], files["inattentive"]) == (1, 2)
    assert {name: reason.split(";")[0].split(":")[0] for name, reason in files["rejected"].items()} == {
        "other.json": "of another study",
        "more.json": "answers to 1 tweets that the study does not have",
        "odd.json": "an answer is 'perhaps'",
        "torn.json": "no answers",
        "list.json": "no answers",
    }
    show_study(tmp_path / "key.json", [folder], as_json=False)
    assert "8 files read = 1 used + 2 that missed a check + 5 rejected" in capsys.readouterr().out
    with pytest.raises(InputError, match="is not there"):
        show_study(tmp_path / "key.json", [tmp_path / "nowhere"], as_json=True)
    with pytest.raises(InputError, match="is no study's key"):
        read_key(folder / "torn.json")


def test_kappa_is_one_where_all_agree_and_below_nothing_where_none_do() -> None:
    of = items(4)[:8]
    agreed = {one.id: one.right for one in of}
    opposed = {one.id: PERSON if one.right == MACHINE else MACHINE for one in of}
    assert fleiss_kappa([agreed, agreed, agreed], of) == 1
    assert fleiss_kappa([agreed, opposed], of) == pytest.approx(-1)
    assert fleiss_kappa([agreed], of) is None
    assert fleiss_kappa([dict.fromkeys(agreed, PERSON)] * 2, of) is None


def test_the_page_gives_nothing_away_and_lets_no_other_script_run() -> None:
    of = [*items(3), Item("evil", "</blockquote><script>alert(1)</script>", REAL, "Secreto", "")]
    page = page_of(STUDY, of)
    assert "<script>alert" not in page
    assert page.count("<script>") == 1
    assert f"script-src 'sha256-{script_of('study.js').hash}'" in page
    assert script_of("study.js").text in page
    assert not re.search(r"(src|href)=", page)
    shown = re.sub(r"Un tuit (real|escrito) \d+", "", page)
    assert not re.search(r"\b(real|generated|check|Secreto)\b", shown)
    assert re.findall(r'data-item="(\w+)"', page) == [one.id for one in of]


def test_a_study_is_made_of_pairs_of_one_party_and_about_one_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = micro_runs(tmp_path)
    lengths = [len(text) for text in read_dataset(runs["dataset"])["text"].to_pylist()]

    def written(_engine: Any, contexts: Any, _how: Any, seed: int) -> list[GeneratedTweet]:
        drawn = random.Random(seed)
        texts = ["".join(drawn.choice("abcdefghij ") for _ in range(lengths[0])) for _ in contexts]
        return [GeneratedTweet(text, "stop", 9, "m", {}) for text in texts]

    monkeypatch.setattr(making, "write", written)
    model = runs["control"] / "control"
    make_study(runs["dataset"], [model], tmp_path / "study", tweets=2, checks=2, seed=3)
    study, of = read_key(tmp_path / "study" / "key.json")
    assert study in (tmp_path / "study" / "study.html").read_text()
    kinds = {kind: [one for one in of if one.kind == kind] for kind in (REAL, GENERATED, CHECK)}
    assert [len(one) for one in kinds.values()] == [1, 1, 2]
    assert kinds[REAL][0].party == kinds[GENERATED][0].party
    assert len({one.id for one in of}) == len(of)
    with pytest.raises(InputError, match="has a study, whose key would be lost"):
        make_study(runs["dataset"], [model], tmp_path / "study", tweets=2, checks=2, seed=3)
    with pytest.raises(InputError, match=r"pairs .* were found, and 200 are wanted"):
        make_study(runs["dataset"], [model], tmp_path / "more", tweets=400, checks=2, seed=3)


def test_models_are_told_from_the_same_real_tweets_in_each_of_their_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = micro_runs(tmp_path)
    asked: list[int] = []

    def written(_engine: Any, contexts: Any, how: Any, _seed: int) -> list[GeneratedTweet]:
        asked.append(len(contexts))
        word = "zumbido" if how.get("insistence") else "educación camino"
        return [GeneratedTweet(f"{word} {number} " * 3, "stop", 9, "m", {}) for number in range(len(contexts))]

    monkeypatch.setattr(distinguishing, "write", written)
    models = [runs["control"] / "control", runs["casual"] / "casual"]
    given: dict[str, Any] = {"tweets": 12, "seed": 1}
    capsys.readouterr()
    distinguishing.distinguish(runs["dataset"], models, **given, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert [one["decoding"] for one in found] == ["insisting, of 4 drafts", "insisting", "own way", "freely"]
    assert len(set(asked)) == 1 == len({one["tweets"] for one in found})
    assert all(0 <= one["low"] <= one["area"] <= one["high"] <= 1 for one in found)
    assert found[0]["area"] > 0.9, "words that no real tweet has"
    distinguishing.distinguish(runs["dataset"], models, **given, as_json=False)
    assert "not told apart" in capsys.readouterr().out
    with pytest.raises(InputError, match="is a base, which knows nothing of tweets"):
        distinguishing.distinguish(runs["dataset"], [runs["control"] / "base"], **given, as_json=True)
    with pytest.raises(InputError, match="--tweets is 2; it takes at least 5"):
        distinguishing.distinguish(runs["dataset"], models, tweets=2, seed=1, as_json=True)
