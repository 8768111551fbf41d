"""FLOW 1: a message in. The second half, in the writer's transaction; ``prepare`` is the first.

    bytes --prepare (worker)--> Prepared --file_batch (writer, one savepoint)--> rows --commit--> Outcome to the door

For each message: known already, or erased? -> who wrote it -> which ticket -> what score -> ticket, message, fate. A
batch shares its statements (``storage.mail.filing``) and its scores. The writer commits, and only then is anybody told.
Must not: call a door, look at a clock (``received_at`` comes with the envelope), decode mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from classifier.model import Score
from mailhub import clock
from mailhub.directory import NO_ACCOUNT, Directory
from mailhub.envelope import Envelope, Fate, Outcome, Recipient, is_from_elsewhere
from mailhub.filing import deletion_by_mail, thread
from mailhub.filing.flood import FloodCounter, Key, Start
from mailhub.filing.records import Case, TicketAuthor, intake_row, message_row, ticket_row, trace, wanted
from mailhub.filter import forwarded, senders
from mailhub.filter import verdict as spam
from mailhub.filter.models import Models
from mailhub.message.addresses import served_form
from mailhub.message.parse import split_reply
from mailhub.outbound.letters import Post
from mailhub.privacy import privacy_requests
from mailhub.privacy.privacy_requests import Asked
from mailhub.reading.derived import short
from mailhub.reading.prepare import Prepared, usable
from mailhub.tickets import reply
from storage.mail import raws
from storage.mail.filing import (
    BEARERS,
    Filed,
    FiledTicket,
    Rows,
    View,
    flood_ticket,
    load,
    load_tickets,
    write,
)
from storage.mail.mailboxes import SUPPORT
from storage.words import ParticipantRole, TicketState
from storage.writer import Transaction

PARTICIPANTS_ADDED = 40  # people a single mail can add to a ticket (Zammad's bound)
_LISTED = {senders.ALLOWED: spam.Verdict.HAM, senders.DENIED: spam.Verdict.SPAM}
_CHANGES_NO_STATE = frozenset(
    {"auto-reply", "out-of-office", "bounce", "complaint", "receipt", "generated", "reaction"}
)
_PROOFS = frozenset({"reply-address", "reply-message-id", "in-reply-to", "references"})

Routes = list[tuple[str, Recipient]]  # of one message and account: recipient as given, where it leads


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingContext:
    """What filing needs besides the message; one per process."""

    directory: Directory
    models: Models
    filter: spam.FilterSettings
    flood: FloodCounter
    hops: int  # Received headers from which a mail is in a loop (RFC 5321 6.3)
    post: Post | None = None  # what answers people who ask by mail about their data; None: nothing does
    self_service: str = "off"  # ``[privacy] self_service``


@dataclass(slots=True)
class _Account:
    """One account's part of a batch, while it is decided."""

    id: int
    transaction: Transaction
    context: FilingContext
    view: View
    trained: tuple[int, int]  # spam and ham that the scores rest on
    rows: Rows = field(default_factory=Rows)
    started: list[Start] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)


def file_batch(
    transaction: Transaction, context: FilingContext, messages: Sequence[Prepared]
) -> list[tuple[Outcome, ...]]:
    """File messages; the outcomes of each one's recipients, in order. Raises when any of them cannot be filed."""
    routes = [_routes(context.directory, message.envelope) for message in messages]
    outcomes: list[dict[str, Outcome]] = [{} for _ in messages]

    for account_id in sorted({account for route in routes for account in route} - {NO_ACCOUNT}):
        own = [(i, message) for i, message in enumerate(messages) if account_id in routes[i]]
        view = load(transaction.connection, account_id, wanted([message for _, message in own]))
        trained = context.models.trained(transaction.connection, account_id)
        scores = context.models.score(
            transaction.connection, account_id, [message.features for _, message in own]
        )
        account = _Account(account_id, transaction, context, view, trained)
        for (index, message), score in zip(own, scores, strict=True):
            outcomes[index].update(_file(account, message, score, routes[index][account_id]))
        write(transaction.connection, account_id, account.rows)
        privacy_requests.answer_mail(transaction, context.post, context.self_service, account.asked)
        transaction.after_commit(lambda started=account.started: context.flood.count(started))  # type: ignore[misc]

    for index in (each for each, route in enumerate(routes) if NO_ACCOUNT in route):
        outcomes[index].update(
            deletion_by_mail.take(transaction, context.post, context.flood, messages[index])
        )

    return [
        tuple(outcomes[i].get(r) or _gone(r) for r in message.envelope.recipients)
        for i, message in enumerate(messages)
    ]


