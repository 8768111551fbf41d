"""What could not be read was filed raw, flagged, and waits here for an agent: read it again, or discard it.

    read_again (any thread)  raw + recorded envelope --prepare--> Prepared, or ``Conflict``: it still cannot be read
    refile (writer)          the flagged message and its ticket go, the message is filed as new mail is, by every rule;
                             its deliveries keep their ids and get the new fate; notes move to the new ticket
    discard (writer)         the message goes for good; its deliveries' fate is rejected, "discarded"

Must not: touch a message that could be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.access.holds import require_not_held
from mailhub.directory import Directory
from mailhub.envelope import Envelope, Fate, Outcome, Recipient, Source
from mailhub.errors import Conflict, NotFound
from mailhub.filing.batch import FilingContext
from mailhub.filing.pipeline import file_batch
from mailhub.message.author import read as read_author
from mailhub.message.values import NO_TRUST, Trust
from mailhub.proof.act import Act
from mailhub.reading.authenticated import checked
from mailhub.reading.prepare import Prepared, Secrets, prepare
from mailhub.tickets.removal import Forget, remove_messages, remove_tickets
from storage.database import Connection, Database
from storage.mail import intake_lists
from storage.mail.derived import find_received
from storage.mail.intake_lists import IntakeRow
from storage.mail.quarantine import delete_deliveries_since, set_fates, unreadable_message
from storage.privacy.holds import find_holds_on_tickets
from storage.privacy.tombstones import Tombstones
from storage.sources import imap_copies
from storage.tickets import notes
from storage.tickets.tickets import find_ticket, lock_tickets
from storage.writer import Transaction

RECIPIENTS = 10_000  # of one message: more than any door takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A quarantined message that could be read this time."""

    delivery: int
    message: int
    prepared: Prepared


def read_again(
    database: Database,
    secrets: Secrets,
    directory: Directory,
    account: int,
    delivery: int,
    *,
    trust: Trust = NO_TRUST,
) -> Again:
    """Read the message of a delivery once more. Raises ``NotFound``, or ``Conflict`` when there is nothing to mend.

    It is believed as far as it was when it came; where nobody had looked then, a trusted host's word counts as ever.
    """
    with database.read() as connection:
        message, _ = _held(connection, account, delivery)
        held = _deliveries(connection, account, message)
        received = find_received(connection, account, message)

    if received is None or not held:
        raise Conflict(f"delivery {delivery} is not in quarantine any more")

    raw = received.raw
    known = checked(received.authentication, domain=read_author(raw).domain)
    prepared = prepare(raw, _envelope(held), secrets, directory, authentication=known, trust=trust)
    if prepared.unreadable:
        raise Conflict(f"message {message} still cannot be read; `mailhub message raw` has its bytes")

    return Again(delivery=delivery, message=message, prepared=prepared)


def refile(
    act: Act,
    again: Again,
    context: FilingContext,
    *,
    forget: Forget,
) -> Sequence[Outcome]:
    """File a message that was read again; its outcomes, a recipient each.

    ``Conflict``, and it stays in quarantine as it was, if it is gone meanwhile or would not be kept as new mail.
    """
    connection = act.transaction.connection
    message, ticket = _locked(act.transaction, act.account, again.delivery)
    held = _deliveries(connection, act.account, message)
    written = notes.note_ids(connection, act.account, ticket)
    copies = imap_copies.copies_of(connection, act.account, [message])
    first_id = act.transaction.new_id()
    _remove(
        act.transaction,
        act.account,
        message,
        ticket,
        keep_ticket=bool(written),
        forget=forget,
        tombstones=None,
    )
    (outcomes,) = file_batch(act.transaction, context, [again.prepared])
    _require_kept(outcomes, act.account, again, context.directory)
    found = {each.recipient: each for each in outcomes}
    filed = [each.message for each in outcomes if each.message is not None]
    imap_copies.refile(connection, act.account, copies, filed[0])
    delete_deliveries_since(connection, act.account, first_id, filed)
    set_fates(connection, act.account, {each.id: _fate(found[each.recipient]) for each in held})

    target = next((each.ticket for each in outcomes if each.ticket is not None), None)
    if written and target is not None:
        notes.move_notes(connection, act.account, written, source=ticket, target=target)
        remove_tickets(act.transaction, act.account, [ticket], forget=forget, tombstones=None)

    on = f"intake:{again.delivery}"
    act.record("intake.retry", on, was=message, messages=filed)

    return outcomes


