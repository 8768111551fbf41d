"""The whole way on PostgreSQL: what the command line shows is the same as on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Database
    from tests.houses.hub import Hub

RAW = (
    b"From: Ana Silva <ana@customer.example>\r\nTo: support@example.com\r\nSubject: Printer\r\n"
    b"Message-ID: <pg@customer.example>\r\n\r\nIt burns.\r\n"
)


def test_one_mail_from_init_to_spam(idle_hub: Hub, postgresql_database: Database) -> None:
    """init, a mail, a resend, the lists, a mark, a note: each query runs on PostgreSQL too."""
    url = postgresql_database.url.render_as_string(hide_password=False)
    idle_hub.environment["MAILHUB_STORAGE__URL"] = url
    done = idle_hub.run("init", "--json")
    assert (done.returncode, b'"password": null' in done.stdout) == (0, False), done.stderr
    idle_hub.start()
    idle_hub.send(RAW)
    idle_hub.send(RAW)
    (ticket,) = idle_hub.json("ticket", "list", "--mailbox", "support@example.com", "--assignee", "none")
    assert (ticket["contact"], ticket["subject"], ticket["message_count"]) == (
        "ana@customer.example",
        "Printer",
        1,
    )
    assert [each["fate"] for each in idle_hub.json("intake", "list", "--limit", "0")] == [
        "duplicate",
        "filed",
    ]
    (message,) = idle_hub.json("ticket", "show", "1")["messages"]
    assert idle_hub.run("message", "raw", str(message["id"])).stdout == RAW
    assert idle_hub.json("ticket", "search", "burns")[0]["id"] == ticket["id"]
    assert idle_hub.json("spam", "mark", str(message["id"]), "--as", "spam")[0]["state"] == "spam"
    assert idle_hub.json("spam", "verify")["state"] == "exact"
    assert idle_hub.json("ticket", "reopen", "1")["state"] == "open"
    idle_hub.json("ticket", "note", "1", "--text", "called")
    assert idle_hub.json("ticket", "show", "1")["notes"][0]["text"] == "called"
    assert idle_hub.json("token", "create", "--name", "x")["token"].startswith("mh_")
    assert idle_hub.json("status")["tickets"] == {"open": 1}
    assert [each["role"] for each in idle_hub.json("user", "list")] == ["owner"]
    assert idle_hub.json("backup", "create")["counts"]["message"] >= 1
    assert idle_hub.stop() == 0
