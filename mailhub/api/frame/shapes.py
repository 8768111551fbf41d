"""What the API's answers look like: pydantic models, only here and in the routers. Instants are RFC 3339 in UTC."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from mailhub import clock

Item = TypeVar("Item")
Made = TypeVar("Made", bound=BaseModel)

Limit = Annotated[int, Query(ge=1, le=500, description="Rows of one page.")]
Id = Annotated[int, Field(ge=0, lt=2**53)]  # what every reader of JSON can hold (RFC 8259 6)
TicketName = Annotated[str, Field(pattern=r"^#?[0-9]{1,18}$", examples=["17"])]  # a ticket by number or id
After = Annotated[Id | None, Query(description="Go on after this id: `next` of the page before.")]

# a body that is a message, for the description
ANY_MAIL = {
    "schema": {},  # any bytes
    "example": "From: kim@customer.example\r\nSubject: The oven\r\n\r\nIt smokes.\r\n",
}


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _of_one_line(name: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in name):
        raise ValueError("a name is one line without control characters")
    return name


Name = Annotated[str, Field(max_length=200), AfterValidator(_of_one_line)]  # shown in terminals, and in From


class Numbered(Protocol):
    """A row that a list can be continued after."""

    @property
    def id(self) -> int:
        """The key of the list."""


Row = TypeVar("Row", bound=Numbered)


class Shape(BaseModel):
    """Base of all: an unknown key in a request is an error, not a typo that goes unnoticed."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="after")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        """JSON can spell texts that are no Unicode, and PostgreSQL takes no NUL."""
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str) and ("\0" in text or not _is_unicode(text)):
                raise ValueError("a text may hold neither NUL nor half of a surrogate pair")
        return value


class Named(Shape):
    """A shape that names things by id. ``names`` has what people call them, by id: #3, a login, an address."""

    names: dict[str, str] = Field(default_factory=dict)


class Page(BaseModel, Generic[Item]):
    """One page of a list. ``next`` is what to send as ``after``; null on the last page."""

    items: list[Item]
    next: int | None


def instant(at: int | None) -> str | None:
    """An instant of the tables as the API writes it."""
    return None if at is None else clock.to_iso(at)


def page(rows: Sequence[Row], shape: Callable[[Row], Made], limit: int) -> Page[Made]:
    """A page of a list by keyset: there may be more when it is full."""
    return Page(items=[shape(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)


def made(kind: type[Made], row: object, **more: Any) -> Made:
    """A shape from a row's attributes of the same names; those that end in ``_at``, ``_since``, ``_until`` are instants."""
    told = {*more, "names"} if issubclass(kind, Named) else more  # names are added later: ``naming``
    values = {name: getattr(row, name) for name in kind.model_fields if name not in told}
    instants = {
        name: instant(value) for name, value in values.items() if name.endswith(("_at", "_since", "_until"))
    }
    return kind(**(values | instants | more))


class Ticket(Named):
    """A ticket in a list."""

    id: int
    number: int
    mailbox: str
    subject: str
    state: str
    assignee: str | None
    contact: str | None
    contact_id: int | None
    contact_name: str | None
    message_count: int
    verdict: str
    probability: float | None
    flood: bool
    merged_into: int | None
    may_belong_to: int | None
    created_at: str
    updated_at: str
    waiting_since: str | None  # when the oldest unanswered mail of a person came
    last_activity_at: str
    snippet: str  # how the newest message begins
    has_attachments: bool
    unread: bool  # by whoever asks
    priority: str  # low, normal, high or urgent
    responsible: str | None
    snoozed_until: str | None
    tags: list[str]


class Attachment(Shape):
    """A file of a message; ``index`` is what `message attachment ID N` takes."""

    index: int
    filename: str
    content_type: str
    size_bytes: int
    inline: bool


class Sending(Shape):
    """What became of an outgoing message at one recipient."""

    id: int
    recipient: str
    state: str  # queued, sent, failed or expired
    reason: str
    reply: str | None  # what the relay said last: code and enhanced status
    attempts: int
    next_attempt_at: str | None
    done_at: str | None


class Message(Shape):
    """A message, its text read out of the raw."""

    id: int
    ticket: int
    message_id: str
    direction: str
    source: str
    from_: str = Field(serialization_alias="from")
    from_name: str
    to: list[str]
    cc: list[str]
    reply_to: list[
        str
    ]  # whom the mail asks to be answered; chosen by who answers, or where From takes no answers
    reply_to_elsewhere: bool  # it names another domain than From
    subject: str
    date: str | None
    received_at: str
    text: str
    reply_text: str  # what is new in an answer; `text` where nothing is folded
    folded_lines: int  # of `text` that `reply_text` leaves out: quotes, signatures
    verdict: str
    verdict_reason: (
        str  # score, label, answer, allow-list, deny-list, or allow-list-unproven (the score decided)
    )
    verdict_evidence: str
    probability: float | None
    log_odds: float | None
    thread_reason: str
    thread_evidence: str
    automatic: str
    authentication: str
    verified: bool
    flags: list[str]
    unreadable: bool
    redacted_at: str | None
    size_bytes: int
    attachments: list[Attachment]
    sending: list[Sending]


class Participant(Shape):
    """Somebody in a ticket besides its requester. A guest may not write into it until an agent accepts them."""

    address: str
    role: str  # cc, merged or guest


class Note(Shape):
    """An internal note."""

    id: int
    author: str | None
    created_at: str
    text: str


class Delivery(Named):
    """One delivery in and its fate."""

    id: int
    source: str
    fate: str
    reason: str
    message_id: str | None
    recipient: str
    mail_from: str | None
    message: int | None
    ticket: int | None
    peer: str
    helo: str
    tls: bool
    size_bytes: int
    received_at: str
