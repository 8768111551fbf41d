"""Who was erased is not brought back by a mailbox at a provider, where the mail still lies."""

from __future__ import annotations

from pathlib import Path

from tests.dovecot import Dovecot
from tests.erasing import witness
from tests.imap.conftest import Fetcher, letters

ANA = "ana@customer.example"


def test_a_new_epoch_brings_back_nothing_of_who_was_erased(server: Dovecot, user: str, fetcher: Fetcher) -> None:
    """The folder has other UIDs and all mail is fetched again: fate erased, and no byte of the person."""
    known = letters(3)
    with server.client(user) as client:
        client.create("Post")
        server.append(user, *known, folder="Post")
        fetcher.add("127.0.0.1", server.port, user, "--folder", "INBOX", "--folder", "Post")
        fetcher.wait(3, name="Post")
        directory = Path(fetcher.hub.directory)
        assert witness.holding(directory, ANA.encode())
        assert fetcher.hub.json("contact", "erase", ANA, "--plan")["counts"]["imap_copies"] == 3
        done = fetcher.hub.json("contact", "erase", ANA, "--yes")
        assert (done["state"], done["reason"]) == ("done", "")
        client.delete("Post")
        fetcher.hub.wait_until(lambda: fetcher.folder("Post")["state"] == "missing")
        client.create("Post")
    server.append(user, *known, folder="Post")
    fetcher.hub.wait_until(lambda: fetcher.fates().count("erased") == 3)
    assert sorted(fetcher.fates()) == ["erased"] * 3 + ["filed"] * 3
    assert fetcher.tickets() == 0
    assert witness.holding(directory, ANA.encode()) == set()
