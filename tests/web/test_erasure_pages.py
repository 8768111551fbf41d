"""What a lay person reads before the button and after it, in their language; no other address than the one proven."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mailhub.privacy import erasure, persons
from mailhub.privacy.erasing.first_receipt import EXCEPTIONS, NOT_REACHED
from mailhub.privacy.erasing.plan import shared_addresses
from mailhub.privacy.privacy_requests import GONE
from mailhub.proof.act import perform
from mailhub.web import erasure_pages, privacy
from mailhub.web.languages import preferred
from mailhub.web.portuguese import PORTUGUESE
from storage.privacy.contacts import find_contact_of
from storage.privacy.erasures import list_erasures
from storage.privacy.privacy_requests import list_requests
from tests.houses.asking import Asker
from tests.web.test_privacy import KIM, asked

if TYPE_CHECKING:
    from tests.web.conftest import Visitor

Visiting = Callable[..., "Visitor"]
PAGES = Path(privacy.__file__).parent


def deliver(visitor: Visitor, sender: str, text: str, number: int, **headers: str) -> None:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    raw = f"From: {sender}\r\nMessage-ID: <{number}@x.example>\r\n{more}\r\n{text}\r\n".encode()
    answer = Asker(app=visitor.app, uid=0)("POST", "/v1/deliveries?account=1", raw=raw)
    assert answer.json["outcomes"][0]["fate"] == "filed"


def text_of(body: bytes) -> str:
    """The page as it is read."""
    return unescape(re.sub(r"<[^>]+>", "\n", body.decode()))


def test_what_goes_and_what_stays_is_said_before_the_button(visiting: Visiting) -> None:
    """Numbers of the person's own, each string that is replaced and how often, names that stay; and nothing is done."""
    visitor = visiting()
    deliver(visitor, f"Kim Zanzibari <{KIM}>", "Please help.", 1)
    deliver(visitor, f"Kim Zanzibari <{KIM}>", "Again.", 2)
    deliver(
        visitor, "Leo <leo@other.example>", f"Ask Kim Zanzibari <{KIM}>, or {KIM}. Kim Zanzibari knows.", 3
    )
    path = asked(visitor)

    page = text_of(visitor.get(path).body)

    for told in (
        "messages you wrote: 2",
        "tickets you opened, with our answers: 2",
        f"“{KIM}”: 2 times",
        "“Kim Zanzibari”: 1 times",
        "“Kim Zanzibari” stands 2 times in words of others, and stays there",
        "What stays, and why",
        "keyed hash of your address",
        "This cannot be undone.",
        "Erase everything about me",
    ):
        assert told in page, told
    assert "Leo" not in page
    assert visitor.get(path).status == 200


def test_the_page_speaks_the_visitors_language(visiting: Visiting) -> None:
    """Every page in Brazilian Portuguese for who prefers it, marked as such; refusals, too."""
    visitor = visiting()
    deliver(visitor, f"Kim <{KIM}>", "Olá.", 1)
    path = asked(visitor)
    for place in ("/privacy", path, "/privacy/1/mhl_wrong"):
        answer = visitor.get(place, language="pt-BR,pt;q=0.9,en;q=0.5")
        assert '<html lang="pt-BR">' in answer.body.decode()
        assert answer.headers["vary"] == "Accept-Language"
    assert "mensagens que você escreveu: 1" in text_of(visitor.get(path, language="pt").body)
    assert "este link é desconhecido" in text_of(visitor.get("/privacy/1/mhl_wrong", language="pt").body)


def test_the_receipt_is_a_page_with_its_exceptions(visiting: Visiting) -> None:
    """After it: what was done and searched, what was not done and why, and what the receipt proves; in words."""
    visitor = visiting()
    deliver(visitor, f"Kim Zanzibari <{KIM}>", "Please help.", 1)
    deliver(visitor, "Leo <leo@other.example>", f"Ask {KIM}. Or Kim Zanzibari, who knows.", 2)
    path = asked(visitor)
    assert visitor.post(path).status == 200
    with visitor.house.database.read() as connection:
        [row] = list_erasures(connection, 1)
    assert erasure.run(visitor.house.erasure(), 1, row.id).state == "done"

    page = text_of(visitor.get(path).body)
    for told in (
        "messages deleted: 1",
        "messages of others in which you were replaced: 1",
        "Then everything was searched",
        "names of the person that were not looked for in others' words: nobody agreed to that: ",
        "your name, in words of others: 2",  # the mail, and its beginning that lists show
        "freed blocks of the file system",
        "only with your address and the key",
    ):
        assert told in page, told
    translated = text_of(visitor.get(path, language="pt-BR").body)
    for told in ("mensagens excluídas: 1", "o seu nome, em palavras de outros: 2", "O que este recibo prova"):
        assert told in translated, told
    for told in (KIM, "Zanzibari", "kim@"):
        assert told not in page + translated


