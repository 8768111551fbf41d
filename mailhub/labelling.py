"""One message whose label is to change: what is in force, what is wished, and what follows for verdict and ticket.

The decisions of FLOW 2 (``feedback``), message by message. Durable states: none; ``put_in_force`` moves ledger
and counts through the caller's ``Change``.
Must not: read or lock rows, write marks, verdicts or the journal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from classifier.model import SPAM
from classifier.tokens import FEATURES_VERSION, Features, features_from_bytes
from mailhub.models import Change, entry
from storage.labels import Labelled
from storage.ledger import Entry
from storage.tickets import Ticket

FeaturesOf = Callable[[int], Features | None]


class Outcome(StrEnum):
    """What became of one message."""

    MARKED = "marked"
    RELABELLED = "relabelled"
    UNMARKED = "unmarked"
    UNCHANGED = "unchanged"
    NOT_FOUND = "not-found"
    NOT_INCOMING = "not-incoming"  # we wrote it: it says nothing about mail that comes in
    NO_FEATURES = "no-features"  # it could not be read, so there is nothing to learn


CHANGING = frozenset({Outcome.MARKED, Outcome.RELABELLED, Outcome.UNMARKED})


@dataclass(frozen=True, slots=True)
class Wish:
    """The label that should be in force: a new one, or one of the past with its own sequence."""

    label: str
    user: int
    at: int
    sequence: int | None = None  # None takes a new one


@dataclass(slots=True)
class Case:
    """One message while it is decided."""

    subject: Labelled
    held: Entry | None  # its label in force
    verdict_before: str  # before anyone labelled it
    outcome: Outcome = Outcome.UNCHANGED
    label: str | None = None  # in force afterwards
    verdict: str = ""  # afterwards
    sequence: int | None = None  # of the label in force afterwards, or of the mark that took it back


def put_in_force(change: Change, case: Case, wish: Wish | None, features_of: FeaturesOf) -> None:
    """Make the ledger say what is wished (None: no label); the case tells what happened."""
    held = case.held
    case.label, case.verdict = held.label if held else None, case.subject.verdict
    if wish is None:
        _take_out(change, case)
    elif held is not None and held.label == wish.label and wish.sequence in (None, held.sequence):
        case.outcome = Outcome.UNCHANGED
    elif case.subject.direction != "in":
        case.outcome = Outcome.NOT_INCOMING
    elif (features := _features(case, features_of)) is not None:
        _put_in(change, case, wish, features)
    elif wish.sequence is None:
        case.outcome = Outcome.NO_FEATURES
    else:  # what the revoked label had replaced cannot be trained any more; the revoked one must go all the same
        _take_out(change, case)


def _take_out(change: Change, case: Case) -> None:
    if case.held is not None:
        change.remove(case.held)
        case.outcome, case.label, case.verdict = Outcome.UNMARKED, None, case.verdict_before


def _put_in(change: Change, case: Case, wish: Wish, features: Features) -> None:
    if case.held is not None:
        change.remove(case.held)
    case.sequence = wish.sequence or change.take_sequence()
    row = entry(
        sequence=case.sequence,
        message=case.subject.id,
        contact=case.subject.contact_id,
        label=wish.label,
        user=wish.user,
        at=wish.at,
        features=features,
    )
    change.add(row)
    case.outcome = Outcome.RELABELLED if case.held else Outcome.MARKED
    case.label = case.verdict = wish.label


def _features(case: Case, features_of: FeaturesOf) -> Features | None:
    if case.held is not None and case.held.features_version == FEATURES_VERSION:
        return features_from_bytes(case.held.features)
    return None if case.subject.unreadable else features_of(case.subject.id)


def ticket_values(ticket: Ticket, verdict: str) -> dict[str, str]:
    """The state that follows from the verdict on a ticket's first message; in the trash, the state to come back to."""
    where = "state_before" if ticket.state in ("trash", "merged") else "state"
    state = getattr(ticket, where)
    if verdict == SPAM:
        return {} if state == SPAM else {where: SPAM}
    return {where: "open"} if state == SPAM else {}
