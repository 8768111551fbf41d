"""On the command line: what was done is seen, doubted and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.houses.hub import Hub


def filed(hub: Hub, subject: str) -> tuple[str, str]:
    """Send a mail with this subject; ids of its ticket and its message."""
    raw = f"From: kim@customer.example\r\nSubject: {subject}\r\nMessage-ID: <{subject}@customer.example>\r\n\r\nx\r\n"
    hub.send(raw.encode())
    (ticket,) = hub.json("ticket", "search", subject)
    return str(ticket["id"]), str(hub.json("ticket", "show", str(ticket["id"]))["messages"][0]["id"])


def test_marks_are_listed_and_revoked(hub: Hub) -> None:
    """`spam marks` shows what was given, `spam revoke` takes back one by its sequence, or one user's since a time."""
    _, message = filed(hub, "Revocable")
    hub.json("spam", "mark", message, "--as", "spam")
    hub.json("spam", "mark", message, "--as", "ham")
    latest, first = hub.json("spam", "marks", "--limit", "2")
    assert [(str(each["message"]), each["label"]) for each in (latest, first)] == [
        (message, "ham"),
        (message, "spam"),
    ]
    assert (latest["log_odds"] is None, first["log_odds"] is None) == (False, True)
    (back,) = hub.json("spam", "revoke", str(latest["sequence"]))["messages"]
    assert (back["label"], back["state"]) == ("spam", "spam")
    gone = hub.json("spam", "revoke", "--yes", "--user", "owner@example.com", "--since", first["given_at"])
    assert first["sequence"] in gone["sequences"]
    assert hub.json("spam", "verify")["state"] == "exact"


@pytest.mark.parametrize(
    "arguments", [(), ("7", "--user", "owner@example.com"), ("--since", "2026-01-01T00:00:00Z")]
)
def test_revoke_wants_marks_or_a_user(hub: Hub, arguments: tuple[str, ...]) -> None:
    """Sequences, or a user and a time: anything else is a fault of the call that says so."""
    done = hub.run("spam", "revoke", *arguments)
    assert (done.returncode, b"name marks by their sequences" in done.stderr) == (65, True)


def test_unmark_as_looks_at_the_label(hub: Hub) -> None:
    """`spam unmark --as ham` leaves a message that is marked as spam."""
    _, message = filed(hub, "Labelled")
    hub.json("spam", "mark", message, "--as", "spam")
    assert hub.json("spam", "unmark", message, "--as", "ham")[0]["label"] == "spam"
    assert hub.json("spam", "unmark", message, "--as", "spam")[0]["label"] is None


def test_a_note_is_taken_back_and_put_back(hub: Hub) -> None:
    """A note can be hidden and shown again on the command line."""
    ticket, _ = filed(hub, "Noted")
    note = str(hub.json("ticket", "note", ticket, "--text", "called her")["id"])
    hub.json("ticket", "note-take-back", note)
    assert hub.json("ticket", "show", ticket)["notes"] == []
    hub.json("ticket", "note-put-back", note)
    assert [each["text"] for each in hub.json("ticket", "show", ticket)["notes"]] == ["called her"]


def test_a_doubtful_sender_is_seen(hub: Hub) -> None:
    """`ticket show` for people says that a sender was not verified."""
    ticket, _ = filed(hub, "Doubtful")
    assert b"kim@customer.example (unverified sender)" in hub.run("ticket", "show", ticket).stdout


def test_refusals_are_listed(own_hub: Hub) -> None:
    """The operator sees what the doors refused: hour, peer, reason, how often."""
    with own_hub.smtp() as smtp:
        smtp.ehlo()
        smtp.mail("ana@customer.example")
        assert smtp.rcpt("nobody@example.net")[0] == 550
    assert own_hub.stop() == 0  # what was counted is written at the stop
    own_hub.start()
    (row,) = own_hub.json("intake", "refusals")
    assert (row["peer"], row["count"], row["reason"]) == ("127.0.0.1", 1, "unknown-recipient")
    assert b"127.0.0.1" in own_hub.run("intake", "refusals").stdout


BIG = "99999999999999999999"


@pytest.mark.parametrize(
    "arguments",
    [
        ("message", "raw", BIG),
        ("ticket", "list", "--after", BIG),
        ("ticket", "list", "--mailbox", BIG),
        ("ticket", "list", "--assignee", BIG),
        ("ticket", "show", BIG),
        ("spam", "mark", BIG, "--as", "spam"),
        ("spam", "explain", BIG),
        ("spam", "revoke", BIG),
        ("intake", "show", BIG),
        ("intake", "list", "--message", BIG),
        ("ticket", "note-take-back", BIG),
        ("ticket", "list", "--account", BIG),
        ("token", "revoke", BIG),
        ("why", BIG),
    ],
)
def test_no_such_id_is_no_crash(hub: Hub, arguments: tuple[str, ...]) -> None:
    """A number that no database can hold is a fault of the call, 65."""
    assert hub.run(*arguments).returncode == 65
