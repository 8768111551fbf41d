"""From rows to the API's shapes. Job: join a stored message with what is read out of its raw bytes. Reads only."""

from __future__ import annotations

from dataclasses import replace

from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import instant, made
from mailhub.message import parse
from mailhub.message.values import Parsed, Reply
from mailhub.system.budget import Charges
from storage.database import Connection
from storage.filter import ledger
from storage.mail import intake_lists, message_lists, outbox, raws
from storage.tickets import ticket_lists

# Why a message joined the ticket it answers, as filing/thread.py says it.
_ANSWERS = frozenset(
    ("reply-address", "reply-message-id", "in-reply-to", "references", "subject-tag", "bounce")
)


def ticket(row: ticket_lists.TicketRow, *, restricted: bool = False) -> shapes.Ticket:
    """A ticket of a list; a restricted one without what its requester is called and wrote."""
    if restricted:
        row = replace(row, subject="(restricted by a hold)", contact=None, contact_name=None)
    return made(shapes.Ticket, row)


def delivery(row: intake_lists.IntakeRow) -> shapes.Delivery:
    """A delivery of a list."""
    return made(shapes.Delivery, row, tls=bool(row.tls))


def note(row: message_lists.NoteRow) -> shapes.Note:
    """A note of a ticket."""
    return made(shapes.Note, row)


def message(
    connection: Connection, account: int, row: message_lists.MessageRow, charges: Charges
) -> shapes.Message:
    """A message with its text; what cannot be read has none and is flagged. Its bytes are held while it is read."""
    with charges.holding(row.size_bytes):
        parsed = _parsed(connection, account, row)
    shown = _reply(row, parsed)
    reason, evidence = verdict_reason(connection, account, row)

    return made(
        shapes.Message,
        row,
        ticket=row.ticket_id,
        verdict_reason=reason,
        verdict_evidence=evidence,
        from_=row.from_address,
        to=[each.address for each in parsed.to if each.address] if parsed else [],
        cc=[each.address for each in parsed.cc if each.address] if parsed else [],
        date=instant(row.sent_at),
        text=parsed.text if parsed else "",
        reply_text=shown.new,
        folded_lines=sum(bool(line.strip()) for line in shown.folded.split("\n")),
        verified=row.direction == "out" or "dmarc=pass" in row.authentication.split(),
        flags=row.flags.split(),
        unreadable=bool(row.unreadable),
        attachments=_attachments(parsed),
        sending=_sending(connection, account, row) if row.direction == "out" else [],
    )


def _reply(row: message_lists.MessageRow, parsed: Parsed | None) -> Reply:
    """What is new in a message. Only answers are folded: what opened a ticket, or is nothing else, stays whole."""
    if parsed is None:
        return Reply("", "", "")
    if row.direction == "in" and row.thread_reason not in _ANSWERS:
        return Reply(parsed.text, "", "")
    reply = parse.split_reply(parsed)
    return reply if reply.new else Reply(parsed.text, "", "")


def verdict_reason(connection: Connection, account: int, row: message_lists.MessageRow) -> tuple[str, str]:
    """Why a message has its verdict, and on what: the label in force, a rule for its sender, or its score."""
    said = ledger.latest_marks(connection, account, [row.id]).get(row.id)
    if said is not None and said.label != "none":
        return ("answer" if said.source == ledger.ANSWER else "label"), f"user:{said.user_id}"
    return row.verdict_reason or "score", row.verdict_evidence or ""


def _sending(connection: Connection, account: int, row: message_lists.MessageRow) -> list[shapes.Sending]:
    return [
        made(
            shapes.Sending,
            each,
            next_attempt_at=instant(each.next_attempt_at) if each.state == "queued" else None,
        )
        for each in outbox.rows_of_messages(connection, account, [row.id])
    ]


def _parsed(connection: Connection, account: int, row: message_lists.MessageRow) -> Parsed | None:
    raw = None if row.unreadable else raws.read(connection, account, row.id)
    return None if raw is None else parse.parse(raw)


def _attachments(parsed: Parsed | None) -> list[shapes.Attachment]:
    return [made(shapes.Attachment, each) for each in (parsed.attachments if parsed else ())]
