"""The way of one mail: by every door into a ticket, shown by the command line and the API."""

from __future__ import annotations

import http.client
import itertools
import json
import smtplib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mailhub.cli.client import ApiError
from storage.database import Database
from storage.tickets.ticket_lists import TicketFilter, list_tickets

if TYPE_CHECKING:
    from tests.houses.hub import Hub

NUMBERS = itertools.count()


def mail(subject: str) -> bytes:
    """A mail with text and a file, like no other: the hub is shared."""
    number = next(NUMBERS)
    return (
        f"From: Ana Silva <ana@customer.example>\r\nTo: support@example.com\r\nSubject: {subject}\r\n"
        f"Message-ID: <{subject}.{number}@customer.example>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain\r\n\r\nIt burns: {subject}.\r\n"
        '--b\r\nContent-Type: text/csv; name="log.csv"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        "aGVsbG8K\r\n--b--\r\n"
    ).encode()


def tickets_of(hub: Hub, subject: str) -> list[dict[str, Any]]:
    """The tickets of this subject in any state."""
    found = hub.json("ticket", "list", "--state", "all", "--limit", "0")
    return [each for each in found if each["subject"] == subject]


def message_of(hub: Hub, subject: str) -> str:
    """The id of the first message of the only ticket of this subject."""
    (ticket,) = tickets_of(hub, subject)
    return str(hub.json("ticket", "show", str(ticket["id"]))["messages"][0]["id"])


def test_one_mail_by_smtp_is_a_ticket(hub: Hub) -> None:
    """A mail by SMTP is a ticket with its text, its file and its raw bytes; sent again it is a duplicate."""
    raw = mail("Printer")
    hub.send(raw)
    hub.send(raw)
    (ticket,) = tickets_of(hub, "Printer")
    wanted = {
        "id",
        "number",
        "mailbox",
        "subject",
        "state",
        "assignee",
        "contact",
        "message_count",
        "verdict",
    }
    assert wanted | {"probability", "created_at", "updated_at"} <= ticket.keys()
    assert (ticket["contact"], ticket["message_count"]) == ("ana@customer.example", 1)
    (message,) = hub.json("ticket", "show", str(ticket["number"]))["messages"]
    assert (message["from"], message["text"].strip()) == ("ana@customer.example", "It burns: Printer.")
    assert [each["filename"] for each in message["attachments"]] == ["log.csv"]
    assert hub.run("message", "raw", str(message["id"])).stdout == raw
    assert hub.run("message", "attachment", str(message["id"]), "0").stdout == b"hello\n"
    found = hub.json("intake", "list", "--message", str(message["id"]))
    assert [each["fate"] for each in found] == ["duplicate", "filed"]
    assert hub.json("why", str(message["id"]))["thread_reason"] == "new"


def test_every_door_uses_the_same_pipeline(hub: Hub, tmp_path: Path) -> None:
    """The same mail by four doors is one message with four fates."""
    raw = mail("FourDoors")
    hub.send(raw)
    host, port = hub.address("lmtp")
    with smtplib.LMTP(host, port, "client.example") as lmtp:
        lmtp.sendmail("ana@customer.example", ["support@example.com"], raw)
    assert hub.run("deliver", "--recipient", "support@example.com", stdin=raw).returncode == 0
    (tmp_path / "letter.eml").write_bytes(raw)
    assert hub.json("import", str(tmp_path / "letter.eml")) == {"messages": 1, "fates": {"duplicate": 1}}
    deliveries = hub.json("intake", "list", "--message", message_of(hub, "FourDoors"))
    assert sorted(each["source"] for each in deliveries) == ["import", "lmtp", "pipe", "smtp"]


def test_lists_go_on_where_they_ended(hub: Hub) -> None:
    """--limit and --after walk through all rows once; --limit 0 prints all."""
    with hub.smtp() as smtp:
        for _ in range(7):
            smtp.sendmail("ana@customer.example", ["support@example.com"], mail("Walked"))
    everything = [each["id"] for each in hub.json("ticket", "list", "--limit", "0", "--state", "all")]
    walked: list[int] = []
    while page := hub.json(
        "ticket", "list", "--state", "all", "--limit", "3", *(["--after", str(walked[-1])] if walked else [])
    ):
        walked += [each["id"] for each in page]
    assert walked == everything
    assert len(tickets_of(hub, "Walked")) == 7


