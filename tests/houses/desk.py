"""An account at work, for tests of flows: a mailbox, two agents, the real filing of mail, and answers to it.

The fixture ``desk`` gives one on each engine. Time is the desk's own: it stands still until a test moves it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import func, select

from mailhub.clock import SECOND
from mailhub.config import Letters, Relay
from mailhub.directory import Directory
from mailhub.envelope import Envelope, Outcome, Source
from mailhub.filing.batch import FilingContext
from mailhub.filing.flood import FloodCounter
from mailhub.filing.pipeline import file_batch
from mailhub.filter.models import Models
from mailhub.filter.verdict import FilterSettings
from mailhub.keys import Keys
from mailhub.message.values import Authentication
from mailhub.outbound.letters import Post
from mailhub.proof.act import Act, perform
from mailhub.reading.prepare import Secrets, prepare
from mailhub.rules.rulebook import Rulebook
from mailhub.rules.running import Rules, StormGuard
from mailhub.rules.running import perform as perform_by_rules
from mailhub.tickets.reply import Answer, Replied, ReplyContext, reply
from storage.accounts.accounts import Account, add_account
from storage.database import Database
from storage.mail.mailboxes import Mailbox, add_mailbox
from storage.people.users import User, add_user
from storage.schema import message, message_reference, ticket
from storage.tickets.tickets import Ticket, find_ticket
from storage.writer import Transaction, WritingThread

T = TypeVar("T")
P = ParamSpec("P")
START = 1_800_000_000 * SECOND
SUPPORT = "support@example.com"
RELAY = Relay(host="127.0.0.1", port=25, tls="none")


@dataclass(kw_only=True)
class Desk:
    """One account under test. ``ana`` and ``ben`` are its agents; ``actor`` is how the journal names ana."""

    database: Database
    writer: WritingThread
    directory: Directory
    filing: FilingContext
    secrets: Secrets
    account: int
    mailbox: int
    ana: int
    ben: int
    now: int = START
    woken: int = 0
    relay: Relay = RELAY
    numbers: list[int] = field(default_factory=list)

    @property
    def actor(self) -> str:
        return f"user:{self.ana}"

    def do(self, function: Callable[[Transaction], T]) -> T:
        """Run a flow function, a second later than the one before."""
        self.now += SECOND
        return self.writer.run(function)

    def act(self, function: Callable[Concatenate[Act, P], T], *args: P.args, **named: P.kwargs) -> T:
        """Let ana do something to the account, a second later than what was before."""
        self.now += SECOND
        return self.writer.run(perform, function, self.actor, self.account, self.now, *args, **named)

    @property
    def rules(self) -> Rules:
        """What runs the account's rules."""
        assert self.filing.rules is not None
        return self.filing.rules

    def ruled(self, function: Callable[Concatenate[Act, P], T], *args: P.args, **named: P.kwargs) -> T:
        """As ``act``, and the account's rules hear of it, as they do of what comes by the API."""
        self.now += SECOND
        parts = self.rules
        return self.writer.run(
            perform_by_rules, parts, function, self.actor, self.account, self.now, *args, **named
        )

    def receive(
        self,
        raw: bytes,
        *,
        recipient: str = SUPPORT,
        mail_from: str | None = "envelope@customer.example",
        authentication: Authentication | None = None,
    ) -> Outcome:
        """File a mail as a door would."""
        self.now += SECOND
        envelope = Envelope(
            source=Source.SMTP, mail_from=mail_from, recipients=(recipient,), received_at=self.now
        )
        prepared = prepare(raw, envelope, self.secrets, self.directory, authentication=authentication)
        return self.writer.run(file_batch, self.filing, [prepared])[0][0]

    def mail(
        self, sender: str = "Kim <kim@customer.example>", *, to: str = SUPPORT, **headers: str
    ) -> Outcome:
        """File a new mail of a customer; headers by name, ``_`` for ``-``."""
        return self.receive(self.written(sender, to=to, **headers), recipient=to.split(",")[0])

    def written(
        self, sender: str, *, to: str = SUPPORT, text: str = "It does not work.", **headers: str
    ) -> bytes:
        """A mail of a customer, with an id of its own unless one is given."""
        self.numbers.append(len(self.numbers))
        made = EmailMessage(policy=SMTP)
        given = {"Subject": "Help", "Message-ID": f"<mail-{len(self.numbers)}@customer.example>"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"From": sender, "To": to, **given}.items():
            made[name] = value
        made.set_content(f"{text} ({len(self.numbers)})\n")
        return made.as_bytes()

    def ticket_of(self, outcome: Outcome) -> int:
        """The ticket a mail was filed in."""
        assert outcome.ticket is not None, outcome
        return outcome.ticket

    def message_of(self, outcome: Outcome) -> int:
        """The message a mail became."""
        assert outcome.message is not None, outcome
        return outcome.message

    def answer(
        self, ticket_id: int, text: str = "Please try again.", *, copies: tuple[str, ...] = (), to: str = ""
    ) -> Replied:
        """Let ana answer a ticket."""
        self.now += SECOND
        answer = Answer(
            account=self.account,
            ticket=ticket_id,
            actor=self.actor,
            user=self.ana,
            text=text,
            copies=copies,
            to=to,
        )
        return reply(self.database, self.writer, self.reply_context(), answer, now=self.now)

    def reply_context(self) -> ReplyContext:
        return ReplyContext(relay=self.relay, secrets=self.secrets, directory=self.directory, wake=self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def ticket(self, ticket_id: int) -> Ticket:
        """The ticket as it is now."""
        with self.database.read() as connection:
            found = find_ticket(connection, self.account, ticket_id)
        assert found is not None
        return found

    def messages_in(self, ticket_id: int) -> list[int]:
        """Ids of the ticket's messages."""
        with self.database.read() as connection:
            query = select(message.c.id).where(message.c.ticket_id == ticket_id).order_by(message.c.id)
            return list(connection.execute(query).scalars())

    def faults(self) -> list[str]:
        """What is not as the invariants of tickets say: counts, references, chains, what rows say of messages."""
        with self.database.read() as connection:
            counted = select(func.count()).where(message.c.ticket_id == ticket.c.id).scalar_subquery()
            wrong = select(ticket.c.id).where(ticket.c.message_count != counted)
            astray = select(message.c.id).join(
                message_reference, message_reference.c.message_id == message.c.id
            )
            astray = astray.where(message_reference.c.ticket_id != message.c.ticket_id)
            half = select(ticket.c.id).where(
                (ticket.c.state == "merged") != ticket.c.merged_into.is_not(None)
            )
            queries: dict[str, Any] = {"count": wrong, "reference": astray, "shell": half}
            queries |= _wrongly_told()
            return [
                f"{name}:{row}"
                for name, query in queries.items()
                for row in connection.execute(query).scalars()
            ]


def _wrongly_told() -> dict[str, Any]:
    """Tickets whose rows do not say of their messages what these are, by what is wrong."""
    there = message.c.ticket_id == ticket.c.id
    waits = select(func.min(message.c.received_at)).where(there, message.c.awaits == 1).scalar_subquery()
    last = select(func.max(message.c.id)).where(there).scalar_subquery()
    came = select(func.max(message.c.received_at)).where(there, message.c.direction == "in").scalar_subquery()
    files = select(func.count()).where(there, message.c.attachments > 0).scalar_subquery()
    said = {
        "waiting": func.coalesce(ticket.c.waiting_since, 0) != func.coalesce(waits, 0),
        "last": func.coalesce(ticket.c.last_message_id, 0) != func.coalesce(last, 0),
        "incoming": func.coalesce(ticket.c.last_incoming_at, 0) != func.coalesce(came, 0),
        "files": (ticket.c.attachments == 1) != (files > 0),
    }
    return {name: select(ticket.c.id).where(wrong) for name, wrong in said.items()}


def post_of(desk: Desk, **more: Any) -> Post:
    """What writes letters at this desk: nothing, unless it is given a sender and a relay."""
    given: dict[str, Any] = {
        "letters": Letters(),
        "relay": Relay(),
        "contact": "",
        "directory": desk.directory,
    } | more
    return Post(keys=Keys(bytes(range(32))), **given)


def open_desk(database: Database, writer: WritingThread, directory: Path) -> Desk:
    """Make the account and everything its flows need."""
    account, mailbox, ana, ben = (writer.run(Transaction.new_id) for _ in range(4))
    writer.run(_make_account, account, mailbox, (ana, ben))
    served = Directory(database)
    filing = FilingContext(
        directory=served,
        models=Models(database, directory / "models"),
        filter=FilterSettings(),
        flood=FloodCounter(1_000),
        hops=50,
        rules=Rules(book=Rulebook(), storms=StormGuard()),
    )
    secrets = Secrets.of(Keys(bytes(range(32))))
    return Desk(
        database=database, writer=writer, directory=served, filing=filing, secrets=secrets, account=account,
        mailbox=mailbox, ana=ana, ben=ben,
    )  # fmt: skip


def _make_account(transaction: Transaction, account: int, mailbox: int, users: tuple[int, int]) -> None:
    connection = transaction.connection
    own = {"stage": "active", "billing": "none", "created_at": START, "stage_entered_at": START}
    add_account(connection, Account(id=account, name="Example", **own))  # type: ignore[arg-type]
    served = Mailbox(
        account_id=account, id=mailbox, address=SUPPORT, name="Example Support", created_at=START
    )
    add_mailbox(connection, served)
    for user, name in zip(users, ("ana", "ben"), strict=True):
        email = f"{name}@staff.example"
        add_user(
            connection,
            User(account_id=account, id=user, email=email, name=name, role="agent", created_at=START),
        )
