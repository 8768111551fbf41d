"""Tags of an account and which tickets have them; who watches a ticket. Functions take a connection of the caller's
transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, tuple_

from storage.schema import tag, ticket_tag, ticket_watcher, user


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A word that agents put on tickets."""

    account_id: int
    id: int
    name: str
    created_at: int


def add_tag(connection: Connection, row: Tag) -> None:
    """Insert a tag; IntegrityError when the account has one of this name."""
    connection.execute(insert(tag).values({name: getattr(row, name) for name in Tag.__slots__}))


def find_tags(connection: Connection, account_id: int, names: Collection[str]) -> Mapping[str, int]:
    """Ids of the tags with these names, by name."""
    own = (tag.c.account_id == account_id, tag.c.name.in_(sorted(names)))
    return {row.name: row.id for row in connection.execute(select(tag.c.name, tag.c.id).where(*own))}


def list_tags(connection: Connection, account_id: int, *, after: int = 0, limit: int) -> Sequence[Tag]:
    """Tags of the account by id, from the one after ``after``."""
    own = (tag.c.account_id == account_id, tag.c.id > after)
    return [
        Tag(**row._mapping)
        for row in connection.execute(select(tag).where(*own).order_by(tag.c.id).limit(limit))
    ]


def tags_of(connection: Connection, account_id: int, tickets: Iterable[int]) -> Mapping[int, Sequence[str]]:
    """Names of the tags of these tickets, in order of the alphabet; tickets without one are absent."""
    query = (
        select(ticket_tag.c.ticket_id, tag.c.name)
        .join(tag, (tag.c.account_id == ticket_tag.c.account_id) & (tag.c.id == ticket_tag.c.tag_id))
        .where(ticket_tag.c.account_id == account_id, ticket_tag.c.ticket_id.in_(sorted(tickets)))
        .order_by(tag.c.name)
    )
    found: dict[int, list[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.ticket_id, []).append(row.name)
    return found


def tag_ids_of(connection: Connection, account_id: int, ticket_id: int) -> Sequence[int]:
    """Ids of the ticket's tags, in order."""
    own = (ticket_tag.c.account_id == account_id, ticket_tag.c.ticket_id == ticket_id)
    return (
        connection.execute(select(ticket_tag.c.tag_id).where(*own).order_by(ticket_tag.c.tag_id))
        .scalars()
        .all()
    )


def put_tags(connection: Connection, account_id: int, ticket_id: int, tags: Collection[int]) -> None:
    """Put tags that it does not have on a ticket."""
    rows = [{"account_id": account_id, "tag_id": each, "ticket_id": ticket_id} for each in sorted(tags)]
    if rows:
        connection.execute(insert(ticket_tag), rows)


def take_tags(connection: Connection, account_id: int, ticket_id: int, tags: Collection[int]) -> None:
    """Take tags off a ticket."""
    keys = [(account_id, each, ticket_id) for each in sorted(tags)]
    connection.execute(delete(ticket_tag).where(tuple_(*ticket_tag.primary_key.columns).in_(keys)))


def delete_tag(connection: Connection, account_id: int, tag_id: int) -> None:
    """Remove a tag that no ticket has."""
    connection.execute(delete(tag).where(tag.c.account_id == account_id, tag.c.id == tag_id))


def is_on_a_ticket(connection: Connection, account_id: int, tag_id: int) -> bool:
    """Whether any ticket has the tag."""
    own = (ticket_tag.c.account_id == account_id, ticket_tag.c.tag_id == tag_id)
    return connection.execute(select(ticket_tag.c.tag_id).where(*own).limit(1)).first() is not None


# --- watchers ---------------------------------------------------------------------------------------------------------


def watchers_of(connection: Connection, account_id: int, ticket_id: int) -> Mapping[int, str]:
    """Logins of the users who watch a ticket, by their ids."""
    query = (
        select(ticket_watcher.c.user_id, user.c.email)
        .join(
            user, (user.c.account_id == ticket_watcher.c.account_id) & (user.c.id == ticket_watcher.c.user_id)
        )
        .where(ticket_watcher.c.account_id == account_id, ticket_watcher.c.ticket_id == ticket_id)
        .order_by(user.c.email)
    )
    return {row.user_id: row.email for row in connection.execute(query)}


def set_watching(connection: Connection, account_id: int, ticket_id: int, user_id: int, *, on: bool) -> None:
    """A user watches a ticket, or does no more; ``on`` only where they did not."""
    if on:
        row = {"account_id": account_id, "user_id": user_id, "ticket_id": ticket_id}
        connection.execute(insert(ticket_watcher).values(row))
        return
    key = tuple_(*ticket_watcher.primary_key.columns)
    connection.execute(delete(ticket_watcher).where(key.in_([(account_id, user_id, ticket_id)])))


def forget_watcher(connection: Connection, account_id: int, user_id: int) -> None:
    """A user who goes watches nothing."""
    key = tuple_(*ticket_watcher.primary_key.columns)
    own = (ticket_watcher.c.account_id == account_id, ticket_watcher.c.user_id == user_id)
    found = select(*ticket_watcher.primary_key.columns).where(*own)
    connection.execute(delete(ticket_watcher).where(key.in_(found)))
