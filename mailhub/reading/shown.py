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
from mailhub.message.quoted_known import TEXT_CHARACTERS, TEXTS
from mailhub.message.values import Address, Attachment, Earlier, Parsed, Reply
from mailhub.system.budget import SMALL_BYTES, Charges
from storage.database import Connection
from storage.mail import raws
from storage.mail.message_lists import MessageRow, before_message


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
    html: bool  # whether there is more to see than the text
    attachments: Sequence[Attachment]


NOTHING = ShownContent(
    to=(),
    cc=(),
    reply_to=(),
    reply_to_elsewhere=False,
    text="",
    reply_text="",
    folded_lines=0,
    html=False,
    attachments=(),
)

EARLIER = 10  # messages before the first one shown that it is compared with

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
    answers = bool(messages) and (messages[0].direction == "out" or messages[0].thread_reason in _ANSWERS)
    before = before_message(connection, account, messages[0], limit=EARLIER) if answers else []
    readable = [*(row for row in before if row.size_bytes <= SMALL_BYTES), *messages]
    said: dict[int, list[tuple[bool, str]]] = {}  # ticket -> (by us, text), oldest first

    for portion in _portions([row for row in readable if not row.unreadable]):
        with charges.holding(sum(row.size_bytes for row in portion)):
            frames = raws.frames_of(connection, account, [row.id for row in portion])
            for row in (each for each in portion if each.id in frames):
                earlier = said.setdefault(row.ticket_id, [])
                found = _content(row, frames[row.id].read(), _earlier(earlier))
                earlier.append((row.direction == "out", found.text[:TEXT_CHARACTERS]))
                contents[row.id] = found

    return {row.id: contents[row.id] for row in messages}


def _earlier(said: Sequence[tuple[bool, str]]) -> Earlier:
    """What an answer is compared with: the newest of what was said before."""
    ours = [text for by_us, text in said if by_us][-TEXTS:]
    theirs = [text for by_us, text in said if not by_us][-TEXTS:]
    return Earlier(tuple(ours), tuple(theirs))


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


def _content(row: MessageRow, raw: bytes, earlier: Earlier) -> ShownContent:
    parsed = parse.parse(raw)
    reply = _reply(row, parsed, earlier)
    return ShownContent(
        to=[address.address for address in parsed.to if address.address],
        cc=[address.address for address in parsed.cc if address.address],
        reply_to=[address.address for address in parsed.reply_to if address.address],
        reply_to_elsewhere=is_elsewhere(parsed),
        text=parsed.text,
        reply_text=reply.new,
        folded_lines=sum(bool(line.strip()) for line in reply.folded.split("\n")),
        html=bool(parsed.html),
        attachments=parsed.attachments,
    )


def is_elsewhere(parsed: Parsed) -> bool:
    """Whether a mail asks for answers in another domain than it came from, to whoever reads From."""
    return not _domains(parsed.reply_to) <= _domains(parsed.from_)


def _domains(people: Sequence[Address]) -> set[str]:
    return {served_form(person.address).rpartition("@")[2] for person in people if person.address}


def _reply(row: MessageRow, parsed: Parsed, earlier: Earlier) -> Reply:
    """What is new in a message. Only answers are folded: what opened a ticket, or is nothing else, stays whole."""
    if row.direction == "in" and row.thread_reason not in _ANSWERS:
        return Reply(parsed.text, "", "")
    reply = parse.split_reply(parsed, earlier)
    return reply if reply.new else Reply(parsed.text, "", "")
