"""Rows of the domains that an account may have addresses in, or asked to. Functions commit nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from storage.schema import mail_domain


@dataclass(frozen=True, slots=True, kw_only=True)
class MailDomain:
    """One domain of an account, as DNS writes it. Instants are microseconds since the epoch, UTC."""

    account_id: int
    id: int
    domain: str
    token: str  # of the TXT record that proves it
    state: str  # asked, or why its addresses may be served: proven, granted, kept
    created_at: int
    settled_at: int | None = None


_COLUMNS = tuple(mail_domain.c[name] for name in MailDomain.__slots__)


def add_domain(connection: Connection, row: MailDomain) -> None:
    """Insert a domain; IntegrityError when the account has it already."""
    connection.execute(
        insert(mail_domain).values({name: getattr(row, name) for name in MailDomain.__slots__})
    )


def find_domain(connection: Connection, account_id: int, domain: str) -> MailDomain | None:
    """This domain of the account."""
    own = (mail_domain.c.account_id == account_id, mail_domain.c.domain == domain)
    row = connection.execute(select(*_COLUMNS).where(*own)).one_or_none()
    return MailDomain(**row._mapping) if row else None


def list_domains(
    connection: Connection, account_id: int, *, after: int = 0, limit: int
) -> Sequence[MailDomain]:
    """The domains of an account by id, from the one after ``after``."""
    own = (mail_domain.c.account_id == account_id, mail_domain.c.id > after)
    query = select(*_COLUMNS).where(*own).order_by(mail_domain.c.id)
    return [MailDomain(**row._mapping) for row in connection.execute(query.limit(limit))]


def count_domains(connection: Connection, account_id: int) -> int:
    """How many domains the account has, asked for or settled."""
    query = select(func.count()).select_from(mail_domain).where(mail_domain.c.account_id == account_id)
    return connection.execute(query).scalar_one()


def is_settled_for_others(connection: Connection, account_id: int, domain: str) -> bool:
    """Whether another account may have addresses in this domain."""
    others = (
        mail_domain.c.domain == domain,
        mail_domain.c.account_id != account_id,
        mail_domain.c.state != "asked",
    )
    return bool(connection.execute(select(exists().where(*others))).scalar_one())


def settle_domain(connection: Connection, account_id: int, domain: str, *, state: str, at: int) -> bool:
    """The domain may be used from now on; False when the account has no such row."""
    own = (mail_domain.c.account_id == account_id, mail_domain.c.domain == domain)
    return (
        connection.execute(update(mail_domain).where(*own).values(state=state, settled_at=at)).rowcount == 1
    )


def delete_domain(connection: Connection, account_id: int, domain: str) -> bool:
    """Remove a domain from an account; whether it had it."""
    own = (mail_domain.c.account_id == account_id, mail_domain.c.domain == domain)
    return connection.execute(delete(mail_domain).where(*own)).rowcount == 1
