"""An account with messages to label, for tests of the filter: rows written straight into a database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from sqlalchemy import insert, select

from classifier.checkpoint import digest
from classifier.model import Counts, fold
from classifier.tokens import Document, Features, features
from mailhub.filter.expiry import expire
from mailhub.filter.feedback import Marked, Revoked, handled, mark, prepare, reviewed, revoke_marks, unmark
from mailhub.filter.labelling import Taught
from mailhub.filter.models import Models
from mailhub.proof.act import perform
from mailhub.system.queues import Queue
from storage.accounts.accounts import Account, add_account
from storage.database import Database
from storage.filter import ledger
from storage.filter.labels import set_verdicts
from storage.filter.ledger import Entry
from storage.mail.raws import compress, slice_rows
from storage.schema import message, raw, ticket
from storage.writer import Transaction, WritingThread

ACCOUNT, MAILBOX, ANA, BEN = 1, 2, 11, 12
NOW = 1_700_000_000_000_000


def extract(content: bytes) -> Features:
    """What the house does with a raw message, without the parser."""
    return features(Document(subject="a word", text=content.decode()))


def text_of(message_id: int) -> bytes:
    """The raw of a made-up message: words of its own and some that all share."""
    dice = Random(message_id)
    return " ".join(f"word{dice.randrange(400)}" for _ in range(dice.randrange(1, 60))).encode()


def taught(message_id: int) -> Taught:
    """What a made-up message teaches."""
    return Taught.of(extract(text_of(message_id)))


def make_account(transaction: Transaction, account: int = ACCOUNT) -> None:
    """Insert an account without billing."""
    row = Account(
        id=account, name="Example", stage="active", billing="none", created_at=NOW, stage_entered_at=NOW
    )
    add_account(transaction.connection, row)


def file_message(
    transaction: Transaction,
    message_id: int,
    *,
    ticket_id: int | None = None,
    account: int = ACCOUNT,
    direction: str = "in",
    state: str = "open",
    verdict: str = "unsure",
    unreadable: int = 0,
) -> None:
    """Insert a message; it starts ticket ``message_id`` unless it belongs to another one."""
    connection = transaction.connection
    if ticket_id is None:
        values = {
            "id": message_id,
            "number": message_id,
            "mailbox_id": MAILBOX,
            "subject": "",
            "state": state,
        }
        values |= {"account_id": account, "flood": 0, "message_count": 1, "verdict": verdict}
        connection.execute(insert(ticket).values(**values, created_at=NOW, updated_at=NOW))
    texts = (
        "message_id",
        "from_address",
        "from_name",
        "subject",
        "thread_evidence",
        "automatic",
        "authentication",
    )
    values = dict.fromkeys((*texts, "flags"), "")
    values |= {
        "account_id": account,
        "id": message_id,
        "ticket_id": ticket_id or message_id,
        "mailbox_id": MAILBOX,
    }
    values |= {
        "contact_id": 7,
        "direction": direction,
        "source": "smtp",
        "identity": message_id.to_bytes(16, "big"),
    }
    values |= {"received_at": NOW, "size_bytes": 1, "verdict": verdict, "thread_reason": "new"}
    connection.execute(insert(message).values(**values, unreadable=unreadable))
    connection.execute(insert(raw), slice_rows(account, message_id, compress(text_of(message_id))))


def fold_of(database: Database, account: int = ACCOUNT) -> Counts:
    """The counts that the ledger's rows give, by the classifier's own fold."""
    with database.read() as connection:
        rows = ledger.entries_after(connection, account, 0, limit=1_000_000)
    return fold((row.label, row.features) for row in rows)


@dataclass(kw_only=True)
class Inbox:
    """One account under test, with agents who mark."""

    database: Database
    writer: WritingThread
    models: Models
    directory: Path
    account: int = ACCOUNT
    now: int = NOW
    messages: list[int] = field(default_factory=list)

    def file(self, count: int) -> list[int]:
        """Make the account and file ``count`` messages, each in its own ticket."""
        self.messages = list(range(101, 101 + count))

        def make(transaction: Transaction) -> None:
            make_account(transaction, self.account)
            for each in self.messages:
                file_message(transaction, each, account=self.account)

        self.writer.run(make)
        return self.messages

    def mark(self, messages: list[int], label: str, *, user: int = ANA) -> list[Marked]:
        """One agent's marks in one transaction."""
        return self._say(partial(mark, label=label), messages, user)

    def _say(self, flow: Callable[..., list[Marked]], messages: list[int], user: int) -> list[Marked]:
        self.now += 1
        found = prepare(self.database, self.account, messages, lambda received: extract(received.raw))
        return self.writer.run(
            perform,
            flow,
            f"user:{user}",
            self.account,
            self.now,
            self.models,
            messages,
            user=user,
            features_of=found,
        )

    def answer(self, messages: list[int], *, user: int = ANA) -> list[Marked]:
        """One agent's answers to these messages."""
        return self._say(partial(handled, source=ledger.ANSWER), messages, user)

    def review(self, messages: list[int], *, user: int = ANA) -> list[Marked]:
        """One agent looked through these where spam lies."""
        return self._say(reviewed, messages, user)

    def call(self, message_id: int, verdict: str) -> None:
        """Let the filter have said this of a message when it came."""
        self.writer.run(lambda tx: set_verdicts(tx.connection, self.account, {message_id: verdict}))

    def expire(self, before: int, *, now: int = NOW) -> int:
        """Let labels go that were given before an instant; how many went."""
        with self.database.read() as connection:
            due = ledger.entries_given_before(connection, self.account, before, after=0, limit=1_000)
        messages = [message_id for _, message_id in due]
        gone = self.writer.run(expire, self.models, self.account, messages, before=before, now=now)
        over = ledger.marks_over(self.account, before)
        Queue(self.database, self.writer, "label-acts", now=before).sweep(self.account, over)
        return gone

    def unmark(self, messages: list[int], *, user: int = ANA) -> list[Marked]:
        """One agent's undoing in one transaction."""
        self.now += 1
        return self.writer.run(
            perform, unmark, f"user:{user}", self.account, self.now, self.models, messages, user=user
        )

    def revoke_user(self, user: int, since: int) -> list[Revoked]:
        """All of one user's marks since a time, step by step."""
        found = prepare(self.database, self.account, self.messages, lambda received: extract(received.raw))
        done: list[Revoked] = []
        while not done or done[-1].more:
            done.append(
                self.writer.run(
                    perform,
                    revoke_marks,
                    "operator:0",
                    self.account,
                    self.now,
                    self.models,
                    user,
                    since,
                    features_of=found,
                )
            )
        return done

    def digest(self) -> bytes:
        """Of the counts in memory."""
        return self.writer.run(
            lambda transaction: digest(self.models.get(transaction.connection, self.account))
        )

    def ledger_digest(self) -> bytes:
        """Of the ledger's rows."""
        return digest(fold_of(self.database, self.account))

    def entries(self) -> dict[int, Entry]:
        """Labels in force by message."""
        with self.database.read() as connection:
            return {
                row.message_id: row
                for row in ledger.entries_after(connection, self.account, 0, limit=1_000_000)
            }

    def labels(self) -> dict[int, str]:
        """Which message has which label."""
        return {message_id: row.label for message_id, row in self.entries().items()}

    def verdict(self, message_id: int) -> str:
        """As stored with the message."""
        with self.database.read() as connection:
            found = connection.execute(
                select(message.c.verdict).where(message.c.id == message_id)
            ).scalar_one()
            return str(found)

    def ticket(self, ticket_id: int) -> tuple[str, str]:
        """(state, verdict) of a ticket."""
        with self.database.read() as connection:
            row = connection.execute(
                select(ticket.c.state, ticket.c.verdict).where(ticket.c.id == ticket_id)
            ).one()
            return row.state, row.verdict