def reject(
    transaction: Transaction, directory: Directory, envelope: Envelope, *, reason: str, size_bytes: int
) -> list[Outcome]:
    """Put on record that a message is not taken, unread: it stays with the peer. Its outcomes, as ``file_batch``."""
    outcomes = {}
    for account_id, routes in _routes(directory, envelope).items():
        rows = Rows()
        for route in routes:
            delivery = transaction.new_id()
            fate = Fate.REJECTED
            row = intake_row(
                account_id, envelope, route, id=delivery, fate=fate, reason=reason, size_bytes=size_bytes
            )
            rows.intakes.append(row)
            outcomes[route[0]] = Outcome(recipient=route[0], fate=fate, reason=reason)
        write(transaction.connection, account_id, rows)

    return [outcomes.get(recipient) or _gone(recipient) for recipient in envelope.recipients]


def _gone(recipient: str) -> Outcome:
    """The mailbox went away between RCPT and the end of DATA: the peer keeps the mail and hears 550 at its next try."""
    return Outcome(recipient=recipient, fate=Fate.DEFERRED, reason="mailbox-gone")


def _routes(directory: Directory, envelope: Envelope) -> dict[int, Routes]:
    routes: dict[int, Routes] = {}
    for recipient in envelope.recipients:
        found = directory.resolve(recipient)
        if isinstance(found, Recipient):
            routes.setdefault(found.account, []).append((recipient, found))
    return routes


def _file(account: _Account, message: Prepared, score: Score, routes: Routes) -> dict[str, Outcome]:
    """One message of one account, from the question whether we have it to its fate."""
    if message.parsed.hops > account.context.hops:
        return _record(account, message, routes, Fate.REJECTED, "hop-count", None)
    if feedback := [route for route in routes if account.context.directory.purpose_of(route[0]) != SUPPORT]:
        rest = [route for route in routes if route not in feedback]
        return _take_feedback(account, message, feedback) | (
            _file(account, message, score, rest) if rest else {}
        )

    known = account.view.messages.get(message.identity)
    if known is not None:
        _show_in(account, account.view.live(known.ticket_id), routes)
        return _record(account, message, routes, Fate.DUPLICATE, "same-message", known)

    if message.tombstone in account.view.erased:
        return _record(account, message, routes, Fate.ERASED, "tombstone", None)

    case = _decide(account, message, score, routes[0][1].mailbox)
    ticket = _place(account, case)
    _show_in(account, ticket, routes)
    _add_participants(account, ticket, case)
    _store(account, ticket, case)

    if (
        message.parsed.bounce is not None
    ):  # by whatever reason it was filed: most come to our signed return path
        reply.bounced(
            account.transaction,
            account.id,
            ticket.id,
            message.parsed.bounce,
            now=message.envelope.received_at,
        )

    account.asked += privacy_requests.asked_by_mail(
        account.transaction.connection, account.id, message, [place for _, place in routes]
    )
    filed = account.view.messages[message.identity] = Filed(case.message_id, ticket.id)
    fate = Fate.QUARANTINED if message.unreadable else Fate.FILED

    return _record(account, message, routes, fate, case.decision.reason, filed)


def _take_feedback(account: _Account, message: Prepared, routes: Routes) -> dict[str, Outcome]:
    """Mail to spam@ or ham@: no message of ours, but marks of what is attached to it."""
    outcomes: dict[str, Outcome] = {}
    for route in routes:
        purpose = account.context.directory.purpose_of(route[0])
        why, found = forwarded.take(account.transaction, account.id, account.view, message, purpose)
        outcomes |= _record(account, message, [route], Fate.FEEDBACK, why, None, found=found or None)
    return outcomes


