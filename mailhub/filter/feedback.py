"""FLOW 2: an agent says spam, ham, or undo. One transaction: ledger, counts, verdict, ticket, journal; all or nothing.

    mark     the message has this label; the last word wins, the same word again changes nothing
    handled  an agent answered these messages, or closed their ticket: ham, where nobody has said anything about them
    reviewed an agent saw them where spam lies and left them there: spam, where nobody has said anything (weak words)
    unmark   it has none: the filter forgets the message, and its verdict is what it was before anyone labelled it
    revoke   these acts (or all of one user since a time) never happened: what they replaced is in force again
    forget   the message is about to go for good: every trace of its labels goes with it

How one act runs, top to bottom in ``_run``: lock tickets, lock the ledger -> read what is in force -> for each message
take the old label's training back, train the new one, under a new sequence -> marks -> verdicts -> tickets -> journal.

Features come from outside the writer (``prepare``), or from the ledger where the message has a label already.
Callers hand over at most ``STEP`` messages at a time (``steps``), so that a turn stays short. Must not:
decide who may mark (``access``), read mail (the caller's ``extract`` does).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from classifier.model import HAM, SPAM
from classifier.tokens import FEATURES_VERSION, Features
from mailhub.clock import HOUR
from mailhub.errors import BadRequest, Conflict
from mailhub.filter.labelling import (
    CHANGING,
    FeaturesOf,
    LabelCase,
    LabelOutcome,
    Taught,
    Wish,
    put_in_force,
    taught_by,
    ticket_verdict,
)
from mailhub.filter.ledger_change import Change
from mailhub.filter.models import Models
from mailhub.proof.act import Act
from storage.database import Database
from storage.filter import labels, ledger
from storage.filter.labels import Labelled
from storage.filter.ledger import Mark
from storage.mail.derived import Received, find_received
from storage.tickets.ticket_mail import follow_verdicts
from storage.tickets.tickets import Ticket, lock_tickets
from storage.writer import Transaction

NONE = "none"  # the label of a mark that took one back
STEP = 16  # messages of one transaction: about 20 ms of the writer (1.2 ms a message, measured on busy cores)
PER_HOUR = 10_000  # marks of one user in an hour, unless configured otherwise


_HANDLED_VERBS = {ledger.ANSWER: "spam.answer", ledger.HANDLED: "spam.handled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """The label that was in force before, and who had given it."""

    label: str
    user: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What a mark did to one message. ``conflict``: another user had said something else."""

    message: int
    outcome: LabelOutcome
    label: str | None = None  # in force now
    previous: Previous | None = None
    conflict: bool = False
    verdict: str | None = None
    ticket: int | None = None
    state: str | None = None  # of the ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marking:
    """One call: an act on labels, on whose record it goes, and as what."""

    act: Act
    user: int | None  # None revokes, but gives no marks
    verb: str
    source: str = ledger.MARK


def mark(
    act: Act,
    models: Models,
    messages: Sequence[int],
    label: str,
    *,
    user: int,
    features_of: FeaturesOf,
    per_hour: int = PER_HOUR,
    source: str = ledger.MARK,
) -> list[Marked]:
    """Label messages; one result each, in order. Idempotent. The caller's transaction commits.

    ``user`` is who is on record for it, with the source imap a mailbox. ``Conflict``, and nothing is changed, when he
    would exceed ``per_hour`` marks; ``BadRequest`` for a label that is none.
    """
    if label not in (SPAM, HAM):
        raise BadRequest("a label is spam or ham")
    marking = _Marking(act=act, user=user, verb="spam.mark", source=source)
    return _run(marking, models, messages, Wish(label, user, act.now), features_of, per_hour)


def handled(
    act: Act,
    models: Models,
    messages: Sequence[int],
    *,
    source: str,
    user: int,
    features_of: FeaturesOf,
) -> list[Marked]:
    """An agent answered these messages, or closed their ticket: ham, unless somebody said anything about them.

    ``source`` is one of ``ledger.WEAK``. A row and an act as a mark's own, so it can be revoked like one; any
    mark supersedes it. No cap: a message is handled into the ledger once.
    """
    marking = _Marking(act=act, user=user, verb=_HANDLED_VERBS[source], source=source)
    return _run(marking, models, messages, Wish(HAM, user, act.now), features_of, None)


def reviewed(
    act: Act,
    models: Models,
    messages: Sequence[int],
    *,
    user: int,
    features_of: FeaturesOf,
    per_hour: int = PER_HOUR,
) -> list[Marked]:
    """An agent saw these messages where spam lies and left them: spam, unless somebody said anything about them.

    Without it only spam that was missed is ever learnt, and what was caught for years is forgotten. A message whose
    verdict is not spam stays unchanged. ``Conflict`` as ``mark``.
    """
    marking = _Marking(act=act, user=user, verb="spam.reviewed", source=ledger.REVIEWED)
    return _run(marking, models, messages, Wish(SPAM, user, act.now), features_of, per_hour)