def test_a_page_is_counted_once_at_a_time(visiting: Visiting) -> None:
    """Whoever opens a link while its page is being counted is told to come again, in their language."""
    visitor = visiting()
    path = asked(visitor)
    with visitor.house.database.read() as connection:
        [row] = list_requests(connection, 1)
    visitor.house.flights.begin(f"privacy-plan:{row.id}")
    busy = visitor.get(path, language="pt-BR")
    assert (busy.status, "abra-a de novo" in text_of(busy.body)) == (429, True)
    assert "retry-after" in busy.headers
    visitor.house.flights.end(f"privacy-plan:{row.id}")
    assert visitor.get(path).status == 200


def test_a_shared_address_is_told(visiting: Visiting) -> None:
    """Two people who write from one address are named before either erases both."""
    visitor = visiting()
    deliver(visitor, f"Kim Zanzibari <{KIM}>", "Please help.", 1)
    deliver(visitor, f"Lee Zanzibari <{KIM}>", "And me.", 2)
    page = text_of(visitor.get(asked(visitor)).body)
    assert "Several people write from this address: Kim Zanzibari, Lee Zanzibari." in page


def test_a_further_address_is_counted_and_not_shown(visiting: Visiting) -> None:
    """Who proved one address of a merged person reads neither the other one nor the name it wrote under."""
    visitor = visiting()
    deliver(visitor, f"Kim <{KIM}>", "Please help.", 1)
    deliver(visitor, "Quentin Secretary <second@other.example>", "The same.", 2)
    deliver(visitor, "Leo <leo@other.example>", "Ask Quentin Secretary <second@other.example>.", 3)
    found = Asker(app=visitor.app, uid=0)
    assert found("GET", "/v1/contacts?account=1").status == 403  # of the operator
    with visitor.house.database.read() as connection:
        second = find_contact_of(connection, 1, "second@other.example")
    assert second is not None
    visitor.house.writer.run(perform, persons.merge, "user:11", 1, 1, second, 101)
    page = text_of(visitor.get(asked(visitor)).body)
    assert "The support knows 2 addresses as yours." in page
    assert "messages you wrote: 2" in page
    assert not any(word in page for word in ("second@", "Quentin", "Secretary"))


@pytest.mark.parametrize(
    ("names", "several"),
    [
        (["Kim Zanzibari", "Lee Zanzibari"], ["Kim Zanzibari", "Lee Zanzibari"]),
        (["Kim Zanzibari", "Zanzibari, Kim", "kim", "KIM ZANZIBARI"], []),
        (["Kim", "Support Team"], []),
        (["Kim", "kim@customer.example"], []),
        (["山田花子", "鈴木一郎"], ["山田花子", "鈴木一郎"]),
    ],
)
def test_who_shares_an_address(names: list[str], several: list[str]) -> None:
    """Spellings and parts of one name are one person; words that letters are made of are nobody."""
    assert shared_addresses({KIM: names}) == ({KIM: several} if several else {})


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de, fr", "en"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("en;q=0.4, pt-br;q=0.7", "pt-BR"),
        ("en, pt-BR", "en"),
        ("*, pt", "en"),
        ("pt;q=0, en;q=0.1", "en"),
        ("pt;q=x, en", "en"),
        (",;=," * 5_000 + "pt", "en"),
    ],
)
def test_the_language_is_the_one_preferred(header: str, language: str) -> None:
    """By its weight, then its place; English where none of ours is wanted, and work that is bounded."""
    assert preferred(header) == language


def texts() -> Iterator[str]:
    """Every English text that a page can say: what is given to ``say`` and ``of``, and the tables they are given."""
    yield from (*EXCEPTIONS.values(), *NOT_REACHED, *privacy.ASKED, *erasure_pages.STAYS)
    yield from (
        text
        for table in (erasure_pages.GOES, erasure_pages.DONE, erasure_pages.WITNESSED)
        for text in table.values()
    )
    yield from (text for said in privacy.WHAT.values() for text in said)
    yield from (text for _, text in privacy.CHOICES)
    for name in ("privacy.py", "erasure_pages.py", "room.py"):
        for node in ast.walk(ast.parse((PAGES / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("say", "of"):
                yield from (
                    each.value
                    for each in node.args
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                )


def test_every_text_is_translated_with_its_places() -> None:
    """No page is half in one language; a translation has the same places for values, and none is left over."""
    said = set(texts()) | {GONE, privacy.BUSY}
    said.add("Keep this key: it proves that the receipt is about you. It is shown only now.")
    assert said - PORTUGUESE.keys() == set()
    assert PORTUGUESE.keys() - said == set()
    places = re.compile(r"{\w+}")
    assert [
        text for text in said if sorted(places.findall(text)) != sorted(places.findall(PORTUGUESE[text]))
    ] == []