def _decide(account: _Account, message: Prepared, score: Score, mailbox: int) -> Case:
    """Author, ticket and verdict of a message that is new to us."""
    author = _author(account, message)
    named = bool(
        message.author and not author.claimed
    )  # whom only the reverse path names is asked for no more than a ticket of their own
    incoming = thread.Incoming(
        address=author.address if named else "",
        contact=author.contact if named and author.user is None else None,
        user=author.user,
        tokens=() if author.claimed else message.tokens,
        references=message.references,
        bounced=message.bounced,
        subject=message.parsed.subject,
        forged=message.forged,
    )
    verdict = spam.decide(
        score, spam=account.trained[0], ham=account.trained[1], settings=account.context.filter
    )
    ruling = _ruling(account, message)

    return Case(
        message=message,
        message_id=message.ids.get(account.id) or account.transaction.new_id(),
        author=author,
        decision=thread.decide(incoming, account.view),
        verdict=_LISTED.get(ruling.reason, verdict).value if ruling else verdict.value,
        probability=score.probability,
        log_odds=score.log_odds,
        ruling=ruling,
        mailbox=mailbox,
    )


def _ruling(account: _Account, message: Prepared) -> senders.Ruling | None:
    """The rule of the account's lists that holds for the sender: it wins over the score."""
    if not account.view.rules:
        return None
    author, reverse_path = message.from_whom
    looked_for = account.context.filter.trusts_hosts
    who = senders.Sender(
        author=author, reverse_path=reverse_path, authentication=message.authentication, looked_for=looked_for
    )
    return senders.decide(who, account.view.rules)


# --- who --------------------------------------------------------------------------------------------------------------


def _author(account: _Account, message: Prepared) -> TicketAuthor:
    """The contact or user who wrote; a contact is made when the address is new.

    A user is one only as the author that authentication judged, and did not fail: their mail joins any ticket
    and is shown as theirs.
    """
    address = message.sender
    if account.context.directory.is_own(account.id, address):
        return _author_of_form(account, message)

    user = account.view.users.get(address)
    if user is not None and served_form(message.parsed.author.address) == address and not message.forged:
        people = chain(message.parsed.to, message.parsed.cc, [message.forwarded] if message.forwarded else [])
        customer = next(
            (person for person in people if _is_customer(account, served_form(person.address))), None
        )
        contact = (
            _contact(account, served_form(customer.address), customer.name, message) if customer else None
        )
        return TicketAuthor(address=address, contact=contact, user=user, own=False)

    name = message.parsed.from_[0].name if message.parsed.from_ else ""
    contact = _contact(account, address, name, message) if address else None

    return TicketAuthor(address=address, contact=contact, user=None, own=False)


def _author_of_form(account: _Account, message: Prepared) -> TicketAuthor:
    """Whose ticket mail from one of our own addresses is: a form's, whose sender Reply-To names, or our own.

    Believed where the mail is proven to be from our domain, or came by a door of our own, and no program says
    that it answers by itself. The person is claimed, not proven: the ticket is new, and theirs to be
    answered.
    """
    own = TicketAuthor(address=message.sender, contact=None, user=None, own=True)
    claimed = message.claimed
    if claimed is None or message.is_ours or message.parsed.automatic.kind in _CHANGES_NO_STATE:
        return own
    trusted = message.proven != "" or not is_from_elsewhere(message.envelope.source, message.envelope.peer)
    if message.forged or not trusted or not _is_customer(account, claimed.address):
        return own
    contact = _contact(account, claimed.address, claimed.name, message)
    return TicketAuthor(address=claimed.address, contact=contact, user=None, own=False, claimed=True)


def _is_customer(account: _Account, address: str) -> bool:
    return (
        usable(address)
        and address not in account.view.users
        and not account.context.directory.is_own(account.id, address)
    )


def _contact(account: _Account, address: str, name: str, message: Prepared) -> int:
    known = account.view.contacts.get(address)
    if known is not None:
        return known
    contact = account.transaction.new_id()
    created = {"id": contact, "name": short(name, 200), "created_at": message.envelope.received_at}
    account.rows.contacts.append({"account_id": account.id, **created})
    account.rows.contact_addresses.append(
        {"account_id": account.id, "address": address, "contact_id": contact}
    )
    account.view.contacts[address] = contact
    return contact


