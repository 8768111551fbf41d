"""Tells a reaction, an emoji on a mail of ours, from an answer. Pure, bounded.

Gmail adds a part of its own type (text/vnd.google.email-reaction+json, "Emoji reactions in Gmail", Google for
Developers). Outlook sends a mail of one sentence. Neither says anything that changes a ticket.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from mailhub.message import body
from mailhub.message.values import Automatic, Part

_PART = "email-reaction+json"
_PART_BYTES = 4_096
_TEXT_CHARACTERS = 2_000
_EMOJI_CHARACTERS = 32

# What Outlook writes between the name and the quoted mail, in the languages of its mailboxes.
_SENTENCES = (
    "reacted to your message:",
    "hat auf ihre nachricht reagiert:",
    "hat auf deine nachricht reagiert:",
    "a réagi à votre message",
    "ha reaccionado a tu mensaje:",
    "ha reaccionado a su mensaje:",
    "ha aggiunto una reazione al tuo messaggio:",
    "ha reagito al tuo messaggio:",
    "reagiu à sua mensagem:",
    "heeft gereageerd op uw bericht:",
    "reagerade på ditt meddelande:",
    "reagerede på din meddelelse:",
    "zareagował(a) na twoją wiadomość:",
    "さんがあなたのメッセージにリアクションしました",
)


def read(raw: bytes, parts: Sequence[Part], answers: Sequence[str], text: str) -> Automatic | None:
    """That a mail is a reaction, with its emoji where it is told; None for any other, and for what answers nothing."""
    if not answers:
        return None
    part = next((each for each in parts if each.content_type.endswith(_PART)), None)
    if part is not None:
        return Automatic("reaction", "email-reaction", _emoji(body.decode_part(raw, part, _PART_BYTES)))

    first = next((line.strip() for line in text[:_TEXT_CHARACTERS].split("\n") if line.strip()), "")
    if len(first) < 200 and any(sentence in first.lower() for sentence in _SENTENCES):
        return Automatic("reaction", "reaction-sentence", "")
    return None


def _emoji(data: bytes) -> str:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    emoji = found.get("emoji") if isinstance(found, dict) else ""
    clean = emoji.encode("utf-8", "replace").decode() if isinstance(emoji, str) else ""
    return "".join(
        character
        for character in clean[:_EMOJI_CHARACTERS]
        if character.isprintable() or character == "\u200d"
    )
