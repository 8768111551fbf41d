"""Mail fetched from a real Dovecot: each once, at once, and what happens there afterwards."""

from __future__ import annotations

from collections.abc import Callable

from mailhub.cli.client import ApiError
from tests.houses.dovecot import PASSWORD, Dovecot, dovecot, is_installed
from tests.intake.imap.conftest import Fetcher, letter, letters


def flags(server: Dovecot, user: str, folder: str = "INBOX") -> list[bytes]:
    """The FETCH answers of a folder, as another client sees them."""
    with server.client(user) as client:
        kind, count = client.select(f'"{folder}"', readonly=True)
        assert kind == "OK"
        if count == [b"0"]:
            return []
        _, found = client.fetch("1:*", "(UID FLAGS)")
        return [each for each in found if isinstance(each, bytes)]


def test_what_is_there_and_what_comes_is_filed_once(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """Old mail is filed, new mail while IDLE waits, each once; nothing changes on the server."""
    server.append(user, *letters(5))
    fetcher.add("127.0.0.1", server.port, user)
    fetcher.wait(5)
    server.append(user, *letters(3))
    folder = fetcher.wait(8)
    assert (folder["seen"], folder["filed"], folder["duplicate"]) == (8, 8, 0)
    assert fetcher.fates() == ["filed"] * 8
    assert [each for each in flags(server, user) if b"Seen" in each] == []


def test_two_doors_and_two_folders_make_one_message(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """A mail that comes by SMTP, in INBOX and in Junk is one ticket of one message, with three fates."""
    twice = letters(1)[0]
    fetcher.hub.send(twice)
    server.append(user, twice)
    server.append(user, twice, folder="Junk")
    fetcher.add("127.0.0.1", server.port, user, "--folder", "INBOX", "--folder", "Junk")
    fetcher.wait(1, key="duplicate")
    fetcher.wait(1, name="Junk", key="duplicate")
    fates = sorted(row["fate"] for row in fetcher.hub.json("intake", "list", "--limit", "0"))
    assert fates == ["duplicate", "duplicate", "filed"]
    assert fetcher.tickets() == 1


def test_a_filed_mail_is_marked_moved_or_deleted(server: Dovecot, fetcher: Fetcher) -> None:
    """After filing the server is told by the setting: \\Seen, a keyword, another folder, gone; others' mail stays."""
    wanted = {"seen": (), "flag": ("--keyword", "$Filed"), "move": ("--move-to", "Filed"), "delete": ()}
    users = {act: server.new_user() for act in wanted}
    for act, more in wanted.items():
        server.append(users[act], *letters(2))
        fetcher.add(
            "127.0.0.1", server.port, users[act], "--after-filing", act, *more, address=f"{act}@example.com"
        )

    def settled() -> bool:
        return (
            sum(b"\\Seen" in each for each in flags(server, users["seen"])) == 2
            and sum(b"$Filed" in each for each in flags(server, users["flag"])) == 2
            and len(flags(server, users["move"], "Filed")) == 2
            and flags(server, users["delete"]) == []
        )

    fetcher.hub.wait_until(settled)
    assert fetcher.fates() == ["filed"] * 8


def test_only_own_uids_are_expunged(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """Deleting what was filed leaves alone what another client only marked as deleted."""
    server.append(user, letter("marked by another client"))
    with server.client(user) as client:
        client.select("INBOX")
        client.store("1", "+FLAGS", "\\Deleted")
        fetcher.add("127.0.0.1", server.port, user, "--since", "2030-01-01", "--after-filing", "delete")
        fetcher.hub.wait_until(lambda: fetcher.folder()["state"] == "current")
        server.append(user, *letters(1))
        fetcher.wait(1)
        fetcher.hub.wait_until(lambda: len(flags(server, user)) == 1)
    assert b"\\Deleted" in flags(server, user)[0]


def test_since_leaves_old_mail_there_and_takes_all_that_comes(
    server: Dovecot, user: str, fetcher: Fetcher
) -> None:
    """--since passes older mail that was there; what comes later is fetched whatever its date."""
    server.append(user, *letters(3))
    fetcher.add("127.0.0.1", server.port, user, "--since", "2030-01-01")
    fetcher.hub.wait_until(lambda: fetcher.folder()["state"] == "current")
    with server.client(user) as client:
        client.append("INBOX", "", '"01-Jan-2001 00:00:00 +0000"', letters(1)[0])
    assert fetcher.wait(1)["seen"] == 1


def test_a_mail_over_the_limit_has_a_fate_and_stays(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """A mail over limits.message_bytes is rejected as too-large; a large one below it comes whole, in pieces."""
    fetcher.hub.end()
    fetcher.hub.environment["MAILHUB_LIMITS__MESSAGE_BYTES"] = str(2**21)
    fetcher.hub.start()
    text = "x" * 70 + "\r\n"
    large, small = letter("large", text * 20_000), letter("small")
    server.append(user, letter("larger", text * 40_000), large, small)
    fetcher.add("127.0.0.1", server.port, user, "--after-filing", "delete")
    folder = fetcher.wait(2)
    assert (folder["filed"], folder["rejected"]) == (2, 1)
    reasons = {
        row["reason"]
        for row in fetcher.hub.json("intake", "list", "--limit", "0")
        if row["fate"] == "rejected"
    }
    assert reasons == {"too-large"}
    sizes = {
        row["size_bytes"]
        for row in fetcher.hub.json("intake", "list", "--limit", "0")
        if row["fate"] == "filed"
    }
    assert sizes == {len(large), len(small)}
    fetcher.hub.wait_until(lambda: len(flags(server, user)) == 1)


def test_pause_resume_and_delete(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """A paused mailbox is left alone, a resumed one goes on from its cursor, a deleted one is forgotten."""
    fetcher.add("127.0.0.1", server.port, user)
    fetcher.hub.wait_until(lambda: fetcher.source()["state"] == "waiting")
    assert fetcher.hub.json("mailbox", "pause", "support@example.com")["state"] == "paused"
    server.append(user, *letters(2))
    fetcher.hub.json("mailbox", "resume", "support@example.com")
    assert fetcher.wait(2)["duplicate"] == 0
    assert fetcher.hub.run("mailbox", "delete", "support@example.com", "--imap").returncode == 0
    try:
        fetcher.hub.call("GET", "/v1/mailboxes/support@example.com/imap")
    except ApiError as error:
        assert error.http_status == 404


def test_a_password_is_sealed_and_never_shown(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """A password that is given to be kept opens the mailbox, and is in no answer and in no file of the daemon."""
    body = {
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "login": user,
        "password": "wrong canary password",
    }
    shown = fetcher.hub.call("POST", "/v1/mailboxes/support@example.com/imap", body=body)
    fetcher.hub.wait_until(lambda: fetcher.source()["state"] == "failing")
    assert "refuses the login" in fetcher.source()["fault"]
    kept = b"".join(path.read_bytes() for path in fetcher.hub.directory.rglob("*") if path.is_file())
    assert b"canary" not in kept
    assert "canary" not in str(shown)


def test_the_steps_of_a_test_stop_at_what_fails(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """`mailbox test` names each step, and for a folder that is not there the folders that are."""
    fetcher.add("127.0.0.1", server.port, user, "--folder", "INBOX", "--folder", "Nowhere")
    found = fetcher.hub.call("POST", "/v1/mailboxes/support@example.com/imap/test")
    assert [step["name"] for step in found["steps"]] == [
        *("name", "connection", "greeting", "login", "capabilities", "folder INBOX", "folder Nowhere"),
    ]
    assert [step["ok"] for step in found["steps"]] == [True] * 6 + [False]
    assert "Junk" in found["steps"][-1]["text"]


def test_another_password_goes_on_from_the_cursor(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """`mailbox password` changes the secret in place: a refused login is mended, and nothing is read again."""
    server.append(user, *letters(2))
    fetcher.add("127.0.0.1", server.port, user)
    fetcher.wait(2)
    for password, state in (("wrong", "failing"), (PASSWORD, "waiting")):
        command = ("mailbox", "password", "support@example.com", "--imap-password-stdin")
        assert fetcher.hub.run(*command, stdin=password.encode() + b"\n").returncode == 0
        fetcher.hub.wait_until(lambda state=state: fetcher.source()["state"] == state)  # type: ignore[misc]
    server.append(user, *letters(1))
    folder = fetcher.wait(3)
    assert (folder["seen"], folder["duplicate"]) == (3, 0)


def test_a_server_that_can_do_little(require_service: Callable[[bool, str], None], fetcher: Fetcher) -> None:
    """Without IDLE, MOVE and UIDPLUS: folders are polled, moving is copying and a mark, deleting is a mark alone."""
    require_service(is_installed(), "Dovecot is not installed (Debian: dovecot-imapd)")
    with dovecot("imap_capability = IMAP4rev1 LITERAL+ SASL-IR\n") as server:
        moving, deleting = server.new_user(), server.new_user()
        fetcher.add(
            "127.0.0.1",
            server.port,
            moving,
            "--after-filing",
            "move",
            "--move-to",
            "Filed",
            address="m@x.example",
        )
        fetcher.add("127.0.0.1", server.port, deleting, "--after-filing", "delete", address="d@x.example")
        fetcher.hub.wait_until(lambda: fetcher.source("m@x.example")["state"] == "waiting")
        for user in (moving, deleting):
            server.append(user, *letters(2))
        fetcher.hub.wait_until(
            lambda: (
                len(flags(server, moving, "Filed")) == 2
                and sum(b"\\Deleted" in each for each in flags(server, deleting)) == 2
            )
        )
        assert sum(b"\\Deleted" in each for each in flags(server, moving)) == 2
    assert fetcher.fates() == ["filed"] * 4
