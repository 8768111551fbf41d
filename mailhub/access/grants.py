"""An owner or admin lets an operator read his account's content, for a while; every read under it is on record first.

A grant is a promise kept by this program and shown afterwards, not encryption: root can read the database
file. Flows take a ``Transaction`` and commit nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.clock import DAY
from mailhub.errors import BadRequest, Forbidden, NotFound
from mailhub.proof.act import Act
from storage.people import grants
from storage.people.grants import Grant
from storage.proof import journal
from storage.writer import Transaction

LONGEST = 30 * DAY


def give(
    transaction: Transaction,
    account: int,
    user: int,
    *,
    operator_uid: int,
    reason: str,
    ends_at: int,
    now: int,
) -> Grant:
    """Let the operator ``operator_uid`` read until ``ends_at``. Raises ``BadRequest`` for an end that is none."""
    if not now < ends_at <= now + LONGEST:
        raise BadRequest(f"a grant ends within {LONGEST // DAY} days, and not before it begins")

    grant = Grant(
        account_id=account,
        id=transaction.new_id(),
        operator_uid=operator_uid,
        reason=reason,
        user_id=user,
        created_at=now,
        ends_at=ends_at,
    )
    grants.add_grant(transaction.connection, grant)
    _record(
        transaction, grant, f"user:{user}", "grant.give", {"operator": operator_uid, "ends_at": ends_at}, now
    )

    return grant


def revoke(act: Act, grant: int) -> Grant:
    """End a grant now; revoking it again changes nothing but is on record. Raises ``NotFound``."""
    found = grants.revoke_grant(act.transaction.connection, act.account, grant, act.now)
    if found is None:
        raise NotFound(f"no such grant: {grant}")
    _record(act.transaction, found, act.actor, "grant.revoke", {}, act.now)
    return found


def read_under_grant(
    transaction: Transaction, account: int, operator_uid: int, *, route: str, ids: Mapping[str, int], now: int
) -> Grant:
    """Record that an operator reads; commit this before anything is shown. Raises ``Forbidden`` without a grant."""
    grant = grants.find_grant_in_force(transaction.connection, account, operator_uid, now=now)
    if grant is None:
        raise Forbidden(
            "the operator reads no content: an owner or admin of the account can allow it (mailhub grant add)"
        )
    _record(transaction, grant, f"operator:{operator_uid}", "grant.read", {"route": route, **ids}, now)
    return grant


def _record(
    transaction: Transaction, grant: Grant, actor: str, verb: str, detail: Mapping[str, object], now: int
) -> None:
    journal.append(
        transaction.connection,
        grant.account_id,
        transaction.node,
        at=now,
        actor=actor,
        verb=verb,
        object_=f"grant:{grant.id}",
        detail=detail,
    )
