"""Ticket numbers that a subject names. A number proves nothing: ``filing.thread`` decides who may join by it."""

from __future__ import annotations

import re

_TAG = re.compile(r"\[#(\d{1,15})\]")
_TAGS_LOOKED_AT = 10


def subject_tags(subject: str) -> list[int]:
    """Ticket numbers named in a subject as [#123], in order, at most ten."""
    return [
        int(match.group(1)) for match, _ in zip(_TAG.finditer(subject), range(_TAGS_LOOKED_AT), strict=False)
    ]