def test_ticket_work_and_its_undoing(hub: Hub) -> None:
    """Assign, note, close, reopen, delete, restore, merge, split: by the command line, each undone."""
    hub.send(mail("Worked"))
    hub.send(mail("Another"))
    one, two = (str(tickets_of(hub, subject)[0]["number"]) for subject in ("Worked", "Another"))
    assert hub.json("ticket", "assign", one, "me")["assignee"] == "owner@example.com"
    assert hub.json("ticket", "assign", one, "none")["assignee"] is None
    assert hub.json("ticket", "note", one, "--text", "called her")["text"] == "called her"
    assert hub.json("ticket", "close", one)["state"] == "closed"
    assert hub.json("ticket", "reopen", one)["state"] == "open"
    assert hub.json("ticket", "delete", one)["state"] == "trash"
    assert hub.json("ticket", "restore", one)["state"] == "open"
    assert hub.json("ticket", "merge", two, one)["message_count"] == 2
    assert hub.json("ticket", "restore", two)["message_count"] == 1
    hub.json("ticket", "merge", two, one)
    shown = hub.json("ticket", "show", one)
    assert [note["text"] for note in shown["notes"]] == ["called her"]
    assert hub.json("ticket", "split", one, str(shown["messages"][1]["id"]))["subject"] == "Another"
    assert hub.json("ticket", "search", "burns", "worked")[0]["subject"] == "Worked"


def test_purge_is_for_good(hub: Hub) -> None:
    """A purged ticket is gone, and so is its message."""
    hub.send(mail("Purged"))
    message = message_of(hub, "Purged")
    assert hub.json("ticket", "purge", str(tickets_of(hub, "Purged")[0]["id"]), "--yes")["messages"] == [
        int(message)
    ]
    assert tickets_of(hub, "Purged") == []
    assert hub.run("message", "raw", message).returncode == 65


def test_reply_without_a_relay_says_so(hub: Hub) -> None:
    """With no relay configured nothing is queued, and the command tells what to set."""
    hub.send(mail("Unanswered"))
    done = hub.run("ticket", "reply", str(tickets_of(hub, "Unanswered")[0]["id"]), "--text", "hello")
    assert (done.returncode, b"no relay is configured" in done.stderr) == (65, True)


def test_filter_is_taught_and_asked(hub: Hub) -> None:
    """A mark moves the ticket to spam, is explained, verified exact, and taken back."""
    hub.send(mail("Marked"))
    message = message_of(hub, "Marked")
    (marked,) = hub.json("spam", "mark", message, "--as", "spam")
    assert (marked["outcome"], marked["verdict"], marked["state"]) == ("marked", "spam", "spam")
    assert hub.json("spam", "explain", message)["evidence"][0]["weight"] > 0
    assert hub.json("spam", "stats")["labels"] == {"spam": 1}
    assert hub.json("spam", "verify")["state"] == "exact"
    assert hub.json("spam", "unmark", message)[0]["state"] == "open"


def test_file_is_explained_without_a_daemon(idle_hub: Hub, tmp_path: Path) -> None:
    """`spam explain FILE` reads the filter from the database itself."""
    (tmp_path / "letter.eml").write_bytes(mail("Offline"))
    found = idle_hub.json("spam", "explain", str(tmp_path / "letter.eml"))
    assert (found["verdict"], found["trained_spam"]) == ("unsure", 0)


def test_backup_is_restored_with_the_recovery_key_alone(hub: Hub, tmp_path: Path) -> None:
    """Made by the daemon, verified, and restored where the root key is lost: the mail is there."""
    hub.send(mail("Copied"))
    secret = hub.json("backup", "recovery-key")["recovery_key"]
    made = hub.json("backup", "create")
    assert [each["id"] for each in hub.json("backup", "list")] == [made["id"]]
    (tmp_path / "recovery").write_text(secret)
    file = str(Path(made["targets"][0]) / made["name"])
    assert hub.json("backup", "verify", file)["rows"] == made["counts"]
    into = str(tmp_path / "restored")
    hub.json("backup", "restore", file, "--into", into, "--recovery-key", str(tmp_path / "recovery"))
    assert (tmp_path / "restored/root.key").read_text() == (hub.directory / "root.key").read_text()
    account = hub.json("account", "show")["id"]
    database = Database(f"sqlite:///{into}/mailhub.sqlite3")
    with database.read() as connection:
        assert list_tickets(connection, account, TicketFilter(), limit=1)[0].subject == "Copied"
    database.close()
    assert hub.run("backup", "restore", file, "--into", into).returncode == 65


def test_pipe_tells_what_to_do_with_the_mail(hub: Hub) -> None:
    """An address that is not ours is 67 for a pipe, an empty message 65."""
    assert hub.run("deliver", stdin=b"").returncode == 65
    assert hub.run("deliver", "--recipient", "nobody@example.net", stdin=mail("x")).returncode == 67


