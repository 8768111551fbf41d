"""From rows to the API's shapes. Pure: what is shown was read before."""

from __future__ import annotations

from mailhub.access.holds import concealed
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import instant, made
from mailhub.reading.shown import ShownContent
from storage.filter import ledger
from storage.filter.ledger import Mark
from storage.mail import intake_lists, message_lists
from storage.mail.outbox import OutboxRow
from storage.tickets import ticket_lists
from storage.tickets.ticket_views import ToldOfMessages
from storage.words import Priority


def ticket(row: ticket_lists.TicketRow, *, restricted: bool = False) -> shapes.Ticket:
    """A ticket of a list; a restricted one without what its requester is called and wrote."""
    shown = concealed(row) if restricted else row
    return made(shapes.Ticket, shown, priority=Priority(shown.priority).word, tags=list(shown.tags))


def delivery(row: intake_lists.IntakeRow) -> shapes.Delivery:
    """A delivery of a list."""
    return made(shapes.Delivery, row, tls=bool(row.tls))


def note(row: message_lists.NoteRow) -> shapes.Note:
    """A note of a ticket."""
    return made(shapes.Note, row)


def message(row: message_lists.MessageRow, content: ShownContent, told: ToldOfMessages) -> shapes.Message:
    """A message with its text; what cannot be read has none and is flagged."""
    reason, evidence = verdict_reason(row, told.marks.get(row.id))

    return made(
        shapes.Message,
        row,
        ticket=row.ticket_id,
        verdict_reason=reason,
        verdict_evidence=evidence,
        from_=row.from_address,
        to=list(content.to),
        cc=list(content.cc),
        reply_to=list(content.reply_to),
        reply_to_elsewhere=content.reply_to_elsewhere,
        date=instant(row.sent_at),
        text=content.text,
        reply_text=content.reply_text,
        folded_lines=content.folded_lines,
        verified=row.direction == "out" or "dmarc=pass" in row.authentication.split(),
        flags=row.flags.split(),
        unreadable=bool(row.unreadable),
        attachments=[made(shapes.Attachment, file) for file in content.attachments],
        sending=[_sending(sending) for sending in told.sendings.get(row.id, ())],
    )


def verdict_reason(row: message_lists.MessageRow, mark: Mark | None) -> tuple[str, str]:
    """Why a message has its verdict, and on what: the label in force, a rule for its sender, or its score."""
    if mark is not None and mark.label != "none":
        return ("answer" if mark.source == ledger.ANSWER else "label"), f"user:{mark.user_id}"
    return row.verdict_reason or "score", row.verdict_evidence or ""


def _sending(row: OutboxRow) -> shapes.Sending:
    next_attempt_at = instant(row.next_attempt_at) if row.state == "queued" else None
    return made(shapes.Sending, row, next_attempt_at=next_attempt_at)
