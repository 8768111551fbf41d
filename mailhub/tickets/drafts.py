"""What agents write before it is sent: one draft for each user, ticket and kind, kept here and not in a browser.

    begin -> save, save, ... -> discard, or ``tickets.sending``

Recipients belong to the draft: they are proposed once, when it is begun, and nothing that comes to the ticket later
changes them. Every save names the version it changed, so that two windows cannot overwrite each other. A draft is
its writer's: colleagues read it, nobody else changes it. Saves leave no journal row: what was typed is nobody's act
until it is sent. Rights are checked before (``access.require``).
Errors: ``NotFound``, ``Forbidden`` (another's), ``BadRequest`` (an address, a text), ``Conflict`` (state), ``Changed``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from mailhub.access.quotas import require_room
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Conflict, Forbidden, NotFound
from mailhub.message.addresses import served_form
from mailhub.outbound import gate
from mailhub.outbound.compose import SUBJECT_CHARACTERS, clean
from mailhub.proof.act import Act
from mailhub.tickets.acts import locked, workable
from mailhub.tickets.reply import COPIES, TEXT_CHARACTERS, Audience
from storage.mail.mailboxes import find_mailbox
from storage.mail.message_lists import find_message
from storage.tickets import drafts
from storage.tickets.drafts import Draft
from storage.writer import Transaction

NOBODY = Audience(to=())
ADDRESSES = ("to_addresses", "cc_addresses", "bcc_addresses")


class DraftKind(StrEnum):
    """What becomes of a draft when it is sent (``draft.kind``). It is given once: no switch makes mail of a note."""

    ANSWER = "answer"  # mail in the ticket's thread
    NOTE = "note"  # for colleagues: it goes to nobody
    FORWARD = "forward"  # a message of the ticket, passed on to somebody with words of our own
    NEW = "new"  # a mail to somebody: it opens a ticket


class Changed(Conflict):
    """The draft was saved elsewhere since. ``current`` is what it says now."""

    def __init__(self, current: Draft) -> None:
        super().__init__(
            "the draft was saved in another window meanwhile: look at what it says now, then decide"
        )
        self.current = current


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a draft begins with. ``proposed``: whom an answer to all goes to; ``mailbox``: of a new mail."""

    kind: DraftKind
    ticket: int | None = None
    mailbox: int | None = None
    proposed: Audience = NOBODY
    quoted: int | None = None
    subject: str = ""


def begin(act: Act, user: int, beginning: Beginning, quotas: Quotas) -> Draft:
    """The user's draft of this kind on the ticket, made if there is none. One that is there stays as it is."""
    connection = act.transaction.connection
    ticket = None
    if beginning.kind is DraftKind.NEW:
        if beginning.mailbox is None or not find_mailbox(connection, act.account, beginning.mailbox):
            raise BadRequest("a new mail needs the mailbox it is sent from")
    else:
        if beginning.ticket is None:
            raise BadRequest("this kind of draft is about a ticket: name it")
        ticket = workable(locked(act.transaction, act.account, beginning.ticket)).id

    _require_of_ticket(act, ticket, beginning.quoted)
    there = drafts.find_draft_of(connection, act.account, user, ticket, beginning.kind) if ticket else None
    if there is not None:
        return there
    if beginning.kind is DraftKind.FORWARD and beginning.quoted is None:
        raise BadRequest("name the message that is passed on")
    require_room(act, quotas, "drafts", user_id=user)
    answers = beginning.kind is DraftKind.ANSWER
    row = Draft(
        account_id=act.account,
        id=act.transaction.new_id(),
        user_id=user,
        ticket_id=ticket,
        mailbox_id=beginning.mailbox if beginning.kind is DraftKind.NEW else None,
        kind=beginning.kind,
        to_addresses=_lines(beginning.proposed.to) if answers else "",
        cc_addresses=_lines(beginning.proposed.cc) if answers else "",
        subject=clean(beginning.subject, SUBJECT_CHARACTERS),
        quoted_id=beginning.quoted,
        seen_id=drafts.newest_in(connection, act.account, ticket) if ticket is not None else 0,
        created_at=act.now,
        updated_at=act.now,
    )
    drafts.add_draft(connection, row)

    return row


