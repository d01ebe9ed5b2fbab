"""How models are judged: over the same bytes, on tweets no training saw, by what they were asked for."""

import json
import math
import random
import tarfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.model import load_model, save_model
from politico.control.honoured import honoured, says
from politico.control.political import SCHEMA, VERSION_1
from politico.errors import FileFormatError
from politico.models.settings import EvaluationSettings
from tests.support.models import MICRO_SCHEMA, micro_model, micro_network, micro_tokenizer
from tests.training.test_control_samples import START, row, write_days
from training.dataset.folder import read_dataset
from training.evaluation.adherence import Known, adherence, by_value, distinct, interval, qualities, stammers
from training.evaluation.casual import main as judge_casual
from training.evaluation.evaluate import INSISTING, OWN_WAY, evaluate, known_only, main, summary_lines
from training.evaluation.referee import Referee
from training.evaluation.scoring import Tweet, conditioned, plain, score, unconditioned
from training.evaluation.telling import telling
from training.evaluation.writing import write
from training.folders import open_model

CONTEXT = {
    "partido": ("UDI",),
    "sentimiento": ("POSITIVE",),
    "entidades": ("Añelo", "@sebastianpinera", "Región del Maule"),
    "hashtags": ("#CambioReal",),
    "frases": ("la salud, digna",),
}


def test_honoured_looks_for_whole_words_whatever_their_case_and_accents() -> None:
    text = "¡GRACIAS @SebastianPinera! La región del  maulé merece salud; en Anelo. #cambioreal y la salud digna"
    assert honoured(CONTEXT, text, "NEGATIVE", SCHEMA) == {
        "sentimiento": [("POSITIVE", False)],
        "entidades": [("Añelo", False), ("@sebastianpinera", True), ("Región del Maule", True)],
        "hashtags": [("#CambioReal", True)],
        "frases": [("la salud, digna", True)],
    }


def test_a_part_of_a_word_or_words_apart_do_not_honour() -> None:
    assert not says("El bancosur abrió", "banco")
    assert not says("Región linda del Maule", "Región del Maule")
    assert says("Hoy 🎉 hay fiesta", "🎉")
    assert not says("Hoy hay fiesta", "🎉")


def test_a_hashtag_or_a_mention_counts_only_with_its_sign() -> None:
    assert says("Por la #Salud, hoy", "#salud")
    assert not says("Por la salud, hoy", "#Salud")
    assert not says("Por la #Salud, hoy", "salud")
    assert says("(@Ana_1)", "@ana_1")
    assert not says("Ana_1 dice", "@ana_1")
    # A model of version 1 is asked without the sign, and judged with it.
    assert honoured({"hashtags": ("Ley",)}, "la ley", None, VERSION_1) == {"hashtags": [("Ley", False)]}
    assert honoured({"hashtags": ("Ley",)}, "la #ley", None, VERSION_1) == {"hashtags": [("Ley", True)]}


def test_what_can_not_be_judged_is_left_out() -> None:
    assert honoured({"coalicion": ("Norte Unido",), "partido": ("UDI",), "sentimiento": ("MIXED",)}, "texto", None, SCHEMA) == {}


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_a_text_always_says_its_own_words(words: list[str]) -> None:
    text = " ".join(words)
    assert says(f"antes {text} después", text)


def test_adherence_counts_values_and_distinct_counts_runs() -> None:
    judged = [{"hashtags": [("A", True), ("B", False)]}, {"hashtags": [("C", True), ("D", True)], "frases": [("e", False)]}]
    found = adherence(judged)
    assert {name: (one["asked"], one["share"]) for name, one in found.items()} == {"hashtags": (4, 0.75), "frases": (1, 0.0)}
    assert found["hashtags"]["low"] < 0.75 < found["hashtags"]["high"]
    assert distinct(["uno dos uno dos"], 1) == 0.5
    assert distinct(["uno dos uno dos"], 2) == pytest.approx(2 / 3)
    assert distinct([], 2) == 0.0


