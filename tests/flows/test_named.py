"""What people read names tickets, users, contacts and mailboxes as people do; the ids stand in JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.houses.hub import Hub


def mail(subject: str, more: str = "", sender: str = "kim@customer.example") -> bytes:
    """A mail of its own."""
    return (
        f"From: Kim <{sender}>\r\nTo: support@example.com\r\nSubject: {subject}\r\n"
        f"Message-ID: <{subject}@customer.example>\r\n{more}\r\nIt smokes: {subject}.\r\n"
    ).encode()


@pytest.fixture
def busy(own_hub: Hub) -> Hub:
    """A daemon with two tickets, one that may belong to the other, marks, a hold, a consent and ApiTokens."""
    own_hub.send(mail("Oven"))
    own_hub.send(
        mail("Intruder", "In-Reply-To: <Oven@customer.example>\r\n", "mallory@elsewhere.example"),
        "mallory@elsewhere.example",
    )
    tickets = {each["subject"]: each for each in own_hub.json("ticket", "list", "--state", "all")}
    oven = own_hub.json("ticket", "show", str(tickets["Oven"]["number"]))
    own_hub.json("spam", "mark", str(oven["messages"][0]["id"]), "--as", "ham")
    own_hub.json("ticket", "assign", "1", "me")
    own_hub.json("ticket", "note", "1", "--text", "called them")
    own_hub.json("hold", "add", "ticket", "1", "--reason", "a claim")
    own_hub.json("hold", "lift", str(own_hub.json("hold", "list")[0]["id"]))
    own_hub.json("token", "create", "--name", "laptop")
    return own_hub


def commands(hub: Hub) -> Iterator[tuple[str, ...]]:
    """Commands that print what refers to tickets, users, contacts and mailboxes."""
    message = str(hub.json("ticket", "show", "2")["messages"][0]["id"])
    marked = str(hub.json("ticket", "show", "1")["messages"][0]["id"])
    delivery = str(hub.json("intake", "list")[0]["id"])
    yield from (
        ("ticket", "show", "2"),
        ("why", message),
        ("why", marked),
        ("spam", "marks"),
        ("spam", "explain", marked),
        ("spam", "mark", marked, "--as", "spam"),
        ("spam", "suggestions", "list"),
        ("intake", "list"),
        ("intake", "show", delivery),
        ("hold", "list"),
        ("token", "list"),
        ("audit", "list"),
        ("audit", "list", "--limit", "0"),
        ("grant", "list"),
        ("status",),
    )


def ids_of_things(hub: Hub) -> dict[int, str]:
    """Ids that have a name people know, with it."""
    found: dict[int, str] = {}
    for each in hub.json("ticket", "list", "--state", "all", "--limit", "0"):
        found[each["id"]] = f"#{each['number']}"
        found[each["contact_id"]] = each["contact"]
    found |= {each["id"]: each["email"] for each in hub.json("user", "list")}
    found |= {each["id"]: each["address"] for each in hub.json("mailbox", "list")}
    return found


def test_what_people_read_names_things_as_people_do(busy: Hub) -> None:
    """No command prints the id of a ticket, user, contact or mailbox where it refers to one."""
    known = ids_of_things(busy)
    bare: list[Any] = []
    for command in commands(busy):
        done = busy.run(*command)
        assert done.returncode == 0, (command, done.stderr)
        lines = done.stdout.decode().splitlines()
        # the head line of a ticket says its id on purpose: it is its own
        seen = "\n".join(line for line in lines if not re.search(r"\(id \d+\)$", line))
        bare += [(command, number) for number in re.findall(r"\b1\d{9,}\b", seen) if int(number) in known]
    assert bare == []


def test_the_names_stand_beside_the_ids_in_json(busy: Hub) -> None:
    """A program gets the ids, and `names` with what they are called."""
    known = ids_of_things(busy)
    (ticket, other) = busy.json("ticket", "list", "--state", "all")
    assert ticket["may_belong_to"] == other["id"]
    assert ticket["names"] == {str(other["id"]): "#1"}
    (mark,) = busy.json("spam", "marks")
    assert mark["names"] == {str(mark["user"]): known[mark["user"]]}
    acts = busy.json("audit", "list", "--object", f"ticket:{other['id']}")
    assert acts
    assert all(act["names"][str(other["id"])] == "#1" for act in acts)