def unmark(
    act: Act,
    models: Models,
    messages: Sequence[int],
    *,
    user: int,
    only: str | None = None,
    per_hour: int = PER_HOUR,
) -> list[Marked]:
    """Take labels back, whoever gave them; one result each, in order. Idempotent. Raises like ``mark``.

    With ``only`` a message that has another label keeps it: unchanged.
    """
    if only not in (SPAM, HAM, None):
        raise BadRequest("a label is spam or ham")
    marking = _Marking(act=act, user=user, verb="spam.unmark")
    return _run(marking, models, messages, None, _no_features, per_hour, only=only)


def _run(
    marking: _Marking,
    models: Models,
    messages: Sequence[int],
    wish: Wish | None,
    features_of: FeaturesOf,
    per_hour: int | None,
    *,
    only: str | None = None,
) -> list[Marked]:
    connection = marking.act.transaction.connection
    account = marking.act.account
    subjects, tickets = _lock(marking, messages)

    with models.change(marking.act.transaction, account) as change:
        cases = _cases(marking, subjects)
        for case in cases.values():
            if _says_nothing(marking, case):
                case.keep()
            else:
                put_in_force(change, case, _kept(case) if _is_other(case, only) else wish, features_of)
        changed = [case for case in cases.values() if case.outcome in CHANGING]
        if per_hour is not None:
            _require_room(marking, len(changed), per_hour)
        ledger.add_marks(connection, account, [_mark_row(change, case, wish, marking) for case in changed])

    states = _follow(marking, changed, tickets)
    return [_result(message, cases.get(message), states, marking) for message in messages]


def _says_nothing(marking: _Marking, case: LabelCase) -> bool:
    """Whether a weak word is none about this message."""
    if marking.source == ledger.REVIEWED and case.subject.verdict != SPAM:
        return True
    return marking.source in ledger.WEAK and case.spoken_of


def _is_other(case: LabelCase, only: str | None) -> bool:
    return only is not None and case.held is not None and case.held.label != only


def _kept(case: LabelCase) -> Wish:
    """The wish that what is in force stays."""
    assert case.held is not None
    return Wish(case.held.label, case.held.user_id, case.held.given_at, case.held.sequence)


def _lock(marking: _Marking, messages: Sequence[int]) -> tuple[Mapping[int, Labelled], Mapping[int, Ticket]]:
    """Messages and their tickets; tickets are locked before the ledger, as every flow does."""
    subjects = labels.find_labelled(marking.act.transaction.connection, marking.act.account, set(messages))
    tickets = {subject.ticket_id for subject in subjects.values()}
    return subjects, lock_tickets(marking.act.transaction.connection, marking.act.account, tickets)


def _cases(marking: _Marking, subjects: Mapping[int, Labelled]) -> dict[int, LabelCase]:
    entries = ledger.entries_of(marking.act.transaction.connection, marking.act.account, subjects)
    firsts = ledger.first_marks(marking.act.transaction.connection, marking.act.account, subjects)
    weak = marking.source in ledger.WEAK
    counting = (
        ledger.latest_marks(marking.act.transaction.connection, marking.act.account, subjects) if weak else {}
    )

    return {
        message: LabelCase(
            subject=subject,
            held=entries.get(message),
            verdict_before=firsts[message].verdict_before if message in firsts else subject.verdict,
            spoken_of=message in counting,
        )
        for message, subject in sorted(subjects.items())
    }


def _require_room(marking: _Marking, more: int, per_hour: int) -> None:
    assert marking.user is not None
    given = ledger.count_marks(
        marking.act.transaction.connection, marking.act.account, marking.user, since=marking.act.now - HOUR
    )
    if more and given + more > per_hour:
        raise Conflict(
            f"a user or mailbox may give {per_hour} marks in an hour; this one has given {given}: go on later"
        )


def _mark_row(change: Change, case: LabelCase, wish: Wish | None, marking: _Marking) -> Mark:
    assert marking.user is not None
    if case.sequence is None:
        case.sequence = change.take_sequence()

    return Mark(
        sequence=case.sequence,
        message_id=case.subject.id,
        label=wish.label if wish else NONE,
        user_id=marking.user,
        given_at=marking.act.now,
        revoked_at=None,
        source=marking.source,
        verdict_before=case.verdict_before,
    )


def _follow(marking: _Marking, changed: Sequence[LabelCase], tickets: Mapping[int, Ticket]) -> dict[int, str]:
    """Verdicts, tickets that began with one of these messages, journal. States of all tickets afterwards, by id."""
    connection = marking.act.transaction.connection
    labels.set_verdicts(connection, marking.act.account, {case.subject.id: case.verdict for case in changed})
    turned = [case for case in changed if (case.verdict == SPAM) != (case.subject.verdict == SPAM)]
    follow_verdicts(
        connection,
        marking.act.account,
        spam=[case.subject.id for case in turned if case.verdict == SPAM],
        not_spam=[case.subject.id for case in turned if case.verdict != SPAM],
    )
    followed = [
        ticket_verdict(tickets[case.subject.ticket_id], case.verdict)
        for case in changed
        if case.subject.first
    ]
    labels.set_ticket_verdicts(connection, marking.act.account, followed, at=marking.act.now)
    states = {ticket.id: ticket.state for ticket in tickets.values()} | {
        each.ticket_id: each.state for each in followed
    }
    acts = [(f"message:{case.subject.id}", _detail(case, states[case.subject.ticket_id])) for case in changed]
    marking.act.record_all(marking.verb, acts)

    return states