def test_without_a_daemon(idle_hub: Hub) -> None:
    """No daemon is "try again" for a pipe, and 69 for a person."""
    assert idle_hub.run("deliver", stdin=mail("x")).returncode == 75
    assert idle_hub.run("ticket", "list").returncode == 69


def test_mailboxes_are_served_at_once(hub: Hub) -> None:
    """A new mailbox takes mail without a restart, a used one cannot be deleted, a deleted one refuses."""
    hub.json("mailbox", "add", "sales@example.com")
    with hub.smtp() as smtp:
        smtp.sendmail("a@customer.example", ["sales@example.com"], mail("Sales"))
    assert [each["subject"] for each in hub.json("ticket", "list", "--mailbox", "sales@example.com")] == [
        "Sales"
    ]
    assert hub.run("mailbox", "delete", "sales@example.com").returncode == 65
    hub.json("mailbox", "add", "other@example.com")
    assert hub.run("mailbox", "delete", "other@example.com").returncode == 0
    with hub.smtp() as smtp, pytest.raises(smtplib.SMTPRecipientsRefused):
        smtp.sendmail("a@customer.example", ["other@example.com"], mail("x"))


def get(hub: Hub, path: str, token: str | None = None) -> tuple[int, Any]:
    """GET over TCP: status and JSON."""
    host, port = hub.address("http")
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, json.loads(body)


def test_tcp_takes_api_tokens_only(hub: Hub) -> None:
    """Over TCP there is nothing without an ApiToken, its scopes hold, and a revoked one is worth nothing."""
    token = hub.json("token", "create", "--name", "test", "--scope", "read")
    status, problem = get(hub, "/v1/tickets")
    assert (status, problem["code"]) == (401, "not-authenticated")
    assert get(hub, "/v1/tickets", "mh_wrong")[0] == 401
    assert get(hub, "/v1/tickets?limit=1", token["token"])[0] == 200
    with pytest.raises(ApiError) as refused:
        hub.call("POST", "/v1/mailboxes", token=token["token"], body={"address": "x@example.com"})
    assert refused.value.http_status == 403
    assert hub.json("token", "revoke", str(token["id"]))["revoked_at"] is not None
    assert get(hub, "/v1/tickets", token["token"])[0] == 401


def test_login_keeps_a_token_for_later_commands(hub: Hub, tmp_path: Path) -> None:
    """login checks the ApiToken and keeps it privately; later commands act as its user, until it is forgotten."""
    token = hub.json("token", "create", "--name", "laptop", "--scope", "ticket")["token"]
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert hub.run("login", stdin=b"mh_wrong\n", environment=environment).returncode == 77
    assert hub.run("login", stdin=token.encode() + b"\n", environment=environment).returncode == 0
    kept = tmp_path / "mailhub/token"
    assert (kept.read_text().strip(), kept.stat().st_mode & 0o777) == (token, 0o600)
    assert json.loads(hub.run("whoami", "--json", environment=environment).stdout)["scopes"] == ["ticket"]
    assert hub.run("mailbox", "add", "x@example.com", environment=environment).returncode == 77
    assert hub.run("login", "--forget", environment=environment).returncode == 0
    assert not kept.exists()


def test_openapi_and_health_are_open_and_metrics_are_the_operators(hub: Hub) -> None:
    """OpenAPI, /livez and /readyz answer without a token and tell of no mail; /metrics are for the operator alone."""
    hub.send(mail("Measured"))
    status, openapi = get(hub, "/v1/openapi.json")
    assert (status, openapi["info"]["title"]) == (200, "mailhub")
    assert get(hub, "/livez") == (200, {"live": True})
    status, ready = get(hub, "/readyz")
    assert (status, ready["ready"], ready["last_mail_at"]) == (200, True, {})
    assert "smtp" in json.loads(hub.text("/readyz"))["last_mail_at"]
    assert get(hub, "/metrics")[0] == 403
    metrics = hub.text("/metrics")
    assert 'mailhub_deliveries_total{fate="filed",source="smtp"}' in metrics
    assert "customer.example" not in metrics


def test_log_holds_nothing_personal(hub: Hub) -> None:
    """Whatever a mail holds, the log knows only ids and words."""
    hub.send(mail("Secretive"))
    hub.run("deliver", "--recipient", "stranger@example.net", stdin=mail("Secretive"))
    with hub.smtp() as smtp:
        smtp.docmd("MAIL FROM:<half@customer.example")
        smtp.docmd("RCPT TO:<stranger@example.net>")
    assert [
        word for word in ("customer.example", "Ana", "Secretive", "burns", "stranger") if word in hub.log
    ] == []
