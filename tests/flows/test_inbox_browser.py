"""The inbox in a real browser (Debian's Chromium, driven by Playwright): keys, the wall around a stranger's HTML, and
that nothing is fetched from elsewhere. Everything the page complains about fails the test.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, sync_playwright

if TYPE_CHECKING:
    from tests.houses.hub import Hub

CHROMIUM = Path("/usr/bin/chromium")
GUARD_MILLISECONDS = 120_000
AGENT, PASSWORD = "ana@example.com", "correct horse battery staple 9"

HOSTILE = (  # each tries to run a script, to leave its frame, or to call home
    '<script>parent.document.title="owned"</script>',
    '<img src="http://HOME/a.gif" onerror="top.document.title=\'owned\'">',
    '<svg onload="parent.document.title=\'owned\'"><image href="http://HOME/b.svg"/></svg>',
    '<iframe src="http://HOME/c.html"></iframe><iframe srcdoc="&lt;script&gt;top.owned=1&lt;/script&gt;"></iframe>',
    '<meta http-equiv="refresh" content="0;url=http://HOME/d.html"><base href="http://HOME/">',
    '<link rel="stylesheet" href="http://HOME/e.css"><link rel="preconnect" href="http://HOME">'
    "<style>@import url(http://HOME/f.css)</style>",
    '<div style="background:url(http://HOME/g.png);position:fixed;inset:0">x</div>',
    '<form action="http://HOME/h"><button>Sign in again</button></form>'
    '<video src="http://HOME/i" poster="http://HOME/j"></video>',
    '<a href="javascript:parent.document.title=\'owned\'">click</a><object data="http://HOME/k"></object>',
    "<math><mtext><table><mglyph><style><!--</style>"
    "<img title=\"--&gt;&lt;img src=1 onerror=parent.document.title='owned'&gt;\">",
)


@dataclass
class Watched:
    """A page, and everything it complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def goes_to(self, pattern: str) -> None:
        """Wait until the address ends like this."""
        self.page.wait_for_url(re.compile(pattern), timeout=GUARD_MILLISECONDS)


@dataclass
class Home:
    """A listener that nobody should call: the connections it saw."""

    address: str
    calls: list[object]


