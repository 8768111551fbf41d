"""Holds: order that something is kept, lift the order, and ask before anything goes (GDPR art. 17(3)(e) and 18).

A hold on a contact, a ticket or the whole account beats purging, retention, erasure and the account's stages; they ask
``require_not_held`` and go on by themselves at their next look once it is lifted or has ended.

What *restricted* means here (art. 18(2)): what a held contact wrote and a held ticket are stored and go on
receiving mail, but only owners and admins read and work on them. Agents do not, and no grant opens them to an
operator. A hold on the account keeps everything and restricts nobody: its people could not work any more.
Must not: remove anything; lifting does not either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailhub import clock
from mailhub.access.actor import Actor, Role
from mailhub.errors import BadRequest, Conflict, Forbidden, NotFound
from mailhub.proof.act import Act
from storage.privacy import holds
from storage.privacy.holds import Hold
from storage.proof import journal
from storage.tickets.tickets import find_ticket
from storage.writer import Transaction

READERS = frozenset({Role.OWNER, Role.ADMIN})  # of what is restricted


def add_hold(transaction: Transaction, row: Hold) -> Hold:
    """Order it. ``NotFound`` for an object the account does not have, ``BadRequest`` for an end that has passed."""
    connection = transaction.connection
    if row.ends_at is not None and row.ends_at <= row.created_at:
        raise BadRequest("the hold would have ended already: give an end in the future, or none")
    if row.kind == "ticket" and (
        row.object_id is None or not find_ticket(connection, row.account_id, row.object_id)
    ):
        raise NotFound(f"there is no ticket {row.object_id}")
    if row.kind == "contact" and not (
        row.object_id and holds.is_contact(connection, row.account_id, row.object_id)
    ):
        raise NotFound(f"there is no contact {row.object_id}")

    holds.add_hold(connection, row)
    detail = {"kind": row.kind, "object": row.object_id, "ends_at": row.ends_at}
    _record(Act(transaction, row.actor, row.account_id, row.created_at), "hold.add", row.id, detail)

    return row


def lift_hold(act: Act, hold: int) -> Hold:
    """Lift it; the hold as it was. Again changes nothing. ``NotFound`` without one."""
    found = holds.lift_hold(act.transaction.connection, act.account, hold, act.now)
    if found is None:
        raise NotFound(f"there is no hold {hold}")
    if found.lifted_at is None:
        _record(act, "hold.lift", hold, {})
    return found


def require_not_held(found: Sequence[Hold]) -> None:
    """Raise ``Conflict``, naming the holds, where any is in force."""
    if found:
        named = ", ".join(f"hold {each.id} on the {each.kind}{_until(each)}" for each in found[:5])
        raise Conflict(
            f"this is held and stays: {named}. Lift it first (mailhub hold lift), if the reason has gone"
        )


def require_readable(actor: Actor, found: Sequence[Hold]) -> None:
    """Raise ``Forbidden`` where a hold restricts what the actor wants to read or work on."""
    if actor.role not in READERS and (restricting := restrictions(found)):
        raise Forbidden(
            f"restricted by hold {restricting[0].id}: owners and admins alone may read and work on this"
        )


def restrictions(found: Sequence[Hold]) -> Sequence[Hold]:
    """Those of the holds that restrict access, too."""
    return [each for each in found if each.kind != "account"]


def _until(hold: Hold) -> str:
    return "" if hold.ends_at is None else f" until {clock.to_iso(hold.ends_at)}"


def _record(act: Act, verb: str, hold: int, detail: Mapping[str, object]) -> None:
    on = f"hold:{hold}"
    journal.append(
        act.transaction.connection,
        act.account,
        act.transaction.node,
        at=act.now,
        actor=act.actor,
        verb=verb,
        object_=on,
        detail=detail,
    )
