"""Whether two messages are the same. Job: a digest that survives transport and changes with the content.

Two halves: the *name* of a message (Message-ID and sender; without an id sender, Reply-To, Date and Subject) and
the *content*: its inline text parts decoded, as far as they are looked at, and every other part's bytes as
transferred. White space, line ends, trace headers and the encoding of text do not count: relays change them
(RFC 5321, RFC 6152). Must not: take more text than it is given, or depend on anything the recipient's side
adds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from mailhub.message.values import Parsed, Part

DIGEST_BYTES = 16
_SLICE_BYTES = 1024 * 1024
_WHITE = b" \t\r\n\x0b\x0c\0"
_ORIGIN_CHARACTERS = 1_000
_ADDED = re.compile(r"(?:\[[^\]]*+\]|\([^)]*+\)|\{[^}]*+\}|<[^>]*+>|\*++[^*]*+\*++|[\w-]{1,20}+:)++")


def content(raw: bytes, parts: Sequence[Part], texts: Iterable[str], files: Iterable[int]) -> bytes:
    """16 bytes: what the message says. ``texts`` decoded and in order, ``files`` indices into ``parts``."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    for text in texts:
        digest.update(text.encode("utf-8", "replace").translate(None, _WHITE))
        digest.update(b"\0t")
    for index in files:
        for at in range(
            parts[index].body_start, parts[index].end, _SLICE_BYTES
        ):  # never a second copy of a large file
            digest.update(raw[at : min(at + _SLICE_BYTES, parts[index].end)].translate(None, _WHITE))
        digest.update(b"\0f")
    return digest.digest()


def name(parsed: Parsed, sender: str, day: str = "") -> bytes:
    """16 bytes of what the message is called: its Message-ID, or Reply-To, Date and Subject as read, of this sender.

    Without an id Reply-To tells apart who wrote by a form, which sends everybody's mail from one address. Without a Date
    too, the hop that had it first tells apart what a device says again in the same words; where nothing says when it was
    sent, ``day`` does, on which it came.

    ``sender`` is whose mail it becomes, lower case: else whoever sent somebody's id and text first, under a name of their
    own, would have the genuine mail taken for a copy and shown to nobody.
    """
    if parsed.message_id:
        what = f"i\0{parsed.message_id}"
    else:
        answered = "\0".join(each.address.lower() for each in parsed.reply_to)
        when = parsed.date if parsed.date is not None else _origin(parsed) or day or None
        what = f"h\0{when}\0{''.join(parsed.subject.split())}\0{answered}"

    return blake2b(f"{sender}\0{what}".encode("utf-8", "replace"), digest_size=DIGEST_BYTES).digest()


def is_another_subject(one: str, other: str) -> bool:
    """Whether two mails of one id and content are two by what they are called ("host A is down", "host B is down").

    What relays and lists put before or behind a subject ("[list]", "***SPAM***", "EXTERNAL:") makes no other mail.
    """
    short, long = sorted(("".join(each.split()).casefold() for each in (one, other)), key=len)
    if short == long or not short:
        return False
    added = [long.removesuffix(short)] if long.endswith(short) else []
    added += [long.removeprefix(short)] if long.startswith(short) else []
    return not any(_ADDED.fullmatch(each) for each in added)


def _origin(parsed: Parsed) -> str:
    """The lowest Received, which every copy of a mail has from the host that took it in first; "" without one."""
    hops = [value for name, value in parsed.headers if name.lower() == "received"]
    return "".join(hops[-1].split())[:_ORIGIN_CHARACTERS] if hops else ""


def key(parsed: Parsed, sender: str, day: str = "") -> bytes:
    """16 bytes that are equal when two messages are the same: name and content together.

    Same ``name`` and another ``key`` means the same id with another body: two messages, to be flagged.
    """
    return blake2b(name(parsed, sender, day) + parsed.identity, digest_size=DIGEST_BYTES).digest()
