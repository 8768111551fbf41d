"""The messages and participants of tickets: moving them from ticket to ticket. (Reading them: ``message_lists``.)

A message's references move with it: ``message_reference.ticket_id`` always is the ticket of its message, so
an answer goes where the message that it answers went. Functions take a connection of the caller's
transaction, commit nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select, update

from storage.schema import (
    contact_address,
    intake,
    message,
    message_reference,
    outbox,
    participant,
    ticket,
    ticket_mailbox,
)
from storage.tickets.ticket_mail import derive_anew
from storage.words import ParticipantRole

CHUNK = 500  # ids in one statement, far below either engine's bound on parameters


def message_ids(connection: Connection, account_id: int, ticket_id: int) -> Sequence[int]:
    """Ids of the ticket's messages, in order."""
    query = select(message.c.id).where(message.c.account_id == account_id, message.c.ticket_id == ticket_id)
    return connection.execute(query.order_by(message.c.id)).scalars().all()


def move_messages(
    connection: Connection, account_id: int, messages: Sequence[int], *, source: int, target: int
) -> Sequence[int]:
    """Move these messages, as far as they are in ``source``, to ``target``, with their references and outbox rows.

    What both tickets' rows say of their messages follows. Returns the ids really moved, in order.
    """
    moved: list[int] = []
    for chunk in _chunks(messages):
        own = (message.c.account_id == account_id, message.c.ticket_id == source, message.c.id.in_(chunk))
        found = connection.execute(select(message.c.id).where(*own)).scalars().all()
        for table in (message, message_reference, outbox):
            key = table.c.id if table is message else table.c.message_id
            there = (table.c.account_id == account_id, key.in_(found))
            connection.execute(update(table).where(*there).values(ticket_id=target))
        moved.extend(found)

    derive_anew(connection, account_id, (source, target))
    return sorted(moved)


def _chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


def replace_merged_participants(
    connection: Connection, account_id: int, ticket_id: int, merged: Iterable[int]
) -> None:
    """Let those who took part in the tickets merged into this one, and nobody else, write into it because of that.

    Guests of a merged ticket stay outside: nobody has agreed to them.
    """
    there = (participant.c.account_id == account_id, participant.c.ticket_id == ticket_id)
    connection.execute(delete(participant).where(*there, participant.c.role == ParticipantRole.MERGED))
    present = set(connection.execute(select(participant.c.address).where(*there)).scalars())
    addresses = _addresses_of(connection, account_id, sorted(merged)) - present
    row = {"account_id": account_id, "ticket_id": ticket_id, "role": ParticipantRole.MERGED}
    if addresses:
        connection.execute(
            insert(participant), [{**row, "address": address} for address in sorted(addresses)]
        )


def replace_merged_mailboxes(
    connection: Connection,
    account_id: int,
    ticket_id: int,
    merged: Collection[int],
    *,
    unmerged: Collection[int] = (),
) -> None:
    """Show a ticket in the mailboxes of those merged into it, and no more in those only ``unmerged`` ones brought.

    What its own messages were delivered to stays.
    """
    there = (ticket_mailbox.c.account_id == account_id, ticket_mailbox.c.ticket_id == ticket_id)
    brought = _mailboxes_of(connection, account_id, merged)
    lost = (
        _mailboxes_of(connection, account_id, unmerged)
        - brought
        - _delivered_to(connection, account_id, ticket_id)
    )
    connection.execute(delete(ticket_mailbox).where(*there, ticket_mailbox.c.mailbox_id.in_(sorted(lost))))
    rows = [
        {"account_id": account_id, "ticket_id": ticket_id, "mailbox_id": mailbox}
        for mailbox in sorted(brought - _mailboxes_of(connection, account_id, [ticket_id]))
    ]
    if rows:
        connection.execute(insert(ticket_mailbox), rows)


def _mailboxes_of(connection: Connection, account_id: int, tickets: Collection[int]) -> set[int]:
    wanted = sorted(tickets)
    own = select(ticket.c.mailbox_id).where(ticket.c.account_id == account_id, ticket.c.id.in_(wanted))
    further = select(ticket_mailbox.c.mailbox_id).where(
        ticket_mailbox.c.account_id == account_id, ticket_mailbox.c.ticket_id.in_(wanted)
    )
    return {*connection.execute(own).scalars(), *connection.execute(further).scalars()}


def _delivered_to(connection: Connection, account_id: int, ticket_id: int) -> set[int]:
    query = (
        select(intake.c.mailbox_id)
        .join(message, (message.c.account_id == intake.c.account_id) & (message.c.id == intake.c.message_id))
        .where(message.c.account_id == account_id, message.c.ticket_id == ticket_id)
    )
    return set(connection.execute(query.distinct()).scalars())


def _addresses_of(connection: Connection, account_id: int, tickets: Sequence[int]) -> set[str]:
    invited = select(participant.c.address).where(
        participant.c.account_id == account_id,
        participant.c.ticket_id.in_(tickets),
        participant.c.role.not_in((ParticipantRole.GUEST, ParticipantRole.MERGED)),
    )
    requesters = (
        select(contact_address.c.address)
        .join(
            ticket,
            (ticket.c.account_id == contact_address.c.account_id)
            & (ticket.c.contact_id == contact_address.c.contact_id),
        )
        .where(ticket.c.account_id == account_id, ticket.c.id.in_(tickets))
    )

    return {*connection.execute(invited).scalars(), *connection.execute(requesters).scalars()}
