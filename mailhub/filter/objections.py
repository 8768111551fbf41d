"""What the mail of who objected has taught is taken back exactly (GDPR art. 21(1)); it teaches nothing from then on.

    still teaching (by the tables) --take_back (writer, a portion at a time)--> their acts revoked, the model without them

That nothing new is learnt is decided where a label is put in force (``labelling``). A message keeps its verdict and its
ticket, as one whose label has reached its term. What is left after a stop, a merge or a restore the job takes back.
Must not: decide who may object (``access``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter

from mailhub import clock
from mailhub.filter.models import Models
from mailhub.proof.act import Act, perform
from mailhub.system.queues import Queue, by_turns, lines_of
from storage.database import Database
from storage.filter import labels, ledger
from storage.privacy.objections import objecting, objecting_persons, still_teaching
from storage.writer import Writer

PORTION = 16  # labels of one turn of the writer


def take_back(act: Act, models: Models, messages: Sequence[int]) -> int:
    """Take back what these messages taught, as far as who wrote them still objects; how many. Commits nothing."""
    connection = act.transaction.connection
    with models.change(act.transaction, act.account) as change:
        found = ledger.entries_of(connection, act.account, messages)
        people = {row.contact_id for row in found.values() if row.contact_id is not None}
        against = objecting(connection, act.account, people)
        going = [row for row in found.values() if row.contact_id in against]
        for row in going:
            change.remove(row)

    gone = [row.message_id for row in going]
    acts = [each.sequence for each in ledger.marks_of_messages(connection, act.account, gone)]
    ledger.revoke(connection, act.account, acts, at=act.now)
    labels.remember_labels(connection, act.account, gone)
    act.record_all("spam.objected", [(f"message:{each}", {}) for each in gone])

    return len(gone)


def take_back_all(
    database: Database,
    writer: Writer,
    models: Models,
    account: int,
    contact: int,
    *,
    actor: str = "mailhub",
    stopping: Callable[[], bool] = bool,
) -> int:
    """Take back everything that the mail of the person who is this contact taught, some a turn; how many labels."""
    done = 0
    while not stopping():
        with database.read() as connection:
            messages = still_teaching(connection, account, contact, limit=PORTION)
        taken = (
            writer.run(perform, take_back, actor, account, clock.now(), models, messages) if messages else 0
        )
        if not taken:
            break
        done += taken
    return done


def take_back_due(
    database: Database, writer: Writer, models: Models, *, now: int, stopping: Callable[[], bool]
) -> int:
    """The same of everybody who objected, the accounts by turns; a label that fails stops no other. How many labels."""
    queue = Queue(database, writer, "objections", now=now)
    with database.read() as connection:
        people = lines_of(objecting_persons(connection), itemgetter(0))
    done = 0

    for account, messages in by_turns({each: _due(database, of) for each, of in people.items()}):
        if stopping():
            break
        work = partial(_taken_back, writer, models, account, now)
        done += sum(queue.together(account, {each: each for each in messages}, work))

    return done


def _taken_back(writer: Writer, models: Models, account: int, now: int, messages: Sequence[int]) -> int:
    return writer.run(perform, take_back, "mailhub", account, now, models, messages)


def _due(database: Database, people: Iterable[tuple[int, int]]) -> Iterator[tuple[int, Sequence[int]]]:
    """What the mail of these people still teaches, in portions; what failed is passed over, and comes again."""
    for account, contact in people:
        after = 0
        while True:
            with database.read() as connection:
                messages = still_teaching(connection, account, contact, after=after, limit=PORTION)
            if not messages:
                break
            after = messages[-1]
            yield account, messages
