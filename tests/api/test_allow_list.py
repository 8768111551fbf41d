"""Allow-lists at the doors: who is shut out, who never is, and that nobody shuts themselves out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailhub.config import Proxy
from mailhub.config.live import Live
from tests.houses.asking import ELSEWHERE, Asker

if TYPE_CHECKING:
    from tests.api.conftest import Home

OFFICE, PROXY = "192.0.2.7", "10.0.0.1"


@pytest.fixture
def owner(home: Home) -> Asker:
    """The owner of the first account, in the office."""
    return Asker(app=home.app(), token=home.token(11), peer=OFFICE)


def test_a_rule_shuts_out_everybody_else(home: Home, owner: Asker) -> None:
    """From the first rule on people of the account come only from its networks; other accounts are not touched."""
    assert owner("POST", "/v1/allow-list", {"network": "192.0.2.0/24"}).status == 201
    elsewhere = replace(owner, peer=ELSEWHERE)
    assert owner("GET", "/v1/whoami").status == 200
    assert elsewhere("GET", "/v1/whoami").status == 403
    assert elsewhere("GET", "/v1/tickets").json["detail"] == "not from this network"
    assert replace(elsewhere, token=home.token(21, account=2))("GET", "/v1/whoami").status == 200


def test_a_rule_of_a_role_binds_that_role(home: Home, owner: Asker) -> None:
    """Agents are shut out by the agents' list, the owner is not."""
    assert owner("POST", "/v1/allow-list", {"network": "198.51.100.0/24", "role": "agent"}).status == 201
    agent = replace(owner, token=home.token(12))
    assert (agent("GET", "/v1/whoami").status, owner("GET", "/v1/whoami").status) == (403, 200)
    assert replace(agent, peer="198.51.100.4")("GET", "/v1/whoami").status == 200


def test_nobody_locks_himself_out(owner: Asker) -> None:
    """Neither a rule added nor one removed may leave the caller outside; the last one may go."""
    assert owner("POST", "/v1/allow-list", {"network": "198.51.100.0/24"}).status == 409
    assert owner("POST", "/v1/allow-list", {"network": "198.51.100.0/24", "role": "owner"}).status == 409
    mine = owner("POST", "/v1/allow-list", {"network": OFFICE}).json["id"]
    assert owner("POST", "/v1/allow-list", {"network": "198.51.100.0/24"}).status == 201
    assert owner("DELETE", f"/v1/allow-list/{mine}").status == 409
    rules = owner("GET", "/v1/allow-list").json["items"]
    assert [each["network"] for each in rules] == ["192.0.2.7/32", "198.51.100.0/24"]
    assert owner("DELETE", f"/v1/allow-list/{rules[1]['id']}").status == 204
    assert owner("DELETE", f"/v1/allow-list/{mine}").status == 204


def test_the_admin_socket_is_always_open(home: Home) -> None:
    """Whoever is on this machine may shut out everybody over TCP, and let them in again."""
    here = Asker(app=home.mapping(u4000="owner@first.example").app(), uid=4000)
    rule = here("POST", "/v1/allow-list", {"network": "198.51.100.0/24"})
    assert rule.status == 201
    assert here("GET", "/v1/whoami").status == 200
    assert here("DELETE", f"/v1/allow-list/{rule.json['id']}").status == 204


@pytest.mark.parametrize(
    "network", ["0.0.0.0/0", "010.0.0.1", "2130706433", "fe80::1%eth0", "10.0.0.1/8", ""]
)
def test_a_bad_rule_is_refused_at_entry(owner: Asker, network: str) -> None:
    """What is no rule is a bad request with the reason in words, and nothing is stored."""
    refused = owner("POST", "/v1/allow-list", {"network": network})
    assert (refused.status, refused.json["code"]) == (400, "bad-request")
    assert owner("GET", "/v1/allow-list").json["items"] == []


def test_the_same_rule_twice_is_a_conflict(owner: Asker) -> None:
    """A rule in two spellings is one rule."""
    assert owner("POST", "/v1/allow-list", {"network": OFFICE}).status == 201
    assert owner("POST", "/v1/allow-list", {"network": f"::ffff:{OFFICE}"}).status == 409


def test_a_proxys_word_counts_only_when_it_is_configured(home: Home, owner: Asker) -> None:
    """X-Forwarded-For lets nobody in by itself, and shuts nobody out who comes through the configured proxy."""
    assert owner("POST", "/v1/allow-list", {"network": OFFICE}).status == 201
    said = {"X-Forwarded-For": OFFICE}
    assert replace(owner, peer=PROXY)("GET", "/v1/whoami", headers=said).status == 403
    house = replace(home.house, configuration=Live(replace(home.house.config, proxy=Proxy(networks=PROXY))))
    through = replace(owner, app=replace(home, house=house).app(), peer=PROXY)
    assert through("GET", "/v1/whoami", headers=said).status == 200
    assert through("GET", "/v1/whoami", headers={"X-Forwarded-For": f"{OFFICE}, {ELSEWHERE}"}).status == 403
    assert through("GET", "/v1/whoami", headers={"Forwarded": f"for={OFFICE}"}).status == 403
    assert through("GET", "/v1/whoami").status == 403


def test_an_api_token_has_a_list_of_its_own(owner: Asker) -> None:
    """A token made for some networks opens nothing from elsewhere, even where its user may come from."""
    body = {"name": "till", "networks": ["198.51.100.0/24"], "days": 1}
    token = owner("POST", "/v1/tokens", body).json["token"]
    till = replace(owner, token=token, peer="198.51.100.4")
    assert [replace(till, peer=peer)("GET", "/v1/whoami").status for peer in (till.peer, OFFICE)] == [
        200,
        403,
    ]
