"""Stored messages as people read them: text, new text, addressees and files, out of the raw bytes. Pure but
for reading.

Raws are read in portions, a statement each, and parsed one by one; what is held meanwhile is charged to
whoever asks. Nothing but what is shown is kept of a message. What cannot be read has no text, as what was
removed has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailhub.message import parse
from mailhub.message.addresses import served_form
from mailhub.message.values import Address, Attachment, Parsed, Reply
from mailhub.system.budget import SMALL_BYTES, Charges
from storage.database import Connection
from storage.mail import raws
from storage.mail.message_lists import MessageRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownContent:
    """What a message says, and to whom."""

    to: Sequence[str]
    cc: Sequence[str]
    reply_to: Sequence[str]
    reply_to_elsewhere: bool  # it names another domain than From: a reason to look twice
    text: str
    reply_text: str  # what is new in an answer; ``text`` where nothing is folded
    folded_lines: int  # of ``text`` that ``reply_text`` leaves out
    attachments: Sequence[Attachment]


NOTHING = ShownContent(
    to=(),
    cc=(),
    reply_to=(),
    reply_to_elsewhere=False,
    text="",
    reply_text="",
    folded_lines=0,
    attachments=(),
)

# why a message joined the ticket it answers, as ``filing.thread`` says it
_ANSWERS = frozenset(
    (
        "reply-address",
        "reply-message-id",
        "in-reply-to",
        "references",
        "thread-index",
        "subject-tag",
        "bounce",
    )
)


def contents_of(
    connection: Connection, account: int, messages: Sequence[MessageRow], charges: Charges
) -> Mapping[int, ShownContent]:
    """The content of each of these messages. Raises ``Unavailable`` when there is no room to hold a portion."""
    contents = dict.fromkeys((row.id for row in messages), NOTHING)
    readable = [row for row in messages if not row.unreadable]
    for portion in _portions(readable):
        with charges.holding(sum(row.size_bytes for row in portion)):
            frames = raws.frames_of(connection, account, [row.id for row in portion])
            contents |= {row.id: _content(row, frames[row.id].read()) for row in portion if row.id in frames}
    return contents


def _portions(messages: Sequence[MessageRow]) -> Iterator[Sequence[MessageRow]]:
    """Of at most ``SMALL_BYTES``, for which there is nearly always room, or of one message."""
    portion: list[MessageRow] = []
    size = 0
    for row in messages:
        if portion and size + row.size_bytes > SMALL_BYTES:
            yield portion
            portion = []
            size = 0
        portion.append(row)
        size += row.size_bytes
    if portion:
        yield portion


def _content(row: MessageRow, raw: bytes) -> ShownContent:
    parsed = parse.parse(raw)
    reply = _reply(row, parsed)
    return ShownContent(
        to=[address.address for address in parsed.to if address.address],
        cc=[address.address for address in parsed.cc if address.address],
        reply_to=[address.address for address in parsed.reply_to if address.address],
        reply_to_elsewhere=is_elsewhere(parsed),
        text=parsed.text,
        reply_text=reply.new,
        folded_lines=sum(bool(line.strip()) for line in reply.folded.split("\n")),
        attachments=parsed.attachments,
    )


def is_elsewhere(parsed: Parsed) -> bool:
    """Whether a mail asks for answers in another domain than it came from, to whoever reads From."""
    return not _domains(parsed.reply_to) <= _domains(parsed.from_)


def _domains(people: Sequence[Address]) -> set[str]:
    return {served_form(person.address).rpartition("@")[2] for person in people if person.address}


def _reply(row: MessageRow, parsed: Parsed) -> Reply:
    """What is new in a message. Only answers are folded: what opened a ticket, or is nothing else, stays whole."""
    if row.direction == "in" and row.thread_reason not in _ANSWERS:
        return Reply(parsed.text, "", "")
    reply = parse.split_reply(parsed)
    return reply if reply.new else Reply(parsed.text, "", "")
