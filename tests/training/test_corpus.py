"""The corpus job: from exports and plain text to a tokenizer and shards whose counts reconcile."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inference.model import codec_for, open_tokenizer
from politico.control.political import SCHEMA
from politico.control.words import SIGNS
from politico.lake.tombstones import fingerprint
from politico.models.seen import FILE as SEEN_FILE
from politico.models.seen import Seen
from politico.models.settings import CorpusSettings
from tests.support.paths import SHARED
from tests.training.test_control_samples import START, row, write_days
from training.corpus import cleaning
from training.corpus.cleaning import ALONE
from training.corpus.documents import DOCUMENT_CHARACTERS, Document, LeftOut, collection_files, group_paragraphs, read_documents
from training.corpus.prepare import main, prepare_corpus
from training.corpus.shards import read_shard
from training.corpus.vocabulary import byte_lengths
from training.corpus.wikitext import Markup, clean_wikitext
from training.dataset.folder import read_dataset

WIKITEXT = """{{Ficha de ciudad|nombre=Montelora|población={{formatnum:1200}}}}
[[Archivo:Plaza.jpg|miniatura|La [[plaza]] mayor]]
'''Montelora''' (en latín: {{lang|la|Mons}}) es una [[ciudad]] de [[Aravela|la República]].<ref name="a">Censo, p. 5</ref>
Tiene 1200 habitantes<ref name="a" /> y un [https://example.org puerto].<!-- nota <ref> -->

== Historia ==
=== Fundación ===
* Se fundó en 1613 , según [[:Categoría:Crónicas|las crónicas]].
*

{| class="wikitable"
! Año !! Habitantes
|-
| 1900 || 300
|}
<gallery>
Archivo:Uno.jpg|Uno
</gallery>
== Enlaces externos ==
* {{sitio web}}
[[Categoría:Ciudades]]
[[fr:Montelora]]
__NOTOC__
"""

PROSE = """Montelora (en latín: Mons) es una ciudad de la República.
Tiene 1200 habitantes y un puerto.
Historia
Fundación
Se fundó en 1613, según las crónicas."""

EXPORT = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.99/" xml:lang="es">
<siteinfo><namespaces><namespace key="0" /><namespace key="6">Archivo</namespace>
<namespace key="14">Categoría</namespace></namespaces></siteinfo>
{pages}
</mediawiki>"""


def page(title: str, text: str, namespace: int = 0, extra: str = "") -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f"<page><title>{title}</title><ns>{namespace}</ns><id>1</id>{extra}<novelty>1</novelty>"
        f"<revision><text>old</text></revision><revision><text>{escaped}</text></revision></page>"
    )


def export(*pages: str) -> str:
    return EXPORT.format(pages="\n".join(pages))


def paragraphs(count: int, word: str = "palabra") -> str:
    return "\n\n".join(f"El párrafo {number} habla de la {word} {number} y de otras cosas del país." for number in range(count))


def test_wikitext_keeps_prose_and_link_labels_and_drops_the_rest() -> None:
    assert clean_wikitext(WIKITEXT, Markup()) == PROSE


def test_a_marker_in_the_middle_of_a_line_is_punctuation_and_not_a_list() -> None:
    assert clean_wikitext("Tres ciudades: Olmo; Pino y Roble # uno", Markup()) == "Tres ciudades: Olmo; Pino y Roble # uno"


