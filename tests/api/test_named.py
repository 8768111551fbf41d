"""Who is told what the ids of an answer are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.houses.asking import Asker

if TYPE_CHECKING:
    from tests.api.conftest import Home

MAIL = b"From: Kim <kim@customer.example>\r\nSubject: The oven\r\nMessage-ID: <a@b>\r\n\r\nIt smokes.\r\n"


def test_an_operator_is_told_no_contact_by_name(home: Home) -> None:
    """Owners read in the journal whom an act concerned; to an operator without a grant a contact is an id."""
    app = home.app()
    owner, root = Asker(app=app, token=home.token(11)), Asker(app=app, uid=0)
    assert owner("POST", "/v1/deliveries", raw=MAIL).status == 200
    contact = owner("GET", "/v1/contacts").json["items"][0]["id"]
    body = {"address": "kim@private.example"}
    assert owner("POST", f"/v1/contacts/{contact}/addresses", body).status == 201

    query = f"/v1/journal?account=1&object=contact:{contact}"
    (read,), (withheld,) = (who("GET", query).json["items"] for who in (owner, root))
    assert read["names"] == {str(contact): "kim@customer.example"}
    assert withheld["names"] == {}
    assert withheld["object"] == read["object"]


def test_a_hold_withholds_the_name_of_a_tickets_requester(home: Home) -> None:
    """A ticket that a hold restricts tells an agent no requester, under `names` either."""
    app = home.app()
    owner, agent = Asker(app=app, token=home.token(11)), Asker(app=app, token=home.token(12))
    ticket = owner("POST", "/v1/deliveries", raw=MAIL).json["outcomes"][0]["ticket"]
    body = {"kind": "ticket", "object": ticket, "reason": "a claim"}
    assert owner("POST", "/v1/holds", body).status == 201

    (shown,) = agent("GET", "/v1/tickets").json["items"]
    assert (shown["contact"], shown["names"]) == (None, {})
