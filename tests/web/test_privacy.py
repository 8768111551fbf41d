"""The pages on which a person asks about their own data: plain HTML, one button, nothing given away."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from sqlalchemy import func, select

from mailhub.api.frame.app import create_app
from mailhub.config import Admin
from mailhub.config.live import Live
from mailhub.privacy import erasure
from mailhub.proof import receipts
from mailhub.web.html import POLICY
from mailhub.web.pages import install
from mailhub.web.room import ASKS_A_MINUTE
from storage.privacy.erasures import list_erasures
from storage.privacy.holds import Hold, add_hold
from storage.schema import contact, privacy_request
from tests.houses.asking import Asker

if TYPE_CHECKING:
    from tests.web.conftest import Visitor

KIM = "kim@customer.example"
SUPPORT = "support@first.example"

Visiting = Callable[..., "Visitor"]


def asked(visitor: Visitor, kind: str = "erasure", address: str = KIM) -> str:
    """Ask on the page; the path of the mailed link."""
    assert visitor.post("/privacy", mailbox=SUPPORT, address=address, kind=kind).status == 200
    return visitor.letters()[-1][2]


def rows(visitor: Visitor, table: object) -> int:
    with visitor.house.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def test_a_person_erases_himself(visiting: Visiting) -> None:
    """Ask, open, press: the key is shown once, then the receipt it proves; the person is gone."""
    visitor = visiting()
    path = asked(visitor)
    shown = visitor.get(path)
    assert (shown.status, b"Erase everything about me" in shown.body) == (200, True)
    pressed = visitor.post(path)
    [key] = re.findall(rb"<pre>([0-9a-f]{64})</pre>", pressed.body)
    assert key not in visitor.get(path).body
    parts = visitor.house.erasure()
    with visitor.house.database.read() as connection:
        [row] = list_erasures(connection, 1)
    assert visitor.post(f"{path}/receipt").status == 404
    assert erasure.run(parts, 1, row.id).state == "done"
    receipt = visitor.post(f"{path}/receipt")
    assert receipt.headers["content-type"] == "application/json"
    body = receipts.verify(receipt.body.decode(), receipts.public_key_of(visitor.house.keys))
    assert receipts.is_about(body, KIM, bytes.fromhex(key.decode()))
    assert (rows(visitor, contact), visitor.letters()) == (0, [])


def test_a_hold_is_told(visiting: Visiting) -> None:
    """An erasure that a hold stops is not said to be under way."""
    visitor = visiting()
    visitor.post(path := asked(visitor))
    row = Hold(
        account_id=1, id=77, kind="contact", object_id=101, reason="claim", actor="user:11", created_at=1
    )  # fmt: skip
    visitor.house.writer.run(lambda tx: add_hold(tx.connection, row))
    with visitor.house.database.read() as connection:
        [begun] = list_erasures(connection, 1)
    assert erasure.run(visitor.house.erasure(), 1, begun.id).state == "held"
    assert b"A legal hold keeps your data" in visitor.get(path).body


def test_a_person_fetches_a_copy(visiting: Visiting) -> None:
    """Ask, open, press, fetch: a zip, with nothing behind a GET."""
    visitor = visiting()
    path = asked(visitor, "export")
    assert visitor.post(f"{path}/copy").status == 404  # not before it was confirmed
    assert b"Fetch the copy" in visitor.post(path).body
    assert visitor.get(f"{path}/copy").status == 405
    copy = visitor.post(f"{path}/copy")
    assert (copy.status, copy.headers["content-type"], copy.body[:2]) == (200, "application/zip", b"PK")


def test_the_answer_is_the_same_whatever_is_known(visiting: Visiting) -> None:
    """Known or not, ours or nobody's, a mailbox that is not there: byte for byte the same page, and no other row."""
    visitor = visiting()
    addresses = [
        KIM,
        "nobody@customer.example",
        "owner@first.example",
        SUPPORT,
        "no address",
        "a@b\r\nBcc: c@d",
    ]
    answers = {
        visitor.post("/privacy", mailbox=SUPPORT, address=each, kind="erasure").body for each in addresses
    }
    answers |= {visitor.post("/privacy", mailbox="x@y.example", address=KIM, kind="erasure").body}
    answers |= {visitor.post("/privacy", mailbox="delete@hub.example", address=KIM, kind="erasure").body}
    assert len(answers) == 1
    assert [(kind, to) for kind, to, _ in visitor.letters()] == [("erasure-link", KIM)]


def test_the_answer_does_not_wait_for_the_look(visiting: Visiting) -> None:
    """While the writer is busy the page is answered: its time tells nothing of what is looked up behind it."""
    visitor, gate = visiting(), Event()
    busy = visitor.house.writer.submit(lambda tx: gate.wait(60))
    answer = visitor.post("/privacy", mailbox=SUPPORT, address=KIM, kind="erasure")
    still_busy = not busy.done()
    gate.set()
    assert (answer.status, still_busy) == (200, True)
    assert len(visitor.letters()) == 1


