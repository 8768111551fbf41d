"""Which parts are the text of a message and which are files. Job: choose as a mail client would, over the flat list.

Rules: in multipart/alternative the plain text is the text and the HTML the HTML; everywhere else inline text
parts follow one another; text of a kind nobody knows is text; a text part with a file name or
Content-Disposition: attachment is a file, and is read too where the message has no other text; an invite is
both. Must not: decode (body.py), recurse. Sources: RFC 2046 4.1.4 and 5.1.3-5.1.4, RFC 2183, RFC 2387
(related), RFC 1847 (signed).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mailhub.message.values import Part

# Text that is data for a program, or part of a report (RFC 6522 3): files, whoever else writes text/* is
# read.
_DATA = frozenset(
    (
        "text/calendar",
        "text/rfc822-headers",
        "text/vcard",
        "text/x-vcard",
        "text/directory",
        "text/x-vcalendar",
    )
)
_NAMED = frozenset(("text/plain", "text/html", "text/enriched", "text/richtext"))  # text in spite of a name
_NONE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Content:
    """Indices into the parts."""

    text: tuple[int, ...]  # what is read, in order: plain parts, and HTML parts that have no plain twin
    html: tuple[int, ...]  # HTML parts to display
    texts: tuple[int, ...]  # every inline text part: what the identity of the message is told by
    files: tuple[int, ...]
    invites: tuple[int, ...]  # text/calendar parts


def choose(parts: Sequence[Part], blank: Collection[int] = _NONE) -> Content:
    """Sort the parts of a message by what a reader makes of them. Linear in the number of parts and their depth.

    ``blank``: plain parts that turned out to say nothing when they were decoded: the HTML beside them is text too.
    """
    if len(parts) == 1:
        return _single(parts[0])

    containers = {part.parent for part in parts}
    leaves = [index for index in range(len(parts)) if index not in containers or _is_leaf(parts[index])]
    plain = [index for index in leaves if _is_text(parts, index, "text/plain")]
    marked = [index for index in leaves if _is_text(parts, index, "text/html")]
    others = [
        index
        for index in leaves
        if _is_text(parts, index, "") and parts[index].content_type not in ("text/plain", "text/html")
    ]
    saying = [
        index for index in plain if index not in blank and parts[index].end - parts[index].body_start > 2
    ]
    twins = _alternatives(parts, saying)
    twins_html = _alternatives(parts, marked)
    chosen = [index for index in marked if not _has_twin(parts, index, twins)]
    rich = [
        index
        for index in others
        if not _has_twin(parts, index, twins) and not _has_twin(parts, index, twins_html)
    ]
    texts = set(plain) | set(marked) | set(others)
    invites = tuple(index for index in leaves if parts[index].content_type == "text/calendar")
    files = tuple(index for index in leaves if index not in texts and not _is_empty_container(parts[index]))
    html = tuple(index for index in marked)

    text = tuple(sorted(plain + chosen + rich))
    attached = [index for index in files if parts[index].content_type in ("text/plain", "text/html")]
    if not texts and not invites and len(attached) == 1:
        return Content(tuple(attached), (), tuple(attached), files, invites)

    return Content(text, html, tuple(sorted(texts)), files, invites)


def _single(part: Part) -> Content:
    html = (0,) if part.content_type == "text/html" else ()
    if _is_readable(part) or _is_empty_container(part):
        named = bool(part.filename) and part.content_type not in _NAMED
        files = (0,) if part.disposition == "attachment" or named else ()
        return Content((0,), html, (0,), files, ())
    return Content((), (), (), (0,), (0,) if part.content_type == "text/calendar" else ())


def _is_readable(part: Part) -> bool:
    """Whether a part is text for people; a kind nobody knows is plain text (RFC 2046 4.1.4)."""
    return part.content_type.startswith("text/") and part.content_type not in _DATA


def _is_leaf(part: Part) -> bool:
    return not part.content_type.startswith("multipart/")


def _is_empty_container(part: Part) -> bool:
    return part.content_type.startswith("multipart/")


def _shows(part: Part) -> bool:
    return part.disposition != "attachment" and not part.filename


def _is_text(parts: Sequence[Part], index: int, kind: str) -> bool:
    """Whether a leaf is inline text of this type ("": any that is shown as text)."""
    part = parts[index]
    if kind and part.content_type != kind:
        return False
    if not kind and not _is_readable(part) and not _is_empty_container(part):
        return False
    if _shows(part):
        return True
    # the first text of a message is its text even when a client gave it a name (Exchange, Lotus)
    return part.disposition != "attachment" and part.content_type in _NAMED and _is_first(parts, index)


def _is_first(parts: Sequence[Part], index: int) -> bool:
    """Whether only multiparts come before this leaf."""
    return all(part.content_type.startswith("multipart/") for part in parts[:index])


def _alternatives(parts: Sequence[Part], leaves: Sequence[int]) -> dict[int, set[int]]:
    """For every multipart/alternative above these leaves: the branches (child indices) they stand in."""
    found: dict[int, set[int]] = {}
    for leaf in leaves:
        child = leaf
        index = parts[leaf].parent
        while index >= 0:
            if parts[index].content_type == "multipart/alternative":
                found.setdefault(index, set()).add(child)
            child = index
            index = parts[index].parent

    return found


def _has_twin(parts: Sequence[Part], leaf: int, twins: dict[int, set[int]]) -> bool:
    """Whether another branch of a multipart/alternative above this leaf says the same in a form in ``twins``."""
    child = leaf
    index = parts[leaf].parent
    while index >= 0:
        branches = twins.get(index)
        if branches is not None and branches - {child}:
            return True
        child = index
        index = parts[index].parent
    return False
