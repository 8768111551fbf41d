"""The agents' inbox, as a browser without scripts meets it: signing in, reading, acting, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pyotp
import pytest
from fastapi.routing import APIRoute

from mailhub import clock
from mailhub.config.live import Live
from mailhub.web import inbox, pages
from mailhub.web.inbox import lists, undoing
from mailhub.web.inbox.screens import digest_of_static
from mailhub.web.inbox.session import COOKIE
from mailhub.web.inbox.signing_in import _own_path
from mailhub.web.inbox.words import ago, bytes_in_words
from storage.people import users
from tests.houses.asking import Answered, Asker
from tests.houses.gate import PASSWORD

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.web.conftest import Visitor

Visiting = Callable[..., "Visitor"]

OURS = {"sec-fetch-site": "same-origin"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
MAIL = (
    b"From: %s <kim@customer.example>\r\nTo: support@first.example\r\nMessage-ID: <%s@customer.example>\r\n"
    b"Subject: %s\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b'<p>It smokes <b>again</b></p><img src="https://tracker.example/pixel.gif"><script>alert(3)</script>\r\n'
)


@dataclass
class Browser:
    """Keeps its cookie, and says of each form where it comes from."""

    app: FastAPI
    cookie: str = ""
    seen: list[Answered] = field(default_factory=list)

    def get(self, path: str, **headers: str) -> Answered:
        """A page."""
        return self._ask("GET", path, headers)

    def post(self, path: str, headers: Mapping[str, str] | None = None, **fields: str) -> Answered:
        """A form of ours, unless the headers say otherwise."""
        return self._ask("POST", path, OURS if headers is None else headers, urlencode(fields).encode())

    def _ask(self, method: str, path: str, headers: Mapping[str, str], raw: bytes = b"") -> Answered:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent["cookie"] = f"{COOKIE}={self.cookie}"
        answer = Asker(app=self.app)(method, path, raw=raw, headers=sent)
        if given := re.search(rf"{COOKIE}=([^;]*)", answer.headers.get("set-cookie", "")):
            self.cookie = given.group(1).strip('"')
        self.seen.append(answer)
        return answer

    def sign_in(self, email: str = "agent@first.example", account: str = "first", **more: str) -> Answered:
        """By the form."""
        return self.post("/login", None, email=email, password=PASSWORD, account=account, **more)


@pytest.fixture
def office(visiting: Visiting) -> Visitor:
    """The house with its pages, and one mail of a stranger's."""
    visitor = visiting()
    deliver(visitor, b"one", "Kim", "The oven")
    return visitor


def deliver(visitor: Visitor, name: bytes, author: str, subject: str) -> dict[str, int]:
    """A mail to the first account; its message and ticket."""
    raw = MAIL % (author.encode(), name, subject.encode())
    target = "/v1/deliveries?recipient=support@first.example"
    answer = Asker(app=visitor.app, uid=0)("POST", target, raw=raw)
    assert answer.status == 200, answer.body
    found: dict[str, int] = answer.json["outcomes"][0]
    return found


def signed_in(office: Visitor) -> Browser:
    """An agent's browser."""
    browser = Browser(office.app)
    assert browser.sign_in().status == 303
    return browser


def test_whoever_is_not_signed_in_is_asked_to_and_comes_back(office: Visitor) -> None:
    """From the page they wanted to the form, and from there to the page."""
    browser = Browser(office.app)
    sent = browser.get("/tickets?view=mine")
    assert (sent.status, sent.headers["location"]) == (303, "/login?next=%2Ftickets%3Fview%3Dmine")
    assert b'name="next" value="/tickets?view=mine"' in browser.get(sent.headers["location"]).body
    answer = browser.sign_in(next="/tickets?view=mine")
    assert (answer.status, answer.headers["location"]) == (303, "/tickets?view=mine")
    assert browser.get("/tickets?view=mine").status == 200


