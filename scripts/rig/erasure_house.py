"""A house to erase somebody in: one account on SQLite with one person's messages spread among a great many others'.

The pipeline files the person's messages and ``FILED`` others beside each; of those others copies are made row
by row, with ids, identities and index rows of their own, until there are as many as were asked for: ten times
as fast, and to an erasure the same, which reads and searches each.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from itertools import accumulate
from pathlib import Path
from secrets import token_bytes
from typing import Any

from sqlalchemy import Connection, Table, select, update

from mailhub import clock
from mailhub.backups.vault import Vault
from mailhub.directory import Directory
from mailhub.envelope import Envelope, Source
from mailhub.filing.batch import FilingContext
from mailhub.filing.flood import FloodCounter
from mailhub.filing.pipeline import file_batch
from mailhub.filter.models import Models
from mailhub.filter.verdict import FilterSettings
from mailhub.keys import Keys
from mailhub.privacy.erasing.work import Parts
from mailhub.reading.prepare import Prepared, Secrets, prepare
from storage.accounts.accounts import Account, add_account
from storage.database import Database
from storage.engine.bulk import insert_rows
from storage.mail.mailboxes import Mailbox, add_mailbox
from storage.mail.search import add_to_index
from storage.migrate import migrate
from storage.schema import account, intake, message, message_reference, raw, ticket
from storage.writer import Transaction, WritingThread

ACCOUNT, MAILBOX = 1, 2
KIM = "kim.zz@customer.example"
FILED = 10  # of others, beside each of the person's
ROUNDS = 20  # in one commit
DIGESTS = ("identity", "id_hash")  # that are one message's own
_SYLLABLES = [
    a + b for a in ("ka", "lo", "mi", "nu", "pe", "ra", "si", "to") for b in ("ban", "dul", "fer", "gom")
]
WORDS = [a + b + c for a in _SYLLABLES for b in _SYLLABLES for c in _SYLLABLES]
_WEIGHTS = list(
    accumulate(1 / rank for rank in range(1, len(WORDS) + 1))
)  # as words are in a language (Zipf)


def open_house(directory: Path, writer_type: type[WritingThread]) -> tuple[Parts, FilingContext]:
    """The parts of a house, new or as it was left; its writer runs."""
    keys = Keys(bytes(range(32)))
    database = Database(directory / "mailhub.sqlite3")
    new = not (directory / "mailhub.sqlite3").exists()
    migrate(database)
    writer = writer_type(database)
    writer.start()
    if new:
        _found(writer)
    models, routes, secrets = Models(database, directory / "models"), Directory(database), Secrets.of(keys)
    filing = FilingContext(
        directory=routes, models=models, filter=FilterSettings(), flood=FloodCounter(10**9), hops=50
    )
    vault = Vault(database=database, writer=writer, keys=keys, targets=(directory / "backups",), retention=1)
    parts = Parts(
        database=database, writer=writer, models=models, secrets=secrets, keys=keys, directory=routes, data=directory,
        node=0, vault=vault,
    )  # fmt: skip
    return parts, filing


def _found(writer: WritingThread) -> None:
    own = {"stage": "active", "billing": "none", "created_at": 1, "stage_entered_at": 1}
    writer.run(lambda tx: add_account(tx.connection, Account(id=ACCOUNT, name="Bench", **own)))
    served = Mailbox(
        account_id=ACCOUNT, id=MAILBOX, address="support@example.com", name="Support", created_at=1
    )
    writer.run(lambda tx: add_mailbox(tx.connection, served))


def prepared(parts: Parts, number: int, sender: str, chance: random.Random) -> Prepared:
    """A mail of some 1.5 KB, read as a door does."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = sender, "support@example.com", f"About {number}"
    made["Message-ID"] = f"<{number}@bench.example>"
    lines = (chance.choices(WORDS, cum_weights=_WEIGHTS, k=8) for _ in range(16))
    made.set_content("\n".join(" ".join(line) for line in lines))
    envelope = Envelope(
        source=Source.SMTP, mail_from=sender, recipients=("support@example.com",), received_at=clock.now()
    )
    return prepare(made.as_bytes(), envelope, parts.secrets, parts.directory)


