"""What the steps of an erasure work with: the parts of the house, the row of the erasure, the person.

Progress is in the row: ``add_counts`` and ``at`` belong into the transaction that does the work they tell of,
so that a process that is stopped anywhere goes on where the last commit was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mailhub import clock, keys
from mailhub.backups.vault import Vault
from mailhub.directory import Directory
from mailhub.filter import feedback
from mailhub.filter.models import Models
from mailhub.keys import Keys
from mailhub.privacy.erasing.person import Person
from mailhub.reading.prepare import Secrets
from storage.database import Database
from storage.privacy import erasures
from storage.privacy.contacts import LAST_ID
from storage.privacy.erasures import Erasure
from storage.privacy.tombstones import Tombstones
from storage.proof import journal
from storage.writer import Transaction, Writer

KEYS_FOLDER = "erasures"
PURPOSE = "secrets"
CUT = "cut_id"  # its name among the counts

T = TypeVar("T")


class Pending(Exception):
    """The erasure cannot go on now; ``str`` is the reason, and it tries again by itself."""


class Held(Pending):
    """A hold forbids it."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What an erasure needs of the house."""

    database: Database
    writer: Writer
    models: Models
    secrets: Secrets
    keys: Keys
    directory: Directory
    data: Path  # the data directory: every file below it is searched
    node: int
    vault: Vault  # where the persons' keys of backups are
    stopping: Callable[[], bool] = bool  # whether the process is about to end: the next one goes on
    data_protection_contact: str = ""  # whom to ask, said on the receipt and in a copy


@dataclass(kw_only=True)
class Work:
    """One erasure under way."""

    parts: Parts
    row: Erasure
    person: Person  # nobody once the key is destroyed

    @property
    def account(self) -> int:
        return self.row.account_id

    @property
    def cut(self) -> int:
        """The highest id there was when the erasure gathered: what came later stays. Before that, there is none."""
        return int(self.row.counts.get(CUT, LAST_ID))

    def do(self, function: Callable[[Transaction], T]) -> T:
        """Run a function in the writer, in a short turn. ``Pending`` when the process is about to end."""
        self.look_up()
        return self.parts.writer.run(function)

    def look_up(self) -> None:
        """Called between two pieces of work: raises ``Pending`` when the process is about to end."""
        if self.parts.stopping():
            raise Pending("the service was stopped")

    def change(self, transaction: Transaction, **values: Any) -> None:
        """Set columns of the erasure's row."""
        erasures.change_erasure(transaction.connection, self.account, self.row.id, **values)

    def add_counts(self, transaction: Transaction, **numbers: int) -> None:
        """Count what this transaction did."""
        now = erasures.find_erasure(transaction.connection, self.account, self.row.id)
        assert now is not None
        counts = dict(now.counts)
        for name, number in numbers.items():
            counts[name] = counts.get(name, 0) + number
        self.change(transaction, counts=counts)

    def set_counts(self, **values: Any) -> None:
        """Say something about the whole: digests, what the search looked at."""

        def act(transaction: Transaction) -> None:
            now = erasures.find_erasure(transaction.connection, self.account, self.row.id)
            assert now is not None
            self.change(transaction, counts={**now.counts, **values})

        self.do(act)

    def reread(self) -> None:
        """The row as it is now."""
        with self.parts.database.read() as connection:
            row = erasures.find_erasure(connection, self.account, self.row.id)
        assert row is not None
        self.row = row

    def record(self, transaction: Transaction, verb: str, **detail: Any) -> int:
        """Write the journal; the sequence number."""
        return journal.append(
            transaction.connection,
            self.account,
            transaction.node,
            at=clock.now(),
            actor=self.row.actor,
            verb=verb,
            object_=f"erasure:{self.row.id}",
            detail=detail,
        )

    @property
    def forget(self) -> Callable[[Transaction, int, Sequence[int]], None]:
        """How the filter takes back what messages taught it."""
        return partial(_forget, self.parts.models)

    @property
    def tombstones(self) -> Tombstones:
        return Tombstones(key=self.parts.secrets.tombstone, at=clock.now())


def _forget(models: Models, transaction: Transaction, account: int, messages: Sequence[int]) -> None:
    feedback.forget(transaction, models, account, messages)


# --- the key under which the person is known --------------------------------------------------------------------------


def key_path(data: Path, erasure: int) -> Path:
    """Where the key of an erasure is: beside the database, and in no copy of it."""
    return data / KEYS_FOLDER / f"{erasure}.key"


def seal(parts: Parts, erasure: int, person: Person) -> bytes:
    """The person, readable for as long as the key file of the erasure is there; it is made if need be."""
    path = key_path(parts.data, erasure)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    keys.create(path.parent, name=path.name)
    return keys.load_file(path).seal(PURPOSE, person.to_bytes(), bound_to=b"erasure:%d" % erasure)


def unseal(parts: Parts, row: Erasure) -> Person | None:
    """Who is to be erased; None when the key is destroyed."""
    path = key_path(parts.data, row.id)
    if row.person is None or not path.exists():
        return None
    sealed = keys.load_file(path).open(PURPOSE, row.person, bound_to=b"erasure:%d" % row.id)
    return Person.from_bytes(sealed)
