"""What people are told: rows as they are after an act, names of people, and words of ours for what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailhub import clock
from storage.accounts import accounts
from tests.houses.asking import Asker

if TYPE_CHECKING:
    from tests.api.conftest import Home

MAIL = b"From: kim@customer.example\r\nMessage-ID: <a@customer.example>\r\n\r\nIt smokes.\r\n"


@pytest.fixture
def owner(home: Home) -> Asker:
    """The account's owner, whose uid counts as a fresh second factor; one mail is there."""
    made = Asker(app=home.mapping(u4000="owner@first.example").app(), uid=4000)
    assert made("POST", "/v1/deliveries?account=first", raw=MAIL).status == 200
    return made


def test_a_lifted_hold_is_shown_lifted(owner: Asker) -> None:
    """The answer to lifting is the hold as it is then, and again the same."""
    hold = owner("POST", "/v1/holds", {"kind": "ticket", "object": 1, "reason": "claim"}).json
    lifted = owner("DELETE", f"/v1/holds/{hold['id']}").json
    assert lifted["lifted_at"]
    assert owner("DELETE", f"/v1/holds/{hold['id']}").json == lifted
    assert owner("GET", "/v1/holds").json["items"] == [lifted]


def test_a_note_bears_its_author(owner: Asker) -> None:
    """The answer to writing a note is the note as its ticket shows it; taking it back and putting it back work."""
    note = owner("POST", "/v1/tickets/1/notes", {"text": "look here"}).json
    assert note["author"] == "owner@first.example"
    assert owner("GET", "/v1/tickets/1/notes").json["items"] == [note]
    assert owner("DELETE", f"/v1/notes/{note['id']}").status == 204
    assert owner("GET", "/v1/tickets/1/notes").json["items"] == []
    assert owner("POST", f"/v1/notes/{note['id']}/restore").status == 204
    assert owner("GET", "/v1/tickets/1/notes").json["items"] == [note]


@pytest.mark.parametrize(
    ("method", "target", "body", "told"),
    [
        (
            "GET",
            "/v1/tickets/abc",
            None,
            "ticket: this names no ticket: give its number, as 17 or #17, or its id",
        ),
        ("GET", "/v1/messages/abc", None, "message: this is no whole number"),
        ("POST", "/v1/tickets/1/notes", {}, "text: is missing"),
    ],
)
def test_what_is_written_wrongly_is_said_in_words(
    owner: Asker, method: str, target: str, body: object, told: str
) -> None:
    """An error about a value names it, and says what would be right, not what a validator calls it."""
    answer = owner(method, target, body)
    assert (answer.status, answer.json["detail"]) == (400, told)


def test_a_term_that_began_when_the_owner_asked_says_when(owner: Asker, home: Home) -> None:
    """An account whose owner asked to go shows that instant as the beginning of its term, not the year 1970."""
    asked = 1_700_000_000 * clock.SECOND
    change = {"term_began_at": 0, "deletion_asked_at": asked}
    home.house.writer.run(lambda tx: accounts.change_account(tx.connection, 1, **change))
    assert owner("GET", "/v1/accounts/current").json["term_began_at"] == clock.to_iso(asked)


def test_a_second_is_one() -> None:
    """One second is not said as several."""
    assert [clock.in_seconds(count) for count in (1, 2)] == ["1 second", "2 seconds"]
