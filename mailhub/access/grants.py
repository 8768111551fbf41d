"""An owner or admin lets an operator read their account's content, for a while; every read under it is on record first.

A grant is a promise kept by this program and shown afterwards, not encryption: root can read the database
file. Acts commit nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.access.quotas import require_room
from mailhub.clock import DAY
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Forbidden, NotFound
from mailhub.proof.act import Act
from storage.people import grants
from storage.people.grants import Grant

LONGEST = 30 * DAY


def give(act: Act, user: int, *, operator_uid: int, reason: str, ends_at: int, quotas: Quotas) -> Grant:
    """Let the operator ``operator_uid`` read until ``ends_at``. Raises ``BadRequest`` for an end that is none."""
    require_room(act, quotas, "grants")
    if not act.now < ends_at <= act.now + LONGEST:
        raise BadRequest(f"a grant ends within {LONGEST // DAY} days, and not before it begins")

    grant = Grant(
        account_id=act.account,
        id=act.transaction.new_id(),
        operator_uid=operator_uid,
        reason=reason,
        user_id=user,
        created_at=act.now,
        ends_at=ends_at,
    )
    grants.add_grant(act.transaction.connection, grant)
    act.record("grant.give", f"grant:{grant.id}", operator=operator_uid, ends_at=ends_at)

    return grant


def revoke(act: Act, grant: int) -> Grant:
    """End a grant now; revoking it again changes nothing but is on record. Raises ``NotFound``."""
    found = grants.revoke_grant(act.transaction.connection, act.account, grant, act.now)
    if found is None:
        raise NotFound(f"no such grant: {grant}")
    act.record("grant.revoke", f"grant:{grant}")
    return found


def read_under_grant(act: Act, operator_uid: int, *, route: str, ids: Mapping[str, int]) -> Grant:
    """Record that an operator reads; commit this before anything is shown. Raises ``Forbidden`` without a grant."""
    connection = act.transaction.connection
    grant = grants.find_grant_in_force(connection, act.account, operator_uid, now=act.now)
    if grant is None:
        raise Forbidden(
            "the operator reads no content: an owner or admin of the account can allow it (mailhub grant add)"
        )
    act.record("grant.read", f"grant:{grant.id}", route=route, **ids)
    return grant