def discard(
    act: Act,
    delivery: int,
    *,
    forget: Forget,
    tombstone_key: bytes,
) -> Sequence[int]:
    """Remove a quarantined message for good; the deliveries that are rejected now. Cannot be undone."""
    message, ticket = _locked(act.transaction, act.account, delivery)
    held = _deliveries(act.transaction.connection, act.account, message)
    require_not_held(find_holds_on_tickets(act.transaction.connection, act.account, [ticket], act.now))
    tombstones = Tombstones(key=tombstone_key, at=act.now)
    _remove(
        act.transaction, act.account, message, ticket, keep_ticket=False, forget=forget, tombstones=tombstones
    )
    fates = {each.id: (Fate.REJECTED.value, "discarded", None, None) for each in held}
    set_fates(act.transaction.connection, act.account, fates)
    act.record("intake.discard", f"intake:{delivery}", message=message)
    return [each.id for each in held]


def _require_kept(outcomes: Sequence[Outcome], account: int, again: Again, directory: Directory) -> None:
    """The message is in this account for every recipient, or the caller's savepoint brings the quarantined one back."""
    for each in outcomes:
        if each.fate not in (Fate.FILED, Fate.DUPLICATE) or each.message is None:
            why = f"it would be {each.fate.value} ({each.reason})"
            raise Conflict(f"message {again.message} stays in quarantine: filed as new mail, {why}")
        found = directory.resolve(each.recipient)
        if not isinstance(found, Recipient) or found.account != account:
            raise Conflict(
                f"message {again.message} stays in quarantine: its mailbox is another account's now"
            )


def _held(connection: Connection, account: int, delivery: int) -> tuple[int, int]:
    """(message, ticket) of a delivery in quarantine."""
    found = unreadable_message(connection, account, delivery)
    if found is not None:
        return found
    if intake_lists.find_intake(connection, account, delivery) is None:
        raise NotFound(f"there is no delivery {delivery}")
    raise Conflict(f"delivery {delivery} is not in quarantine")


def _deliveries(connection: Connection, account: int, message: int) -> Sequence[IntakeRow]:
    """The deliveries that were quarantined with a message, in the order they came."""
    found = intake_lists.list_intake(
        connection, account, message_id=message, fate="quarantined", limit=RECIPIENTS
    )
    return found[::-1]


def _locked(transaction: Transaction, account: int, delivery: int) -> tuple[int, int]:
    """``_held``, and no other node changes the ticket meanwhile."""
    _, ticket = _held(transaction.connection, account, delivery)
    lock_tickets(transaction.connection, account, [ticket])
    return _held(transaction.connection, account, delivery)


def _remove(
    transaction: Transaction,
    account: int,
    message: int,
    ticket: int,
    *,
    keep_ticket: bool,
    forget: Forget,
    tombstones: Tombstones | None,
) -> None:
    """The flagged message goes, and its ticket too unless others are in it or it is to be kept."""
    found = find_ticket(transaction.connection, account, ticket)
    if keep_ticket or found is None or found.message_count > 1:
        remove_messages(transaction, account, [message], forget=forget, tombstones=tombstones)
    else:
        remove_tickets(transaction, account, [ticket], forget=forget, tombstones=tombstones)


def _envelope(held: Sequence[IntakeRow]) -> Envelope:
    """The envelope as it was recorded; what cannot be known again (SMTPUTF8) makes no difference to filing."""
    first = held[0]
    return Envelope(
        source=Source(first.source),
        mail_from=first.mail_from,
        recipients=tuple(each.recipient for each in held),
        received_at=first.received_at,
        peer=first.peer,
        helo=first.helo,
        tls=bool(first.tls),
    )


def _fate(outcome: Outcome) -> tuple[str, str, int | None, int | None]:
    return outcome.fate.value, outcome.reason, outcome.message, outcome.ticket
