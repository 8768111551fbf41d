"""What a server may do to us: bounded time and memory, the other mailboxes at full speed, and words that tell."""

from __future__ import annotations

import imaplib
import random
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailhub.intake.imap.conversation import Conversation
from mailhub.intake.imap.dialling import Way
from mailhub.intake.imap.faults import CannotLogIn, ImapFault, ImapRefused
from tests.houses.dovecot import PASSWORD, Dovecot
from tests.intake.imap.conftest import Fetcher, letters
from tests.intake.imap.hostile import (
    HOSTILE,
    INJECTING,
    NAMES,
    Line,
    cutting,
    preauth,
    scripted,
    starttls_injection,
    strange_names,
)
from tests.intake.imap.test_fetching import flags

MEMORY_KIB = 200 * 1024  # what the daemon may grow by: far below what the servers send


def peak_kib(pid: int) -> int:
    """The most memory a process ever had."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def test_hostile_servers_disturb_nobody(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """Hostile servers of every kind at once have a fault in words each, while good mail goes through."""
    assert fetcher.hub.process is not None
    before = peak_kib(fetcher.hub.process.pid)
    with ExitStack() as stack:
        for name, script in (HOSTILE | NAMES | INJECTING).items():
            port, tls = stack.enter_context(scripted(script)), "starttls" if name in INJECTING else "none"
            fetcher.add("127.0.0.1", port, name, tls=tls, address=f"{name}@example.com")
        fetcher.add("127.0.0.1", server.port, user)
        for count in range(1, 6):
            server.append(user, *letters(1))
            fetcher.wait(count)

        def all_fail() -> bool:
            rows = fetcher.hub.json("mailbox", "list", "--limit", "0")
            bad = [row["imap"] for row in rows if row["imap"] and row["address"] != "support@example.com"]
            assert len(bad) == len(HOSTILE | NAMES | INJECTING)
            return all(each["fault"] or each["folders"][0]["fault"] for each in bad)

        fetcher.hub.wait_until(all_fail)
    assert fetcher.source()["state"] == "waiting"
    assert peak_kib(fetcher.hub.process.pid) - before < MEMORY_KIB


def test_each_mail_once_however_the_connection_is_cut(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """Forty cuts at random bytes of the server's: every mail is filed once, and marked on the server when it is."""
    chance = random.Random(7)
    server.append(user, *letters(30))
    offsets = iter([chance.randrange(1, 12_000) for _ in range(40)])
    with cutting(server.port, offsets) as port:
        fetcher.add("127.0.0.1", port, user, "--after-filing", "seen")
        fetcher.wait(30)
        fetcher.hub.wait_until(lambda: sum(b"\\Seen" in each for each in flags(server, user)) == 30)
        assert next(offsets, None) is None or fetcher.folder()["filed"] == 30
    assert fetcher.fates() == ["filed"] * 30


def test_another_uidvalidity_is_read_again_without_a_second_copy(
    server: Dovecot, user: str, fetcher: Fetcher
) -> None:
    """A folder that is deleted and made again with other UIDs: known mail is a duplicate, new mail is filed."""
    known, fresh = letters(4), letters(2)
    with server.client(user) as client:
        client.create("Post")
        server.append(user, *known, folder="Post")
        fetcher.add("127.0.0.1", server.port, user, "--folder", "INBOX", "--folder", "Post")
        fetcher.wait(4, name="Post")
        client.delete("Post")
        fetcher.hub.wait_until(lambda: fetcher.folder("Post")["state"] == "missing")
        client.create("Post")
    server.append(user, *known, *fresh, folder="Post")
    folder = fetcher.wait(6, name="Post")
    fetcher.hub.wait_until(lambda: fetcher.folder("Post")["duplicate"] == 4)
    assert folder["filed"] == 6
    assert sorted(fetcher.fates()) == ["duplicate"] * 4 + ["filed"] * 6


def test_other_clients_at_work(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """While others mark without an end, which IDLE hears, each mail is filed once, in the folders beside it as well."""
    server.append(user, *letters(60))
    done = threading.Event()

    def meddle(number: int) -> None:
        while not done.is_set():
            client = server.client(user)
            try:
                client.select("INBOX")
                while not done.is_set():
                    client.store("1:*", "+FLAGS" if number % 2 else "-FLAGS", "(\\Seen \\Flagged $Label1)")
            except imaplib.IMAP4.abort:
                continue  # a Dovecot that is worked so hard drops a client now and then; it comes back
            finally:
                client.shutdown()

    others = [threading.Thread(target=meddle, args=(number,)) for number in range(5)]
    for each in others:
        each.start()
    try:
        fetcher.add("127.0.0.1", server.port, user, "--folder", "INBOX", "--folder", "Junk")
        server.append(user, *letters(20))
        fetcher.wait(80)
        server.append(user, *letters(1), folder="Junk")
        fetcher.wait(1, name="Junk")
    finally:
        done.set()
        for each in others:
            each.join()
    assert fetcher.fates() == ["filed"] * 81


def converse(port: int, tls: str = "none", ca_file: str = "") -> Conversation:
    """A connection of this process."""
    return Conversation.connect(
        Way(host="localhost", port=port, tls=tls, ca_file=ca_file, local=True, seconds=5)
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("endless-answer", "more than 20000 lines"),
        ("huge-literal", "announced 4294967296 bytes"),
        ("bye", "maintenance"),
        ("nonsense", "not IMAP"),
        ("deep", "not IMAP"),
    ],
)
def test_each_hostile_server_is_stopped_by_what_it_does(name: str, words: str) -> None:
    """Each gets as far as its attack, and that is what ends it: no test is won by a fault before."""
    with scripted(HOSTILE[name]) as port:
        conversation = converse(port)
        conversation.log_in("any", "body")
        conversation.open("INBOX", read_only=True)
        with pytest.raises(ImapFault, match=words):
            conversation.fetch(conversation.uids(1, None), budget=2**20)
        conversation.close()