@contextmanager
def listening() -> Iterator[Home]:
    """On loopback, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        calls: list[object] = []

        def take() -> None:
            while True:
                try:
                    connection, peer = server.accept()
                except OSError:
                    return
                connection.close()
                calls.append(peer)

        taking = threading.Thread(target=take)
        taking.start()
        yield Home(f"127.0.0.1:{server.getsockname()[1]}", calls)
        server.shutdown(socket.SHUT_RDWR)
        taking.join()


@pytest.fixture(scope="module")
def chromium(require_service: Callable[[bool, str], None]) -> Iterator[Browser]:
    """One browser for the tests of this file."""
    require_service(CHROMIUM.exists(), "Chromium is not installed (Debian: chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def office(idle_hub: Hub) -> Hub:
    """A daemon with an agent who has a password."""
    idle_hub.environment |= {"MAILHUB_HTTP__ENABLED": "true", "MAILHUB_HTTP__PORT": "0"}
    idle_hub.start()
    printed = idle_hub.run("user", "add", AGENT, "--print").stdout
    link = re.search(rb"mhl_\w+", printed)
    assert link is not None, printed
    body = {"link": link.group().decode(), "password": PASSWORD}
    idle_hub.call("POST", "/v1/links/use", body=body)
    return idle_hub


@contextmanager
def sitting(
    chromium: Browser, office: Hub, *, width: int = 1280, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Watched]:
    """An agent who signed in."""
    host, port = office.address("http")
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, base_url=f"http://{host}:{port}", color_scheme=scheme
    )
    try:
        watched = Watched(context.new_page())
        page = watched.page
        page.on("console", lambda message: watched.complaints.append(message.text))
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.goto("/tickets")
        page.locator("#email").fill(AGENT)
        page.locator("#password").fill(PASSWORD)
        page.keyboard.press("Enter")
        watched.goes_to("/tickets$")
        yield watched
        assert watched.complaints == []
    finally:
        context.close()


def mail(subject: str, html: str) -> bytes:
    """A mail of HTML."""
    head = f"From: kim@customer.example\r\nTo: support@example.com\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
    return f"{head}Content-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n".encode()


def test_a_day_by_keyboard_alone(chromium: Browser, office: Hub) -> None:
    """Open, close, undo, mark, undo, note, why, search: single keys, and nothing while one types."""
    for number in range(3):
        office.send(mail(f"Oven {number}", f"<p>It smokes {number} times.</p>"))
    with sitting(chromium, office) as watched:
        page = watched.page
        press = page.keyboard.press
        press("j")
        press("j")
        press("Enter")
        watched.goes_to("/tickets/2$")
        press("e")
        watched.goes_to("done=closed-2$")
        assert page.locator(".tickets li").count() == 2
        press("z")
        watched.goes_to("/tickets/2$")
        press("!")
        watched.goes_to("done=spam-2-")
        press("z")
        watched.goes_to("/tickets/2#m[0-9]+$")
        press("n")
        page.keyboard.type("e! the oven is theirs #")
        assert page.locator("#note-text").input_value() == "e! the oven is theirs #"
        press("Tab")
        press("Enter")
        watched.goes_to("#end$")
        assert "the oven is theirs" in page.locator("article.note").inner_text()
        press("w")
        watched.goes_to("/why$")
        press("u")
        watched.goes_to("/tickets/2#m")
        press("/")
        page.keyboard.type("#3")
        press("Enter")
        watched.goes_to("/tickets/3$")


def test_an_answer_is_kept_while_it_is_typed_and_sent_once(chromium: Browser, office: Hub) -> None:
    """Saved by itself, there again after a reload, sent with its newest text: refused in words without a relay."""
    office.send(mail("Oven", "<p>It smokes.</p>"))
    with sitting(chromium, office) as watched:
        page = watched.page
        page.goto("/tickets/1")
        page.keyboard.press("r")
        page.keyboard.type("Dear Kim, turn it off.")
        page.get_by_text("kept as a draft").wait_for(timeout=GUARD_MILLISECONDS)
        page.goto("/tickets/1")
        assert page.locator("#text").input_value() == "Dear Kim, turn it off."
        page.locator("#text").fill("Dear Kim, turn it off, please.")
        page.get_by_role("button", name="Send", exact=True).click()
        watched.goes_to("/tickets/1/answer$")
        assert "no relay is configured" in page.get_by_role("alert").inner_text()
        assert page.locator("#text").input_value() == "Dear Kim, turn it off, please."
        assert watched.complaints == [
            "Failed to load resource: the server responded with a status of 409 (Conflict)"
        ]
        watched.complaints.clear()


def test_a_strangers_mail_runs_nothing_and_calls_nobody(chromium: Browser, office: Hub) -> None:
    """Ten hostile mails, opened as their senders made them: no script, no connection, no complaint of the frame."""
    with listening() as home:
        for number, html in enumerate(HOSTILE):
            office.send(mail(f"Hostile {number}", html.replace("HOME", home.address)))
        with sitting(chromium, office) as watched:
            page = watched.page
            for number in range(1, len(HOSTILE) + 1):
                page.goto(f"/tickets/{number}")
                if page.locator("details.html").count() == 0:
                    continue
                page.locator("details.html > summary").click()
                frame = page.locator("iframe").element_handle()
                assert frame is not None
                content = frame.content_frame()
                assert content is not None
                content.wait_for_url(re.compile("/messages/[0-9]+/html$"), timeout=GUARD_MILLISECONDS)
                assert page.title().startswith(f"#{number} Hostile")
                assert urlsplit(page.url).path == f"/tickets/{number}"
        assert home.calls == []


def test_on_a_phone_nothing_is_wider_than_the_screen(chromium: Browser, office: Hub) -> None:
    """At 320 px: list, ticket, reasons; and forms work by touch alone (WCAG 1.4.10)."""
    office.send(mail("A_very_long_word_" * 12, "<p>" + "unbroken" * 60 + "</p>"))
    with sitting(chromium, office, width=320) as watched:
        page = watched.page
        for path in ("/tickets", "/tickets/1", "/help/keys"):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        page.goto("/tickets/1")
        page.get_by_role("button", name="Close", exact=True).click()
        watched.goes_to("done=closed-1$")


def test_axe_finds_nothing(chromium: Browser, office: Hub) -> None:
    """WCAG 2.2 AA as far as a machine can tell: every screen, empty and full, light and dark."""
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    for number in range(2):
        office.send(mail(f"Oven {number}", f"<p>It smokes {number} times.</p>"))
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        with sitting(chromium, office, scheme=scheme) as watched:
            page = watched.page
            page.goto("/tickets/1")
            why = page.locator("[data-key=w]").get_attribute("href") or ""
            lists = (
                "/tickets",
                "/tickets?view=trash",
                "/tickets?done=closed-1",
                "/search?q=smokes",
                "/help/keys",
            )
            for path in (*lists, "/tickets/1", why, "/login"):
                page.goto(path)
                found = Axe().run(page, options=rules).response
                assert len(found["passes"]) > 10, path
                assert [each["id"] for each in found["violations"]] == [], (scheme, path)