def test_the_cookie_is_kept_from_scripts_and_from_the_clear(office: Visitor) -> None:
    """Secure, HttpOnly, Lax, for this host alone; and it opens the inbox alone, as a bearer opens the API alone."""
    browser = Browser(office.app)
    answer = browser.sign_in()
    given = {each.strip().lower() for each in answer.headers["set-cookie"].split(";")}
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= given
    assert not any(each.startswith("domain") for each in given)
    assert answer.headers["set-cookie"].startswith("__Host-")

    cookie = {"cookie": f"{COOKIE}={browser.cookie}"}
    assert Asker(app=office.app)("GET", "/v1/tickets", headers=cookie).status == 401
    bearer = {"authorization": f"Bearer {browser.cookie}"}
    assert Asker(app=office.app)("GET", "/v1/tickets", headers=bearer).status == 200
    assert Asker(app=office.app)("GET", "/tickets", headers=bearer).status == 303


def test_a_wrong_sign_in_says_one_thing_and_keeps_the_name(office: Visitor) -> None:
    """Whatever was wrong; the password is not sent back."""
    browser = Browser(office.app)
    answers = [
        browser.post("/login", email=email, password=password)
        for email, password in (("agent@first.example", "wrong wrong"), ("nobody@first.example", PASSWORD))
    ]
    assert [each.status for each in answers] == [401, 401]
    assert all(
        b"wrong login, password or code" in each.body and PASSWORD.encode() not in each.body
        for each in answers
    )
    assert browser.cookie == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example", "host": "mail.example.com"},
        {"origin": "null", "host": "mail.example.com"},
        {"host": "mail.example.com"},
        {},
    ],
)
def test_every_form_of_elsewhere_is_refused(office: Visitor, headers: dict[str, str]) -> None:
    """Each route that takes a form, by the table of routes: nothing happens unless a page of ours sent it."""
    browser = signed_in(office)
    routes = [route for route in _inbox_routes() if "POST" in (route.methods or ())]
    assert len(routes) >= 10
    for route in routes:
        answer = browser.post(_filled(route.path), headers, email="a@b.example", password=PASSWORD, text="x")
        assert answer.status == 403, route.path
        assert "set-cookie" not in answer.headers


def test_a_browser_that_says_only_its_origin_is_believed(office: Visitor) -> None:
    """Where Sec-Fetch-Site is missing, Origin equal to the host is as good."""
    browser = signed_in(office)
    ours = {"origin": "https://mail.example.com", "host": "mail.example.com"}
    assert browser.post("/tickets/1/take", ours).status == 303


def test_no_page_is_there_without_a_session_nor_for_another_account(office: Visitor) -> None:
    """By enumeration: every route but the door and the static files; and ids of another account lead nowhere."""
    stranger, other = Browser(office.app), Browser(office.app)
    theirs = str(deliver(office, b"five", "Kim", "The kettle")["message"])
    for route in _inbox_routes():
        method = "POST" if "POST" in (route.methods or ()) else "GET"
        if route.path in ("/", "/login", "/static/{digest}/{name}"):
            continue
        answer = stranger.get(_filled(route.path)) if method == "GET" else stranger.post(_filled(route.path))
        assert answer.status == (303 if method == "GET" else 401), route.path
        assert method == "POST" or answer.headers["location"].startswith("/login?next="), route.path

    cheap = office.house.passwords.hash(PASSWORD)

    office.house.writer.run(lambda tx: users.set_password(tx.connection, 2, 22, cheap))
    assert other.sign_in(account="second").status == 303
    other_home = other.get("/tickets")
    if other_home.headers.get("location") == "/login/enrol":
        _enrol(other)
    for route in _inbox_routes():
        if "{ticket}" in route.path or "{message}" in route.path:
            path = _filled(route.path).replace("1000000001", theirs)
            answer = (
                other.post(path, text="x", label="spam", days="1")
                if "POST" in (route.methods or ())
                else other.get(path)
            )
            assert answer.status == 404, (route.path, answer.status)


