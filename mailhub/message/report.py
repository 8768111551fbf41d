"""A message as ``mailhub parse --json`` prints it. Job: the keys that parsers are compared by, from ``Parsed``.

The one place of this room that decodes every attachment, because it states sizes and digests. Must not: print.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from mailhub.message import attachments, parse, tnef
from mailhub.message.values import Address, Attachment, Part


def report(raw: bytes) -> dict[str, object]:
    """Everything read from one message, JSON-ready. Raises nothing on strange bytes."""
    read = parse.parse(raw)
    scanned = parse.opened(raw)
    by_number = {part.number: part for part in scanned.parts}
    files = [_file(scanned.raw, by_number[each.part], each) for each in read.attachments]
    bounced = read.bounce.recipients if read.bounce else ()
    sender = parse.correspondent(read)
    reply = parse.split_reply(read)

    return {
        "subject": read.subject,
        "from": sender.address,
        "from_name": sender.name,
        "to": _addresses(read.to),
        "cc": _addresses(read.cc),
        "date": read.date,
        "message_id": read.message_id,
        "in_reply_to": list(read.in_reply_to),
        "references": list(read.references),
        "text": read.text,
        "html": read.html,
        "hidden_text": read.hidden_text,
        "attachments": files,
        "reply_text": reply.new,
        "folded_text": reply.folded,
        "is_auto": bool(read.automatic),
        "auto_kind": read.automatic.kind,
        "auto_reason": read.automatic.reason,
        "is_bounce": read.bounce is not None and not read.bounce.complaint,
        "is_feedback": read.bounce is not None and read.bounce.complaint,
        "bounce_reason": read.bounce.reason if read.bounce else "",
        "bounce_recipient": [each.address for each in bounced if each.address],
        "bounce_status": [each.status for each in bounced if each.status],
        "bounce_hard": any(each.permanent for each in bounced),
        "tnef_attachments": _tnef_names(scanned.raw, by_number, read.attachments),
        "flags": list(read.flags),
    }


def _addresses(people: Iterable[Address]) -> list[str]:
    return [each.address for each in people if each.address]


def _file(raw: bytes, part: Part, file: Attachment) -> dict[str, object]:
    data = attachments.content(raw, part)
    return {
        "filename": file.filename,
        "content_type": file.content_type,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "content_id": file.content_id,
        "inline": file.inline,
    }


def _tnef_names(raw: bytes, by_number: dict[str, Part], files: Iterable[Attachment]) -> list[str]:
    names: list[str] = []
    for file in files:
        if tnef.is_tnef(file):
            names += [inner.filename for inner in tnef.read(attachments.content(raw, by_number[file.part]))]
    return names