def _detail(case: LabelCase, state: str) -> dict[str, object]:
    held = case.held
    return {
        "label": case.label,
        "sequence": case.sequence,
        "previous": {"label": held.label, "user": held.user_id, "sequence": held.sequence} if held else None,
        "ticket": case.subject.ticket_id,
        "state": state,
        "verdict_before": case.subject.verdict,
    }


def _result(message: int, case: LabelCase | None, states: Mapping[int, str], marking: _Marking) -> Marked:
    if case is None:
        return Marked(message=message, outcome=LabelOutcome.NOT_FOUND)

    held = case.held
    return Marked(
        message=message,
        outcome=case.outcome,
        label=case.label,
        previous=Previous(label=held.label, user=held.user_id) if held else None,
        conflict=held is not None and held.user_id != marking.user and case.outcome in CHANGING,
        verdict=case.verdict,
        ticket=case.subject.ticket_id,
        state=states[case.subject.ticket_id],
    )


# --- taking acts back -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """Acts that count no more, and what became of their messages. ``more``: there are others to revoke, call again."""

    sequences: tuple[int, ...]
    messages: tuple[Marked, ...]
    more: bool = False


def revoke(
    act: Act,
    models: Models,
    sequences: Sequence[int],
    *,
    features_of: FeaturesOf,
) -> Revoked:
    """Let acts count no more: the ledger is what it would be without them. Revoked or unknown ones are passed over."""
    marking = _Marking(act=act, user=None, verb="spam.revoke")
    connection = act.transaction.connection
    marks = [
        each for each in ledger.find_marks(connection, act.account, sequences) if each.revoked_at is None
    ]
    concerned = sorted({each.message_id for each in marks})
    subjects, tickets = _lock(marking, concerned)

    with models.change(act.transaction, act.account) as change:
        ledger.revoke(connection, act.account, [each.sequence for each in marks], at=act.now)
        cases = _cases(marking, subjects)
        counting = ledger.latest_marks(connection, act.account, subjects)
        for message, case in cases.items():
            put_in_force(change, case, _wish_of(counting.get(message)), features_of)

    states = _follow(marking, [case for case in cases.values() if case.outcome in CHANGING], tickets)
    results = tuple(_result(message, cases.get(message), states, marking) for message in concerned)

    return Revoked(sequences=tuple(each.sequence for each in marks), messages=results)


def _wish_of(counting: Mark | None) -> Wish | None:
    if counting is None or counting.label == NONE:
        return None
    return Wish(counting.label, counting.user_id, counting.given_at, counting.sequence)


def revoke_marks(
    act: Act,
    models: Models,
    user: int,
    since: int,
    *,
    features_of: FeaturesOf,
) -> Revoked:
    """Revoke the latest acts of one user given at or after ``since``, at most ``STEP``; call again while ``more``."""
    found = ledger.marks_of_user(act.transaction.connection, act.account, user, since=since, limit=STEP + 1)
    chosen = [each.sequence for each in found[:STEP]]
    done = revoke(act, models, chosen, features_of=features_of)
    return replace(done, more=len(found) > STEP)


def forget(transaction: Transaction, models: Models, account: int, messages: Sequence[int]) -> int:
    """Take back what messages that go for good have taught, and their marks; how many had a label in force."""
    connection = transaction.connection
    with models.change(transaction, account) as change:
        entries = ledger.entries_of(connection, account, messages)
        for held in entries.values():
            change.remove(held)
    ledger.forget_messages(connection, account, messages)
    return len(entries)


# --- outside the writer -----------------------------------------------------------------------------------------------


def steps(messages: Sequence[int]) -> Iterator[Sequence[int]]:
    """The distinct messages in portions, one transaction each."""
    distinct = list(dict.fromkeys(messages))
    return (distinct[start : start + STEP] for start in range(0, len(distinct), STEP))


def prepare(
    database: Database, account: int, messages: Sequence[int], extract: Callable[[Received], Features]
) -> FeaturesOf:
    """Features of messages from what is kept of them, in the caller's thread; for ``mark`` and ``revoke``.

    ``extract`` reads a message; where it raises, or there is no raw, the message has no features.
    """
    with database.read() as connection:
        labelled = ledger.entries_of(connection, account, messages)
    found: dict[int, Taught] = {}

    for message in messages:
        held = labelled.get(message)
        if held is not None and held.features_version == FEATURES_VERSION:
            continue  # the ledger has them
        with database.read() as connection:
            received = find_received(connection, account, message)
        if received is not None and (taught := taught_by(extract, received)) is not None:
            found[message] = taught

    return found.get


def _no_features(_: int) -> None:
    return None
