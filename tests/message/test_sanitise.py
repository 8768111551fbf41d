"""HTML for display: nothing active, nothing remote, formatting kept; held by a parser that is not the sanitiser's."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mailhub.message import limits, sanitise
from mailhub.message.values import TEXT_BYTES
from tests.attacks.xss_vectors import vectors

_VECTORS = list(vectors())
_LINK = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
_ACTIVE_STYLE = re.compile(
    r"url|expression|import|behavior|binding|position|[\\@{}<>&]|:\s*-|--", re.IGNORECASE
)
_ALLOWED = frozenset(sanitise._TAGS)


class _Finder(HTMLParser):
    """Collects what must not be there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _ALLOWED:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith(("on", "xlink", "form", "data-")) or name in (
                "srcdoc",
                "srcset",
                "ping",
                "id",
                "name",
                "class",
            ):
                self.found.append(name)
            elif name == "style" and _ACTIVE_STYLE.search(value or ""):
                self.found.append(f"style={value}")
            elif (name == "href" and not _LINK.match(value or "")) or name == "src":
                self.found.append(f"{name}={value}")

    def handle_comment(self, data: str) -> None:
        self.found.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.found.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.found.append("instruction")


def _active(html: str) -> list[str]:
    finder = _Finder()
    finder.feed(html)
    finder.close()
    return finder.found


def test_there_are_vectors_of_every_class() -> None:
    """The set holds more than 200 vectors, and the second parser sees something active in nearly all of them."""
    assert len(_VECTORS) > 200
    assert len({name for name, _ in _VECTORS}) >= 10
    seen = sum(bool(_active(vector)) for _, vector in _VECTORS)
    assert seen > 0.9 * len(_VECTORS)


@pytest.mark.parametrize(
    ("name", "vector"), _VECTORS, ids=[f"{name}-{at}" for at, (name, _) in enumerate(_VECTORS)]
)
def test_nothing_active_is_left(name: str, vector: str) -> None:
    """A vector, alone and inside of a page, leaves nothing active, however often the result is cleaned again."""
    for page in (
        vector,
        f"<div><p>before{vector}after</p><b>end</b></div>",
        f"<table><tr><td>{vector}</td></tr></table>",
    ):
        once = sanitise.clean(page, {})
        assert _active(once) == []
        assert sanitise.clean(once, {}) == once


def test_all_vectors_together_leave_nothing_active() -> None:
    """Vectors that open what others close do not help each other."""
    assert _active(sanitise.clean("".join(vector for _, vector in _VECTORS), {})) == []
    assert _active(sanitise.clean("".join(vector for _, vector in reversed(_VECTORS)), {})) == []


class _Proxy:
    """Answers nothing and remembers what it was asked for: the only way out that the browser is given."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError):  # the test closes the socket
            while True:
                peer, _ = self.server.accept()
                with peer, suppress(OSError):
                    peer.settimeout(2)
                    self.asked.append(peer.recv(500))


@pytest.fixture
def browse(
    tmp_path: Path, require_service: Callable[[bool, str], None]
) -> Iterator[Callable[[str], tuple[bool, bool]]]:
    """Show a body in headless Chromium: (whether a script ran, whether evil.example was asked for)."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    require_service(browser is not None, "Chromium is not installed (Debian: chromium)")
    assert browser is not None
    proxy = _Proxy()

    def show(body: str) -> tuple[bool, bool]:
        page = tmp_path / "page.html"
        page.write_text(
            f"<!doctype html><script>function hit(){{document.title='hit'}}</script><body>{body}", "utf-8"
        )
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ]
        options += [
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--proxy-server=127.0.0.1:{proxy.server.getsockname()[1]}",
        ]
        options += ["--virtual-time-budget=3000", "--dump-dom", page.as_uri()]
        proxy.asked.clear()
        done = subprocess.run([browser, *options], capture_output=True, timeout=120, check=True)
        return b"<title>hit</title>" in done.stdout, any(b"evil.example" in asked for asked in proxy.asked)

    yield show
    proxy.server.close()


def test_no_vector_runs_or_fetches_in_a_browser(browse: Callable[[str], tuple[bool, bool]]) -> None:
    """In headless Chromium a vector as written runs and fetches; sanitised, all of them together do neither."""
    assert browse("<img src=x onerror=hit(1)><img src=http://evil.example/x>") == (True, True)
    assert browse("<hr>".join(sanitise.clean(vector, {}) for _, vector in _VECTORS)) == (False, False)


def test_formatting_stays() -> None:
    """Paragraphs, emphasis, lists, tables, links and harmless styles are shown."""
    page = '<p style="color: red; font-family: Arial, sans-serif">a <b>b</b></p><ul><li>c</li></ul>'
    page += '<table><tbody><tr><td align="left">d</td></tr></tbody></table>'
    assert sanitise.clean(page, {}) == page


def test_a_link_opens_apart() -> None:
    """Links lead to a new window that cannot reach back, and name no one as the referrer."""
    expected = (
        '<a href="https://x.example/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">x</a>'
    )
    assert expected == sanitise.clean('<a href="https://x.example/?a=1&b=2">x</a>', {})


def test_an_inline_image_is_served_from_here() -> None:
    """A cid: image known to us gets our URL; an unknown or remote one keeps its alternative text only."""
    urls = {"logo@x": "/v1/inline/1"}
    assert sanitise.clean('<img src="cid:logo@x" alt="l">', urls) == '<img src="/v1/inline/1" alt="l">'
    assert sanitise.clean('<img src="cid:other" alt="l">', urls) == '<img alt="l">'
    assert sanitise.clean('<img src="https://x.example/p.gif" alt="l">', urls) == '<img alt="l">'


def test_depth_is_capped_first() -> None:
    """Elements beyond limits.HTML_DEPTH are left out before a tree builder sees them; their text stays."""
    shown = sanitise.clean("<div>" * 3_000 + "x" + "</div>" * 3_000, {})
    assert shown.count("<div>") == limits.HTML_DEPTH
    assert "x" in shown


def test_size_is_capped_first() -> None:
    """No more than TEXT_BYTES characters are looked at."""
    assert len(sanitise.clean("x" * (TEXT_BYTES + 5), {})) == TEXT_BYTES


def test_text_that_looks_like_markup_stays_text() -> None:
    """A mail about HTML shows its examples."""
    assert sanitise.clean("<p>write &lt;b&gt; & 1 < 2</p>", {}) == "<p>write &lt;b&gt; &amp; 1 &lt; 2</p>"


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("color:red;background:url(x)", "color: red"),
        ("font-family:'Segoe UI',Arial", "font-family: 'Segoe UI',Arial"),
        ("color:rgb(1, 2, 3)!important", "color: rgb(1, 2, 3)!important"),
        ("margin:-5px;padding:2px", "padding: 2px"),
        ("position:fixed", ""),
        ("color", ""),
        ("font-family:'x;color:red", "color: red"),
    ],
)
def test_only_declarations_that_format_text_stay(style: str, expected: str) -> None:
    """Each declaration stands or falls alone."""
    assert expected == sanitise.style(style)
