"""Two tenants and the real way in, for tests of what becomes of mail: bytes to committed fates, many at a time.

Account 1 has the mailboxes support@ and sales@example.com and the agent ana@example.com; account 2 has
help@other.example. The fixture ``room`` gives one on each engine, and checks afterwards what must hold
whatever came in: a fate for every delivery, counts that equal rows, raw bytes that come back. Time is the
room's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, select

from mailhub.clock import HOUR, SECOND
from mailhub.config import Relay
from mailhub.directory import Directory
from mailhub.envelope import Envelope, Fate, Outcome, Recipient, Source
from mailhub.filing.batch import FilingContext
from mailhub.filing.flood import FloodCounter
from mailhub.filing.pipeline import file_batch
from mailhub.filter.models import Models
from mailhub.filter.verdict import FilterSettings
from mailhub.keys import Keys
from mailhub.message.values import NO_TRUST, Authentication, Trust
from mailhub.reading.prepare import Prepared, Secrets, prepare
from mailhub.tickets.reply import Answer, Replied, ReplyContext, reply
from storage.accounts.accounts import Account, add_account
from storage.database import Database
from storage.mail import raws
from storage.mail.mailboxes import Mailbox, add_mailbox
from storage.people.users import User, add_user
from storage.schema import contact, contact_address, intake, message, participant, ticket, ticket_mailbox
from storage.writer import Transaction, WritingThread

START = 1_800_000_000 * SECOND - 1_800_000_000 * SECOND % HOUR
OURS, THEIRS = 1, 2
SUPPORT, SALES, HELP = 11, 12, 21
ADDRESSES = {SUPPORT: "support@example.com", SALES: "sales@example.com", HELP: "help@other.example"}
ANA = 31
FLOOD_CAP = 5
HOPS = 50
RELAY = Relay(host="127.0.0.1", port=25, tls="none", per_recipient=1_000)

MINE = "first@customer.example"  # Message-ID of Kim's first mail
KIM = "kim@customer.example"
MALLORY = "mallory@elsewhere.example"


def mail(
    text: str = "The printer is on fire.",
    *,
    sender: str | None = f"Kim <{KIM}>",
    to: str | None = "support@example.com",
    subject: str | None = "Printer",
    id: str | None = None,
    date: str | None = "Mon, 15 Jan 2027 08:00:00 +0000",
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A plain message; None leaves a header out. ``id`` without < >; further headers as (name, value)."""
    named = [
        ("From", sender),
        ("To", to),
        ("Subject", subject),
        ("Date", date),
        ("Message-ID", id and f"<{id}>"),
    ]
    lines = [f"{name}: {value}" for name, value in [*named, *headers] if value is not None]
    return "\r\n".join([*lines, "", text, ""]).encode("utf-8", "surrogateescape")


def answering(*ids: str, references: Sequence[str] = ()) -> list[tuple[str, str]]:
    """The headers of an answer."""
    headers = [("In-Reply-To", " ".join(f"<{id}>" for id in ids))] if ids else []
    return headers + ([("References", " ".join(f"<{id}>" for id in references))] if references else [])