def fill(parts: Parts, filing: FilingContext, messages: int, own: int) -> None:
    """File everything: ``own`` of the person's, each with its share of others'. Many in one commit: each
    commit makes a segment of the index, and merging these is most of the work.
    """
    chance = random.Random(7)
    others, more = divmod(messages - own, own)
    shares = [others + (which < more) for which in range(own)]
    _tune(parts.writer, hash_bytes=256 * 1024 * 1024)
    for at in range(0, own, ROUNDS):
        rounds = [(at + which, share) for which, share in enumerate(shares[at : at + ROUNDS])]
        parts.writer.run(lambda tx, r=rounds: [_round(tx, parts, filing, chance, *each) for each in r])  # type: ignore[misc]
    _tune(parts.writer, hash_bytes=1024 * 1024)


def _tune(writer: WritingThread, *, hash_bytes: int) -> None:
    """What the index gathers in memory before it makes a segment; and no checkpoints, no small cache while filling."""
    hashing = f"INSERT INTO message_index(message_index, rank) VALUES('hashsize', {hash_bytes})"
    for statement in (hashing, "PRAGMA cache_size=-1000000", "PRAGMA wal_autocheckpoint=50000"):
        writer.run(lambda tx, it=statement: tx.connection.exec_driver_sql(it))  # type: ignore[misc]


def _round(
    transaction: Transaction,
    parts: Parts,
    filing: FilingContext,
    chance: random.Random,
    which: int,
    count: int,
) -> None:
    """One message of the person's and ``count`` of others'."""
    number = which * (FILED + 1)
    senders = [KIM, *(f"u{chance.randrange(5000)}@many.example" for _ in range(min(FILED, count)))]
    mails = [prepared(parts, number + at, sender, chance) for at, sender in enumerate(senders)]
    filed = file_batch(transaction, filing, mails)
    originals = [(each[0].message, made) for each, made in zip(filed[1:], mails[1:], strict=True)]
    _copy(transaction, originals, count - len(originals))


def _copy(transaction: Transaction, originals: Sequence[tuple[Any, Prepared]], copies: int) -> None:
    """That many more messages like these, in tickets of their own."""
    connection = transaction.connection
    ids = [found for found, _ in originals]
    tables = {
        table: _rows(connection, table, ids) for table in (ticket, message, message_reference, raw, intake)
    }
    number = connection.execute(
        select(account.c.next_ticket_number).where(account.c.id == ACCOUNT)
    ).scalar_one()
    made: dict[Table, list[dict[str, Any]]] = {table: [] for table in tables}
    words = []
    for at in range(0, copies, len(ids)):
        some = set(ids[: copies - at])
        fresh: dict[int, int] = {}
        for table, rows in tables.items():
            for row in (row for row in rows if row["_message"] in some):
                new = _renewed(transaction, table, row, fresh)
                if table is ticket:
                    new["number"], number = number, number + 1
                made[table].append(new)
        words += [(ACCOUNT, fresh[found], mail.words) for found, mail in originals if found in some]
    for table, rows in made.items():
        insert_rows(connection, table, rows)
    connection.execute(update(account).where(account.c.id == ACCOUNT).values(next_ticket_number=number))
    if words:
        add_to_index(connection, words)


def _rows(connection: Connection, table: Table, messages: Sequence[int]) -> list[dict[str, Any]]:
    """Rows of these messages, and of their tickets; ``_message`` says whose."""
    of = message.c.id if table in (ticket, message) else table.c.message_id
    query = select(table, of.label("_message")).where(table.c.account_id == ACCOUNT, of.in_(messages))
    if table is ticket:
        same = (message.c.account_id == ticket.c.account_id) & (message.c.ticket_id == ticket.c.id)
        query = query.join(message, same)
    return [dict(row._mapping) for row in connection.execute(query)]


def _renewed(
    transaction: Transaction, table: Table, row: dict[str, Any], fresh: dict[int, int]
) -> dict[str, Any]:
    """The row with an id of its own, and whatever it names by the copies' ids."""
    new = {column.name: row[column.name] for column in table.columns}
    if "id" in new:
        fresh[row["id"]] = transaction.new_id()
    for column in table.columns:
        if column.info["unit"] == "id":
            new[column.name] = fresh.get(row[column.name], row[column.name])
        elif column.name in DIGESTS:
            new[column.name] = token_bytes(16)
    return new