# --- which ticket -----------------------------------------------------------------------------------------------------


def _place(account: _Account, case: Case) -> FiledTicket:
    """The ticket the message becomes part of, in the state it has afterwards."""
    joined = case.decision.ticket
    if joined is not None and _admit(account, joined, case):
        return _touch(account, joined, case)
    if (
        collecting := _collecting(account, case)
    ) is not None:  # also for an answer that its ticket does not take
        return _touch(account, collecting, case)
    return _new_ticket(account, case, related=case.decision.may_belong_to or (joined.id if joined else None))


def _admit(account: _Account, ticket: FiledTicket, case: Case) -> bool:
    """Whether a ticket takes the message; a closed one reopens, unless its mailbox wants a new ticket then."""
    automatic = case.message.parsed.automatic.kind in _CHANGES_NO_STATE and not _is_answer(case)
    if (
        ticket.state != TicketState.CLOSED
        or automatic
        or case.author.own
        or case.verdict == spam.Verdict.SPAM
    ):
        return True
    mailbox = account.context.directory.find_mailbox(ticket.mailbox_id)
    if mailbox is not None and mailbox.on_reply_to_closed != "reopen":
        return False
    ticket.state = TicketState.OPEN
    return True


def _is_answer(case: Case) -> bool:
    """Whether somebody who takes part answers with words, for all that a weak header says: it stays automatic
    on record, so it earns no mail of ours, but a person is not left behind a closed ticket.
    """
    if not case.message.parsed.automatic.is_weak or case.decision.guest:
        return False
    return case.decision.reason in _PROOFS and bool(split_reply(case.message.parsed).new)


def _touch(account: _Account, ticket: FiledTicket, case: Case) -> FiledTicket:
    at = case.message.envelope.received_at
    row = account.rows.touched.setdefault(ticket.id, {"added": 0, "at": at})
    row.update(added=row["added"] + 1, at=max(row["at"], at), new_state=ticket.state)
    return ticket


def _flood_key(account: _Account, case: Case) -> Key:
    return account.id, case.mailbox, case.author.address


def _is_capped(case: Case) -> bool:
    """Whether the flood cap is for this mail: not for an archive, nor for our own people, who write to many."""
    return not case.message.envelope.quiet and case.author.user is None


def _collecting(account: _Account, case: Case) -> FiledTicket | None:
    """The ticket for what a sender sends over their hourly cap; None below the cap, or when it is yet to be made.

    One that was closed or trashed collects no more: nobody would see what came."""
    key = _flood_key(account, case)
    at = case.message.envelope.received_at
    flood = account.context.flood
    if not _is_capped(case) or not flood.over(key, at, pending=account.started):
        return None

    known = flood.ticket(key, pending=account.started) or flood_ticket(
        account.transaction.connection,
        account.id,
        mailbox=case.mailbox,
        contact=case.author.contact,
        since=at - at % clock.HOUR,
    )
    if known is None:
        return None

    load_tickets(account.transaction.connection, account.id, {known}, account.view)
    collecting = account.view.live(known)

    return (
        collecting
        if collecting is not None and collecting.state in (TicketState.OPEN, TicketState.SPAM)
        else None
    )


def _new_ticket(account: _Account, case: Case, *, related: int | None) -> FiledTicket:
    state = TicketState.OPEN
    if case.author.own:
        state = TicketState.CLOSED
    elif case.verdict == spam.Verdict.SPAM:
        state = TicketState.SPAM
    ticket = FiledTicket(account.transaction.new_id(), 0, case.mailbox, case.author.contact, state)
    key = _flood_key(account, case)
    capped = _is_capped(case)
    at = case.message.envelope.received_at
    collects = capped and account.context.flood.over(key, at, pending=account.started)
    account.rows.tickets.append(ticket_row(account.id, case, ticket, related=related, flood=collects))
    account.view.tickets[ticket.id] = ticket
    if capped:
        account.started.append((key, ticket.id, collects))

    return ticket


