"""How many of something an account has, for its quotas: counted in the transaction that adds one more.

Two nodes on PostgreSQL that add at once are kept apart by a lock on the account's row; SQLite has one writer.
A count stops at the limit: however many rows there are, no more are read than are allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, or_, select

from storage.accounts.accounts import lock_account
from storage.schema import (
    access_grant,
    allow_list,
    api_token,
    breach,
    contact_address,
    draft,
    erasure,
    hold,
    imap_folder,
    imap_source,
    mailbox,
    rule,
    sender_rule,
    session,
    tag,
    user,
)

Condition = Callable[[int], tuple[ColumnElement[bool], ...]]  # of an instant: which rows count then


def _all(_now: int) -> tuple[ColumnElement[bool], ...]:
    return ()


_COUNTED: Mapping[str, tuple[Table, Condition]] = {
    "imap_sources": (imap_source, _all),
    "imap_folders": (imap_folder, _all),
    "mailboxes": (mailbox, _all),
    "users": (user, lambda _: (user.c.deleted_at.is_(None),)),
    "api_tokens": (
        api_token,
        lambda now: (
            api_token.c.revoked_at.is_(None),
            or_(api_token.c.expires_at.is_(None), api_token.c.expires_at > now),
        ),
    ),
    "sessions": (session, lambda now: (session.c.revoked_at.is_(None), session.c.expires_at > now)),
    "drafts": (draft, _all),
    "allowed_networks": (allow_list, _all),
    "sender_rules": (sender_rule, _all),
    "contact_addresses": (contact_address, _all),
    "grants": (access_grant, lambda now: (access_grant.c.revoked_at.is_(None), access_grant.c.ends_at > now)),
    "holds": (
        hold,
        lambda now: (hold.c.lifted_at.is_(None), or_(hold.c.ends_at.is_(None), hold.c.ends_at > now)),
    ),
    "breaches": (breach, lambda _: (breach.c.closed_at.is_(None),)),
    "rules": (rule, _all),
    "tags": (tag, _all),
    "erasures": (erasure, lambda _: (erasure.c.state != "done",)),
}


def count_rows(connection: Connection, account: int, what: str, *, limit: int, now: int, **scope: int) -> int:
    """How many there are, at most ``limit``; of a part of the account by ``scope`` (``user_id=12``).

    Locks the account until the commit, so that nobody adds another between this count and the row it is for.
    """
    lock_account(connection, account)
    table, condition = _COUNTED[what]
    only = [table.c[name] == value for name, value in scope.items()]
    some = (
        select(table.c.account_id).where(table.c.account_id == account, *only, *condition(now)).limit(limit)
    )
    return _number(connection, some)


def count_sources_of_node(connection: Connection, node: int, *, limit: int) -> int:
    """How many mailboxes at providers a node fetches for all accounts, at most ``limit``."""
    return _number(
        connection, select(imap_source.c.account_id).where(imap_source.c.node == node).limit(limit)
    )


def _number(connection: Connection, some: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(some.subquery())).scalar_one())
