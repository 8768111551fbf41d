"""By whom a mail was sent, where nobody hands its envelope over: a pipe or an archive.

RFC 5321 4.4: who delivers finally puts the reverse path on top as Return-Path. Without one it is taken to be the
author, as sendmail does: a mail of which nothing is said is a person's, not a bounce. Pure, bounded by the header block.
"""

from __future__ import annotations

from mailhub.message import author

_LONGEST = 320  # RFC 5321 4.5.3.1: 64 + @ + 255


def reverse_path(raw: bytes) -> str | None:
    """The address in the topmost Return-Path, else the author's; None for the null sender, or when nobody can be told."""
    fields, _ = author.fields_of(raw)
    for name, value in fields:
        if name == b"return-path":
            inside = value.strip().removeprefix(b"<").removesuffix(b">").decode("ascii", "replace").strip()
            return inside if "@" in inside and len(inside) <= _LONGEST else None
    return author.read(raw).address or None
