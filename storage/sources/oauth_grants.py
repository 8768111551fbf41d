"""Rows of OAuth authorisations of mailboxes at providers. Functions take a connection of the caller's transaction.

States: new (nobody consented yet) -> valid <-> failing (the endpoint refused; the fault in words).
The tokens in them are sealed by the caller; this file never sees one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, insert, select, update

from storage.schema import imap_source, oauth_grant


@dataclass(frozen=True, slots=True, kw_only=True)
class OauthGrant:
    """How tokens for one source are got. Instants are microseconds since the epoch, UTC."""

    account_id: int
    source_id: int
    flow: str  # device, code or client-credentials
    token_url: str
    consent_url: str
    scope: str
    client_id: str
    refresh_token: bytes | None = field(default=None, repr=False)
    life_seconds: int | None = None
    ends_at: int | None = None
    authorised_at: int | None = None
    renewed_at: int | None = None
    state: str = "new"
    fault: str = ""
    fault_at: int | None = None


_GRANT = tuple(oauth_grant.c[name] for name in OauthGrant.__slots__)


def add_grant(connection: Connection, row: OauthGrant) -> None:
    """Insert it with its source."""
    connection.execute(
        insert(oauth_grant).values({name: getattr(row, name) for name in OauthGrant.__slots__})
    )


def find_grant(connection: Connection, account_id: int, source_id: int) -> OauthGrant | None:
    """The authorisation of a source; None where it logs in by a password."""
    row = connection.execute(select(*_GRANT).where(*_of(account_id, source_id))).one_or_none()
    return OauthGrant(**row._mapping) if row else None


def list_grants(connection: Connection, account_id: int) -> Sequence[OauthGrant]:
    """The authorisations of an account."""
    query = select(*_GRANT).where(oauth_grant.c.account_id == account_id).order_by(oauth_grant.c.source_id)
    return [OauthGrant(**row._mapping) for row in connection.execute(query)]


def grants_of_node(connection: Connection, node: int) -> Sequence[OauthGrant]:
    """Those of every account whose source is fetched by this node."""
    both = (imap_source.c.account_id == oauth_grant.c.account_id) & (
        imap_source.c.id == oauth_grant.c.source_id
    )
    query = select(*_GRANT).join(imap_source, both).where(imap_source.c.node == node)
    query = query.order_by(oauth_grant.c.account_id, oauth_grant.c.source_id)
    return [OauthGrant(**row._mapping) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """One authorisation of any account, for metrics."""

    source_id: int
    state: str
    ends_at: int | None


def every_grant(connection: Connection) -> Sequence[Authorisation]:
    """The figures of every authorisation of every account."""
    columns = tuple(oauth_grant.c[name] for name in Authorisation.__slots__)
    query = select(*columns).order_by(oauth_grant.c.source_id)
    return [Authorisation(**row._mapping) for row in connection.execute(query)]


def set_authorised(
    connection: Connection,
    grant: OauthGrant,
    *,
    refresh_token: bytes,
    life_seconds: int | None,
    ends_at: int | None,
    at: int,
) -> None:
    """Somebody consented: what was there before counts no more."""
    values = {
        "refresh_token": refresh_token,
        "life_seconds": life_seconds,
        "ends_at": ends_at,
        "authorised_at": at,
    }
    _set(connection, grant, values | {"renewed_at": at, "state": "valid", "fault": ""})


def set_renewed(
    connection: Connection, grant: OauthGrant, *, refresh_token: bytes | None, ends_at: int | None, at: int
) -> bool:
    """A token was given. With a new refresh token that one is kept; False when another consent came in between."""
    values: dict[str, object] = {"renewed_at": at, "ends_at": ends_at, "state": "valid", "fault": ""}
    if refresh_token is not None:
        values["refresh_token"] = refresh_token
    return _set(
        connection, grant, values, oauth_grant.c.authorised_at.is_not_distinct_from(grant.authorised_at)
    )


def set_failing(connection: Connection, grant: OauthGrant, *, fault: str, at: int) -> bool:
    """The endpoint refused; False when another consent came in between."""
    values: dict[str, object] = {"state": "failing", "fault": fault, "fault_at": at}
    return _set(
        connection, grant, values, oauth_grant.c.authorised_at.is_not_distinct_from(grant.authorised_at)
    )


def _set(
    connection: Connection, grant: OauthGrant, values: dict[str, object], *where: ColumnElement[bool]
) -> bool:
    same = _of(grant.account_id, grant.source_id)
    return connection.execute(update(oauth_grant).where(*same, *where).values(values)).rowcount == 1


def _of(account_id: int, source_id: int) -> tuple[ColumnElement[bool], ...]:
    return (oauth_grant.c.account_id == account_id, oauth_grant.c.source_id == source_id)