def test_who_needs_a_second_factor_gets_nothing_else_first(office: Visitor) -> None:
    """Enrolment: the password once more, a secret, a code of it, recovery codes; then the inbox, and the code counts."""
    browser = Browser(office.app)
    assert browser.sign_in("owner@first.example").status == 303
    assert browser.get("/tickets").headers["location"] == "/login/enrol"
    assert browser.post("/tickets/1/close").headers["location"] == "/login/enrol"
    assert browser.post("/login/enrol", password="not this one").status == 401
    app, codes = _enrol(browser)
    assert len(codes) == 10
    assert browser.get("/tickets").status == 200
    assert browser.get("/login/enrol").status == 303
    again = Browser(office.app)
    assert again.sign_in("owner@first.example").status == 401
    assert again.sign_in("owner@first.example", code=codes[0]).status == 303
    assert app.secret.encode() not in b"".join(each.body for each in again.seen)


def _enrol(browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    page = browser.post("/login/enrol", password=PASSWORD).body.decode()
    secret = re.search(r"secret: <code>([A-Z2-7]+)</code>", page)
    assert secret is not None
    assert "<svg" in page
    app = pyotp.TOTP(secret.group(1))

    done = browser.post("/login/enrol/confirm", code=app.at(clock.now() // 1_000_000))
    assert done.status == 200, done.body
    return app, re.findall(r"<li><code>([^<]+)</code>", done.body.decode())


def test_an_office_behind_one_address_works(office: Visitor) -> None:
    """People who are signed in have counts of their own; a stranger at their address uses up the address's alone."""
    people = [signed_in(office) for _ in range(2)]
    for browser in people:
        assert browser.get("/tickets").status == 200
    configuration = office.house.configuration
    limits = replace(configuration.now.limits, requests_per_address=10, requests_per_user=1000)
    assert isinstance(configuration, Live)
    configuration.replace(replace(configuration.now, limits=limits))
    stranger = Browser(app=office.app)
    assert [stranger.get("/login").status for _ in range(12)][-1] == 429
    assert [browser.get("/tickets").status for _ in range(20) for browser in people] == [200] * 40


def test_signing_out_ends_the_session(office: Visitor) -> None:
    """The cookie goes, what the browser kept goes, and the session opens nothing any more."""
    browser = signed_in(office)
    kept = browser.cookie
    answer = browser.post("/logout")
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    browser.cookie = kept
    assert browser.get("/tickets").status == 303


def test_a_list_shows_what_waits_and_a_search_finds_it(office: Visitor) -> None:
    """By view, by words, by number."""
    deliver(office, b"two", "Lea", "A bill")
    browser = signed_in(office)
    page = browser.get("/tickets").body.decode()
    assert page.index("The oven") < page.index("A bill")  # who waits longest comes first
    assert "Nothing is yours" in browser.get("/tickets?view=mine").body.decode()
    assert browser.get("/tickets?view=nonsense").status == 400
    assert "The oven" in browser.get("/search?q=smokes").body.decode()
    assert "No message has all of these words" in browser.get("/search?q=zanzibar").body.decode()
    assert browser.get("/search?q=%231").headers["location"] == "/tickets/1"


def test_a_search_goes_on_behind_a_page(office: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link to older ones is there as long as there are any, and keeps the words."""
    monkeypatch.setattr(lists, "ROWS", 1)
    deliver(office, b"two", "Lea", "A bill")
    browser = signed_in(office)
    found, target = [], "/search?q=it%20smokes"
    for _ in range(5):
        page = browser.get(target).body.decode()
        found += re.findall(r"<b>([^<]*)</b>", page)
        older = re.search(r'href="(/search[?][^"]*)">Older', page)
        if older is None:
            break
        target = older[1].replace("&amp;", "&")
    assert found == ["A bill", "The oven"]
    assert browser.get("/search?q=smokes&after=0").status == 400


def test_acts_are_forms_and_each_can_be_undone(office: Visitor) -> None:
    """Take, leave, close, reopen, trash, restore, note: what the page shows afterwards."""
    browser = signed_in(office)
    for act, shown in (
        ("take", "agent@first.example &middot;"),
        ("leave", "nobody&#39;s &middot;"),
        ("close", '"state closed"'),
        ("reopen", '"state open"'),
        ("pend", '"state pending"'),
        ("reopen", '"state open"'),
        ("trash", '"state trash"'),
        ("restore", '"state open"'),
    ):
        assert browser.post(f"/tickets/1/{act}").status == 303
        assert shown in browser.get("/tickets/1").body.decode(), act
    assert browser.post("/tickets/1/note", text=HOSTILE).status == 303
    page = browser.get("/tickets/1").body.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    closed = browser.post("/tickets/1/close").headers["location"]
    assert '<form method="post" action="/tickets/1/reopen">' in browser.get(closed).body.decode()


def test_a_ticket_is_put_off_and_seen(office: Visitor) -> None:
    """For days that are offered, nothing else; what was seen is unread no more until somebody says so."""
    browser = signed_in(office)
    assert 'class="unread"' in browser.get("/tickets").body.decode()
    assert 'class="unread"' in browser.get("/search?q=smokes").body.decode()
    assert browser.post("/tickets/1/seen").status == 204
    assert 'class="unread"' not in browser.get("/tickets").body.decode()
    assert browser.post("/tickets/1/unseen").status == 303
    assert 'class="unread"' in browser.get("/tickets").body.decode()
    assert browser.post("/tickets/1/snooze", days="2000").status == 400
    done = browser.post("/tickets/1/snooze", days="3").headers["location"]
    assert "Nobody waits" in browser.get("/tickets").body.decode()
    assert "#1 is put off." in browser.get(done).body.decode()
    assert "The oven" in browser.get("/tickets?view=snoozed").body.decode()


def test_an_answer_is_kept_sent_and_taken_back(office: Visitor) -> None:
    """As it was written, recipients included; an old version overwrites nothing, what came meanwhile stops it."""
    browser = signed_in(office)
    text = f"Dear Kim,\r\n{HOSTILE}\r\n"
    form = _form(browser)
    assert (form["to"], form["version"]) == ("kim@customer.example", "0")
    assert browser.post("/tickets/1/draft", None, **form | {"text": text}).body == b"2"
    again = _form(browser)
    assert again["version"] == "2"
    page = browser.get("/tickets/1").body.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "The oven" in browser.get("/drafts").body.decode()

    old = browser.post("/tickets/1/answer", None, **form | {"text": "from another window"})
    assert old.status == 409
    assert "from another window" in old.body.decode()
    assert "Dear Kim" in old.body.decode()

    sent = browser.post("/tickets/1/answer", None, **again | {"text": text})
    assert sent.status == 303
    undo = re.search(r'action="(/drafts/[0-9]+/undo)"', browser.get(sent.headers["location"]).body.decode())
    assert undo is not None
    assert browser.post(undo.group(1)).status == 303
    back = _form(browser)
    assert (back["to"], back["version"]) == ("kim@customer.example", "3")
    assert "Dear Kim" in browser.get("/tickets/1").body.decode()


def test_what_came_meanwhile_stops_a_send(office: Visitor) -> None:
    """A note of a colleague's: it is shown, and sent only by who says that they read it."""
    browser, colleague = signed_in(office), Browser(office.app)
    form = _form(browser) | {"text": "Dear Kim, turn it off."}
    assert colleague.sign_in("owner@first.example").status == 303
    _enrol(colleague)
    assert colleague.post("/tickets/1/note", text="I called them").status == 303
    stopped = browser.post("/tickets/1/answer", None, **form)
    assert stopped.status == 412
    assert 'name="anyway"' in stopped.body.decode()
    assert "I called them" in stopped.body.decode()
    assert browser.post("/tickets/1/answer", None, **_form_in(stopped) | {"anyway": "yes"}).status == 303


def test_an_answer_that_is_refused_comes_back_as_it_was_written(office: Visitor) -> None:
    """With the reason above it; an address that mail cannot go to, an own address, nothing written."""
    browser = signed_in(office)
    for changed in ({"to": "nobody"}, {"to": "support@first.example"}, {"text": ""}):
        form = _form(browser) | {"text": "Dear Kim, it burns."} | changed
        refused = browser.post("/tickets/1/answer", None, **form)
        assert refused.status == 409, changed
        assert 'role="alert"' in refused.body.decode()
        if form["text"]:
            assert "it burns" in refused.body.decode()
    assert browser.post("/tickets/1/answer", text="x", version="-1").status == 400
    assert browser.post("/tickets/1/answer", None, **_form(browser) | {"text": "x" * 70_000}).status == 409
    assert browser.post("/tickets/1/answer", text="x" * 1_000_000).status in (400, 413)


def _form(browser: Browser) -> dict[str, str]:
    return _form_in(browser.get("/tickets/1"))


def _form_in(page: Answered) -> dict[str, str]:
    """What the form of an answer would send."""
    html = page.body.decode()
    form = html[html.index("data-keep=") :]
    fields = {name: _value(form, name) for name in ("version", "seen", "to", "cc")}
    text = re.search(r"<textarea[^>]*>([^<]*)</textarea>", form)
    assert text is not None
    return fields | {"text": unescape(text.group(1))}


def _value(form: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', form)
    assert found is not None, name
    return unescape(found.group(1))


def test_a_mark_teaches_and_its_undo_teaches_it_back(office: Visitor) -> None:
    """Spam: the ticket follows; undo: the filter is byte for byte as before."""
    found = deliver(office, b"three", "Draw", "You have won")
    browser = signed_in(office)

    def digest() -> str:
        asked = Asker(app=office.app, uid=0)("POST", "/v1/spam/verify?account=first")
        return str(asked.json["digest"])

    before = digest()
    marked = browser.post(f"/messages/{found['message']}/mark", label="spam")
    assert marked.status == 303
    after = digest()
    assert after != before
    page = browser.get(marked.headers["location"]).body.decode()
    assert f'action="/messages/{found["message"]}/unmark"' in page
    assert "You have won" in browser.get("/tickets?view=spam").body.decode()
    assert browser.post(f"/messages/{found['message']}/unmark").status == 303
    assert digest() == before
    assert browser.post(f"/messages/{found['message']}/mark", label="eggs").status == 400


def test_what_a_hold_restricts_no_page_shows(office: Visitor) -> None:
    """An agent gets neither ticket, mail, HTML, file nor reasons; in a list, no name and no subject."""
    owner = Asker(app=office.app, uid=0)
    found = deliver(office, b"four", "Zanzibar", "Quagga")
    hold = {"kind": "ticket", "object": found["ticket"], "reason": "claim"}
    assert owner("POST", "/v1/holds?account=first", hold).status == 201
    browser = signed_in(office)
    page = browser.get("/tickets").body.decode()
    assert "(restricted by a hold)" in page
    assert "Quagga" not in page
    assert "Zanzibar" not in page
    for path in ("/html", "/why", "/files/0", "/inline/0"):
        assert browser.get(f"/messages/{found['message']}{path}").status == 403, path
    assert browser.get(f"/tickets/{found['ticket']}").status == 403
    assert browser.post(f"/messages/{found['message']}/mark", label="spam").status == 403


def test_a_strangers_html_stands_behind_three_walls(office: Visitor) -> None:
    """Sanitised, in a frame without scripts, under a policy of its own; asked for by anything else, the ticket."""
    browser = signed_in(office)
    page = browser.get("/tickets/1").body.decode()
    [message] = re.findall(r'<iframe src="/messages/([0-9]+)/html"', page)
    [sandbox] = re.findall(r'<iframe [^>]*sandbox="([^"]*)"', page)
    assert "allow-scripts" not in sandbox
    framed = browser.get(f"/messages/{message}/html", sec_fetch_dest="iframe", sec_fetch_site="same-origin")
    assert framed.status == 200
    assert "<b>again</b>" in framed.body.decode()
    assert "tracker.example" not in framed.body.decode()
    assert "alert(3)" not in framed.body.decode()
    policy = framed.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-same-origin")
    assert "script-src 'none'" in policy
    assert browser.get(f"/messages/{message}/html").status == 303
    elsewhere = browser.get(f"/messages/{message}/html", sec_fetch_dest="iframe", sec_fetch_site="cross-site")
    assert elsewhere.status == 303


@pytest.mark.parametrize(
    "path", ["//evil.example/", "https://evil.example/", "/\\evil.example", "tickets", "/v1/x", "/\tx", ""]
)
def test_next_never_leads_elsewhere(path: str) -> None:
    """CWE-601: a path of ours, or home."""
    assert _own_path(path) == "/tickets"


def test_every_page_says_what_it_may_load_and_is_not_kept(office: Visitor) -> None:
    """One policy, for pages and refusals alike; static files may be kept for good, under the name of what is in them."""
    browser = signed_in(office)
    for path in ("/tickets", "/tickets/1", "/tickets/99", "/help/keys", "/search?q=x"):
        answer = browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert answer.headers["cache-control"] == "no-store"
    style = browser.get(f"/static/{digest_of_static()}/inbox.css")
    assert (style.status, style.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    for missing in (
        "0000000000000000/inbox.css",
        f"{digest_of_static()}/..%2Fscreens.py",
        f"{digest_of_static()}/x",
    ):
        assert browser.get(f"/static/{missing}").status == 404


def test_what_was_done_is_read_strictly() -> None:
    """Only acts that are known, with numbers where numbers belong."""
    assert undoing.of("closed-17") == undoing.Undoable("#17 is closed.", "/tickets/17/reopen")
    assert undoing.of("spam-17-42") == undoing.Undoable(
        "#17: marked as spam; the filter has learnt it.", "/messages/42/unmark"
    )
    for nonsense in (
        "",
        "closed",
        "closed-",
        "closed-x",
        "closed-1-2",
        "spam-1",
        "spam-1-2-3",
        "erase-1",
        "closed-../x",
    ):
        assert undoing.of(nonsense) is None, nonsense


def test_templates_hold_no_script_style_or_unescaped_value() -> None:
    """What the policy would block anyway; and one value is ours and not escaped: the QR code."""
    folder = Path(inbox.__file__).parent / "templates"
    texts = {each.name: each.read_text() for each in folder.iterdir()}
    assert len(texts) >= 10
    for name, text in texts.items():
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:|\|\s*safe|autoescape", text), name
        assert len(re.findall(r"\|\s*ours", text)) == (name == "enrol.html"), name
        for tag in re.findall(r"<script[^>]*>", text):
            assert 'src="{{ static }}/' in tag, name
        for form in re.findall(r"<form[^>]*method[^>]*>", text):
            assert 'action="' in form, name
    size = sum(each.stat().st_size for each in (folder.parent / "static").iterdir() if each.suffix == ".js")
    assert size <= 32 * 1024
    assert (folder.parent / "static" / "inbox.css").stat().st_size <= 16 * 1024


def test_values_in_words() -> None:
    """Ages and sizes as people say them."""
    minute = 60_000_000
    ages = [ago(0, each * minute) for each in (0, 1, 59, 60, 47 * 60, 48 * 60, 60 * 24 * 400)]
    assert ages == ["now", "1 min", "59 min", "1 h", "47 h", "2 d", "400 d"]
    assert [bytes_in_words(each) for each in (0, 999, 1000, 14_499, 3_140_000)] == [
        "0 B",
        "999 B",
        "1 KB",
        "14 KB",
        "3.1 MB",
    ]


def _inbox_routes() -> list[APIRoute]:
    """Every route of the inbox, out of its modules' own tables."""
    found = [each for module in pages.INBOX for each in module.router.routes if isinstance(each, APIRoute)]
    assert len(found) >= 20
    return found


def _filled(path: str) -> str:
    """A path with names that the first account has: its first ticket and message."""
    for name, value in (
        ("ticket", "1"),
        ("message", "1000000001"),
        ("index", "0"),
        ("digest", "x"),
        ("name", "y"),
        ("draft", "1000000001"),
    ):
        path = path.replace(f"{{{name}}}", value)
    return path
