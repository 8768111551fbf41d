"""Where a person still stands in an account: every stored message, letter and row, read by the witness's own eyes.

It tells *places* in opaque words (``message:17``, ``note.text``), what stands there (``marks``), and how it
was wrapped; never what anybody wrote. A page looks at ``PAGE_BYTES`` and says where it goes on, so that the
caller bounds its time. What could not be read in a message (encrypted, beyond the bounds) is told as such: it
is no proof of absence. The bytes of files are the erasure's own search (``erasing.scan``), which needs no
decoding. Must not: change anything; share code with the redaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mailhub.keys import Keys
from mailhub.outbound.sealing import open_letter
from mailhub.privacy.witness.layers import layers
from mailhub.privacy.witness.marks import Marks
from mailhub.privacy.witness.unpacking import Bounds
from storage.database import Database
from storage.mail import outbox, raws
from storage.privacy import witnessing

PAGE_BYTES = 16 * 1024 * 1024
RAWS = 100  # slices of one read
LETTERS = 50
ROWS = 1_000
NOT_READ = "not read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands, what, and how it was wrapped; ``count`` rows of a column."""

    where: str
    what: str
    how: str = ""
    count: int = 1


@dataclass(slots=True, kw_only=True)
class Looked:
    """What one page of the search looked at and found. ``next``: where it goes on; None at the end."""

    messages: int = 0
    rows: int = 0
    bytes: int = 0
    not_read: int = 0  # messages of which something could not be read
    places: list[Place] = field(default_factory=list)
    next: str | None = None


@dataclass(frozen=True, kw_only=True)
class Witness:
    """Who looks, where and for whom."""

    database: Database
    keys: Keys
    account: int
    marks: Marks

    def pages(self) -> Iterator[Looked]:
        """The whole search."""
        at: str | None = "messages:0"
        while at is not None:
            page = self.look(at)
            yield page
            at = page.next

    def look(self, at: str) -> Looked:
        """One page from a place that an earlier one named. ``ValueError`` for another."""
        kind, _, where = at.partition(":")
        if kind == "messages":
            return self._messages(int(where))
        if kind == "letters":
            return self._letters()
        if kind == "rows":
            return self._rows(int(where))
        raise ValueError(at)

    def _messages(self, after: int) -> Looked:
        looked = Looked()
        while looked.bytes < PAGE_BYTES:
            with self.database.read() as connection:
                page = raws.list_raws(connection, self.account, after, RAWS)
            if not page:
                looked.next = "letters:0"
                return looked
            for message, frame in page:
                self._mail(f"message:{message}", frame.read(), looked)
                looked.messages += 1
                after = message
                if looked.bytes >= PAGE_BYTES:
                    break
        looked.next = f"messages:{after}"
        return looked

    def _mail(self, where: str, raw: bytes, looked: Looked) -> None:
        bounds = Bounds.of(raw)
        allowed = bounds.left
        found: dict[str, set[str]] = {}

        for path, text in layers(raw, bounds):
            for kind in self.marks.found_in(text):
                found.setdefault(kind, set()).add(" > ".join(path) or "as it stands")
        for kind, ways in sorted(found.items()):
            looked.places.append(Place(where=where, what=kind, how=min(ways, key=len)))
        if bounds.cut or bounds.closed:
            looked.not_read += 1
            looked.places.append(
                Place(where=where, what=NOT_READ, how="encrypted" if bounds.closed else "too large")
            )

        looked.bytes += allowed - bounds.left

    def _letters(self) -> Looked:
        looked = Looked(next="rows:0")
        after = 0
        while True:
            with self.database.read() as connection:
                page = outbox.waiting_letters(connection, self.account, after, limit=LETTERS)
            if not page:
                return looked
            for row in page:
                self._mail(f"outbox:{row.id}", open_letter(self.keys, row), looked)
            after = page[-1].id

    def _rows(self, index: int) -> Looked:
        """One table, whole: a column's places are counted, not listed."""
        tables = witnessing.texts_of_accounts()
        looked = Looked(next=f"rows:{index + 1}" if index + 1 < len(tables) else None)
        if index >= len(tables):
            return looked
        counts = Counter[tuple[str, str]]()
        after: witnessing.Key | None = None

        while True:
            with self.database.read() as connection:
                page = witnessing.written_after(connection, tables[index], self.account, after, ROWS)
            for row in page:
                looked.rows += 1
                for column, value in row.values:
                    text = value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
                    looked.bytes += len(text)
                    counts.update((column, kind) for kind in self.marks.found_in(text))
            if len(page) < ROWS:
                break
            after = page[-1].key

        for (column, kind), count in sorted(counts.items()):
            looked.places.append(Place(where=f"{tables[index].name}.{column}", what=kind, count=count))
        return looked


def summed(pages: Sequence[Looked]) -> Mapping[str, int]:
    """What was looked at altogether."""
    return {
        name: sum(getattr(page, name) for page in pages) for name in ("messages", "rows", "bytes", "not_read")
    }
