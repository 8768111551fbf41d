"""From rows to the API's shapes. Job: join a stored message with what is read out of its raw bytes. Reads only."""

from __future__ import annotations

from mailhub.api import shapes
from mailhub.api.shapes import instant
from mailhub.message import parse
from mailhub.message.values import Parsed
from storage import intake_lists, message_lists, outbox, raws, ticket_lists
from storage.database import Connection


def ticket(row: ticket_lists.TicketRow) -> shapes.Ticket:
    """A ticket of a list."""
    own = {name: getattr(row, name) for name in shapes.Ticket.model_fields if not name.endswith("_at")}
    return shapes.Ticket(**own, created_at=instant(row.created_at) or "", updated_at=instant(row.updated_at) or "")


def delivery(row: intake_lists.IntakeRow) -> shapes.Delivery:
    """A delivery of a list."""
    own = {name: getattr(row, name) for name in shapes.Delivery.model_fields if name not in ("tls", "received_at")}
    return shapes.Delivery(**own, tls=bool(row.tls), received_at=instant(row.received_at) or "")


def note(row: message_lists.NoteRow) -> shapes.Note:
    """A note of a ticket."""
    return shapes.Note(id=row.id, author=row.author, created_at=instant(row.created_at) or "", text=row.text)


def message(connection: Connection, account: int, row: message_lists.MessageRow) -> shapes.Message:
    """A message with its text; what cannot be read has none and is flagged."""
    parsed = _parsed(connection, account, row)
    copied = ("id", "message_id", "direction", "source", "from_name", "subject", "verdict", "probability", "log_odds")
    more = ("thread_reason", "thread_evidence", "automatic", "authentication", "size_bytes")
    return shapes.Message(
        **{name: getattr(row, name) for name in (*copied, *more)},
        ticket=row.ticket_id,
        from_=row.from_address,
        to=[each.address for each in parsed.to if each.address] if parsed else [],
        cc=[each.address for each in parsed.cc if each.address] if parsed else [],
        date=instant(row.sent_at),
        received_at=instant(row.received_at) or "",
        text=parsed.text if parsed else "",
        reply_text=parse.split_reply(parsed).new if parsed else "",
        verified=row.direction == "out" or "dmarc=pass" in row.authentication.split(),
        flags=row.flags.split(),
        unreadable=bool(row.unreadable),
        redacted_at=instant(row.redacted_at),
        attachments=_attachments(parsed),
        sending=_sending(connection, account, row) if row.direction == "out" else [],
    )


def _sending(connection: Connection, account: int, row: message_lists.MessageRow) -> list[shapes.Sending]:
    copied = ("id", "recipient", "state", "reason", "reply", "attempts")
    return [
        shapes.Sending(
            **{name: getattr(each, name) for name in copied},
            next_attempt_at=instant(each.next_attempt_at) if each.state == "queued" else None,
            done_at=instant(each.done_at),
        )
        for each in outbox.rows_of_messages(connection, account, [row.id])
    ]


def _parsed(connection: Connection, account: int, row: message_lists.MessageRow) -> Parsed | None:
    raw = None if row.unreadable else raws.read(connection, account, row.id)
    return None if raw is None else parse.parse(raw)


def _attachments(parsed: Parsed | None) -> list[shapes.Attachment]:
    names = shapes.Attachment.model_fields
    found = parsed.attachments if parsed else ()
    return [shapes.Attachment(**{name: getattr(each, name) for name in names}) for each in found]
