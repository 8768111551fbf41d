"""Search everything: every byte of every file in the data directory, and every value that the live keys can open.

    messages   each raw, decompressed, in every encoding (``Needles.in_message``); letters that wait, opened
    rows       each text column that can name a contact, by the catalogue; what the ledger holds of redacted messages
    index      the full-text index, asked for the words of each address
    files      database, write-ahead log, models, logs, temporary files: read in blocks; those that the engine has open
               through its own descriptors, free pages and all (``storage.engine.open_files`` says why)

In a file nothing tells where a value begins and whose it is. So an occurrence there counts unless a value
that is live and not the person's explains it, byte for byte: another account's row, a longer address. What is
found is told in opaque words: ``message:17``, ``note.text``, ``file:mailhub.sqlite3``. PostgreSQL's own files
are out of reach. Must not: change anything, or hold a snapshot for longer than a page.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from classifier.tokens import features, features_to_bytes
from mailhub.keys import Keys
from mailhub.privacy.erasing.mail import waiting_letters
from mailhub.privacy.erasing.needles import Needles
from mailhub.reading.prepare import read_document
from storage.database import Database
from storage.engine.open_files import Read, reading
from storage.filter import ledger
from storage.mail import derived, raws
from storage.mail.search import find_messages
from storage.privacy import contacts, cuts, personal
from storage.privacy.personal import Table

RAW_SLICES = 200  # of one read
ROWS = 2_000
BLOCK_BYTES = 4 * 1024 * 1024
AROUND_BYTES = 64  # kept before and behind an occurrence to tell whose it is
LONGEST_BYTES = 4 * 1024  # of one needle
HITS = 20  # more are not told
INDEXED = 1_000

Progress = Callable[[int, int], None]  # bytes looked at so far, of how many


@dataclass(slots=True)
class Search:
    """What was looked at and what was found."""

    messages: int = 0
    rows: int = 0
    files: int = 0
    bytes: int = 0
    expected: int = 1
    hits: list[str] = field(default_factory=list)

    def found(self, where: str) -> None:
        if where not in self.hits and len(self.hits) < HITS:
            self.hits.append(where)


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """Where to look. ``secret`` seeds the filter's features, ``keys`` open letters; ``since``: this erasure began.

    ``cut``: the highest id there was when it gathered; what came later is left out.
    """

    database: Database
    directory: Path
    account: int
    needles: Needles
    secret: int
    keys: Keys
    since: int
    cut: int
    progress: Progress

    def run(self) -> Search:
        """Search everything. Raises ``OSError`` when a file cannot be read."""
        search = Search(expected=max(1, _size(self.directory)))
        self._messages(search)
        self._letters(search)
        self._rows(search)
        self._index(search)
        self._ledger(search)
        self._files(search)
        return search

    def _messages(self, search: Search) -> None:
        after = 0
        while after < self.cut:
            with self.database.read() as connection:
                page = raws.list_raws(connection, self.account, after, RAW_SLICES)
            if not page:
                return
            self.progress(search.bytes, search.expected)
            for message, frame in page:
                search.messages += 1
                if message <= self.cut and self.needles.in_message(frame.read()):
                    search.found(f"message:{message}")
            after = page[-1][0]

    def _letters(self, search: Search) -> None:
        for row, raw in waiting_letters(self.database, self.keys, self.account):
            if row.id <= self.cut and self.needles.in_message(raw):
                search.found(f"outbox:{row.id}")

    def _rows(self, search: Search) -> None:
        person = self.needles.person
        for table, columns in personal.spoken_of():
            for row in rows_of(self.database, table, columns, self.account):
                search.rows += 1
                for column, value in row.values.items():
                    if person.names_him(value) and not self._is_later(table, row.key):
                        search.found(f"{table.name}.{column}")

        with self.database.read() as connection:
            known = contacts.contacts_of(connection, self.account, person.addresses)
            if any(each <= self.cut for each in known):
                search.found("contact_address")
            if any(contacts.count_traces(connection, self.account, person.contacts, ()).values()):
                search.found("contact")

    def _is_later(self, table: Table, key: personal.Key) -> bool:
        with self.database.read() as connection:
            return cuts.is_later(connection, self.account, table, key, self.cut)

    def _index(self, search: Search) -> None:
        with self.database.read() as connection:
            for text in (*self.needles.person.addresses, *self.needles.person.agreed):
                for message in find_messages(connection, self.account, text, before=2**62, limit=INDEXED):
                    if derived.find_stored(connection, self.account, message) is None:
                        search.found("message_index")

    def _ledger(self, search: Search) -> None:
        """A label's features are those of its message as it is now, so that no erased word is counted any more."""
        with self.database.read() as connection:
            redacted = derived.redacted_since(connection, self.account, self.since)
        for message in redacted:
            with self.database.read() as connection:
                entry = ledger.entries_of(connection, self.account, [message]).get(message)
                received = derived.find_received(connection, self.account, message) if entry else None
            if entry is None or received is None:
                continue
            document = read_document(
                received.raw, received.authentication, mail_from_null=received.mail_from_null
            )
            if entry.features != features_to_bytes(features(document, secret=self.secret)):
                search.found(f"ledger:{entry.sequence}")

    # --- files --------------------------------------------------------------------------------------------------------

    def _files(self, search: Search) -> None:
        explained: dict[bytes, set[tuple[bytes, bytes]]] | None = None
        for path in self._every_file():
            search.files += 1
            for before, needle, after in self._occurrences(path, search):
                if explained is None:
                    explained = self._live()
                if not any(before.endswith(b) and after.startswith(a) for b, a in explained.get(needle, ())):
                    search.found(f"file:{_shown(path, self.directory)}")

    def _occurrences(self, path: Path, search: Search) -> Iterator[tuple[bytes, bytes, bytes]]:
        """(bytes before, needle, bytes behind) of each occurrence in a file."""
        try:
            with reading(path) as read_at:
                yield from self._occurrences_read(read_at, search)
        except FileNotFoundError:  # a file that has gone meanwhile
            return

    def _occurrences_read(self, read_at: Read, search: Search) -> Iterator[tuple[bytes, bytes, bytes]]:
        at = 0
        while True:
            start = max(0, at - AROUND_BYTES)
            block = read_at(at - start + BLOCK_BYTES + LONGEST_BYTES, start)
            for place, needle in self.needles.in_bytes(block):
                if at <= start + place < at + BLOCK_BYTES:
                    end = place + len(needle)
                    yield block[max(0, place - AROUND_BYTES) : place], needle, block[end : end + AROUND_BYTES]
            read = min(BLOCK_BYTES, max(0, len(block) - (at - start)))
            search.bytes += read
            self.progress(search.bytes, search.expected)
            if read < BLOCK_BYTES:
                return
            at += read

    def _every_file(self) -> list[Path]:
        """The log before the database: what a checkpoint carries over meanwhile is seen in one of them."""
        engines = [path for path in reversed(self.database.file_paths()) if path.exists()]
        return [*engines, *(path for path in files_of(self.directory) if path not in engines)]

    def _live(self) -> dict[bytes, set[tuple[bytes, bytes]]]:
        """What stands around each needle in live values: the rows of this account were found clean before."""
        found: dict[bytes, set[tuple[bytes, bytes]]] = {}
        for table, columns in personal.everything():
            for row in rows_of(self.database, table, columns, None):
                for value in row.values.values():
                    content = value.encode("utf-8", "replace") if isinstance(value, str) else bytes(value)
                    for place, needle in self.needles.in_bytes(content):
                        end = place + len(needle)
                        around = (
                            content[max(0, place - AROUND_BYTES) : place],
                            content[end : end + AROUND_BYTES],
                        )
                        found.setdefault(needle, set()).add(around)

        return found


def rows_of(
    database: Database, table: Table, columns: tuple[str, ...], account: int | None
) -> Iterator[personal.Found]:
    """Every row of a table, a short snapshot a page."""
    after: personal.Key | None = None
    while True:
        with database.read() as connection:
            page = personal.rows_after(connection, table, columns, after, ROWS, account)
        yield from page
        if len(page) < ROWS:
            return
        after = page[-1].key


def files_of(directory: Path) -> Iterator[Path]:
    """Every regular file below, links not followed."""
    for folder, _, names in os.walk(directory):
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _shown(path: Path, directory: Path) -> Path:
    """A database need not lie in the data directory."""
    return path.relative_to(directory) if path.is_relative_to(directory) else path


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in files_of(directory) if path.exists())