def test_what_opens_links_changes_nothing(visiting: Visiting) -> None:
    """Scanners of mail GET and HEAD every link, again and again: the request still waits for its button."""
    visitor = visiting()
    path = asked(visitor)
    before = rows(visitor, privacy_request)
    for _ in range(3):
        assert visitor.get(path).status == 200
        assert visitor.ask("HEAD", path).status == 405
        assert visitor.ask("OPTIONS", path).status == 405
    assert (rows(visitor, privacy_request), rows(visitor, contact)) == (before, 1)
    assert visitor.post(path).status == 200
    assert visitor.post(path).status == 404


@pytest.mark.parametrize("path", ["/privacy", "/password"])
def test_one_client_may_not_ask_without_end(visiting: Visiting, path: str) -> None:
    """After some asks in a minute the client waits, whatever they ask; another one does not."""
    visitor = visiting()
    fields = {"mailbox": SUPPORT, "address": "x@y.example", "kind": "export", "email": "x@y.example"}
    said = [visitor.post(path, **fields).status for _ in range(ASKS_A_MINUTE + 1)]
    assert said == [200] * ASKS_A_MINUTE + [429]
    assert "retry-after" in visitor.seen[-1].headers
    visitor.peer = "198.51.100.7"
    assert visitor.post(path, **fields).status == 200


def test_nothing_that_is_sent_becomes_html(visiting: Visiting) -> None:
    """A mailbox in the address of the page is text in a field, whatever it is."""
    visitor = visiting()
    for vector in (
        '"><script>hit(1)</script>',
        "' onfocus=hit(1) x='",
        "</title><svg/onload=hit(1)>",
        "\u2028<img src=x>",
    ):
        page = visitor.get(f"/privacy?mailbox={quote(vector)}").body.decode()
        assert re.findall(r"<(?:script|img|svg)\b", page, re.IGNORECASE) == []
        [value] = re.findall(r'name="mailbox" type="email" value="([^"]*)" autocomplete', page)
        assert unescape(value) == vector


def test_every_page_is_plain_and_closed(visiting: Visiting) -> None:
    """No script, no cookie, nothing from elsewhere, a policy that says so, a language, a label for every field."""
    visitor = visiting()
    path = asked(visitor)
    for each in (
        "/privacy",
        "/password",
        path,
        "/privacy/1/mhl_wrong",
        "/deletion/mhl_wrong",
        "/password/mhl_wrong",
    ):
        answer = visitor.get(each)
        page = answer.body.decode()
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "set-cookie" not in answer.headers
        assert '<html lang="en">' in page
        assert page.count("<h1>") == 1
        assert not re.search(r"<script|\bon\w+=|https?://|src=", page, re.IGNORECASE)
        assert set(re.findall(r'<(?:input|select) id="(\w+)"', page)) == set(
            re.findall(r'<label for="(\w+)"', page)
        )


def test_where_nothing_is_offered_there_is_no_page(visiting: Visiting) -> None:
    """Off, without letters, and at the admin socket: not found."""
    for visitor in (visiting("off"), visiting(sender=""), visiting(site="")):
        assert visitor.get("/privacy").status == 404
        assert visitor.post("/privacy", mailbox=SUPPORT, address=KIM, kind="erasure").status == 404
        assert visitor.letters() == []
    assert Asker(app=visiting().app, uid=0)("GET", "/privacy").status == 404


@pytest.mark.parametrize(
    "raw",
    [
        b"mailbox=" + b"a" * 9_000,
        b"&".join(b"a%d=1" % number for number in range(99)),
        b"\xff=\xff",
        b"address=%FF%FE",
    ],
)
def test_a_form_is_bounded(visiting: Visiting, raw: bytes) -> None:
    """Too long, too many fields, no text: refused before anything is done with it."""
    visitor = visiting()
    assert visitor.ask("POST", "/privacy", raw=raw).status == 400
    assert visitor.letters() == []


def test_an_agent_sees_and_decides(visiting: Visiting) -> None:
    """What was proven waits in the list with its date; the page tells how it was decided; no operator sees it."""
    visitor = visiting("confirm")
    path = asked(visitor, "export")
    assert b"Somebody looks at it" in visitor.post(path).body
    admin = replace(visitor.house.config, admin=Admin(users={"1000": "agent@first.example"}))
    app = install(create_app(replace(visitor.house, configuration=Live(admin)), visitor.app.state.vitals))
    agent, operator = Asker(app=app, uid=1000), Asker(app=app, uid=0)
    [waiting] = agent("GET", "/v1/privacy-requests?state=proven&account=1").json["items"]
    assert (waiting["waits_for"], waiting["address"], waiting["answer_by"] is not None) == (
        "policy",
        KIM,
        True,
    )
    assert operator("GET", "/v1/privacy-requests?account=1").status == 403
    refuse = f"/v1/privacy-requests/{waiting['id']}/refuse?account=1"
    assert operator("POST", refuse, {"reason": "no"}).status == 403
    assert agent("POST", refuse, {"reason": "it is kept"}).json["state"] == "refused"
    assert b"was not carried out" in visitor.get(path).body
    assert [kind for kind, _, _ in visitor.letters()] == ["export-link", "request-refused"]