@dataclass(kw_only=True)
class PostRoom:
    """The parts of a house without doors, and questions to its tables."""

    database: Database
    writer: WritingThread
    directory: Directory
    context: FilingContext
    secrets: Secrets
    now: int = START
    delivered: int = 0  # message x recipient: what must have a fate
    refused: int = 0
    sent: dict[int, bytes] = field(default_factory=dict)  # message id -> what was filed first

    def prepare(
        self,
        raw: bytes,
        *,
        recipients: Sequence[str] = ("support@example.com",),
        mail_from: str | None = "envelope@customer.example",
        source: Source = Source.SMTP,
        quiet: bool = False,
        peer: str = "",
        authentication: Authentication | None = None,
        trust: Trust = NO_TRUST,
    ) -> Prepared:
        """What a worker makes of a message, a second later than the one before."""
        self.now += SECOND
        envelope = Envelope(
            source=source,
            mail_from=mail_from,
            recipients=tuple(recipients),
            received_at=self.now,
            quiet=quiet,
            peer=peer,
        )
        return prepare(
            raw,
            envelope,
            self.secrets,
            self.directory,
            authentication=authentication,
            trust=trust,
        )

    def file_all(self, messages: Sequence[tuple[bytes, Prepared]]) -> list[tuple[Outcome, ...]]:
        """File messages as one batch of the writer."""
        done = self.writer.run(file_batch, self.context, [prepared for _, prepared in messages])
        for (raw, prepared), outcomes in zip(messages, done, strict=True):
            assert [outcome.recipient for outcome in outcomes] == list(prepared.envelope.recipients)
            for outcome in outcomes:
                self.delivered += outcome.fate is not Fate.DEFERRED
                if outcome.fate in (Fate.FILED, Fate.QUARANTINED) and outcome.message is not None:
                    self.sent[outcome.message] = raw
        return done

    def deliver_all(self, raws_: Sequence[bytes], **how: Any) -> list[Outcome]:
        """Messages to one recipient each, in one batch."""
        done = self.file_all([(raw, self.prepare(raw, **how)) for raw in raws_])
        return [outcomes[0] for outcomes in done]

    def deliver_to(self, raw: bytes, *recipients: str, **how: Any) -> tuple[Outcome, ...]:
        """One message to these recipients, in a batch of its own."""
        return self.file_all([(raw, self.prepare(raw, recipients=recipients, **how))])[0]

    def deliver(self, raw: bytes, **how: Any) -> Outcome:
        """One message to one recipient."""
        return self.deliver_all([raw], **how)[0]

    def answer(
        self, ticket_id: int, text: str = "Have you tried water?", *, copies: Sequence[str] = ()
    ) -> Replied:
        """What ana answers."""
        self.now += SECOND
        context = ReplyContext(relay=RELAY, secrets=self.secrets, directory=self.directory, wake=lambda: None)
        wanted = Answer(
            account=OURS, ticket=ticket_id, actor=f"user:{ANA}", user=ANA, text=text, copies=tuple(copies)
        )
        done = reply(self.database, self.writer, context, wanted, now=self.now)
        raw = self.raw(done.message)
        assert raw is not None
        self.sent[done.message] = raw
        return done

    def reply_address(self, replied: Replied) -> str:
        """Where the answer asks to be answered."""
        return replied.queued[0].mail_from or ""

    def do(self, function: Callable[[Transaction], Any]) -> Any:
        """Let the writer do something."""
        return self.writer.run(function)

    def set_ticket(self, ticket_id: int, **values: Any) -> None:
        """Change a ticket's columns as an act of an agent would."""
        self.do(
            lambda tx: tx.connection.execute(ticket.update().where(ticket.c.id == ticket_id).values(**values))
        )

    # Questions.

    def rows(self, table: Any, account: int = OURS) -> list[Row[Any]]:
        with self.database.read() as connection:
            order = [*table.primary_key.columns]
            return [*connection.execute(select(table).where(table.c.account_id == account).order_by(*order))]

    def ticket(self, id: int | None, account: int = OURS) -> Row[Any]:
        return next(row for row in self.rows(ticket, account) if row.id == id)

    def message(self, id: int | None, account: int = OURS) -> Row[Any]:
        return next(row for row in self.rows(message, account) if row.id == id)

    def intake(self, account: int = OURS) -> list[tuple[str, str]]:
        """(fate, reason) of every delivery, in order."""
        return [(row.fate, row.reason) for row in self.rows(intake, account)]

    def rows_of(self, ticket_id: int) -> list[Row[Any]]:
        """The messages of a ticket."""
        return [row for row in self.rows(message) if row.ticket_id == ticket_id]

    def participants(self, ticket_id: int | None) -> dict[str, str]:
        return {row.address: row.role for row in self.rows(participant) if row.ticket_id == ticket_id}

    def requester(self, ticket_id: int | None, account: int = OURS) -> str | None:
        owner = self.ticket(ticket_id, account).contact_id
        found = [row.address for row in self.rows(contact_address, account) if row.contact_id == owner]
        return found[0] if found else None

    def mailboxes(self, ticket_id: int | None, account: int = OURS) -> list[int]:
        """Where a ticket is shown: its own mailbox first."""
        further = [row.mailbox_id for row in self.rows(ticket_mailbox, account) if row.ticket_id == ticket_id]
        return [self.ticket(ticket_id, account).mailbox_id, *further]

    def raw(self, message_id: int | None, account: int = OURS) -> bytes | None:
        with self.database.read() as connection:
            return raws.read(connection, account, message_id or 0)

    def check(self) -> None:
        """What must hold whatever came in."""
        deliveries, fates = 0, Counter[str]()
        for account in (OURS, THEIRS):
            stored = self.rows(message, account)
            counted = Counter(row.ticket_id for row in stored)
            assert {
                row.id: row.message_count for row in self.rows(ticket, account) if row.message_count
            } == counted
            assert {row.id: self.raw(row.id, account) for row in stored} == {
                row.id: self.sent[row.id] for row in stored
            }
            assert len({row.identity for row in stored}) == len(stored)
            deliveries += len(self.rows(intake, account))
            fates.update(row.fate for row in self.rows(intake, account))
            known = {row.id for row in self.rows(contact, account)}
            assert {row.contact_id for row in self.rows(contact_address, account)} <= known
            numbers = sorted(row.number for row in self.rows(ticket, account))
            assert numbers == list(range(1, len(numbers) + 1))
        assert deliveries == self.delivered == sum(fates.values())

    def count(self, table: Any, account: int = OURS) -> int:
        with self.database.read() as connection:
            statement = select(func.count()).select_from(table).where(table.c.account_id == account)
            return int(connection.execute(statement).scalar_one())

    def route(self, address: str) -> Recipient:
        found = self.directory.resolve(address)
        assert isinstance(found, Recipient)
        return found


