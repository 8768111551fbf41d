"""What a hold restricts is neither shown, counted, exported, matched nor marked for an agent; owners go on."""

from __future__ import annotations

import json
import re
from functools import partial

import pytest

from mailhub import clock
from mailhub.api.frame.description import operations
from mailhub.filter import mark_requests
from storage.filter import ledger
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
        "export by address": ("POST", "/v1/exports", {"address": "kim@customer.example"}),
        "mark": ("POST", "/v1/spam/marks", marks),
        "unmark": ("DELETE", "/v1/spam/marks", {"messages": [message]}),
        "review": ("POST", "/v1/spam/reviewed", {"messages": [message]}),
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


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_a_tag_that_only_a_held_ticket_has_finds_nothing(
    held: tuple[Asker, Asker, dict[str, int]], limit: int
) -> None:
    """For an agent the list is, to the byte, that of a tag no ticket has; with other tickets a page is full as ever."""
    owner, agent, ids = held
    other = owner("GET", f"/v1/messages/{ids['other']}").json["ticket"]
    assert owner("POST", f"/v1/tickets/{ids['ticket']}/tags", {"names": ["secret", "both"]}).status == 200
    assert owner("POST", f"/v1/tickets/{other}/tags", {"names": ["both", "empty"]}).status == 200
    assert owner("DELETE", f"/v1/tickets/{other}/tags", {"names": ["empty"]}).status == 200
    asked = {tag: agent("GET", f"/v1/tickets?tag={tag}&limit={limit}") for tag in ("secret", "empty", "both")}
    assert asked["secret"].body == asked["empty"].body
    assert [each["id"] for each in asked["both"].json["items"]] == [other]
    assert [each["id"] for each in owner("GET", "/v1/tickets?tag=secret").json["items"]] == [ids["ticket"]]


def test_a_choice_does_not_tell_what_is_held(held: tuple[Asker, Asker, dict[str, int]]) -> None:
    """By verdict or by who wrote, the held mail is in no agent's choice."""
    owner, agent, ids = held
    for choice in ("contact=kim@customer.example", "verdict=unsure", "verdict=ham"):
        assert ids["message"] not in agent("GET", f"/v1/spam/choose?{choice}").json["messages"]
    assert owner("GET", "/v1/spam/choose?contact=kim@customer.example").json["messages"] == [ids["message"]]


@pytest.mark.parametrize("kind", ["ticket", "contact"])
def test_no_route_that_writes_lets_an_agent_work_on_what_is_held(
    held: tuple[Asker, Asker, dict[str, int]], kind: str
) -> None:
    """Every route of the OpenAPI document that changes something and names a ticket, message or contact (art. 18)."""
    owner, agent, ids = held
    assert owner("POST", "/v1/holds", {"kind": kind, "object": ids[kind], "reason": "claim"}).status == 201
    ids["delivery"] = owner("GET", "/v1/intake").json["items"][-1]["id"]
    document = owner("GET", "/v1/openapi.json").json
    asked, passed = 0, []
    for path, method, operation in operations(document):
        names = re.findall(r"{(\w+)}", path)
        named = [name for name in names if name in FILLED]
        if method.upper() == "GET" or not named or (kind == "ticket" and "contact" in named):
            continue
        target = path
        for name in names:
            target = target.replace(f"{{{name}}}", str(ids.get(FILLED.get(name, ""), 1)))
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        body = json.loads(
            json.dumps(content.get("example")).replace("ana@example.com", "owner@first.example")
        )
        answer = agent(method.upper(), target, body)
        asked += 1
        passed += [(method, path, answer.status, answer.body)] if answer.status != 403 else []
    assert passed == []
    assert asked >= 6
    assert agent("POST", "/v1/spam/marks", {"messages": [ids["message"]], "label": "spam"}).status == 403


FILLED = {"message": "message", "ticket": "ticket", "contact": "contact", "delivery": "delivery"}
ASKED = {"query": "smokes", "kind": "ticket", "message": "{message}", "object": "{ticket}"}


def walked(asker: Asker, ids: dict[str, int]) -> dict[str, str]:
    """The bodies of every answer that reads, with the held objects in every place that names one."""
    found = {}
    for path, method, operation in operations(asker("GET", "/v1/openapi.json").json):
        if method.upper() != "GET":
            continue
        names = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
        target = path
        for name in re.findall(r"{(\w+)}", path):
            target = target.replace(f"{{{name}}}", str(ids.get(FILLED.get(name, ""), 1)))
        plain = [f"{name}={ASKED[name].format(**ids)}" for name in names if name == "query"]
        every = [f"{name}={ASKED[name].format(**ids)}" for name in names if name in ASKED]
        for asked in {"&".join(plain), "&".join(every)}:
            answer = asker("GET", f"{target}?{asked}&limit=200" if "limit" in names else f"{target}?{asked}")
            found[f"{path}?{asked}"] = answer.body.decode("utf-8", "replace") if answer.status < 300 else ""
    return found


@pytest.mark.parametrize("kind", ["ticket", "contact"])
def test_no_route_that_reads_tells_an_agent_of_what_is_held(home: Home, kind: str) -> None:
    """Every route of the OpenAPI document that shows, lists, counts or exports, walked before a hold and under it."""
    mapped = home.mapping(u4000="owner@first.example").app()
    owner, agent = Asker(app=mapped, uid=4000), Asker(app=mapped, token=home.token(12))
    filed = owner("POST", "/v1/deliveries?account=first", raw=MAIL % (b"kim", b"kim", b"zanzibar")).json
    ids = {name: filed["outcomes"][0][name] for name in ("message", "ticket")}
    ids["contact"] = owner("GET", "/v1/contacts").json["items"][0]["id"]
    ids["delivery"] = owner("GET", "/v1/intake").json["items"][0]["id"]
    assert agent("POST", "/v1/spam/marks", {"messages": [ids["message"]], "label": "spam"}).status == 200
    suggested = partial(mark_requests.ask, label="ham", giver=1, source=ledger.IMAP, reason="unread")
    home.house.writer.run(suggested, account=1, message=ids["message"], now=clock.now())
    secrets = ["zanzibar", "kim@", f"{ids['message']}"] + ([f"{ids['contact']}"] if kind == "contact" else [])

    def telling() -> set[str]:
        bodies = walked(agent, ids)
        return {
            route.partition("?")[0] for route, body in bodies.items() if any(each in body for each in secrets)
        }

    before = telling()
    assert before >= {
        "/v1/spam/marks",
        "/v1/spam/suggestions",
        "/v1/intake",
        "/v1/contacts",
        "/v1/tickets/search",
    }
    held = {"kind": kind, "object": ids[kind], "reason": "claim"}
    assert owner("POST", "/v1/holds?account=first", held).status == 201
    (suggestion,) = owner("GET", "/v1/spam/suggestions").json["items"]
    for name in ("confirm", "dismiss"):
        assert (
            agent("POST", f"/v1/spam/suggestions/{name}", {"suggestions": [suggestion["id"]]}).status == 403
        )
    for name in ("retry", "discard"):
        assert agent("POST", f"/v1/intake/{ids['delivery']}/{name}").status == 403
    assert telling() - ({"/v1/contacts", "/v1/contacts/{contact}"} if kind == "ticket" else set()) == set()
