"""Rows of mailboxes and of the address directory. Functions take a connection of the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, insert, or_, select, update

from storage.mail.watches import delete_watch
from storage.schema import address, mailbox, ticket, ticket_mailbox

# what a mailbox is for
SUPPORT = "support"
SPAM_FEEDBACK = "spam-feedback"
HAM_FEEDBACK = "ham-feedback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One support address of an account, lower case."""

    account_id: int
    id: int
    address: str
    name: str
    on_reply_to_closed: str = "reopen"
    purpose: str = SUPPORT
    created_at: int
    retired_at: int | None = None  # since when it takes no new mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a served address leads; ``@domain`` is a catch-all."""

    address: str
    account_id: int
    mailbox_id: int


_COLUMNS = tuple(mailbox.c[name] for name in Mailbox.__slots__)


def add_mailbox(connection: Connection, row: Mailbox) -> None:
    """Insert a mailbox and its address; IntegrityError when any account serves the address already."""
    connection.execute(insert(mailbox).values({name: getattr(row, name) for name in Mailbox.__slots__}))
    add_address(connection, Route(address=row.address, account_id=row.account_id, mailbox_id=row.id))


def add_address(connection: Connection, row: Route) -> None:
    """Insert one address of the directory; IntegrityError when it is taken."""
    connection.execute(insert(address).values({name: getattr(row, name) for name in Route.__slots__}))


def find_route(connection: Connection, served: str) -> Route | None:
    """Where exactly this address leads."""
    query = select(*(address.c[name] for name in Route.__slots__)).where(address.c.address == served)
    row = connection.execute(query).one_or_none()
    return Route(**row._mapping) if row else None


def is_domain_of_others(connection: Connection, account_id: int, domain: str) -> bool:
    """Whether another account serves any address in this domain."""
    inside = address.c.address.endswith(f"@{domain}", autoescape=True)
    return bool(
        connection.execute(select(exists().where(inside, address.c.account_id != account_id))).scalar_one()
    )


def is_domain_in_use(connection: Connection, account_id: int, domain: str) -> bool:
    """Whether the account itself serves any address in this domain."""
    inside = address.c.address.endswith(f"@{domain}", autoescape=True)
    return bool(
        connection.execute(select(exists().where(inside, address.c.account_id == account_id))).scalar_one()
    )


def list_routes(connection: Connection) -> Sequence[Route]:
    """The whole directory, for the routing table in memory."""
    query = select(*(address.c[name] for name in Route.__slots__)).order_by(address.c.address)
    return [Route(**row._mapping) for row in connection.execute(query)]


def find_mailbox(connection: Connection, account_id: int, mailbox_id: int) -> Mailbox | None:
    """The mailbox with this id."""
    query = select(*_COLUMNS).where(mailbox.c.account_id == account_id, mailbox.c.id == mailbox_id)
    row = connection.execute(query).one_or_none()
    return Mailbox(**row._mapping) if row else None


def find_mailbox_by_address(connection: Connection, account_id: int, served: str) -> Mailbox | None:
    """The account's mailbox with this address, matched in lower case."""
    query = select(*_COLUMNS).where(mailbox.c.account_id == account_id, mailbox.c.address == served.lower())
    row = connection.execute(query).one_or_none()
    return Mailbox(**row._mapping) if row else None


def list_mailboxes(
    connection: Connection, account_id: int, *, after: int = 0, limit: int = 100
) -> Sequence[Mailbox]:
    """Mailboxes of an account by id, ascending, from the one after ``after``."""
    query = select(*_COLUMNS).where(mailbox.c.account_id == account_id, mailbox.c.id > after)
    return [Mailbox(**row._mapping) for row in connection.execute(query.order_by(mailbox.c.id).limit(limit))]


def addresses(connection: Connection, account_id: int, mailbox_ids: Iterable[int]) -> Mapping[int, str]:
    """The addresses of these mailboxes of an account by id."""
    query = select(mailbox.c.id, mailbox.c.address).where(mailbox.c.account_id == account_id)
    rows = connection.execute(query.where(mailbox.c.id.in_(list(mailbox_ids))))
    return {row.id: row.address for row in rows}


def every_mailbox(connection: Connection) -> Sequence[Mailbox]:
    """The mailboxes of all accounts by id, for the routing table in memory."""
    return [Mailbox(**row._mapping) for row in connection.execute(select(*_COLUMNS).order_by(mailbox.c.id))]


def change_mailbox(connection: Connection, account_id: int, mailbox_id: int, **values: object) -> None:
    """Change columns of a mailbox."""
    own = (mailbox.c.account_id == account_id, mailbox.c.id == mailbox_id)
    connection.execute(update(mailbox).where(*own).values(values))


def is_used(connection: Connection, account_id: int, mailbox_id: int) -> bool:
    """Whether any ticket names the mailbox, as its own or as a further one."""
    own = exists().where(ticket.c.account_id == account_id, ticket.c.mailbox_id == mailbox_id)
    further = exists().where(
        ticket_mailbox.c.account_id == account_id, ticket_mailbox.c.mailbox_id == mailbox_id
    )
    return bool(connection.execute(select(or_(own, further))).scalar_one())


def delete_mailbox(connection: Connection, account_id: int, mailbox_id: int) -> None:
    """Remove a mailbox, the addresses that lead to it, and what is known of its rhythm."""
    delete_watch(connection, account_id, mailbox_id)
    connection.execute(
        delete(address).where(address.c.account_id == account_id, address.c.mailbox_id == mailbox_id)
    )
    connection.execute(delete(mailbox).where(mailbox.c.account_id == account_id, mailbox.c.id == mailbox_id))
