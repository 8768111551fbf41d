"""Reads a server's answer: enhanced status, reply code, cause, and whether the address is dead. Pure, linear,
bounded.

Sources: RFC 3463 (enhanced codes), RFC 5248 (their registry), RFC 5321 4.2 (reply codes), RFC 7505 (null MX),
the texts in ``bounce_phrases``. *Permanent* says that writing again to this address is useless: nobody of
that name, no such host, moved. A full mailbox, a policy, a size limit or an expired queue says nothing of the
kind, whatever digit the server chose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailhub.message import bounce_phrases as phrases

ANSWER_CHARACTERS = 4_000  # of one recipient's diagnosis; servers wrap at a few lines of 512 octets

_ENHANCED = re.compile(r"(?<![\w.])([45])\.([0-7])\.(\d{1,3})(?![\w]|\.\d)")
_BEHIND_REPLY = re.compile(r"(?<!\d)[45]\d\d(?:[ -]|: |-')\W{0,2}$")
_REPLY = re.compile(r"(?<![\w.:/-])([45][0-5]\d)(?=[\s:\-])")
_DEAD_STATUS = frozenset(("1.1", "1.2", "1.6", "1.10", "1.351", "4.4", "7.27"))
_UNNAMED = re.compile(
    r"\b5\d\d:? +: +user unknown|\b5\d\d : user unknown", re.IGNORECASE
)  # KDDI: its subscriber's filter
_LINK = re.compile(r"https?://\S+")  # pages about errors have the names of errors in their addresses
_AFTER_DATA = re.compile(
    r"after end of data|end of data command|in reply to data|\[data\]|>>> ?data\s+(?:<<<|5)|smtp command\W{0,9}data\b",
    re.IGNORECASE,
)
_STATUS_OF = {
    "full": "5.2.2",
    "message": "5.6.0",
    "policy": "5.7.1",
    "unknown": "5.1.1",
    "no-host": "5.1.2",
    "expired": "4.4.7",
    "system": "5.3.0",
}


def best_status(answer: str, field: str = "") -> str:
    """The enhanced status that says most: of those in the server's answer and in the report's Status field.

    x.0.0 says nothing and x.4.7 only that time ran out, so any other is better; among equals the answer's own wins.
    """
    candidates = [*_codes(answer), *_codes(field)]
    return max(candidates, key=_weight, default="")


def says_little(code: str) -> bool:
    """Whether a status names no cause: none, x.0.0, or x.4.7 (time ran out)."""
    return not code or _weight(code) < 2


def _codes(text: str) -> list[str]:
    found: list[str] = []
    behind: list[str] = []
    for match in _ENHANCED.finditer(text[:ANSWER_CHARACTERS]):
        code = ".".join(match.groups())
        (behind if _BEHIND_REPLY.search(text, max(0, match.start() - 8), match.start()) else found).append(
            code
        )
    return [*behind, *found]


def _weight(code: str) -> int:
    subject, detail = code.split(".")[1:]
    if (subject, detail) == ("0", "0"):
        return 0
    if (subject, detail) == ("4", "7"):
        return 1
    return 2 if detail == "0" else 3


def reply_code(answer: str) -> str:
    """The first SMTP reply code of the 4xx and 5xx classes, "" without one."""
    match = _REPLY.search(answer[:ANSWER_CHARACTERS])
    return match[1] if match else ""


def cause(answer: str, found: str = "", context: str = "") -> str:
    """Why, by what the server says: "full", "message", "policy", "unknown", "no-host", "system", "expired", "".

    ``found``: the status so far; ``context``: the transcript around the answer. A missing user in reply to DATA,
    without a status that says so, is a filter's refusal: the recipient had been accepted before.
    """
    text = " ".join(_LINK.sub(" ", answer[:ANSWER_CHARACTERS]).lower().split())
    if _UNNAMED.search(text):
        return "policy"
    if (
        not found.endswith(".1.1")
        and _any(phrases.UNKNOWN, text)
        and _AFTER_DATA.search(f"{answer}\n{context}"[:ANSWER_CHARACTERS])
    ):
        return "policy"

    for name, table in (
        ("full", phrases.FULL),
        ("message", phrases.MESSAGE),
        (
            "unknown-first",
            ("recipient address rejected: access denied",),
        ),  # Microsoft 365: no such user in the directory
        ("policy", phrases.POLICY),
        ("no-host", phrases.NO_HOST),
        ("unknown", phrases.UNKNOWN),
        ("system", phrases.SYSTEM),
        ("expired", phrases.EXPIRED),
        ("unknown", phrases.REFUSED),
    ):
        if _any(table, text):
            return name.removesuffix("-first")

    return ""


def _any(table: Iterable[str], text: str) -> bool:
    return any(phrase in text for phrase in table)


def status(found: str, reason: str, code: str) -> str:
    """The status to report: the one found, else the one that fits cause and class of reply."""
    if found or not (reason or code):
        return found
    fitting = _STATUS_OF.get(reason, f"{code[:1]}.0.0")
    return f"4{fitting[1:]}" if code.startswith("4") else fitting


def permanent(found: str, reason: str, code: str) -> bool:
    """Whether the address is dead. The words outweigh the code: many servers answer 5.1.1 to whatever they refuse."""
    if reason == "unknown":
        return True
    temporary = (found or code).startswith("4")
    if reason == "no-host":
        return not temporary
    return not reason and not temporary and found.partition(".")[2] in _DEAD_STATUS
