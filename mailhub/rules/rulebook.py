"""Every account's rules in memory, ready to be asked, as they are in the caller's transaction.

Durable state: none; a copy of the table ``rule``, made anew when the account's version is another (``storage.rules``): a
look is one statement by a primary key, on each node. A rule whose text is none any more (an erasure took a word out of
it) is left out and stands on ``Book.unreadable``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from threading import Lock

from mailhub.errors import BadRequest
from mailhub.rules.form import On, read_rule
from mailhub.rules.matching import Ready, compiled, on_event
from storage.database import Connection
from storage.rules import rules


@dataclass(frozen=True, slots=True)
class Book:
    """The rules of one account in one state."""

    version: int
    on: dict[On, tuple[Ready, ...]] = field(default_factory=dict)
    unreadable: tuple[int, ...] = ()

    def asks(self, on: On) -> bool:
        """Whether there is anything to do when this happens."""
        return bool(self.on.get(on) or self.unreadable)


class Rulebook:
    """The books of all accounts. Asked by the writer and by requests; a book is never changed, only replaced."""

    def __init__(self) -> None:
        self._books: dict[int, Book] = {}
        self._lock = Lock()
        self.compiled = 0  # rules made ready so far: what tests count

    def of(self, connection: Connection, account: int) -> Book:
        """The account's rules as this transaction sees them."""
        version = rules.version_of(connection, account)
        with self._lock:
            known = self._books.get(account)
        if known is not None and known.version == version:
            return known

        book = self._read(connection, account, version)
        with self._lock:
            self._books[account] = book
        return book

    def _read(self, connection: Connection, account: int, version: int) -> Book:
        ready: list[Ready] = []
        unreadable: list[int] = []
        for row in rules.list_rules(connection, account) if version else ():
            if not row.enabled:
                continue
            try:
                ready.append(compiled(row.id, row.user_id, read_rule(row.text)))
            except BadRequest:
                unreadable.append(row.id)
        self.compiled += len(ready)
        return Book(version, {on: on_event(ready, on) for on in On}, tuple(unreadable))

    def keep_only(self, accounts: Collection[int]) -> None:
        """Forget accounts that are gone."""
        with self._lock:
            self._books = {account: book for account, book in self._books.items() if account in accounts}
