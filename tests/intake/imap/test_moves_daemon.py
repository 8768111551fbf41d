"""Feedback by moves in a running daemon: switched on, noticed by its own looks, decided on by an agent."""

from __future__ import annotations

from tests.houses.dovecot import Dovecot
from tests.intake.imap.conftest import Fetcher, letter
from tests.intake.imap.hostile import breaking_junk, scripted


def test_a_move_is_noticed_suggested_and_confirmed(fetcher: Fetcher, server: Dovecot, user: str) -> None:
    """From the setting to the mark: what nobody had read is an agent's to decide, and the model stays exact."""
    fetcher.add("127.0.0.1", server.port, user)
    hub = fetcher.hub
    found = hub.json("mailbox", "set", "support@example.com", "--feedback-from-moves")
    assert found["feedback_from_moves"] is True
    hub.wait_until(lambda: [folder["role"] for folder in fetcher.source()["folders"]] == ["mail", "watched"])
    hub.wait_until(lambda: fetcher.folder("Junk")["state"] == "current")
    server.append(user, letter("one"), letter("two"))
    fetcher.wait(2)
    with server.client(user) as client:
        client.select("INBOX")
        client.uid("MOVE", "1:2", "Junk")
    hub.wait_until(lambda: len(hub.json("spam", "suggestions", "list")) == 2)
    one, two = hub.json("spam", "suggestions", "list")
    assert {(each["label"], each["source"], each["reason"]) for each in (one, two)} == {
        ("spam", "imap", "unread")
    }
    assert hub.json("spam", "suggestions", "confirm", str(one["id"]))[0]["outcome"] == "marked"
    hub.run("spam", "suggestions", "dismiss", str(two["id"]))
    assert hub.json("spam", "suggestions", "list") == []
    assert [each["message"] for each in hub.json("spam", "marks")] == [one["message"]]
    assert hub.json("spam", "verify")["state"] == "exact"
    assert fetcher.tickets() + len(hub.json("ticket", "list", "--state", "spam")) == 2
    hub.json("mailbox", "set", "support@example.com", "--no-feedback-from-moves")
    hub.wait_until(lambda: [folder["role"] for folder in fetcher.source()["folders"]] == ["mail"])


def test_what_breaks_the_watch_keeps_no_mail_back(fetcher: Fetcher) -> None:
    """A folder name nobody can read, or a Junk that ends every connection that looks into it: mail is fetched first."""
    with scripted(breaking_junk) as port:
        fetcher.add("127.0.0.1", port, "any", "--feedback-from-moves")
        assert fetcher.wait(1)["filed"] == 1
        fetcher.hub.wait_until(lambda: "not watched for moves" in fetcher.source()["fault"])
        assert fetcher.source()["state"] == "waiting"
