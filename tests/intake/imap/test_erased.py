"""Who was erased is not brought back by a mailbox at a provider, and is deleted there where its owner wants that."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Any

from tests.houses.dovecot import Dovecot, dovecot
from tests.intake.imap.conftest import Fetcher, letter, letters
from tests.privacy.erasing import witness

ANA = "ana@customer.example"
BEN = letter("ben").replace(b"Ana <ana@", b"Ben <ben@")


def erase(fetcher: Fetcher) -> dict[str, Any]:
    """Erase Ana to the receipt; the erasure as it is shown then."""
    done: dict[str, Any] = fetcher.hub.json("contact", "erase", ANA, "--yes")
    assert (done["state"], done["reason"]) == ("done", "")
    return done


def wait_for(fetcher: Fetcher, erasure: int, **numbers: int) -> None:
    """Until the erasure shows so many copies of each kind."""

    def shown() -> bool:
        copies = fetcher.hub.json("erasure", "show", str(erasure))["copies"]
        return {name: copies[name] for name in numbers} == numbers

    fetcher.hub.wait_until(shown)


def there(server: Dovecot, user: str, folder: str = "INBOX") -> list[tuple[str, set[str]]]:
    """Who wrote the mails in a folder, and their flags; looks without a trace."""
    with server.client(user) as client:
        client.select(folder, readonly=True)
        _, answer = client.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (FROM)])")
    pairs = [each for each in answer if isinstance(each, tuple)]
    return [(_name(head), _flags(line)) for line, head in pairs]


def _name(head: bytes) -> str:
    return head.split()[1].decode()


def _flags(line: bytes) -> set[str]:
    found = re.search(rb"FLAGS \(([^)]*)\)", line)
    assert found is not None
    return set(found[1].decode().split()) - {"\\Recent"}


def test_a_new_epoch_brings_back_nothing_of_who_was_erased(
    server: Dovecot, user: str, fetcher: Fetcher
) -> None:
    """The folder has other UIDs and all mail is fetched again: fate erased, and no byte of the person."""
    known = letters(3)
    with server.client(user) as client:
        client.create("Post")
        server.append(user, *known, folder="Post")
        fetcher.add("127.0.0.1", server.port, user, "--folder", "INBOX", "--folder", "Post")
        fetcher.wait(3, name="Post")
        directory = Path(fetcher.hub.directory)
        assert witness.holding(directory, ANA.encode())
        assert fetcher.hub.json("contact", "erase", ANA, "--plan")["counts"]["imap_copies_left"] == 3
        assert erase(fetcher)["copies"]["left"] == 3
        client.delete("Post")
        fetcher.hub.wait_until(lambda: fetcher.folder("Post")["state"] == "missing")
        client.create("Post")
    server.append(user, *known, folder="Post")
    fetcher.hub.wait_until(lambda: fetcher.fates().count("erased") == 3)
    assert sorted(fetcher.fates()) == ["erased"] * 3 + ["filed"] * 3
    assert fetcher.tickets() == 0
    assert witness.holding(directory, ANA.encode()) == set()


def test_her_mail_is_deleted_there_and_no_other(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """In the folder that is waited on and another: other mail keeps its flags, and another client's mark \\Deleted."""
    with server.client(user) as client:
        client.create("Post")
        server.append(user, BEN, *letters(3))
        server.append(user, *letters(2), BEN, folder="Post")
        folders = ("--folder", "INBOX", "--folder", "Post")
        fetcher.add("127.0.0.1", server.port, user, *folders, "--erase-there")
        fetcher.wait(3, name="Post")
        fetcher.wait(3)
        client.select("INBOX")
        client.store("1", "+FLAGS", "(\\Deleted)")
        counts = fetcher.hub.json("contact", "erase", ANA, "--plan")["counts"]
        assert (counts["imap_copies_asked"], counts["imap_copies_left"]) == (5, 0)
        erasure = erase(fetcher)["id"]
        wait_for(fetcher, erasure, asked=5, deleted=5, owed=0, unknown=0)
        assert there(server, user) == [("Ben", {"\\Deleted"})]
        assert there(server, user, "Post") == [("Ben", set())]
        client.unselect()
        fetcher.hub.wait_until(lambda: fetcher.folder()["state"] == "current")
        server.append(user, letter("later"))
        fetcher.wait(4)
        _, recent = client.select("INBOX") and client.response("RECENT")
        assert recent == [b"1"]  # the folder is read without a trace, as before


def test_what_is_owed_outlives_a_pause_and_a_kill(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """Asked for while the mailbox is paused, told as owed by the receipt, and done after kill -9 when it is resumed."""
    server.append(user, *letters(2), BEN)
    fetcher.add("127.0.0.1", server.port, user)
    fetcher.wait(3)
    hub = fetcher.hub
    assert hub.json("mailbox", "set", "support@example.com", "--erase-there")["erase_there"] is True
    hub.run("mailbox", "pause", "support@example.com")
    done = erase(fetcher)
    assert {name: done["copies"][name] for name in ("asked", "owed", "owed_paused")} == {
        "asked": 2,
        "owed": 2,
        "owed_paused": 2,
    }
    assert hub.stop(signal.SIGKILL) == -signal.SIGKILL
    assert [name for name, _ in there(server, user)] == ["Ana", "Ana", "Ben"]
    hub.start()
    hub.run("mailbox", "resume", "support@example.com")
    wait_for(fetcher, done["id"], deleted=2, owed=0, unknown=0)
    assert there(server, user) == [("Ben", set())]


def test_uids_of_another_epoch_are_left_alone(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """The folder was made anew before its turn: its mail has the same UIDs, stays, and nobody can tell of the old."""
    with server.client(user) as client:
        client.create("Post")
        server.append(user, *letters(2), folder="Post")
        fetcher.add("127.0.0.1", server.port, user, "--folder", "INBOX", "--folder", "Post", "--erase-there")
        fetcher.wait(2, name="Post")
        fetcher.hub.run("mailbox", "pause", "support@example.com")
        erasure = erase(fetcher)["id"]
        client.delete("Post")
        client.create("Post")
    server.append(user, BEN, BEN, folder="Post")
    fetcher.hub.run("mailbox", "resume", "support@example.com")
    wait_for(fetcher, erasure, asked=2, deleted=0, owed=0, unknown=2)
    fetcher.wait(1, name="Post")
    assert there(server, user, "Post") == [("Ben", set()), ("Ben", set())]


def test_without_uidplus_her_mail_is_only_marked(fetcher: Fetcher) -> None:
    """A plain EXPUNGE would take what others marked: so the mark is all, and is said to be."""
    with dovecot("imap_capability = IMAP4rev1 LITERAL+ SASL-IR\n") as server:
        user = server.new_user()
        server.append(user, letter("one"), BEN)
        fetcher.add("127.0.0.1", server.port, user, "--erase-there")
        fetcher.wait(2)
        wait_for(fetcher, erase(fetcher)["id"], asked=1, marked=1, deleted=0, owed=0, unknown=0)
        assert there(server, user) == [("Ana", {"\\Deleted"}), ("Ben", set())]
