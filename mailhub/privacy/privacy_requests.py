"""FLOW: a person asks about their own data, and proves by a link that they read the mail of the address they name.

    ask      (page, or mail to support+erase@, +export@, +withdraw@)  known? -> a request, and a letter with a link to
             exactly that address; whoever asks hears the same whatever came of it
    look     the link is opened: what it would do. Changes nothing: programs that scan mail open links
    prove    the button on that page: the link is used up, and by ``[privacy] self_service`` it is carried out, or an
             agent decides
    decide   (agent) carried out, or refused with a reason that is mailed
    collect  a copy that was approved is fetched, behind the same link, for some days

One address proves itself and nothing else: where its contact has further addresses, or a hold stands in the
way of an erasure, an agent decides, whatever the policy says. The key of a receipt's commitment is shown to
the person once, when they prove, and kept nowhere; after an erasure nothing is mailed, for the address is
gone, and what else they asked is over: the page of the link tells how far it is. Must not: tell by answer,
time or text whether an address is known; act on a GET; put an address into the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mailhub import clock
from mailhub.access.bearers import Kind, NewBearer, bearer_hash, kind_of, new_bearer
from mailhub.envelope import Recipient
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.message.addresses import served_form
from mailhub.outbound import letters
from mailhub.outbound.letters import Letter, Post
from mailhub.privacy import consents, erasure, export
from mailhub.privacy.erasing.person import Person
from mailhub.privacy.erasing.steps import holds_on, who
from mailhub.privacy.erasing.work import Parts
from mailhub.privacy.record import Record
from mailhub.proof import receipts
from mailhub.proof.act import Act
from mailhub.reading.prepare import Prepared
from storage.database import Connection
from storage.mail import mailboxes
from storage.people import users
from storage.privacy import consents as consent_rows
from storage.privacy import contacts, erasures, privacy_requests
from storage.privacy.erasures import Erasure
from storage.privacy.privacy_requests import PrivacyRequest
from storage.writer import Transaction

LINK = 3 * clock.DAY  # how long a link works
COPY = 7 * clock.DAY  # how long a copy can be fetched after it was approved
KEPT = 30 * clock.DAY  # a request stays so long after its end
ANSWER_DAYS = 30  # art. 12(3): within one month
KINDS = ("erasure", "export", "withdrawal")
PLUS = {"erase": "erasure", "export": "export", "withdraw": "withdrawal"}  # plus parts of a support address
CONSENTS_AT_ONCE = 1000
Also = Callable[..., None]  # a function of a transaction, and of an erasure's id where one begins
GONE = "this link is unknown, was used, or is over: ask for a new one"


class RecordOf(Protocol):
    """The record of processing of an account, as it is now."""

    def __call__(self, account: int, /) -> Record: ...


@dataclass(frozen=True, kw_only=True)
class RequestContext:
    """What requests need of the house. ``policy``: off, confirm or automatic."""

    parts: Parts
    post: Post
    policy: str
    record_of: RecordOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for what, where and when. ``automatic``, ``null_sender``: of the mail it was asked by."""

    account: int
    mailbox: int
    address: str = field(repr=False)
    kind: str
    at: int
    automatic: str = ""
    null_sender: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A request whose link was used. ``commitment_key`` of an erasure is known only now."""

    request: PrivacyRequest
    commitment_key: bytes | None = field(default=None, repr=False)


# --- asking -----------------------------------------------------------------------------------------------------------


def offered(policy: str, post: Post) -> bool:
    """Whether people can ask for themselves at all."""
    return policy != "off" and not letters.why_none(post, with_link=True)


def ask(transaction: Transaction, post: Post, policy: str, asked: Asked) -> str:
    """A request and the letter with its link, or neither; the machine word of what was done, for the log alone."""
    address = served_form(asked.address.strip())
    connection = transaction.connection
    now = asked.at
    if asked.kind not in KINDS or not offered(policy, post):
        return "off"

    mailbox = mailboxes.find_mailbox(connection, asked.account, asked.mailbox)
    if mailbox is None or not _is_theirs(connection, post, asked.account, address):
        return "unknown"

    made = new_bearer(Kind.LINK)
    until = now + LINK
    letter = Letter(
        account=asked.account,
        kind=f"{asked.kind}-link",
        recipient=address,
        values=_values(post, asked.account, made, mailbox.address, until),
        not_after=until,
        answers_null_sender=asked.null_sender,
        answers_automatic=asked.automatic,
    )

    done = letters.queue(transaction, post, letter, now=now)
    if done == letters.QUEUED:
        row = PrivacyRequest(
            account_id=asked.account,
            id=transaction.new_id(),
            kind=asked.kind,
            address=address,
            mailbox_id=asked.mailbox,
            state="asked",
            link=made.hash,
            created_at=now,
            expires_at=until,
        )
        privacy_requests.add_request(connection, row)
        _record(transaction, row, "contact", "privacy-request.ask", now)

    return done


def asked_by_mail(
    connection: Connection, account: int, message: Prepared, places: Sequence[Recipient]
) -> Sequence[Asked]:
    """What a mail to support+erase@ and the like asks about its author's data, besides being filed.

    Only a mail that is proven to be its author's asks (``Prepared.proven``), and only if they were known
    before it: else anybody could have us write to whom they name. An archive that is imported asks nothing.
    """
    author = message.proven
    named = [(PLUS[each.detail.lower()], each.mailbox) for each in places if each.detail.lower() in PLUS]
    if (
        not named
        or not author
        or message.envelope.quiet
        or not privacy_requests.is_known(connection, account, author)
    ):
        return ()

    kind, mailbox = named[0]
    asked = Asked(
        account=account,
        mailbox=mailbox,
        address=author,
        kind=kind,
        at=message.envelope.received_at,
        automatic=message.parsed.automatic.kind,
        null_sender=message.envelope.mail_from is None,
    )

    return (asked,)


def answer_mail(transaction: Transaction, post: Post | None, policy: str, asked: Sequence[Asked]) -> None:
    """Answer what a batch of mail asked, its rows written."""
    if post is not None:
        for each in asked:
            ask(transaction, post, policy, each)


def _is_theirs(connection: Connection, post: Post, account: int, address: str) -> bool:
    """Whether data is held under exactly this address, and it is no address of ours or of our people."""
    closed = post.directory.closed_stage(account) is not None
    ours = (
        post.directory.is_own(account, address)
        or users.find_user_by_email(connection, account, address) is not None
    )
    return privacy_requests.is_known(connection, account, address) and not ours and not closed


def _values(post: Post, account: int, made: NewBearer, mailbox: str, until: int) -> dict[str, str]:
    link = letters.link(post, f"/privacy/{account}/{made.text}")
    return {"mailbox": mailbox, "link": link, "until": clock.to_iso(until)}


# --- the link ---------------------------------------------------------------------------------------------------------


def look(
    context: RequestContext, account: int, link: str, *, now: int
) -> tuple[PrivacyRequest, Erasure | None]:
    """What the link stands for, with the erasure it began. ``NotFound`` for one that is unknown or over."""
    if kind_of(link) is not Kind.LINK or context.post.directory.closed_stage(account) is not None:
        raise NotFound(GONE)
    with context.parts.database.read() as connection:
        found = privacy_requests.find_request_of_link(connection, account, bearer_hash(link))
        begun = found and found.erasure_id and erasures.find_erasure(connection, account, found.erasure_id)
        if found is None or (_opens(found) and _is_over(connection, found, now)):
            raise NotFound(GONE)
    return found, begun or None


def _opens(row: PrivacyRequest) -> bool:
    """Whether the link opens something; what else was proven shows how far it is for as long as it is kept."""
    return row.state == "asked" or (row.state == "approved" and row.kind == "export")


def _is_over(connection: Connection, row: PrivacyRequest, now: int) -> bool:
    """Its time is over, or the person was erased since: then the request names nobody any more."""
    return row.expires_at <= now or not privacy_requests.is_known(connection, row.account_id, row.address)


def prove(context: RequestContext, account: int, link: str, *, now: int) -> Proven:
    """Use the link up, and carry out what the policy lets be carried out. ``NotFound``: used before, by whomever."""
    found, _ = look(context, account, link, now=now)
    if found.state != "asked":
        raise NotFound(GONE)
    with context.parts.database.read() as connection:
        waits = why_agent(context, connection, found, now=now)
    key = receipts.new_commitment_key() if found.kind == "erasure" else None
    commitment = receipts.commitment(found.address, key) if key else None
    values: dict[str, object] = {"proven_at": now, "commitment": commitment}
    values |= (
        {"waits_for": waits} if waits else {"decided_at": now, "actor": "policy", "expires_at": now + COPY}
    )

    def use_up(transaction: Transaction, /, **more: object) -> None:
        state = "proven" if waits else "approved"
        if not privacy_requests.change_request(transaction.connection, found, state=state, **values, **more):
            raise NotFound(GONE)
        _record(transaction, found, "contact", "privacy-request.prove", now, waits_for=waits)

    if waits:
        context.parts.writer.run(use_up)
    else:
        _carry_out(context, found, "contact", commitment=commitment, also=use_up, now=now)
    return Proven(request=look(context, account, link, now=now)[0], commitment_key=key)


def why_agent(context: RequestContext, connection: Connection, row: PrivacyRequest, *, now: int) -> str:
    """Why an agent has to decide this; "" when the policy does."""
    if context.policy != "automatic":
        return "policy"

    person = who(connection, row.account_id, Person(addresses=(row.address,), contacts=()))
    if holds_on(connection, row.account_id, person, now):
        return "held"

    contact = contacts.find_contact_of(connection, row.account_id, row.address)
    if contact is None:
        return "" if row.kind == "erasure" else "no-contact"

    others = set(person.addresses) - {
        row.address,
        *contacts.plus_forms(connection, row.account_id, row.address),
    }

    return "further-addresses" if others else ""


# --- carrying out -----------------------------------------------------------------------------------------------------


def approve(
    context: RequestContext, actor: str, account: int, request: int, *, names: Sequence[str] = (), now: int
) -> PrivacyRequest:
    """An agent approves what a person proved. ``Conflict`` unless it waits for that.

    ``names`` of theirs that the agent, who saw the plan, wants replaced wherever they stand (an erasure).
    """
    row = _waiting(context, account, request)
    if names and row.kind != "erasure":
        raise BadRequest("names are given for an erasure alone")
    agreed = erasure.agreeable(context.parts, account, [row.address], names)

    def decide(transaction: Transaction, **values: object) -> None:
        if not privacy_requests.is_known(transaction.connection, account, row.address):
            raise Conflict("nothing is held under this address any more: it was erased meanwhile")
        more = _offer_copy(transaction, context.post, row, now) if row.kind == "export" else {}
        values = {"decided_at": now, "actor": actor, **values, **more}
        if not privacy_requests.change_request(transaction.connection, row, state="approved", **values):
            raise Conflict("somebody else decided this request meanwhile")
        _record(transaction, row, actor, "privacy-request.approve", now)

    _carry_out(context, row, actor, names=agreed, commitment=row.commitment, also=decide, now=now)
    return _get(context, account, request)


def refuse(
    context: RequestContext, actor: str, account: int, request: int, reason: str, *, now: int
) -> PrivacyRequest:
    """An agent refuses; the reason is mailed to the person (art. 12(4)) and kept nowhere else."""
    row = _waiting(context, account, request)
    if not reason.strip():
        raise BadRequest("say why: the person is told the reason (GDPR art. 12(4))")

    def decide(transaction: Transaction) -> None:
        decided = {"decided_at": now, "actor": actor}
        if not privacy_requests.change_request(transaction.connection, row, state="refused", **decided):
            raise Conflict("somebody else decided this request meanwhile")
        mailed = _tell_refusal(transaction, context.post, row, reason, now)
        _record(transaction, row, actor, "privacy-request.refuse", now, mailed=mailed)

    context.parts.writer.run(decide)
    return _get(context, account, request)


def _tell_refusal(transaction: Transaction, post: Post, row: PrivacyRequest, reason: str, now: int) -> str:
    if not privacy_requests.is_known(transaction.connection, row.account_id, row.address):
        return "unknown"  # erased meanwhile

    mailbox = mailboxes.find_mailbox(transaction.connection, row.account_id, row.mailbox_id)
    letter = Letter(
        account=row.account_id,
        kind="request-refused",
        recipient=row.address,
        values={"mailbox": mailbox.address if mailbox else "", "reason": reason},
        not_after=now + COPY,
    )

    return letters.queue(transaction, post, letter, now=now)


def _carry_out(
    context: RequestContext,
    row: PrivacyRequest,
    actor: str,
    *,
    names: Sequence[str] = (),
    commitment: str | None,
    also: Also,
    now: int,
) -> None:
    """Do what was asked, in one transaction with ``also``, which raises when it is not to be done after all.

    Nobody's own wish alone takes a name out of others' words: ``names`` come from an agent.
    """
    if row.kind == "erasure":
        erasure.begin(
            context.parts,
            actor,
            row.account_id,
            [row.address],
            names=names,
            commitment=commitment,
            also=also,
            now=now,
        )
    elif row.kind == "withdrawal":
        context.parts.writer.run(_withdraw, row, actor, also, now)
    else:
        context.parts.writer.run(also)


def _withdraw(transaction: Transaction, row: PrivacyRequest, actor: str, also: Also, now: int) -> None:
    """Every consent in force of the contact with this address ends."""
    also(transaction)
    contact = _contact(transaction.connection, row)
    given = consent_rows.list_consents(
        transaction.connection, row.account_id, contact, limit=CONSENTS_AT_ONCE
    )
    for each in given:
        if each.withdrawn_at is None:
            consents.withdraw_consent(Act(transaction, actor, row.account_id, now), each.id)


def _offer_copy(transaction: Transaction, post: Post, row: PrivacyRequest, now: int) -> dict[str, object]:
    """Mail a new link, under which the copy can be fetched; what changes in the request by that.

    Who never wrote and is only named gets one, too: it says so.
    """
    mailbox = mailboxes.find_mailbox(transaction.connection, row.account_id, row.mailbox_id)
    made = new_bearer(Kind.LINK)
    until = now + COPY
    letter = Letter(
        account=row.account_id,
        kind="export-ready",
        recipient=row.address,
        values=_values(post, row.account_id, made, mailbox.address if mailbox else "", until),
        not_after=until,
    )
    if (done := letters.queue(transaction, post, letter, now=now)) != letters.QUEUED:
        raise Conflict(f"the letter with the link to the copy cannot be sent: {done}")

    return {"link": made.hash, "expires_at": until}


def collect(context: RequestContext, account: int, link: str, *, now: int) -> Iterator[bytes]:
    """The zip of a copy that was approved, in pieces. On record first."""
    row, _ = look(context, account, link, now=now)
    if (row.kind, row.state) != ("export", "approved"):
        raise NotFound(GONE)
    record = context.record_of(account)
    pieces = export.of_address(context.parts.database, account, row.address, now=now, record=record)
    context.parts.writer.run(_record, row, "contact", "privacy-request.collect", now)
    return pieces


def _contact(connection: Connection, row: PrivacyRequest) -> int:
    contact = contacts.find_contact_of(connection, row.account_id, row.address)
    if contact is None:
        raise Conflict("there is no contact with this address any more")
    return contact


def _waiting(context: RequestContext, account: int, request: int) -> PrivacyRequest:
    row = _get(context, account, request)
    if row.state != "proven":
        raise Conflict(f"request {request} is {row.state}: only one that was proven waits to be decided")
    return row


def _get(context: RequestContext, account: int, request: int) -> PrivacyRequest:
    with context.parts.database.read() as connection:
        row = privacy_requests.find_request(connection, account, request)
    if row is None:
        raise NotFound(f"there is no request {request}")
    return row


def _record(
    transaction: Transaction, /, row: PrivacyRequest, actor: str, verb: str, now: int, **detail: object
) -> None:
    act = Act(transaction, actor, row.account_id, now)
    act.record(verb, f"privacy-request:{row.id}", kind=row.kind, **detail)
