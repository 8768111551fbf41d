"""What a hold restricts is neither shown, counted, exported, matched nor marked for an agent; owners go on."""

from __future__ import annotations

import pytest

from tests.api.conftest import Home
from tests.houses.asking import Answered, Asker

MAIL = b"From: %s@customer.example\r\nMessage-ID: <%s@customer.example>\r\n\r\nIt smokes %s.\r\n"


@pytest.fixture
def held(home: Home) -> tuple[Asker, Asker, dict[str, int]]:
    """Owner, agent, and the ids of a mail that is held; another person's is not."""
    mapped = home.mapping(u4000="owner@first.example").app()
    owner, agent = Asker(app=mapped, uid=4000), Asker(app=mapped, token=home.token(12))
    target = "/v1/deliveries?account=first"
    found = [
        owner("POST", target, raw=MAIL % (who, who, word)).json["outcomes"][0]
        for who, word in ((b"kim", b"zanzibar"), (b"leo", b"plainly"))
    ]
    contact = next(each["id"] for each in owner("GET", "/v1/contacts").json["items"] if "kim" in str(each))
    ids = {
        "message": found[0]["message"],
        "ticket": found[0]["ticket"],
        "contact": contact,
        "other": found[1]["message"],
    }
    hold = {"kind": "ticket", "object": ids["ticket"], "reason": "claim"}
    assert owner("POST", "/v1/holds?account=first", hold).status == 201
    return owner, agent, ids


def ask(asker: Asker, ids: dict[str, int]) -> dict[str, Answered]:
    """Every way to what is held."""
    message, ticket, contact = ids["message"], ids["ticket"], ids["contact"]
    marks = {"messages": [message], "label": "spam"}
    asked = {
        "show": ("GET", f"/v1/messages/{message}", None),
        "raw": ("GET", f"/v1/messages/{message}/raw", None),
        "why": ("GET", f"/v1/messages/{message}/why", None),
        "explain": ("GET", f"/v1/spam/explain/{message}", None),
        "ticket": ("GET", f"/v1/tickets/{ticket}", None),
        "notes": ("GET", f"/v1/tickets/{ticket}/notes", None),
        "export": ("GET", f"/v1/contacts/{contact}/export", None),
        "mark": ("POST", "/v1/spam/marks", marks),
        "unmark": ("DELETE", "/v1/spam/marks", {"messages": [message]}),
    }
    return {name: asker(method, target, body) for name, (method, target, body) in asked.items()}


def test_an_agent_gets_nothing_that_is_held(held: tuple[Asker, Asker, dict[str, int]]) -> None:
    """Whichever way is tried; an owner gets all of it by the same ways."""
    owner, agent, ids = held
    assert {name: each.status for name, each in ask(agent, ids).items()} == dict.fromkeys(
        ask(agent, ids), 403
    )
    assert {each.status for each in ask(owner, ids).values()} == {200}


@pytest.mark.parametrize("route", ["/v1/tickets/search?query={}", "/v1/spam/choose?query={}"])
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_words_that_are_held_match_nothing(
    held: tuple[Asker, Asker, dict[str, int]], route: str, limit: int
) -> None:
    """The answer to a word that is held is, to the byte, the answer to a word that nobody ever wrote."""
    owner, agent, ids = held
    asked = {
        word: agent("GET", route.format(word) + f"&limit={limit}")
        for word in ("zanzibar", "nobodyswordatall")
    }
    assert asked["zanzibar"].body == asked["nobodyswordatall"].body
    assert owner("GET", route.format("zanzibar")).body != asked["zanzibar"].body
    both = agent("GET", route.format("smokes") + f"&limit={limit}").json
    assert (both["next"] is None or both["next"] == ids["other"], str(ids["ticket"]) in str(both)) == (
        True,
        False,
    )


def test_a_choice_does_not_tell_what_is_held(held: tuple[Asker, Asker, dict[str, int]]) -> None:
    """By verdict or by who wrote, the held mail is in no agent's choice."""
    owner, agent, ids = held
    for choice in ("contact=kim@customer.example", "verdict=unsure", "verdict=ham"):
        assert ids["message"] not in agent("GET", f"/v1/spam/choose?{choice}").json["messages"]
    assert owner("GET", "/v1/spam/choose?contact=kim@customer.example").json["messages"] == [ids["message"]]
