"""A Dovecot and daemons to fetch from it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.houses.dovecot import PASSWORD, Dovecot, dovecot, is_installed
from tests.houses.hub import ENVIRONMENT, Hub, hubs

QUICK = {
    "MAILHUB_IMAP__COMMAND_SECONDS": "5",
    "MAILHUB_IMAP__RETRY_SECONDS": "0.02",
    "MAILHUB_IMAP__RETRY_LIMIT_SECONDS": "0.5",
    "MAILHUB_IMAP__LOCAL_SERVERS": "127.0.0.1:1024-65535 localhost:1024-65535",  # servers take free ports
}


def letter(name: str, text: str = "It does not work.") -> bytes:
    """A mail of one customer; ``name`` makes its Message-ID."""
    head = f"From: Ana <ana@customer.example>\r\nTo: support@example.com\r\nSubject: Broken {name}\r\n"
    return f"{head}Message-ID: <{name}@customer.example>\r\n\r\n{text}\r\n".encode()


def letters(count: int) -> list[bytes]:
    """Mails that were never sent before."""
    return [letter(f"{uuid.uuid4().hex}") for _ in range(count)]


@pytest.fixture(scope="session")
def server(require_service: Callable[[bool, str], None]) -> Iterator[Dovecot]:
    """One Dovecot for a worker's tests: each takes users of its own."""
    require_service(is_installed(), "Dovecot is not installed (Debian: dovecot-imapd)")
    with dovecot() as started:
        yield started


@pytest.fixture
def user(server: Dovecot) -> Iterator[str]:
    """A login name with an empty mailbox."""
    yield server.new_user()


@dataclass(kw_only=True)
class Fetcher:
    """A daemon that fetches support@example.com from somewhere."""

    hub: Hub

    def add(self, host: str, port: int, login: str, *more: str, tls: str = "none", address: str = "") -> Any:
        """`mailhub mailbox add`."""
        secret = self.hub.directory / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        where = ["--imap-host", host, "--imap-port", str(port), "--imap-tls", tls, "--imap-user", login]
        return self.hub.json(
            *("mailbox", "add", address or "support@example.com", *where),
            *("--imap-password-file", str(secret), "--poll-seconds", "1", *more),
        )

    def source(self, address: str = "support@example.com") -> dict[str, Any]:
        """The source as `mailhub mailbox list` shows it."""
        rows = {row["address"]: row for row in self.hub.json("mailbox", "list", "--limit", "0")}
        found: dict[str, Any] = rows[address]["imap"]
        return found

    def folder(self, name: str = "INBOX") -> dict[str, Any]:
        """One of its folders."""
        return next(folder for folder in self.source()["folders"] if folder["name"] == name)

    def wait(self, count: int, *, name: str = "INBOX", key: str = "filed") -> dict[str, Any]:
        """Until so many mails of a folder have a fate."""
        self.hub.wait_until(
            lambda: self.folder(name)[key] >= count and self.folder(name)["state"] == "current"
        )
        return self.folder(name)

    def fates(self) -> Sequence[str]:
        """What became of each delivery by IMAP."""
        return [
            row["fate"] for row in self.hub.json("intake", "list", "--limit", "0") if row["source"] == "imap"
        ]

    def tickets(self) -> int:
        """How many tickets there are."""
        return len(self.hub.json("ticket", "list", "--limit", "0"))


@pytest.fixture(scope="session")
def make_fetcher_hub() -> Iterator[Callable[[], Hub]]:
    """Initialised data directories."""
    with hubs() as make:
        yield make


@pytest.fixture
def fetcher(make_fetcher_hub: Callable[[], Hub]) -> Iterator[Fetcher]:
    """A daemon of a test's own, with small timeouts."""
    hub = make_fetcher_hub()
    hub.environment = ENVIRONMENT | QUICK
    hub.start()
    yield Fetcher(hub=hub)
    hub.end()
