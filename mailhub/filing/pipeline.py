"""FLOW 1: a message in. The second half, in the writer's transaction; ``prepare`` is the first.

    bytes --prepare (worker)--> Prepared --file_batch (writer, one savepoint)--> rows --commit--> Outcome to the door

For each message: known already, or erased? -> who wrote it -> which ticket -> what score -> ticket, message, fate. A
batch shares its statements (``storage.mail.filing``) and its scores. When its rows are written, the account's rules
hear of each message (flow 6). The writer commits, and only then is anybody told.
Must not: call a door, look at a clock (``received_at`` comes with the envelope), decode mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from classifier.model import Score
from mailhub.directory import NO_ACCOUNT, Directory
from mailhub.envelope import Envelope, Fate, Outcome, Recipient
from mailhub.filing import deletion_by_mail, thread
from mailhub.filing.authors import author_of
from mailhub.filing.batch import AccountBatch, FilingContext, Routes
from mailhub.filing.obeying import follow_filed
from mailhub.filing.places import add_participants, place, show_in
from mailhub.filing.records import Case, intake_row, message_row, trace, wanted
from mailhub.filter import forwarded, senders
from mailhub.filter.verdict import Verdict, decide
from mailhub.message.identity import is_another_subject
from mailhub.privacy import privacy_requests
from mailhub.reading.derived import short
from mailhub.reading.prepare import Prepared
from mailhub.tickets import reply
from storage.mail import raws
from storage.mail.filing import (
    BEARERS,
    Filed,
    FiledTicket,
    Rows,
    load,
    load_known,
    write,
)
from storage.mail.mailboxes import SUPPORT
from storage.writer import Transaction

_LISTED = {senders.ALLOWED: Verdict.HAM, senders.DENIED: Verdict.SPAM}


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
        account = AccountBatch(account_id, transaction, context, view, trained)
        for (index, message), score in zip(own, scores, strict=True):
            outcomes[index].update(_file(account, message, score, routes[index][account_id]))
        write(transaction.connection, account_id, account.rows)
        follow_filed(account)
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


def _file(account: AccountBatch, message: Prepared, score: Score, routes: Routes) -> dict[str, Outcome]:
    """One message of one account, from the question whether we have it to its fate."""
    if message.parsed.hops > account.context.hops:
        return _record(account, message, routes, Fate.REJECTED, "hop-count", None)
    if feedback := [route for route in routes if account.context.directory.purpose_of(route[0]) != SUPPORT]:
        rest = [route for route in routes if route not in feedback]
        return _take_feedback(account, message, feedback) | (
            _file(account, message, score, rest) if rest else {}
        )

    message = _told_apart(account, message)
    known = account.view.messages.get(message.identity)
    if known is not None:
        show_in(account, account.view.live(known.ticket_id), routes)
        return _record(account, message, routes, Fate.DUPLICATE, "same-message", known)

    if message.tombstone in account.view.erased:
        return _record(account, message, routes, Fate.ERASED, "tombstone", None)

    case = _decide(account, message, score, routes[0][1].mailbox)
    ticket = place(account, case)
    show_in(account, ticket, routes)
    add_participants(account, ticket, case)
    _store(account, ticket, case)
    account.filed.append((ticket.id, case))

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
    stored = Filed(case.message_id, ticket.id, short(message.parsed.subject))
    filed = account.view.messages[message.identity] = stored
    fate = Fate.QUARANTINED if message.unreadable else Fate.FILED

    return _record(account, message, routes, fate, case.decision.reason, filed)


def _told_apart(account: AccountBatch, message: Prepared) -> Prepared:
    """The message, under an identity by its subject where that alone is another than of the one we have.

    Devices send every alarm under one Message-ID and with one text; a copy of such a mail is found again.
    """
    known = account.view.messages.get(message.identity)
    if (
        known is None
        or known.subject is None
        or not is_another_subject(known.subject, message.parsed.subject)
    ):
        return message

    identity, tombstone = message.titled
    if identity not in account.view.messages:
        load_known(account.transaction.connection, account.id, [identity], [tombstone], account.view)
    return replace(message, identity=identity, tombstone=tombstone)


def _take_feedback(account: AccountBatch, message: Prepared, routes: Routes) -> dict[str, Outcome]:
    """Mail to spam@ or ham@: no message of ours, but marks of what is attached to it."""
    outcomes: dict[str, Outcome] = {}
    for route in routes:
        purpose = account.context.directory.purpose_of(route[0])
        why, found = forwarded.take(account.transaction, account.id, account.view, message, purpose)
        outcomes |= _record(account, message, [route], Fate.FEEDBACK, why, None, found=found or None)
    return outcomes


def _decide(account: AccountBatch, message: Prepared, score: Score, mailbox: int) -> Case:
    """Author, ticket and verdict of a message that is new to us."""
    author = author_of(account, message)
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
    verdict = decide(score, spam=account.trained[0], ham=account.trained[1], settings=account.context.filter)
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


def _ruling(account: AccountBatch, message: Prepared) -> senders.Ruling | None:
    """The rule of the account's lists that holds for the sender: it wins over the score."""
    if not account.view.rules:
        return None
    author, reverse_path = message.from_whom
    looked_for = account.context.filter.trusts_hosts
    who = senders.Sender(
        author=author, reverse_path=reverse_path, authentication=message.authentication, looked_for=looked_for
    )
    return senders.decide(who, account.view.rules)


# --- rows -------------------------------------------------------------------------------------------------------------


def _store(account: AccountBatch, ticket: FiledTicket, case: Case) -> None:
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
    account: AccountBatch,
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