def save(act: Act, user: int, draft: int, version: int, changed: Mapping[str, Any]) -> Draft:
    """Store what was written: ``to``, ``cc``, ``bcc`` (lists of addresses), ``subject``, ``text``, ``quoted``, ``seen``.

    What is not named stays. A draft that is about to be sent is undone first (``Conflict``).
    """
    found = own_draft(act.transaction, act.account, user, draft)
    require_version(found, version)
    if found.send_at is not None:
        raise Conflict("the draft is being sent: undo that first")

    values = {name: _column(act, found, name, value) for name, value in changed.items()}
    columns = dict(values.values())
    columns |= {"version": found.version + 1, "updated_at": act.now, "fault": None}
    drafts.change_draft(act.transaction.connection, act.account, found.id, **columns)

    return replace(found, **columns)


def _column(act: Act, draft: Draft, name: str, value: Any) -> tuple[str, Any]:
    if name in ("to", "cc", "bcc"):
        if draft.kind == DraftKind.NOTE and value:
            raise BadRequest("a note goes to nobody")
        return f"{name}_addresses", _lines(addresses(value))
    if name == "subject":
        return name, clean(value, SUBJECT_CHARACTERS)
    if name == "text":
        return name, _text(value)
    if name == "seen":
        return "seen_id", value
    if name != "quoted":
        raise TypeError(name)
    _require_of_ticket(act, draft.ticket_id, value)
    return "quoted_id", value


def discard(act: Act, user: int, draft: int) -> None:
    """Throw a draft away. One that is about to be sent is undone first (``Conflict``)."""
    found = own_draft(act.transaction, act.account, user, draft)
    if found.send_at is not None:
        raise Conflict("the draft is being sent: undo that first")
    drafts.delete_drafts(act.transaction.connection, act.account, [found.id])
    act.record("draft.discard", f"draft:{found.id}", ticket=found.ticket_id)


def own_draft(transaction: Transaction, account: int, user: int, draft: int) -> Draft:
    """The draft, locked; ``NotFound`` without one (it was sent, or thrown away), ``Forbidden`` where it is another's."""
    found = drafts.find_draft(transaction.connection, account, draft, locked=True)
    if found is None:
        raise NotFound(f"there is no draft {draft}: it was sent, or thrown away")
    if found.user_id != user:
        raise Forbidden("this draft is a colleague's: it can be read, not changed")
    return found


def require_version(draft: Draft, version: int) -> None:
    """Raise ``Changed`` where the draft was saved since."""
    if draft.version != version:
        raise Changed(draft)


def audience_of(draft: Draft) -> Audience:
    """Whom the draft goes to."""
    to, cc, bcc = (tuple(getattr(draft, name).split()) for name in ADDRESSES)
    return Audience(to=to, cc=cc, bcc=bcc)


def addresses(named: Sequence[str]) -> tuple[str, ...]:
    """Addresses in the one form, each once; ``BadRequest`` for one that mail cannot be sent to."""
    found = dict.fromkeys(served_form(each.strip()) for each in named)
    if len(found) > COPIES:
        raise BadRequest(f"a mail can go to at most {COPIES} people")
    for number, each in enumerate(found, start=1):
        if not gate.reachable_address(each) or " " in each:
            raise BadRequest(f"address {number} is none that mail can be sent to: give it as kim@example.com")
    return tuple(found)


def _text(text: str) -> str:
    """What was typed, white space at its end included: the writer goes on there."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(plain) > TEXT_CHARACTERS:
        raise BadRequest(f"the text is longer than {TEXT_CHARACTERS} characters")
    return plain


def _lines(named: Sequence[str]) -> str:
    return "\n".join(each for each in named if " " not in each)


def _require_of_ticket(act: Act, ticket: int | None, message: int | None) -> None:
    if message is None:
        return
    found = find_message(act.transaction.connection, act.account, message)
    if found is None or found.ticket_id != ticket:
        raise NotFound(f"message {message} is not in this ticket")
