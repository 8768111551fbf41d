"""What a restore does in the database after its rows are loaded; all in the caller's one write transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, inspect, select, text, tuple_, update

from storage.accounts.account_rows import delete_configuration
from storage.backups.key_files import CARRIED
from storage.backups.targets import inherit
from storage.database import Database
from storage.mail.raws import read
from storage.privacy.tombstones import find_erased, of_message
from storage.schema import (
    FIRST_ID,
    account,
    backup_target,
    contact,
    half_restored,
    id_block,
    intake,
    ledger,
    link,
    message,
    metadata,
    session,
    ticket,
)
from storage.tickets.ticket_mail import derived_values

STEP = 200
Tables = Mapping[str, tuple[Sequence[str], Sequence[Sequence[Any]]]]


def mark_begun(connection: Connection, backup_id: int, at: int) -> None:
    """In the restore's first transaction: until ``clear_mark`` this database may not be served."""
    connection.execute(insert(half_restored).values(backup_id=backup_id, begun_at=at))


def clear_mark(connection: Connection) -> None:
    """The last of a restore."""
    connection.execute(delete(half_restored))


def is_half_restored(database: Database) -> bool:
    """Whether a restore into this database began and did not end."""
    with database.read() as connection:
        if not inspect(connection).has_table(half_restored.name):
            return False
        return connection.execute(select(half_restored.c.backup_id)).first() is not None


def drop_half_restored(connection: Connection) -> None:
    """PostgreSQL: drop every table that a restore left which was cut off. Only after ``is_half_restored``."""
    quote = connection.dialect.identifier_preparer.quote
    for name in inspect(connection).get_table_names():
        connection.execute(text(f"DROP TABLE {quote(name)} CASCADE"))


def apply_carried(connection: Connection, tables: Tables) -> None:
    """What the key file knows: keys in force, tombstones, the ledger of backups, stages entered since."""
    for table in CARRIED:
        columns, rows = tables.get(table.name, ((), ()))  # an older mailhub wrote fewer
        if table is backup_target:
            inherit(connection, [row[columns.index("path")] for row in rows])
        elif rows:
            connection.execute(insert(table), [dict(zip(columns, row, strict=True)) for row in rows])

    columns, rows = tables["account"]
    for row in rows:
        stage = dict(zip(columns, row, strict=True))
        own = (account.c.id == stage.pop("id"), account.c.stage_entered_at < stage["stage_entered_at"])
        connection.execute(update(account).where(*own).values(stage))

    _close_ended_accounts(connection)


def _close_ended_accounts(connection: Connection) -> None:
    """What was removed with a stage that was entered since goes again: configuration, and the names of the deleted."""
    ended = account.c.stage.in_(("terminated", "deleted", "purged"))
    for account_id in connection.execute(select(account.c.id).where(ended)).scalars().all():
        delete_configuration(connection, account_id)
    connection.execute(update(account).where(account.c.stage.in_(("deleted", "purged"))).values(name=""))


def drop_logins(connection: Connection) -> None:
    """Sessions and links to set a password or delete an account: some ended since, and nobody knows which."""
    for table in (session, link):
        connection.execute(delete(table))


def drop_dangling(connection: Connection) -> None:
    """Delete rows whose message or ticket is not there; a delivery's record, and a contact that was merged into one
    that is gone, stay and point at nothing.
    """
    standing = contact.alias()
    there = exists().where(
        standing.c.account_id == contact.c.account_id, standing.c.id == contact.c.merged_into
    )
    connection.execute(
        update(contact).where(contact.c.merged_into.is_not(None), ~there).values(merged_into=None)
    )
    for table in metadata.sorted_tables:
        for name, target in (("message_id", message), ("ticket_id", ticket)):
            if name not in table.c or table is message:
                continue
            there = exists().where(target.c.account_id == table.c.account_id, target.c.id == table.c[name])
            lost = (table.c[name].is_not(None), ~there)
            if table is intake:
                connection.execute(update(table).where(*lost).values({name: None}))
            else:
                connection.execute(delete(table).where(*lost))


def emptied_tickets(connection: Connection) -> Mapping[int, list[int]]:
    """Count every ticket's messages anew; by account the tickets that had some and have none."""
    counted = (
        select(func.count())
        .where(message.c.account_id == ticket.c.account_id, message.c.ticket_id == ticket.c.id)
        .scalar_subquery()
    )
    changed = connection.execute(
        select(ticket.c.account_id, ticket.c.id, counted.label("left")).where(
            ticket.c.message_count != counted
        )
    ).all()
    connection.execute(update(ticket).where(ticket.c.message_count != counted).values(**derived_values()))
    found: dict[int, list[int]] = {}

    for row in changed:
        if row.left == 0:
            found.setdefault(row.account_id, []).append(row.id)

    return found


def with_tombstones(connection: Connection, key: bytes) -> Mapping[int, list[int]]:
    """By account the messages that went for good after the backup was made."""
    found: dict[int, list[int]] = {}
    for tenant in connection.execute(select(account.c.id)).scalars().all():
        query = (
            select(message.c.id, message.c.identity)
            .where(message.c.account_id == tenant)
            .order_by(message.c.id)
        )
        rows = connection.execute(query.limit(STEP)).all()
        while rows:
            digests = {of_message(row.identity, key): row.id for row in rows}
            for digest in find_erased(connection, tenant, digests):
                found.setdefault(tenant, []).append(digests[digest])
            rows = connection.execute(query.where(message.c.id > rows[-1].id).limit(STEP)).all()

    return found


def drop_labels(connection: Connection, account_id: int, messages: Collection[int]) -> None:
    """Take labels out of the ledger before any model was made of it."""
    connection.execute(
        delete(ledger).where(ledger.c.account_id == account_id, ledger.c.message_id.in_(messages))
    )


def readable(connection: Connection, step: int) -> Iterator[tuple[int, int, bool, bool, bytes]]:
    """Every message: account, id, whether it is unreadable, whether <> had sent it, its raw bytes."""
    first = (
        select(intake.c.mail_from)
        .where(intake.c.account_id == message.c.account_id, intake.c.message_id == message.c.id)
        .order_by(intake.c.id)
        .limit(1)
    )
    delivered = exists().where(
        intake.c.account_id == message.c.account_id, intake.c.message_id == message.c.id
    )
    columns = (
        message.c.account_id,
        message.c.id,
        message.c.unreadable,
        first.scalar_subquery().label("sent_from"),
    )
    place = (message.c.account_id, message.c.id)
    query = select(*columns, delivered.label("delivered")).order_by(*place)

    rows = connection.execute(query.limit(step)).all()
    while rows:
        for row in rows:
            stored = read(connection, row.account_id, row.id)
            if stored is not None:
                null = bool(row.delivered) and row.sent_from is None
                yield row.account_id, row.id, bool(row.unreadable), null, stored
        last = tuple_(*place) > (rows[-1].account_id, rows[-1].id)
        rows = connection.execute(query.where(last).limit(step)).all()


def pass_ids(connection: Connection) -> None:
    """Ids that holders got after the backup was made are not given to others: their keys are still there."""
    highest = connection.execute(text("SELECT MAX(holder_id) FROM person_key")).scalar_one() or FIRST_ID
    own = (id_block.c.name == "id", id_block.c.next_id <= highest)
    connection.execute(update(id_block).where(*own).values(next_id=highest + 1))
