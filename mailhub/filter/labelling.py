"""One message whose label is to change: what is in force, what is wished, and what follows for verdict and ticket.

The decisions of FLOW 2 (``feedback``), message by message. Durable states: none; ``put_in_force`` moves
ledger and counts through the caller's ``Change``. Must not: read or lock rows, write marks, verdicts or the
journal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from classifier.model import SPAM
from classifier.tokens import FEATURES_VERSION, Features, features_to_bytes
from mailhub.filter.ledger_change import Change
from storage.filter.labels import Labelled, TicketVerdict
from storage.filter.ledger import Entry
from storage.mail.derived import Received
from storage.tickets.tickets import Ticket
from storage.words import TicketState


@dataclass(frozen=True, slots=True)
class Taught:
    """What a message teaches: its features, and the same as a ledger row holds them (0.4 ms to encode)."""

    features: Features
    encoded: bytes

    @staticmethod
    def of(features: Features) -> Taught:
        return Taught(features, features_to_bytes(features))


FeaturesOf = Callable[[int], Taught | None]


def taught_by(extract: Callable[[Received], Features], received: Received) -> Taught | None:
    """What a stored message teaches; None when it cannot be read."""
    try:
        return Taught.of(extract(received))
    except Exception:  # noqa: BLE001 boundary: strangers' mail; a message without features teaches nothing
        return None


class LabelOutcome(StrEnum):
    """What became of one message."""

    MARKED = "marked"
    RELABELLED = "relabelled"
    UNMARKED = "unmarked"
    UNCHANGED = "unchanged"
    NOT_FOUND = "not-found"
    NOT_INCOMING = "not-incoming"  # we wrote it: it says nothing about mail that comes in
    OBJECTED = "objected"  # who wrote it objected to their mail teaching the filter (GDPR art. 21)
    NO_FEATURES = "no-features"  # it could not be read, so there is nothing to learn


CHANGING = frozenset({LabelOutcome.MARKED, LabelOutcome.RELABELLED, LabelOutcome.UNMARKED})


@dataclass(frozen=True, slots=True)
class Wish:
    """The label that should be in force: a new one, or one of the past with its own sequence."""

    label: str
    user: int
    at: int
    sequence: int | None = None  # None takes a new one


@dataclass(slots=True)
class LabelCase:
    """One message while it is decided."""

    subject: Labelled
    held: Entry | None  # its label in force
    verdict_before: str  # before anyone labelled it
    spoken_of: bool = (
        False  # for an answer: whether an act about it counts, so that this one says nothing new
    )
    outcome: LabelOutcome = LabelOutcome.UNCHANGED
    label: str | None = None  # in force afterwards
    verdict: str = ""  # afterwards
    sequence: int | None = None  # of the label in force afterwards, or of the mark that took it back

    def keep(self) -> None:
        """Everything stays as it is."""
        self.label = self.held.label if self.held else None
        self.verdict = self.subject.verdict


def put_in_force(change: Change, case: LabelCase, wish: Wish | None, features_of: FeaturesOf) -> None:
    """Make the ledger say what is wished (None: no label); the case tells what happened."""
    held = case.held
    case.keep()

    if wish is None:
        _take_out(change, case)
    elif case.subject.objected:  # neither a new label teaches, nor what a revoked one had replaced
        _take_out(change, case)
        case.outcome = LabelOutcome.OBJECTED if case.held is None else case.outcome
    elif held is not None and held.label == wish.label and wish.sequence in (None, held.sequence):
        case.outcome = LabelOutcome.UNCHANGED
    elif case.subject.direction != "in":
        case.outcome = LabelOutcome.NOT_INCOMING
    elif held is not None and held.features_version == FEATURES_VERSION:
        features = change.remove(held)
        assert features is not None
        _put_in(change, case, wish, Taught(features, held.features))
    elif not case.subject.unreadable and (taught := features_of(case.subject.id)) is not None:
        if held is not None:
            change.remove(held)
        _put_in(change, case, wish, taught)
    elif wish.sequence is None:
        case.outcome = LabelOutcome.NO_FEATURES
    else:  # what the revoked label had replaced cannot be trained any more; the revoked one must go all the same
        _take_out(change, case)


def _take_out(change: Change, case: LabelCase) -> None:
    if case.held is not None:
        change.remove(case.held)
        case.outcome = LabelOutcome.UNMARKED
        case.label = None
        case.verdict = case.verdict_before


def _put_in(change: Change, case: LabelCase, wish: Wish, taught: Taught) -> None:
    case.sequence = wish.sequence or change.take_sequence()
    row = Entry(
        sequence=case.sequence,
        message_id=case.subject.id,
        contact_id=case.subject.contact_id,
        label=wish.label,
        user_id=wish.user,
        given_at=wish.at,
        features_version=FEATURES_VERSION,
        features=taught.encoded,
        stamp=change.stamp,
    )

    change.add(row, taught.features)
    case.outcome = LabelOutcome.RELABELLED if case.held else LabelOutcome.MARKED
    case.label = case.verdict = wish.label


# not worked on: what the state was before is kept beside it
AWAY = frozenset({TicketState.TRASH, TicketState.MERGED, TicketState.PURGING})


def ticket_verdict(ticket: Ticket, verdict: str) -> TicketVerdict:
    """The state that follows from the verdict on a ticket's first message; in the trash, the state to come back to."""
    away = ticket.state in AWAY
    state = ticket.state_before if away else ticket.state

    if verdict == SPAM:
        state = TicketState.SPAM
    elif state == TicketState.SPAM:
        state = TicketState.OPEN

    return TicketVerdict(
        ticket_id=ticket.id,
        verdict=verdict,
        state=ticket.state if away or state is None else state,
        state_before=state if away else ticket.state_before,
    )
