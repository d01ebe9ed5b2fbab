"""The page in a real browser: what a visitor does, sees and is told, by mouse, by keyboard, on a phone, by a screen reader."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe

from cli.page.container import ContainerRuntime, serving
from cli.page.serving import page_app
from inference.offered import FILE, to_json
from local.processes.ports import HOST, free_port
from politico.page.writing import State
from tests.support.models import micro_model

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OFFERED = {"entidades": ("Chile", "Senado"), "hashtags": ("#Salud", "#Paz"), "frases": ("la salud",)}
WAIT = 20_000
"""Milliseconds."""


@contextmanager
def shown(runtime: Any) -> Iterator[str]:
    """The page's address before this runtime."""
    server = uvicorn.Server(
        uvicorn.Config(page_app(runtime, "endpoint"), host=HOST, port=(port := free_port()), log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://{HOST}:{port}/page"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerRuntime]:
    """A micro model behind the endpoint's own program."""
    folder = micro_model(tmp_path_factory.mktemp("browser") / "micro")
    (folder / FILE).write_text(to_json(OFFERED), encoding="utf-8")
    with serving(folder) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def address(runtime: ContainerRuntime) -> Iterator[str]:
    with shown(runtime) as address:
        yield address


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A tab of its own, in which nothing may go wrong unheard."""
    context = chromium.new_context(locale="es-CL")
    context.set_default_timeout(WAIT)
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda told: wrong.append(told.text) if told.type == "error" and "Failed to load" not in told.text else None
    )
    page.on("request", lambda request: wrong.append(request.url) if HOST not in request.url else None)
    yield page
    context.close()
    assert wrong == []


def opened(page: Any, address: str, fragment: str = "") -> Any:
    page.goto(address + fragment)
    page.wait_for_selector("#write:not([disabled])")
    return page


def settings(page: Any, **values: Any) -> None:
    page.locator("#settings").evaluate("element => element.open = true")
    for name, value in values.items():
        page.locator(f"#{name}").fill(str(value))


def write(page: Any) -> str:
    """Press the button, wait for the tweet, and give it."""
    page.click("#write")
    page.wait_for_selector(".card[aria-busy=false]")
    return str(page.locator(".card blockquote").first.inner_text())


def test_a_visitor_chooses_asks_and_reads_what_was_written_and_what_of_it_was_asked(page: Any, address: str) -> None:
    opened(page, address)
    page.select_option("#field-partido", "UDI")
    page.select_option("#field-sentimiento", "POSITIVE")
    page.fill("#field-hashtags", "Paz,")
    page.fill("#field-hashtags", "Salud")
    page.press("#field-hashtags", "Enter")
    assert page.locator("#field-hashtags").locator("xpath=preceding-sibling::ul").locator("li").all_inner_texts() == [
        "#Paz\n×",
        "#Salud\n×",
    ]
    settings(page, seed=7)
    text = write(page)
    card = page.locator(".card")
    assert "Sintético" in card.inner_text()
    assert "Partido: UDI" in card.inner_text()
    assert "positivo" in card.inner_text()
    said = [one for one in ("#Paz", "#Salud") if f"✓ dice {one}" in card.inner_text()]
    missing = [one for one in ("#Paz", "#Salud") if f"✗ no dice {one}" in card.inner_text()]
    assert sorted(said + missing) == ["#Paz", "#Salud"]
    assert {one.lower() for one in page.locator(".card mark").all_inner_texts()} == {one.lower() for one in said}
    assert text in page.locator("#status").inner_text()
    assert "Nadie lo dijo" in page.locator(".synthetic").inner_text()


def test_a_link_shows_the_same_tweet_to_somebody_else(page: Any, address: str, chromium: Any) -> None:
    opened(page, address)
    page.fill("#field-entidades", "Chile & «Ñandú» #1")
    page.fill("#prompt", "Hoy más")
    settings(page, temperature=1.2, candidates=2)
    text = write(page)
    link = page.locator(".card input").input_value()
    assert link == page.url
    other = chromium.new_context(locale="en-US").new_page()
    opened(other, link)
    assert "Este enlace" in other.locator("#status").inner_text()
    assert other.locator(".card").count() == 0, "a link writes nothing until it is asked to"
    assert write(other) == text
    other.goto(link.replace("model=micro", "model=another"))
    other.reload()
    other.wait_for_selector("#write:not([disabled])")
    assert "another" in other.locator("#status").inner_text()
    other.context.close()


def test_the_same_again_has_another_seed(page: Any, address: str) -> None:
    opened(page, address)
    write(page)
    before = page.locator(".facts").inner_text()
    page.get_by_role("button", name="Otro igual").click()
    page.wait_for_function(
        "before => document.querySelector('.facts')?.innerText !== before && document.querySelector('.card[aria-busy=false]')",
        arg=before,
    )
    assert page.locator(".facts").inner_text() != before


def test_one_field_changed_stands_beside_with_all_else_the_same(page: Any, address: str) -> None:
    opened(page, address)
    page.select_option("#field-partido", "UDI")
    settings(page, seed=11, candidates=1)
    write(page)
    page.select_option("#changed", "partido")
    assert page.locator("#other option").all_inner_texts() == ["— da igual —", "PVA"]
    page.select_option("#other", "PVA")
    page.get_by_role("button", name="Escribir también así").click()
    page.wait_for_function("() => document.querySelectorAll('.card[aria-busy=false]').length === 2")
    first, second = page.locator(".card").all()
    assert "Partido: UDI" in first.inner_text()
    assert second.locator(".asked strong").inner_text() == "Partido: PVA"
    assert first.locator(".facts").inner_text() == second.locator(".facts").inner_text()
    page.select_option("#changed", "hashtags")
    page.fill("#other", "Paz, Salud")
    page.get_by_role("button", name="Escribir también así").click()
    page.wait_for_function("() => document.querySelector('.asked strong')?.innerText.includes('#Paz')")
    page.wait_for_function("() => document.querySelectorAll('.card[aria-busy=false]').length === 2")


def test_the_page_speaks_english_from_then_on_and_in_its_links(page: Any, address: str) -> None:
    opened(page, address)
    assert page.locator("html").get_attribute("lang") == "es"
    page.select_option("#field-partido", "UDI")
    page.get_by_role("button", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.title() == "This politician does not exist"
    assert page.locator("#field-partido").input_value() == "UDI"
    write(page)
    assert "Synthetic" in page.locator(".card").inner_text()
    assert page.locator(".card blockquote").get_attribute("lang") == "es"
    assert "lang=en" in page.locator(".card input").input_value()
    visible = page.locator("body").inner_text()
    for spanish in ("Escribir", "Partido", "Sintético", "Semilla"):
        assert spanish not in visible


def test_everything_can_be_done_by_keyboard(page: Any, address: str) -> None:
    opened(page, address)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "field-hashtags":
            break
    page.keyboard.type("Paz")
    page.keyboard.press("Enter")
    assert page.locator(".chips button").count() == 1
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert page.locator(".chips button").count() == 0
    assert page.evaluate("document.activeElement.id") == "field-hashtags"
    page.keyboard.press("Enter")  # an empty line's sends the form
    page.wait_for_selector(".card[aria-busy=false]")


class Slow:
    """An endpoint that says what the real one says, an event at a time and no faster than it is let."""

    def __init__(self, runtime: ContainerRuntime, events: list[dict[str, Any]]) -> None:
        self._runtime, self._events, self.next = runtime, events, threading.Semaphore(0)

    def invoke_endpoint(self, **asked: Any) -> Any:
        return self._runtime.invoke_endpoint(**asked)

    def invoke_endpoint_with_response_stream(self, **_asked: Any) -> Any:
        return {"Body": self._parts()}

    def _parts(self) -> Iterator[State]:
        for event in self._events:
            self.next.acquire()
            yield {"PayloadPart": {"Bytes": json.dumps(event).encode() + b"\n"}}


TWEET = {"generated_text": "Hoy en el Senado", "finish_reason": "length", "tokens": 5, "model": "micro", "honoured": {}}


def test_one_draft_is_seen_as_it_is_written(page: Any, runtime: ContainerRuntime) -> None:
    progress = [{"event": "progress", "tokens": n, "longest": 100, "text": text} for n, text in ((1, "Hoy"), (4, "Hoy en el"))]
    slow = Slow(runtime, [*progress, {"event": "tweet", "tweet": TWEET}])
    with shown(slow) as address:
        opened(page, address)
        settings(page, candidates=1)
        page.click("#write")
        assert page.locator("#write").is_disabled()
        for text in ("Hoy", "Hoy en el"):
            slow.next.release()
            page.wait_for_function(
                "text => document.querySelector('.card blockquote.caret')?.innerText.trim() === text", arg=text
            )
            assert page.locator(".card").get_attribute("aria-busy") == "true"
        slow.next.release()
        page.wait_for_selector(".card[aria-busy=false]")
        assert "Se cortó" in page.locator(".card").inner_text()
        assert page.locator("#write").is_enabled()


def test_several_drafts_show_how_far_they_are(page: Any, runtime: ContainerRuntime) -> None:
    slow = Slow(runtime, [{"event": "progress", "tokens": 40, "longest": 100, "text": ""}, {"event": "tweet", "tweet": TWEET}])
    with shown(slow) as address:
        opened(page, address)
        page.click("#write")
        page.get_by_text("Esperando al modelo").wait_for()
        slow.next.release()
        page.wait_for_selector("progress")
        assert page.locator("progress").evaluate("bar => [bar.value, bar.max]") == [40, 100]
        slow.next.release()
        page.wait_for_selector(".card[aria-busy=false]")


def test_a_failure_is_said_in_the_visitors_words_and_leaves_the_form(page: Any, runtime: ContainerRuntime) -> None:
    slow = Slow(runtime, [{"event": "failed", "error": "ModelFailed", "message": "in English"}])
    slow.next.release()
    with shown(slow) as address:
        opened(page, address)
        page.fill("#prompt", "Hoy")
        page.click("#write")
        problem = page.get_by_role("alert").filter(has_text="El modelo falló")
        problem.wait_for()
        assert page.locator(".card").count() == 0
        assert page.locator("#prompt").input_value() == "Hoy"
        assert page.locator("#write").is_enabled()


def test_what_visitors_type_is_text_and_never_markup(page: Any, address: str) -> None:
    opened(page, address)
    page.fill("#field-frases", '<img src=x onerror="alert(1)">')
    page.fill("#prompt", "<b>Hoy</b>")
    text = write(page)
    assert text.startswith("<b>Hoy</b>")
    assert page.locator(".card img, .card b").count() == 0


def test_on_a_phone_nothing_stands_out_of_the_screen(page: Any, address: str) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    opened(page, address)
    page.fill("#field-hashtags", "palabramuylarga" * 5)
    settings(page, candidates=1)
    write(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_wcag_2_2_aa_is_broken_in_any_theme_or_language(page: Any, address: str, scheme: str, language: str) -> None:
    page.emulate_media(color_scheme=scheme)
    opened(page, address, f"#lang={language}")
    axe = Axe()

    def broken() -> list[str]:
        found = axe.run(page, options={"runOnly": {"type": "tag", "values": WCAG}}).response["violations"]
        return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found]

    assert broken() == []
    page.fill("#field-hashtags", "Paz")
    page.press("#field-hashtags", "Enter")
    settings(page, seed=7)
    write(page)
    page.locator("#compare button").click()
    page.wait_for_function("() => document.querySelectorAll('.card[aria-busy=false]').length === 2")
    assert broken() == []
    page.evaluate("complain(new Problem('Busy'))")
    assert broken() == []


def test_the_page_says_so_where_no_model_is_served(page: Any) -> None:
    class Nobody:
        def invoke_endpoint(self, **_asked: Any) -> Any:
            from botocore.exceptions import EndpointConnectionError

            raise EndpointConnectionError(endpoint_url="http://nobody")

    with shown(Nobody()) as address:
        page.goto(address)
        page.get_by_role("alert").filter(has_text="ningún modelo").wait_for()
        assert page.locator("#write").is_disabled()


def test_a_page_elsewhere_can_order_nothing_here(address: str, tmp_path: Path) -> None:
    """Neither by a form, whose type it can't choose, nor under a name of its own that leads here."""
    import urllib.error
    import urllib.request

    def ordering(**headers: str) -> urllib.request.Request:
        order = json.dumps({"inputs": {}, "parameters": {"seed": 7}}).encode()
        return urllib.request.Request(f"{address}/tweets", order, {"Content-Type": "application/json", **headers})

    with urllib.request.urlopen(ordering()) as taken:
        assert taken.status == 202
    for headers, code, said in (
        ({"Content-Type": "text/plain"}, 415, b"application/json"),
        ({"Host": "evil.example"}, 400, b"host"),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(ordering(**headers))
        assert (refused.value.code, said in refused.value.read()) == (code, True)
