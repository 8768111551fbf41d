"""Recognises bounces and complaints (RFC 3464, RFC 5965). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.message.values import Bounce, Part


def recognise(
    raw: bytes, parts: Sequence[Part], headers: Sequence[tuple[str, str]], subject: str, text: str
) -> Bounce | None:
    """What a bounce reports, None for any other mail."""
    for part in parts:
        if part.content_type in ("message/delivery-status", "message/feedback-report"):
            return Bounce("multipart-report", (), "", part.content_type == "message/feedback-report")
    return None