def test_markup_that_is_never_closed_is_left_out_with_its_line() -> None:
    assert clean_wikitext("Buen texto.\n{{abierta\n| uno = dos\nOtro texto.", Markup()) == "Buen texto.\nOtro texto."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mide {{unidad|357022|km|2}} en total.", "Mide 357022 km² en total."),
        ("Pesa {{unidad|5,5|kg}}.", "Pesa 5,5 kg."),
        ("Tiene {{formatnum:83149300}} habitantes.", "Tiene 83149300 habitantes."),
        ("Tiene {{esd|83 149 300}} habitantes.", "Tiene 83 149 300 habitantes."),
        ("Nació el {{fecha|12|5|1810}} en Olmo.", "Nació el 12 de mayo de 1810 en Olmo."),
        ("Nació el {{fecha|1810|5|12}} en Olmo.", "Nació el 12 de mayo de 1810 en Olmo."),
        ("En el {{siglo|XIX||s}} hubo tres.", "En el siglo XIX hubo tres."),
        ("A {{convertir|5|km|mi}} del puerto.", "A 5 km del puerto."),
        ("De {{convert|2|to|5|km|mi}} de largo.", "De 2 to 5 km de largo."),
        ("Mide {{convert|5|ft|10|in|m}} de alto.", "Mide de alto."),
        ("Son {{unidad|1,5|e=6|km}} de hilo.", "Son de hilo."),
        ("En el {{siglo|V|a|s}} se hizo.", "En el siglo V a. C. se hizo."),
        ("La {{lang|la|2=a=b}} fue.", "La a=b fue."),
        ("Los {{nowrap|12 000 [[habitante]]s}} votaron.", "Los 12 000 habitantes votaron."),
        ("La {{lang|la|Pax {{nowrap|Romana}}}} duró.", "La Pax Romana duró."),
        ("Según {{cita requerida}} dicen.{{ref|1}}", "Según dicen."),
        ("Un {{Ficha de ciudad|nombre={{nowrap|Olmo}}|población=3}}pueblo.", "Un pueblo."),
        ("{{unidad}} y {{fecha}} y {{siglo}} no dicen nada.", "y y no dicen nada."),
    ],
)
def test_a_template_stays_as_the_number_date_or_word_that_it_shows(text: str, shown: str) -> None:
    assert clean_wikitext(text, Markup()) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("La ''Ilíada'''s y el '''Cid'''.", "La Ilíada's y el Cid."),
        ("Dice l'''amour''.", "Dice l'amour."),
        ("Un '''''fuerte''''' golpe.", "Un fuerte golpe."),
        ("Cuatro ''''quotes'''' aquí.", "Cuatro 'quotes' aquí."),
        ("Siete '''''''a''''''' b.", "Siete ''a'' b."),
        ("Sin cerrar ''nunca\nni aquí ''tampoco", "Sin cerrar nunca\nni aquí tampoco"),
        ("El d'Artagnan 'solo' no cambia.", "El d'Artagnan 'solo' no cambia."),
    ],
)
def test_bold_and_italics_go_and_apostrophes_stay(text: str, shown: str) -> None:
    assert clean_wikitext(text, Markup()) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Antes [[Archivo:A b.jpg|miniatura|La [[plaza]] de [http://x.org aquí] y {{esd|1 2}}]] después.", "Antes después."),
        ("Antes [[ archivo : a.tiff ]] después.", "Antes después."),
        ("Antes [[Categoría:Uno|dos]] después.", "Antes después."),
        ("Antes [[Bild_Text:Uno]] después.", "Antes después."),
        ("Antes [[zh-min-nan:Ou]] después.", "Antes después."),
        ("Antes [[:Categoría:Uno|dos]] después.", "Antes dos después."),
        ("Antes [[es:Uno|dos]] después.", "Antes dos después."),
        ("Antes [[Guerra: una historia]] después.", "Antes Guerra: una historia después."),
        ("Escriba a [mailto:info@x.cl correo], [HTTPS://x.cl sitio] o [irc://x.cl/a canal].", "Escriba a correo, sitio o canal."),
        ("Uno [//x.cl/a] y [http://x.cl/b]", "Uno y"),
        ("Un [corchete] y [nota: así] quedan.", "Un [corchete] y [nota: así] quedan."),
    ],
)
def test_links_that_show_no_text_are_out_and_others_show_their_label(text: str, shown: str) -> None:
    markup = Markup(Markup().hidden_namespaces | {"bild text"})
    assert clean_wikitext(text, markup) == shown


def test_what_a_break_parts_is_no_word() -> None:
    assert clean_wikitext("Uno<br>dos<br/>tres <small>y</small> H<sub>2</sub>O", Markup()) == "Uno\ndos\ntres y H2O"


@pytest.mark.parametrize(
    "page",
    ["=" * 20_000 + "a", "{{a|" * 3_000 + "}}" * 3_000, "a (" + "," * 20_000, "'" * 20_001, "[[" * 20_000, "<ref>" * 2_000],
    ids=["heading", "templates", "commas", "quotes", "links", "references"],
)
@pytest.mark.timeout(60)
def test_a_page_that_somebody_spoilt_does_not_hold_the_others_up(page: str) -> None:
    found = cleaning._plain(Document(f"Antes.\n{page}\nDespués.", Markup()))
    assert isinstance(found, LeftOut) or "Antes." in found


def test_a_collection_that_was_stopped_goes_on_where_it_was_and_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = [page(f"A{number}", f"El artículo {number} trata de ''Montelora''.") for number in range(40)]
    pages.insert(7, page("Otra", "#REDIRECCIÓN [[A1]]", extra='<redirect title="A1" />'))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "wiki.xml").write_text(export(*pages), encoding="utf-8")
    settings = CorpusSettings(vocabulary_size=400, held_out_share=0.1)
    whole = prepare_corpus(tmp_path / "in", tmp_path / "whole", settings)
    monkeypatch.setattr(cleaning, "BLOCK", 10)
    cleaned: list[str] = []

    def stops(text: str, markup: Markup) -> str:
        if len(cleaned) == 25 and "going on" not in "".join(said):
            raise KeyboardInterrupt
        cleaned.append(text)
        return clean_wikitext(text, markup)

    said: list[str] = []
    monkeypatch.setattr(cleaning, "clean_wikitext", stops)
    with pytest.raises(KeyboardInterrupt):
        prepare_corpus(tmp_path / "in", tmp_path / "stopped", settings)
    assert (tmp_path / "stopped" / cleaning.DOCUMENTS_FILE).is_file()
    said.append("going on")
    found = prepare_corpus(tmp_path / "in", tmp_path / "stopped", settings)
    assert "going on after 20 documents" in capsys.readouterr().out
    assert len(cleaned) == 25 + 40 - 19, "nineteen of the first twenty are no redirects, and were cleaned before"
    assert found == whole
    for name in ("train.bin", "held_out.bin", "tokenizer.json"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not list((tmp_path / "stopped").glob("*.part*"))


@pytest.mark.parametrize("other", ["files", "limit", "torn", "state"])
def test_what_was_cleaned_of_another_collection_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    text = tmp_path / "in.txt"
    text.write_text("\n\n".join(paragraphs(60) for _ in range(30)), encoding="utf-8")
    monkeypatch.setattr(cleaning, "BLOCK", 3)
    kept = tmp_path / cleaning.DOCUMENTS_FILE
    expected = cleaning.collect([text], tmp_path / "expected.jsonl", 100)
    cleaning.collect([text], kept, 0.01 if other == "limit" else 100)
    state = kept.with_suffix(".json")
    if other == "files":
        text.write_text(text.read_text() + "\n\nUno más.", encoding="utf-8")
        expected = cleaning.collect([text], tmp_path / "other.jsonl", 100)
    elif other == "torn":
        kept.write_bytes(kept.read_bytes()[:-5])
    elif other == "state":
        state.write_text("{")
    assert cleaning.collect([text], kept, 100) == expected
    assert kept.read_bytes() == (tmp_path / ("other.jsonl" if other == "files" else "expected.jsonl")).read_bytes()


def test_lists_and_pages_that_only_lead_to_others_are_left_out_and_counted(tmp_path: Path) -> None:
    pages = [
        page("Olmo", "Olmo es un ''pueblo'' con mar."),
        page("Pino", "Pino es otro pueblo, sin mar."),
        page("Roble (desambiguación)", "Roble puede ser: * un árbol\n{{desambiguación}}"),
        page("Anexo:Alcaldes de Olmo", "* Uno\n* Otro"),
        page("Lista de puertos", "* Uno\n* Otro"),
        page("Listas negras", "Las listas negras son una costumbre de otra época."),
    ]
    (tmp_path / "wiki.xml").write_text(export(*pages), encoding="utf-8")
    found = prepare_corpus(tmp_path, tmp_path / "out", CorpusSettings(vocabulary_size=400, held_out_share=0.3))
    assert found["documents"] == {"read": 6, "kept": 3, "left_out": {"list": 2, "disambiguation": 1}}


def test_an_export_gives_the_newest_revision_of_articles_that_are_no_redirects(tmp_path: Path) -> None:
    text = export(
        page("Uno", "Texto uno"),
        page("Otro", "#REDIRECCIÓN [[Uno]]", extra='<redirect title="Uno" />'),
        page("Discusión:Uno", "Charla", namespace=1),
    )
    (tmp_path / "wiki.xml.bz2").write_bytes(bz2.compress(text.encode()))
    found = list(read_documents(collection_files(tmp_path)))
    assert found[1:] == [LeftOut("redirect"), LeftOut("other_namespace")]
    assert isinstance(found[0], Document)
    assert found[0].text == "Texto uno"


@pytest.mark.parametrize(
    ("suffix", "pack"), [("", bytes), (".bz2", bz2.compress), (".gz", gzip.compress), (".xz", lzma.compress)]
)
def test_every_compression_gives_the_same_documents(tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    text = paragraphs(200)
    (tmp_path / f"text.txt{suffix}").write_bytes(pack(text.encode()))
    found = [one.text for one in read_documents(collection_files(tmp_path)) if isinstance(one, Document)]
    assert found == list(group_paragraphs(text.splitlines()))


def test_a_large_block_is_cleaned_on_all_cores_and_stays_in_order(tmp_path: Path) -> None:
    pages = [page(f"A{number}", f"El ''artículo'' {number} trata de [[Montelora]].") for number in range(ALONE)]
    (tmp_path / "wiki.xml").write_text(export(*pages), encoding="utf-8")
    prepare_corpus(tmp_path, tmp_path / "out", CorpusSettings(vocabulary_size=400, held_out_share=0.01))
    tokenizer = open_tokenizer(tmp_path / "out" / "tokenizer.json")
    texts = tokenizer.decode(read_shard(tmp_path / "out" / "train.bin").tolist(), skip_special_tokens=False).split(SCHEMA.end)
    numbers = [number for number in range(ALONE) if number != ALONE // 2]
    assert texts[:-1] == [f"El artículo {number} trata de Montelora." for number in numbers]


def test_plain_text_becomes_documents_of_whole_paragraphs_without_losing_a_word() -> None:
    text = paragraphs(300)
    documents = list(group_paragraphs(text.splitlines()))
    assert len(documents) > 2
    assert all(len(one) >= DOCUMENT_CHARACTERS for one in documents[:-1])
    assert " ".join(documents).split() == text.split()
    assert all(line.startswith("El párrafo") for one in documents for line in one.splitlines())


def test_a_text_without_blank_lines_is_many_documents_too() -> None:
    assert len(list(group_paragraphs(["una línea que sigue y sigue"] * 1000))) > 2


def test_the_counts_of_a_corpus_reconcile_with_its_shards(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    pages = [page(f"A{number}", f"El artículo {number} trata de [[Montelora]] y del río {number}.") for number in range(40)]
    pages += [page("B", "{{solo una plantilla}}"), page("C", "x", namespace=2), page("D", "x", extra="<redirect/>")]
    (source / "wiki.xml").write_text(export(*pages), encoding="utf-8")
    (source / "book.txt").write_text(paragraphs(400), encoding="utf-8")
    target = tmp_path / "out"
    words = ["--input", str(source), "--output", str(target), "--vocabulary_size", "400", "--held_out_share", "0.1"]
    assert main(words) == 0
    statistics = json.loads((target / "corpus.json").read_text())
    documents = statistics["documents"]
    assert documents["left_out"] == {"other_namespace": 1, "redirect": 1, "empty": 1}
    assert documents["read"] == documents["kept"] + sum(documents["left_out"].values())
    tokenizer = open_tokenizer(target / "tokenizer.json")
    end = codec_for(tokenizer, SCHEMA).ids[SCHEMA.end]
    lengths = byte_lengths(tokenizer)
    for name in ("train", "held_out"):
        tokens, counted = read_shard(target / f"{name}.bin"), statistics[name]
        assert len(tokens) == counted["tokens"]
        assert int((tokens == end).sum()) == counted["documents"]
        assert int(lengths[tokens].sum()) == counted["bytes"]
    assert statistics["train"]["documents"] + statistics["held_out"]["documents"] == documents["kept"]
    assert statistics["vocabulary_size"] == tokenizer.get_vocab_size() == 400


def test_the_tokens_of_a_shard_are_the_documents_again(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(paragraphs(200), encoding="utf-8")
    prepare_corpus(tmp_path, tmp_path / "out", CorpusSettings(vocabulary_size=400, held_out_share=0.3))
    tokenizer = open_tokenizer(tmp_path / "out" / "tokenizer.json")
    end = tokenizer.token_to_id(SCHEMA.end)
    texts = []
    for name in ("train", "held_out"):
        tokens = np.array(read_shard(tmp_path / "out" / f"{name}.bin"))
        texts += [tokenizer.decode(one.tolist()) for one in np.split(tokens, np.flatnonzero(tokens == end) + 1)[:-1]]
    assert sorted(one.removesuffix(SCHEMA.end) for one in texts) == sorted(group_paragraphs(paragraphs(200).splitlines()))


def test_a_marker_written_in_a_text_stays_text(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(f"{SCHEMA.end} [TWEET] hola\n\n" * 600, encoding="utf-8")
    prepare_corpus(tmp_path, tmp_path / "out", CorpusSettings(vocabulary_size=300, held_out_share=0.3))
    tokenizer = open_tokenizer(tmp_path / "out" / "tokenizer.json")
    tokens = read_shard(tmp_path / "out" / "train.bin")
    assert tokenizer.token_to_id("[TWEET]") not in tokens
    ends = int((tokens == tokenizer.token_to_id(SCHEMA.end)).sum())
    assert ends == json.loads((tmp_path / "out" / "corpus.json").read_text())["train"]["documents"]


def test_what_is_over_the_limit_is_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(paragraphs(2000), encoding="utf-8")
    settings = CorpusSettings(vocabulary_size=400, max_megabytes=0.02, held_out_share=0.3)
    documents = prepare_corpus(tmp_path, tmp_path / "out", settings)["documents"]
    assert documents["kept"] == 5
    assert documents["read"] == 5 + documents["left_out"]["over_max_megabytes"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("nothing", None, "holds no file"),
        ("text.pdf", b"%PDF", "neither .xml nor .txt"),
        ("wiki.xml", b"<html><body/></html>", "is no MediaWiki export: it begins with <html>"),
        ("wiki.xml", b"<mediawiki><page>", "wiki.xml can't be read"),
        ("wiki.xml", b"", "wiki.xml can't be read"),
        ("text.txt", b"\xff\xfe\x00", "text.txt can't be read"),
        ("text.txt.gz", b"not gzip", "text.txt.gz can't be read"),
        ("text.txt.xz", b"not xz", "text.txt.xz can't be read"),
        ("text.txt.bz2", bz2.compress(b"word " * 9999)[:-9], "text.txt.bz2 can't be read"),
        ("text.txt", b"\n \n", "gave 0 documents with text"),
    ],
)
def test_an_input_that_can_not_be_used_is_one_sentence_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, expected: str
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    if content is not None:
        (source / name).write_bytes(content)
    assert main(["--input", str(source), "--output", str(tmp_path / "out"), "--vocabulary_size", "300"]) == 2
    said = capsys.readouterr().err
    assert expected in said
    assert said.startswith("error: ")
    assert "Traceback" not in said


def test_an_unknown_flag_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--inputs", "x"]) == 2
    assert "unknown flag --inputs; there are --input, --output, --dataset, --cut, --vocabulary_size" in capsys.readouterr().err


def test_the_tokenizer_learns_from_the_training_tweets_too_and_names_them(tmp_path: Path) -> None:
    source, dataset = tmp_path / "in", tmp_path / "dataset"
    source.mkdir()
    (source / "text.txt").write_text(paragraphs(400), encoding="utf-8")
    texts = {1: "Hoy en Villaflorida pedimos #AguaParaTodos", 2: "Por Villaflorida, #AguaParaTodos", 3: "Otra vez Cumbrealta"}
    days = {
        START.replace(day=day): [row(10 * day + one, START.replace(day=day), text) for one in range(3)]
        for day, text in texts.items()
    }
    write_days(dataset, days)
    label = read_dataset(dataset)["sentiment"][0].as_py()
    given = ["--input", str(source), "--vocabulary_size", "600", "--held_out_share", "0.3", "--dataset", str(dataset)]
    assert main([*given, "--output", str(tmp_path / "with"), "--cut", "2024-05-03"]) == 0
    assert main([*given, "--output", str(tmp_path / "without"), "--cut", "2024-05-03", "--learn_from_tweets", "false"]) == 0
    tokens = {
        name: [
            len(open_tokenizer(tmp_path / name / "tokenizer.json").encode(" " + word).ids)
            for word in ("Villaflorida", "Cumbrealta", label)
        ]
        for name in ("with", "without")
    }
    assert tokens["with"][0] == 1 < tokens["without"][0]
    assert tokens["with"][2] == 1 < tokens["without"][2]  # what its context is labelled with
    assert tokens["with"][1] > 1  # a held-out tweet's word is nobody's
    seen = Seen.read((tmp_path / "with" / SEEN_FILE).read_bytes())
    trained_on, held_out = (
        [fingerprint(str(1000 + 10 * day + one)) for day in some for one in range(3)] for some in ((1, 2), (3,))
    )
    assert (len(seen), len(seen.among(trained_on)), len(seen.among(held_out))) == (6, 6, 0)
    assert not (tmp_path / "without" / SEEN_FILE).exists()
    counts = [json.loads((tmp_path / name / "corpus.json").read_text())["tokenizer_tweets"] for name in ("with", "without")]
    assert counts == [6, 0]


def test_a_dataset_without_its_cut_day_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--input", str(tmp_path), "--output", str(tmp_path / "out"), "--dataset", str(tmp_path)]) == 2
    assert "--dataset needs --cut" in capsys.readouterr().err


def test_words_that_a_tokenizer_knows_are_whole_and_any_other_text_comes_back_from_its_pieces(tmp_path: Path) -> None:
    """As in the thesis's table 2: known words are one token, `yu8ausy` is pieces, and nothing is lost."""
    (tmp_path / "text.txt").write_text(paragraphs(400, "educación"), encoding="utf-8")
    found = prepare_corpus(tmp_path, tmp_path / "out", CorpusSettings(vocabulary_size=500, held_out_share=0.3))
    tokenizer = open_tokenizer(tmp_path / "out" / "tokenizer.json")
    for word in ("párrafo", "educación", "país"):
        assert len(tokenizer.encode(f" {word}").ids) == 1, word
    assert len(tokenizer.encode(" yu8ausy").ids) > 3
    for text in (
        "yu8ausy",
        "¡Ñandú, cigüeña, él y ella!",
        "🌊🇨🇱👩‍👩‍👧 ok",
        "e\u0301 decompuesta",
        "\u200bnada\u00a0más",
        "日本語",
    ):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text
    assert found["held_out"]["bytes_per_token"] > 3


def test_every_tokenizer_has_the_signs_of_a_tweet_as_one_token(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(paragraphs(400), encoding="utf-8")
    prepare_corpus(tmp_path, tmp_path / "out", CorpusSettings(vocabulary_size=400, held_out_share=0.3))
    tokenizer = open_tokenizer(tmp_path / "out" / "tokenizer.json")
    assert [len(tokenizer.encode(f" {sign}").ids) for sign in SIGNS] == [1, 1]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared Wikipedia export is not on this machine")
def test_a_real_article_has_no_markup_left() -> None:
    (found,) = read_documents([SHARED / "wikipedia" / "es-minidump.xml.bz2"])
    assert isinstance(found, Document)
    assert found.markup is not None
    text = clean_wikitext(found.text, found.markup)
    assert text.startswith("Berlín (en alemán: Berlin) es la capital de Alemania")
    assert not [line for line in text.splitlines() if any(mark in line for mark in ("{{", "}}", "[[", "]]", "|", "<", "px"))]
    assert "Categoría" not in text
    assert len(text) > 30_000