def furnish(transaction: Transaction) -> None:
    """The two tenants' rows."""
    connection = transaction.connection
    for id, name in ((OURS, "Ours"), (THEIRS, "Theirs")):
        row = Account(
            id=id, name=name, stage="active", billing="none", created_at=START, stage_entered_at=START
        )
        add_account(connection, row)
    for id, address in ADDRESSES.items():
        owner = THEIRS if id == HELP else OURS
        add_mailbox(
            connection, Mailbox(account_id=owner, id=id, address=address, name="Support", created_at=START)
        )
    ana = User(account_id=OURS, id=ANA, email="ana@example.com", name="Ana", role="agent", created_at=START)
    add_user(connection, ana)


def make_context(database: Database, directory: Directory, models: Path) -> FilingContext:
    """Filing with a low flood cap and a filter that never decides."""
    return FilingContext(
        directory=directory,
        models=Models(database, models),
        filter=FilterSettings(),
        flood=FloodCounter(FLOOD_CAP),
        hops=HOPS,
    )


@contextmanager
def open_room(database: Database, writer: WritingThread, directory: Path) -> Iterator[PostRoom]:
    """A post room on an empty migrated database and a running writer; checks it at the end."""
    writer.run(furnish)
    routes = Directory(database)
    room = PostRoom(
        database=database,
        writer=writer,
        directory=routes,
        context=make_context(database, routes, directory),
        secrets=Secrets.of(Keys(bytes(32))),
    )
    yield room
    room.check()


def filed(outcome: Outcome) -> int:
    """The ticket of a mail that was filed."""
    assert outcome.fate is Fate.FILED
    assert outcome.ticket is not None
    return outcome.ticket


def joined(room: PostRoom, outcome: Outcome, expected: int) -> str:
    """Assert that a mail joined this ticket; the stored reason."""
    assert filed(outcome) == expected
    return str(room.message(outcome.message).thread_reason)


def alone(room: PostRoom, outcome: Outcome) -> tuple[str, int | None]:
    """Assert that a mail has an own ticket; the reason, and the ticket it may belong to."""
    made = room.ticket(filed(outcome))
    assert made.message_count == 1
    return str(room.message(outcome.message).thread_reason), made.may_belong_to


def tokened(replied: Replied) -> str:
    """The reply address of an answer."""
    return replied.queued[0].mail_from or ""