def test_starttls_takes_nothing_that_came_ahead() -> None:
    """What a server sends behind its answer to STARTTLS, in the clear, ends the connection."""
    with scripted(starttls_injection) as port, pytest.raises(ImapFault, match="injection"):
        converse(port, "starttls")


def test_a_greeting_that_is_logged_in_already_does_not_skip_starttls() -> None:
    """PREAUTH in the clear, which would make STARTTLS illegal, is a fault and not a session."""
    with scripted(preauth) as port, pytest.raises(ImapFault):
        converse(port, "starttls")


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_certificate_is_verified(server: Dovecot, user: str, tls: str) -> None:
    """A certificate nobody vouches for is refused; with imap.ca_file it opens the mailbox, under its own name alone."""
    port = server.tls_port if tls == "implicit" else server.port
    with pytest.raises(ImapFault, match="not trusted"):
        converse(port, tls)
    trusting = Way(
        host="127.0.0.1", port=port, tls=tls, ca_file=str(server.certificate), local=True, seconds=5
    )
    with pytest.raises(ImapFault, match="not trusted"):
        Conversation.connect(trusting)
    conversation = converse(port, tls, str(server.certificate))
    conversation.log_in(user, PASSWORD)
    assert conversation.encryption().startswith("TLSv1.")
    conversation.log_out()


def test_names_inject_nothing(server: Dovecot, user: str) -> None:
    """A folder or login with CR, LF, quotes, braces or backslashes is one argument, or refused: nothing is executed."""
    server.append(user, *letters(1))
    conversation = converse(server.port)
    conversation.log_in(user, PASSWORD)
    for name in (
        'a" (x',
        "a\r\nA1 DELETE Junk",
        "{5}",
        "{5}\r\n",
        "\\",
        '"',
        "a\nb",
        "&",
        "Post\0",
        "é\r\n*",
        "%*",
    ):
        with pytest.raises(ImapRefused):
            conversation.open(f"Nowhere {name}", read_only=True)
    assert "Junk" in conversation.folders()
    assert conversation.open("INBOX", read_only=True).messages == 1
    conversation.log_out()
    for login in ("a\r\nA1 LOGOUT", "a\0b"):
        conversation = converse(server.port)
        with pytest.raises(CannotLogIn):
            conversation.log_in(login, PASSWORD)
        conversation.close()


def test_folders_that_are_not_modified_utf_7_are_survived() -> None:
    """A server that lists names no decoder knows is still usable: the other folders are shown."""
    with scripted(strange_names) as port:
        conversation = converse(port)
        conversation.log_in("any", "body")
        assert conversation.folders()[1:] == [
            "ÿþ",
            "Post & Büro",
        ]  # the first is a NUL: a name, though none of ours
        conversation.close()


def test_no_password_in_the_clear_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without TLS a password goes to this machine alone, whatever the server's address is said to be."""

    def hello(line: Line) -> None:
        line.greet()

    with scripted(hello) as port:
        conversation = converse(port)
        monkeypatch.setattr(conversation._wire, "peer_address", lambda: "192.0.2.7")
        with pytest.raises(CannotLogIn, match="without TLS"):
            conversation.log_in("any", "body")
        conversation.close()


def test_private_networks_are_for_the_operator() -> None:
    """A host that leads to this machine or a private network is refused where no operator allowed it."""
    for host in ("127.0.0.1", "localhost", "10.1.2.3", "::1", "169.254.169.254"):
        with pytest.raises(ImapFault, match="private"):
            Conversation.connect(Way(host=host, port=1, tls="none", seconds=1))


def test_a_bad_certificate_is_told(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """`mailbox list` says that the certificate is not trusted, and nothing is fetched."""
    fetcher.add("localhost", server.tls_port, user, tls="implicit")
    fetcher.hub.wait_until(lambda: "not trusted" in fetcher.source()["fault"])
    assert fetcher.source()["state"] in ("failing", "connecting")