def _show_in(account: _Account, ticket: FiledTicket | None, routes: Routes) -> None:
    for _, recipient in routes:
        if ticket and recipient.mailbox != ticket.mailbox_id and recipient.mailbox not in ticket.also_in:
            ticket.also_in.add(recipient.mailbox)
            row = {"account_id": account.id, "ticket_id": ticket.id, "mailbox_id": recipient.mailbox}
            account.rows.ticket_mailboxes.append(row)


def _add_participants(account: _Account, ticket: FiledTicket, case: Case) -> None:
    """People a participant names in To and Cc may write from now on; a guest only shows up as one.

    A bounce names nobody: it joins whoever wrote it, so a forged one could bring anybody in. Nor does any
    other forgery: not even where it only opened a ticket, or joined one that collects a flood.
    """
    if case.decision.reason == "bounce" or (case.message.forged and not case.decision.guest):
        return

    if case.decision.guest:
        named = {case.author.address: ParticipantRole.GUEST}
    else:
        people = chain(case.message.parsed.to, case.message.parsed.cc)
        addresses = (served_form(person.address) for person in people)
        customers = (a for a in addresses if a != case.author.address and _is_customer(account, a))
        named = dict.fromkeys(customers, ParticipantRole.CC)

    for address, role in list(named.items())[:PARTICIPANTS_ADDED]:
        is_requester = (
            ticket.contact_id is not None and account.view.contacts.get(address) == ticket.contact_id
        )
        if address and not is_requester and address not in ticket.participants:
            ticket.participants[address] = role
            row = {"account_id": account.id, "ticket_id": ticket.id, "address": address, "role": role}
            account.rows.participants.append(row)


# --- rows -------------------------------------------------------------------------------------------------------------


def _store(account: _Account, ticket: FiledTicket, case: Case) -> None:
    message = case.message
    rows = account.rows
    flags = [*message.parsed.flags, *(["claimed-author"] if case.author.claimed else [])]
    if case.author.user is not None and case.decision.ticket is not None:
        flags.append(
            "not-sent-on"
        )  # one of our own people wrote into a ticket by mail: nobody else got it from us

    if message.own_id is not None:
        bearers = account.view.references.setdefault(message.own_id, [])
        if bearers:
            flags.append("same-id-other-body")
        if len(bearers) < BEARERS:
            bearers.append(Filed(case.message_id, ticket.id))
            own = {"id_hash": message.own_id, "message_id": case.message_id, "ticket_id": ticket.id}
            rows.references.append({"account_id": account.id, **own})

    if message.conversation is not None and not case.author.own:
        bearers = account.view.references.setdefault(message.conversation, [])
        if len(bearers) < BEARERS:
            bearers.append(Filed(case.message_id, ticket.id))
            named = {"id_hash": message.conversation, "message_id": case.message_id, "ticket_id": ticket.id}
            rows.references.append({"account_id": account.id, **named})

    rows.messages.append(message_row(account.id, case, ticket, flags=flags))
    rows.index.append((account.id, case.message_id, message.words))

    if account.id in message.ids:
        raws.settle(account.transaction.connection, account.id, case.message_id, len(message.slices))
    else:
        rows.raws.extend(raws.slice_rows(account.id, case.message_id, message.slices))


def _record(
    account: _Account,
    message: Prepared,
    routes: Routes,
    fate: Fate,
    reason: str,
    filed: Filed | None,
    *,
    found: str | None = None,
) -> dict[str, Outcome]:
    """One intake row, and one outcome, for each recipient."""
    outcomes = {}
    for route in routes:
        delivery = account.transaction.new_id()
        row = intake_row(
            account.id,
            message.envelope,
            route,
            id=delivery,
            fate=fate,
            reason=reason,
            filed=filed,
            size_bytes=message.raw_bytes,
            trace=trace(message.parsed) if fate is Fate.DUPLICATE else found,
        )
        account.rows.intakes.append(row)
        outcomes[route[0]] = Outcome(
            recipient=route[0],
            fate=fate,
            reason=reason,
            message=filed.id if filed else None,
            ticket=filed.ticket_id if filed else None,
        )

    return outcomes
