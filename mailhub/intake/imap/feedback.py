"""What moves and keywords in a mailbox at a provider say about spam. Pure: values in, values out.

A mail that a person had read in a folder of mail and that turns up in Junk is spam; one that a person had read in Junk
and that turns up in a folder of mail is ham; and so is what gets the keyword $Junk or $NotJunk after it was read.

Read means: seen there with \\Seen, \\Answered or \\Flagged in a look before the move. Providers move unread mail by
themselves, even two days after it came (Microsoft's zero-hour auto purge), and clients have filters that run when they
are started: what nobody had read is a suggestion, however long it lay there. In Junk what was \\Seen when it came does
not count: filters set that too. \\Seen does not count either where we set it ourselves.
Sources: RFC 6154 (\\Junk), the IANA registry of IMAP keywords ($Junk, $NotJunk), what Thunderbird and Dovecot write.
"""

from __future__ import annotations

from dataclasses import replace

from classifier.model import HAM, SPAM
from storage.sources.imap_copies import ALIKE, DOUBLED, Copy
from storage.sources.imap_moves import Move

# reasons of a suggestion
UNREAD = "unread"
ONLY_ALIKE = "alike"
NONE = "none"
_JUNK = frozenset({"$junk", "junk"})
_NOT_JUNK = frozenset({"$notjunk", "notjunk", "nonjunk"})
_OPENED = frozenset({"\\seen", "\\answered", "\\flagged"})


def keyword_of(flags: frozenset[str]) -> str:
    """What the keywords of a mail say: junk, notjunk or none; both are nothing."""
    lower = {flag.lower() for flag in flags}
    said = [word for word, spellings in (("junk", _JUNK), ("notjunk", _NOT_JUNK)) if lower & spellings]
    return said[0] if len(said) == 1 else NONE


def is_opened(flags: frozenset[str], *, after_filing: str) -> bool:
    """Whether somebody else has dealt with a mail."""
    ours = {"\\seen"} if after_filing == "seen" else set()
    return bool({flag.lower() for flag in flags} & (_OPENED - ours))


def looked_at(copy: Copy, flags: frozenset[str], *, in_junk: bool, after_filing: str, now: int) -> Copy:
    """A copy with what its flags say now."""
    opened_at = copy.opened_at
    if opened_at is None and is_opened(flags, after_filing=after_filing):
        opened_at = copy.first_seen_at if in_junk and not copy.keyword else now
    return replace(copy, opened_at=opened_at, keyword=keyword_of(flags))


def label_by_keyword(before: Copy, after: Copy) -> str | None:
    """What a keyword says that was set since the last look; None when none was. At the first look none was set."""
    if after.keyword in (NONE, before.keyword) or not before.keyword or after.message_id is None:
        return None
    return SPAM if after.keyword == "junk" else HAM


def label_of(move: Move) -> str:
    """What a move says."""
    return SPAM if move.to_junk else HAM


def doubt_of_move(move: Move) -> str:
    """Why a move is no mark but a suggestion; "" when it is one."""
    if move.origin.known_by == DOUBLED:
        return DOUBLED
    if ALIKE in (move.origin.known_by, move.target.known_by):
        return ONLY_ALIKE
    return "" if was_read(move.origin, in_junk=not move.to_junk) else UNREAD


def doubt_of_keyword(copy: Copy, *, in_junk: bool) -> str:
    """The same of a keyword."""
    if copy.known_by == ALIKE:
        return ONLY_ALIKE
    return "" if was_read(copy, in_junk=in_junk) else UNREAD


def was_read(copy: Copy, *, in_junk: bool) -> bool:
    """Whether a person had read a mail where it lay."""
    return copy.opened_at is not None and (not in_junk or copy.opened_at > copy.first_seen_at)