def test_a_score_is_the_sum_over_tweets_and_their_ends_computed_one_by_one(tmp_path: Path) -> None:
    model = load_model(micro_model(tmp_path / "micro"))
    tweets = [Tweet(CONTEXT, "La educación pública es el camino"), Tweet({}, "Gracias a los vecinos y vecinas ñandú")]
    for samples in (conditioned(model, tweets), unconditioned(model, tweets), plain(model, tweets)):
        total = 0.0
        for one in samples:
            with torch.no_grad():
                logits = model.network(torch.tensor([one.ids])).logits[0].double().log_softmax(-1)
            total -= sum(float(logits[at - 1, one.ids[at]]) for at in range(one.loss_from, len(one.ids)))
        loss = score(model, samples, tweets)
        assert loss.total == pytest.approx(total, rel=1e-5)
        assert loss.tokens == sum(len(one.ids) - one.loss_from for one in samples)
        assert loss.bytes == sum(len(one.text.encode()) for one in tweets)
        assert loss.words == 13


def test_a_context_newer_than_the_model_is_not_asked_for() -> None:
    assert known_only({"partido": ("Nuevo",), "hashtags": ("Nuevo",)}, MICRO_SCHEMA) == {"hashtags": ("Nuevo",)}


def test_a_packed_model_is_opened_like_an_unpacked_one_and_a_torn_one_is_refused(tmp_path: Path) -> None:
    folder = micro_model(tmp_path / "model")
    packed = tmp_path / "packed"
    packed.mkdir()
    with tarfile.open(packed / "model.tar.gz", "w:gz") as archive:
        for path in folder.iterdir():
            archive.add(path, path.name)
    one, other = open_model(folder), open_model(packed)
    assert torch.equal(one.network.transformer.wte.weight, other.network.transformer.wte.weight)
    content = (packed / "model.tar.gz").read_bytes()
    (packed / "model.tar.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(FileFormatError, match="can't be unpacked"):
        open_model(packed)


def tuned(folder: Path, name: str, cut_day: str, seed: int) -> Path:
    tokenizer = micro_tokenizer()
    network = micro_network(tokenizer, seed=seed)
    save_model(folder, network, tokenizer, MICRO_SCHEMA, {"name": name, "data": {"cut": cut_day}})
    return folder


def opinion(texts: Sequence[str]) -> list[str | None]:
    return ["POSITIVE" for _ in texts]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("evaluation")
    days = {}
    for day in range(6):
        moment = START + timedelta(days=day)
        place = {"text": "educación", "type": "LOCATION", "score": 0.9}
        rows = [row(10 * day + one, moment) for one in range(6)]
        days[moment] = [entry | ({"entities": [place]} if index % 2 else {}) for index, entry in enumerate(rows)]
    return {
        "dataset": write_days(root / "dataset", days),
        "candidate": tuned(root / "candidate", "candidate", "2024-05-04", 1),
        "champion": tuned(root / "champion", "champion", "2024-05-03", 2),
        "base": micro_model(root / "base", name="base"),
        "root": root,
    }


def evaluated(folders: dict[str, Path], *, champion: bool) -> dict[str, Any]:
    settings = EvaluationSettings(max_tweets=8, generated=6)
    return evaluate(
        folders["dataset"], folders["candidate"], folders["base"], folders["champion"] if champion else None, settings, opinion
    )


def test_all_models_are_scored_over_the_same_bytes_of_what_neither_was_trained_on(folders: dict[str, Path]) -> None:
    found = evaluated(folders, champion=True)
    assert found["held_out"]["cut"] == "2024-05-04"
    assert found["held_out"]["tweets"] == 18
    assert found["held_out"]["scored"] == 8
    rows = [
        found["base"],
        found["candidate"],
        found["champion"],
        found["candidate"]["null_context"],
        found["champion"]["null_context"],
    ]
    assert {one["bytes"] for one in rows} == {found["held_out"]["bytes"]}
    assert {one["words"] for one in rows} == {rows[0]["words"]}
    for one in rows:
        assert one["bits_per_byte"] == pytest.approx(one["loss_per_token"] * one["tokens"] / math.log(2) / one["bytes"])
    assert found["candidate"]["bits_per_byte"] != found["champion"]["bits_per_byte"]
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(evaluated(folders, champion=True)))


