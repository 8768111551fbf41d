"""By whom a mail was sent, where nobody hands its envelope over: at a provider, in a pipe, in an archive.

RFC 5321 4.4: who delivers finally puts the reverse path on top, as Return-Path. Pure, bounded by the header block.
"""

from __future__ import annotations

import re

from mailhub.message import author

_PATH = re.compile(rb"\s*<([^<>\s]{0,320})>\s*")


def return_path(raw: bytes) -> str | None:
    """The reverse path that a delivering server noted; "" is not known, None the null sender."""
    fields, _ = author.fields_of(raw)
    noted = next((value for name, value in fields if name == b"return-path"), b"")
    path = _PATH.fullmatch(noted)
    return "" if path is None else path[1].decode("ascii", "replace") or None
