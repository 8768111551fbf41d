"""Breaches (GDPR art. 33, 34): opened when noticed, told within 72 hours, closed with how it ended.

A breach row holds words and instants only. Whom it touches is a question asked anew each time, by account,
time and object (``storage.privacy.breaches``), and no body is read for it. Acts commit nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

from mailhub import clock
from mailhub.access.quotas import require_room
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.proof.act import Act
from storage.database import Connection
from storage.privacy import breaches
from storage.privacy.breaches import Breach

TERM = 72 * clock.HOUR  # art. 33(1), from noticing to telling the authority
KINDS = ("confidentiality", "integrity", "availability")
OUTCOMES = ("told", "no-risk", "no-breach")

NOTICE = Template("""\
Subject: Notice about your personal data

On $noticed_at we noticed a breach of the $kind of personal data that we hold about you.

What happened: $facts
What it concerns: $categories
What it can mean for you: $effects
What we have done, and what you can do: $remedies

Whom to ask: $contact
Who is responsible: $controller
""")


AUTHORITY_NOTICE = Template("""\
Subject: Notification of a personal data breach (GDPR art. 33)

Nature: a breach of the $kind of personal data, noticed on $noticed_at.
$facts

Whom it concerns: [categories and approximate number of people: mailhub breach report]
Which data: $categories [approximate number of records: mailhub breach report]

Likely consequences: $effects

Measures taken and proposed: $remedies
$delay
Contact: $contact
Controller: $controller
""")
DELAY = """
Reasons for the delay beyond 72 hours (art. 33(1)): [why the authority was not told by $due_at]
"""


def open_breach(act: Act, kind: str, noticed_at: int | None, *, quotas: Quotas) -> Breach:
    """Put a breach on record; its clock runs since it was noticed, or since now. ``BadRequest`` for the future."""
    require_room(act, quotas, "breaches")
    noticed_at = act.now if noticed_at is None else noticed_at
    if noticed_at > act.now:
        raise BadRequest("a breach cannot have been noticed in the future")
    row = Breach(
        account_id=act.account, id=act.transaction.new_id(), kind=kind, actor=act.actor, noticed_at=noticed_at
    )
    breaches.add_breach(act.transaction.connection, row)
    act.record("breach.open", f"breach:{row.id}", kind=kind, noticed_at=noticed_at)
    return row


def note_told(act: Act, breach: int, whom: str) -> Breach:
    """The authority, or the people, were told now; again keeps the first instant."""
    row = _open(act, breach)
    column = f"{whom}_told_at"
    if getattr(row, column) is None:
        breaches.change_breach(act.transaction.connection, act.account, breach, **{column: act.now})
        act.record("breach.told", f"breach:{breach}", whom=whom)
    return _find(act, breach)


def close_breach(act: Act, breach: int, outcome: str) -> Breach:
    """Close it. ``Conflict`` when it is closed, or closed as told while the authority was not."""
    row = _open(act, breach)
    if outcome == "told" and row.authority_told_at is None:
        raise Conflict("the authority was not told: note it first (mailhub breach told ID authority)")
    breaches.change_breach(
        act.transaction.connection, act.account, breach, closed_at=act.now, outcome=outcome
    )
    act.record("breach.close", f"breach:{breach}", outcome=outcome)
    return _find(act, breach)


def describe(
    act: Act, breach: int, *, facts: str | None, effects: str | None, remedies: str | None
) -> Breach:
    """Write down what happened, what it did and what was done (art. 33(5)); None leaves what is there."""
    _open(act, breach)
    said = {"facts": facts, "effects": effects, "remedies": remedies}
    values = {name: text.strip() for name, text in said.items() if text is not None}
    if values:
        breaches.change_breach(act.transaction.connection, act.account, breach, **values)
        act.record("breach.describe", f"breach:{breach}", what=sorted(values))
    return _find(act, breach)


def is_late(row: Breach, now: int) -> bool:
    """Whether 72 hours passed before the authority was told, or the breach closed as none to tell of; closing later
    does not mend it.
    """
    settled = row.authority_told_at or row.closed_at or now
    return settled > row.noticed_at + TERM


def list_overdue(connection: Connection, now: int) -> Sequence[Breach]:
    """Breaches of all accounts whose authority is still to be told, though the term is over."""
    return breaches.list_overdue(connection, noticed_before=now - TERM)


def due_at(row: Breach) -> int | None:
    """Until when the authority is to be told; None when it was, or the breach is closed."""
    return None if row.authority_told_at is not None or row.closed_at is not None else row.noticed_at + TERM


def notice(
    row: Breach, *, to: str = "people", controller: str, contact: str, categories: str, now: int
) -> str:
    """What to send to those affected, or to the authority: what is known filled in, the rest in square brackets."""
    template = NOTICE if to == "people" else AUTHORITY_NOTICE
    late = is_late(row, now)
    return template.substitute(
        noticed_at=clock.to_iso(row.noticed_at),
        kind=row.kind,
        categories=categories,
        facts=row.facts or "[what, when, and how it came to light]",
        effects=row.effects or "[likely consequences]",
        remedies=row.remedies or "[measures taken; what is recommended]",
        delay=Template(DELAY).substitute(due_at=clock.to_iso(row.noticed_at + TERM)) if late else "",
        contact=contact or "[set privacy.data_protection_contact]",
        controller=controller or "[set privacy.controller]",
    )


def _find(act: Act, breach: int) -> Breach:
    row = breaches.find_breach(act.transaction.connection, act.account, breach)
    if row is None:
        raise NotFound(f"there is no breach {breach}")
    return row


def _open(act: Act, breach: int) -> Breach:
    row = _find(act, breach)
    if row.closed_at is not None:
        raise Conflict(f"breach {breach} is closed: open another for what came to light since")
    return row
