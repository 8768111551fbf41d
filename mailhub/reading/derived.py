"""What a message's row holds that can be read out of its raw bytes again. Values in, plain columns out."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.message.values import Parsed
from storage.engine.bulk import Row

# Flags that filing adds, which do not come from the raw bytes: a second reading keeps them.
FLAGS_OF_FILING = frozenset({"same-id-other-body", "claimed-author", "not-sent-on"})


SNIPPET_CHARACTERS = 140
_SNIPPET_READ = 4096  # characters of the text that are looked at


def short(value: str, characters: int = 998) -> str:
    """A header value fit for a column: one line, bounded (998: RFC 5322 2.1.1)."""
    return " ".join(value[: 2 * characters].split())[:characters].rstrip()


def derived_columns(parsed: Parsed, *, flags: Sequence[str]) -> Row:
    """What a message row holds that can be read out of its raw bytes again (``reparse``)."""
    sender = parsed.from_[0] if parsed.from_ else None
    return {
        "message_id": short(parsed.message_id),
        "from_address": short(sender.address) if sender else "",
        "from_name": short(sender.name, 200) if sender else "",
        "subject": short(parsed.subject),
        "sent_at": parsed.date,
        "automatic": parsed.automatic.kind,
        "flags": " ".join(flags),
        "snippet": snippet(parsed.text),
        "attachments": len(parsed.attachments),
    }


def snippet(text: str) -> str:
    """How a message begins, on one line: without what it quotes and the line that introduces a quote.

    Cheap on purpose (a beginning is looked at, line by line): the exact split of a reply costs a quarter of
    reading a mail, and is made when a message is shown.
    """
    lines = [line.strip() for line in text[:_SNIPPET_READ].splitlines()]
    quoted = [line.startswith((">", "|")) for line in lines]
    introduces = [
        line.endswith(":") and any(quoted[place + 1 : place + 3]) for place, line in enumerate(lines)
    ]
    told = [
        line for line, quotes, opens in zip(lines, quoted, introduces, strict=True) if not (quotes or opens)
    ]
    return short(" ".join(told), SNIPPET_CHARACTERS)
