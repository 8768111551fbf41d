"""What rules on filed mail would do, or would have done: read only. The mail is as stored, its ticket as it is now.

A backtest looks at ``MESSAGES`` of the newest at most and reads those alone whose words or recipients a rule asks for, at
most ``READ_WHOLE`` of them; it says whether that was all. Must not: change anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from mailhub.message.parse import parse
from mailhub.message.values import Parsed
from mailhub.reading.authenticated import results
from mailhub.reading.prepare import words_of
from mailhub.rules.facts import Facts, Later, TicketFacts, folded, recipients_of, ticket_facts
from mailhub.rules.matching import Ready
from storage.database import Database
from storage.mail import raws
from storage.rules.trials import Came, came_since

MESSAGES = 100_000
PORTION = 1_000
READ_WHOLE = 2_000
SHOWN = 50  # messages named in an answer


@dataclass(slots=True)
class Trial:
    """How a rule fared: how many mails were looked at, and on which it would have fired."""

    messages: int = 0
    fired: int = 0
    on: list[int] = field(default_factory=list)  # the newest ``SHOWN``
    complete: bool = True


class Reader:
    """Stored mail as facts. ``read`` counts what was read whole, ``left`` what was not any more."""

    def __init__(self, database: Database, account: int) -> None:
        self._database = database
        self._account = account
        self.read = 0
        self.left = 0

    def facts(self, came: Came) -> Facts:
        """What rules look at, of a message that came."""
        whole = cache(lambda: self._whole(came.id))
        return folded(
            Facts(
                at=came.received_at,
                mailbox=came.mailbox,
                sender=came.from_address,
                subject=came.subject,
                verdict=came.verdict,
                files=came.attachments > 0,
                ticket=Later(lambda: self._ticket(came.ticket_id)),
                recipients=lambda: recipients_of(parsed) if (parsed := whole()) else (),
                words=cache(lambda: frozenset(words_of(parsed)) if (parsed := whole()) else frozenset()),
                dmarc=results(came.authentication).get("dmarc", "none"),
                kind=came.automatic or "person",
                new=came.new,
            )
        )

    def _whole(self, message: int) -> Parsed | None:
        if self.read == READ_WHOLE:
            self.left += 1
            return None
        self.read += 1
        with self._database.read() as connection:
            raw = raws.read(connection, self._account, message)
        return None if raw is None else parse(raw)

    def _ticket(self, ticket: int) -> TicketFacts:
        with self._database.read() as connection:
            return ticket_facts(connection, self._account, ticket)


def backtest(database: Database, account: int, rule: Ready, *, since: int) -> Trial:
    """On which of the mails that came since then the rule would have fired."""
    trial = Trial()
    reader = Reader(database, account)
    for came in _newest(database, account, since):
        if trial.messages == MESSAGES:
            trial.complete = False
            break
        trial.messages += 1
        if rule.holds(reader.facts(came)):
            trial.fired += 1
            trial.on += [came.id] if len(trial.on) < SHOWN else []
    trial.complete = trial.complete and not reader.left
    return trial


def would_fire(
    database: Database, account: int, came: Came, rules: Sequence[Ready]
) -> list[tuple[Ready, bool]]:
    """Of each of these rules, in order, whether it would fire on a message; none is asked behind one that stops."""
    facts = Reader(database, account).facts(came)
    answers: list[tuple[Ready, bool]] = []
    for rule in rules:
        answers.append((rule, rule.holds(facts)))
        if answers[-1][1] and rule.rule.stop:
            break
    return answers


def _newest(database: Database, account: int, since: int) -> Iterator[Came]:
    before = 2**62
    while True:
        with database.read() as connection:
            portion = came_since(connection, account, since=since, before=before, limit=PORTION)
        yield from portion
        if len(portion) < PORTION:
            return
        before = portion[-1].id