def test_half_of_what_is_written_asks_for_values_that_training_never_saw(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    hows: list[Any] = []

    def written(engine: Any, contexts: Any, how: Any, seed: int) -> Any:
        hows.append(how)
        return write(engine, contexts, how, seed)

    monkeypatch.setattr("training.evaluation.evaluate.write", written)
    found = evaluated(folders, champion=False)
    assert hows == [INSISTING, OWN_WAY]
    assert found["champion"] is None
    generated = found["generated"]
    assert generated["tweets"] == 6
    assert [one["unseen"] for one in generated["examples"]] == [True, False] * 3
    for kind in ("seen", "unseen"):
        sentiment = generated[kind]["adherence"]["sentimiento"]
        assert (sentiment["asked"], sentiment["share"], sentiment["by_label"]) == (3, 1.0, 1.0)
    # Value by value: the new places are new, the phrase of all tweets is known whoever asks for it.
    assert generated["unseen"]["adherence"].keys() == {"entidades", "sentimiento"}
    assert generated["seen"]["adherence"]["frases"]["asked"] == 6
    assert {"distinct_1", "distinct_2", "copied_from_training", "by_chance", "real", "own_way"} <= generated.keys()
    assert {"share", "low", "high"} <= generated["own_way"]["seen"]["adherence"]["frases"].keys()
    assert generated["real"]["frases"]["share"] == 1.0
    # A neighbour asks for another place: what is written for it honours this one's by chance only.
    own = [held for one in generated["examples"] for _, held in one["honoured"]["entidades"]]
    assert generated["by_chance"]["entidades"]["share"] < sum(own) / len(own)
    for texts in ("written_qualities", "real_qualities"):
        assert {"asked_words", "repeated_pairs", "stammering", "referee_bits_per_byte"} <= generated[texts].keys()
    for one in generated["examples"]:
        assert one["honoured"]["entidades"]
    assert "candidate, with context" in "\n".join(summary_lines(found))


def test_the_evaluation_job_writes_its_file_and_refuses_a_base_model_as_candidate(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def words(candidate: str) -> list[str]:
        given = {
            "dataset": folders["dataset"],
            "candidate": folders[candidate],
            "base": folders["base"],
            "output": tmp_path / "out",
        }
        flags = [word for name, path in given.items() for word in (f"--{name}", str(path))]
        return [*flags, "--max_tweets", "4", "--generated", "2", "--sentiment", "false"]

    assert main(words("candidate")) == 0
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert written["candidate"]["bits_per_byte"] > 0
    assert "sentimiento" not in written["generated"]["seen"]["adherence"]
    assert main(words("base")) == 2
    assert "has no cut; it is no model of tweets" in capsys.readouterr().err


def test_each_value_is_known_or_new_by_itself() -> None:
    known = Known(["Por la #Salud de Chile", "un camino largo"])
    assert known.says("#salud")
    assert not known.says("salud")
    assert known.says("de chile")
    assert not known.says("Chile un camino")  # words of two tweets stand together in neither
    assert known.says("🎉")
    context = {"sentimiento": ("MIXED",), "hashtags": ("#Salud", "#Ley"), "frases": ("un camino",)}
    judged = {"sentimiento": [("MIXED", True)], "hashtags": [("#Salud", True), ("#Ley", False)], "frases": [("un camino", True)]}
    seen, new = by_value(context, judged, known.says, SCHEMA)
    assert seen == {"hashtags": [("#Salud", True)], "frases": [("un camino", True)]}
    assert new == {"sentimiento": [("MIXED", True)], "hashtags": [("#Ley", False)]}
    assert by_value({}, {"sentimiento": [("MIXED", True)]}, known.says, SCHEMA) == ({"sentimiento": [("MIXED", True)]}, {})


def test_writing_one_sentiment_only_does_not_score() -> None:
    judged = [{"sentimiento": [(label, label == "NEUTRAL")]} for label in ["NEUTRAL"] * 7 + ["POSITIVE", "NEGATIVE", "MIXED"]]
    found = adherence(judged)["sentimiento"]
    assert found["share"] == 0.7
    assert found["by_label"] == 0.25


@given(st.integers(0, 50), st.integers(1, 50))
def test_an_interval_holds_its_share_and_narrows_with_more(good: int, more: int) -> None:
    count = good + more
    low, high = interval(good, count)
    assert 0 <= low <= good / count + 1e-9
    assert good / count - 1e-9 <= high <= 1
    narrow_low, narrow_high = interval(100 * good, 100 * count)
    assert narrow_high - narrow_low < high - low


def test_pasting_the_context_is_seen_for_what_it_is() -> None:
    contexts = [{"frases": ("la salud digna", "el barrio"), "hashtags": ("#Ley",)}] * 6
    pasted = ["la salud digna el barrio #Ley"] * 6
    real = [f"Hoy en el barrio {one} pedimos que la salud digna llegue a todos, vecinos. #Ley" for one in range(6)]
    lexicon = frozenset({"hoy", "en", "pedimos", "que", "llegue", "a", "todos", "vecinos"})
    found, expected = (qualities(contexts, texts, lexicon, SCHEMA) for texts in (pasted, real))
    assert found["asked_words"] == 1.0
    assert expected["asked_words"] == pytest.approx(6 / 14, abs=0.01)
    assert found["non_words"] == expected["non_words"] == 0
    assert qualities(contexts, ["pedimox vecinos"] * 6, lexicon, SCHEMA)["non_words"] == 0.5
    assert qualities(contexts, pasted, frozenset(), SCHEMA)["non_words"] is None
    assert stammers("valió la pena, valió la pena y valió la pena")
    assert not stammers("valió la pena, valió la pena")


def test_the_referee_finds_spanish_likelier_than_letters_at_random() -> None:
    referee = Referee([f"La educación pública número {one} es el camino de todos los chilenos" for one in range(50)])
    spanish = referee.bits_per_byte(["La educación pública es el camino"])
    assert spanish < 2
    assert spanish < referee.bits_per_byte(["otro camino de la educación de todas"]) < 6
    assert referee.bits_per_byte(["xq zzkw 😀 qqpw vbn"]) > 6
    assert referee.bits_per_byte([]) == 0.0


def test_a_classifier_tells_what_can_be_told() -> None:
    real = [f"hoy la educación número {one} es de todos" for one in range(30)]
    same = [f"hoy la educación número {one} es de todos" for one in range(30)]
    other = [f"zig zag {one} zum zum" for one in range(30)]
    unlike, alike = telling(other, real, 7), telling(same, real, 7)
    assert unlike is not None
    assert alike is not None
    assert unlike > 0.95
    assert alike == pytest.approx(0.5, abs=0.05)
    assert telling(real[:3], real, 7) is None


def test_what_a_pair_shares_tells_nobody_which_of_them_is_written() -> None:
    drawn = random.Random(1)
    shared = [
        [f"{drawn.choice('bcdfg')}{drawn.choice('aeiou')}{number}palabra{drawn.random()}" for _ in range(6)]
        for number in range(60)
    ]
    real, written = ([" ".join(drawn.sample(words, 6)) for words in shared] for _ in range(2))
    found = telling(written, real, 7)
    assert found is not None
    assert 0.35 < found < 0.65


def free(folder: Path, name: str, parties: str, seed: int) -> Path:
    """A casual model of random weights."""
    tokenizer = micro_tokenizer(SCHEMA)
    card = {"name": name, "data": {"cut": "2024-05-04"}, "settings": {"casual": {"parties": parties}}}
    save_model(folder, micro_network(tokenizer, seed=seed), tokenizer, SCHEMA, card)
    return folder


def test_a_casual_model_is_judged_on_its_parties_tweets_and_told_from_another(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left, right = free(tmp_path / "left", "left", "PVA", 1), free(tmp_path / "right", "right", "UDI", 2)
    named = {
        "candidate": left,
        "other": right,
        "output": tmp_path / "out",
        **{name: folders[name] for name in ("dataset", "base")},
    }
    words = [word for flag, path in named.items() for word in (f"--{flag}", str(path))]
    assert judge_casual([*words, "--generated", "6", "--max_tweets", "8"]) == 0
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    mine = [one for one in read_dataset(folders["dataset"]).to_pylist() if one["party"] == "PVA" and one["dt"] >= "2024-05-04"]
    held_out = found["held_out"]
    assert held_out["tweets"] + held_out["dropped_duplicates"] == len(mine)
    assert held_out["scored"] <= held_out["tweets"] - held_out["near_copies_of_training"] - held_out["too_long"]
    assert found["candidate"]["parties"] == ["PVA"]
    assert found["candidate"]["bytes"] == found["base"]["bytes"] == held_out["bytes"]
    assert found["written"]["tweets"] == min(6, held_out["scored"]) == len(found["written"]["examples"])
    assert (found["apart"]["other"], found["apart"]["parties"]) == ("right", ["UDI"])
    assert "told from right" in capsys.readouterr().out
    control = [str(one) for one in ("--dataset", folders["dataset"], "--base", folders["base"], "--output", tmp_path / "x")]
    assert judge_casual([*control, "--candidate", str(folders["candidate"])]) == 2
    assert "has no parties; it is no casual model" in capsys.readouterr().err
