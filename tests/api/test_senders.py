"""/v1/spam/senders: rules come and go, on record, and bad ones do not come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.houses.asking import Asker

if TYPE_CHECKING:
    from tests.api.conftest import Home


@pytest.fixture
def owner(home: Home) -> Asker:
    """The owner of the first account."""
    return Asker(app=home.app(), token=home.token(11))


def test_rules_come_and_go_on_record(owner: Asker) -> None:
    """A rule is listed in its own list only, is removed there only, and both acts are in the journal."""
    made = owner("POST", "/v1/spam/senders/deny", {"pattern": "Offers@Shop.Example"})
    assert (made.status, made.json["pattern"], made.json["list"]) == (201, "offers@shop.example", "deny")
    rule = made.json["id"]
    assert [each["id"] for each in owner("GET", "/v1/spam/senders/deny").json["items"]] == [rule]
    assert owner("GET", "/v1/spam/senders/allow").json["items"] == []
    assert owner("DELETE", f"/v1/spam/senders/allow/{rule}").status == 404
    assert owner("DELETE", f"/v1/spam/senders/deny/{rule}").status == 204
    assert owner("GET", "/v1/spam/senders/deny").json["items"] == []
    verbs = [each["verb"] for each in owner("GET", "/v1/journal").json["items"]]
    assert {"spam.deny-add", "spam.deny-remove"} <= set(verbs)


def test_a_sender_is_on_one_list(owner: Asker) -> None:
    """The same sender twice, in whatever spelling and list, is a conflict that names the rule there is."""
    assert owner("POST", "/v1/spam/senders/allow", {"pattern": "shop.example"}).status == 201
    again = owner("POST", "/v1/spam/senders/deny", {"pattern": "SHOP.example."})
    assert again.status == 409
    assert "allow list" in again.json["detail"]


def test_a_bad_rule_is_a_bad_request(owner: Asker) -> None:
    """What is everybody's domain is refused with the reason, and nothing is stored."""
    refused = owner("POST", "/v1/spam/senders/allow", {"pattern": "co.uk"})
    assert (refused.status, refused.json["code"]) == (400, "bad-request")
    assert owner("GET", "/v1/spam/senders/allow").json["items"] == []


def test_agents_look_and_do_not_touch(home: Home) -> None:
    """An agent sees the lists; who is let in is for owners and admins."""
    agent = Asker(app=home.app(), token=home.token(12))
    assert agent("GET", "/v1/spam/senders/allow").status == 200
    assert agent("POST", "/v1/spam/senders/allow", {"pattern": "shop.example"}).status == 403
