"""Holds: order that something is kept, lift the order, and ask before anything goes (GDPR art. 17(3)(e) and 18).

A hold on a contact, a ticket or the whole account beats purging, retention, erasure and the account's stages; they ask
``require_not_held`` and go on by themselves at their next look once it is lifted or has ended.

What *restricted* means here (art. 18(2)): what a held contact wrote and a held ticket are stored and go on
receiving mail, but only owners and admins read and work on them. Agents do not, and no grant opens them to an
operator. A hold on the account keeps everything and restricts nobody: its people could not work any more.
Must not: remove anything; lifting does not either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailhub import clock
from mailhub.access.actor import Actor, Role
from mailhub.access.quotas import require_room
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Conflict, Forbidden, NotFound
from mailhub.proof.act import Act
from storage.privacy import holds
from storage.privacy.holds import Hold
from storage.tickets.ticket_lists import TicketRow
from storage.tickets.tickets import find_ticket

READERS = frozenset({Role.OWNER, Role.ADMIN})  # of what is restricted


def concealed(row: TicketRow) -> TicketRow:
    """A restricted ticket in a list: without what its requester is called and wrote."""
    said = "(restricted by a hold)"
    return replace(row, subject=said, contact=None, contact_name=None, snippet="", tags=())


def add_hold(
    act: Act, *, kind: str, named: int | None, reason: str, ends_at: int | None, quotas: Quotas
) -> Hold:
    """Order it, on a ticket by id or number, a contact by id, or the account (``named`` None).

    ``NotFound`` for an object the account does not have, ``BadRequest`` for an end that has passed.
    """
    require_room(act, quotas, "holds")
    if ends_at is not None and ends_at <= act.now:
        raise BadRequest("the hold would have ended already: give an end in the future, or none")

    hold = Hold(
        account_id=act.account,
        id=act.transaction.new_id(),
        kind=kind,
        object_id=_object_of(act, kind, named),
        reason=reason,
        actor=act.actor,
        created_at=act.now,
        ends_at=ends_at,
    )
    holds.add_hold(act.transaction.connection, hold)
    act.record("hold.add", f"hold:{hold.id}", kind=kind, object=hold.object_id, ends_at=ends_at)

    return hold


def _object_of(act: Act, kind: str, named: int | None) -> int | None:
    connection = act.transaction.connection
    if kind == "ticket":
        ticket = find_ticket(connection, act.account, named) if named else None
        if ticket is None:
            raise NotFound(f"there is no ticket {named}")
        return ticket.id
    if kind == "contact" and not (named and holds.is_contact(connection, act.account, named)):
        raise NotFound(f"there is no contact {named}")
    return named


def lift_hold(act: Act, hold: int) -> Hold:
    """Lift it; the hold as it is then. Again changes nothing. ``NotFound`` without one."""
    found = holds.lift_hold(act.transaction.connection, act.account, hold, act.now)
    if found is None:
        raise NotFound(f"there is no hold {hold}")
    if found.lifted_at is not None:
        return found
    act.record("hold.lift", f"hold:{hold}")
    return replace(found, lifted_at=act.now)


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
