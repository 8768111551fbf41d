"""A composition -> the bytes of a mail. Pure: ids and the date are passed in, the same one gives the same bytes.

The body is the standard library's ``EmailMessage``. The header block is written here, since ``email`` folds
long ids by turning them into encoded words (RFC 2047 5 forbids it, and it breaks the thread) and lets encoded
words grow past 75 characters. ``_line`` is the one place that emits a header: what would be a line end in a
value never gets past it. Sources: RFC 5322 2.1.1, 2.2.3, 3.6; RFC 2047 5; RFC 6532 (UTF-8 in headers only
where a local part needs it). Must not: decide whether to send or what to say (``writing``), or mark a
person's answer Auto-Submitted (RFC 3834).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import blake2b
from urllib.parse import quote

REFERENCES = 20  # ids in a chain: the first, which names the thread, and the latest
ID_CHARACTERS = 500
SUBJECT_CHARACTERS = 300
NAME_CHARACTERS = 100
FILENAME_CHARACTERS = 150
THREAD_INDEX_BYTES = 22 + 5 * 60  # one line of a header holds no more
THREAD_INDEX_CHARACTERS = 600
BY_MACHINE = (  # RFC 3834 5; the second is what Exchange looks at (MS-OXCMAIL 2.2.3.2.14)
    ("Auto-Submitted", "auto-generated"),
    ("X-Auto-Response-Suppress", "All"),
)

_FILETIME_EPOCH_MICROS = 11_644_473_600 * 1_000_000  # from 1601 to 1970
_CONTROLS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"
)
_MESSAGE_ID = re.compile(r"[!-;=?-~]+")  # printable ASCII without < and >, so without any white space
_PREFIX = re.compile(r"(?:(?:re|aw|sv|vs|antw|odp|res|r)(?:\[\d{1,3}\])?\s*+:\s*+)++", re.IGNORECASE)
_FILE_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,80}/[a-z0-9][a-z0-9.+-]{0,80}")
_NO_NAME = re.compile(r'[/\\"<>:|?*]')  # what would name a folder, or what some system takes in no file name
_QUOTED_LOCAL = re.compile(r'^"[ !#-\[\]-~]{1,62}"(?=@)')
_SPECIAL = re.compile(r"[()\[\]:;,]")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++)*+")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingFile:
    """A file that goes with a mail. Name and type may be any text."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """A mail to be. Addresses must have passed ``gate.valid_address``; everything else may be any text."""

    message_id: str  # ids without < >
    from_name: str
    from_address: str
    reply_to: str = ""  # "" leaves it out
    to: tuple[tuple[str, str], ...]  # name, address
    cc: tuple[tuple[str, str], ...] = ()
    subject: str
    in_reply_to: str = ""
    references: tuple[str, ...] = field(default=())
    thread: tuple[str, str] = (
        "",
        "",
    )  # Thread-Topic and Thread-Index of Outlook's conversation; "" leaves them out
    date: int  # microseconds since the epoch, UTC
    text: str
    html: str = ""  # the same words for those who show HTML; "" leaves it out
    files: tuple[OutgoingFile, ...] = ()
    by_machine: bool = False  # nobody wrote it: it says so, and asks to be answered by no machine


def compose(mail: Composition) -> bytes:
    """The mail, with CRLF line ends. ValueError when an address or our own Message-ID could not stand in a header."""
    header = [
        _line("From", _mailbox("From", mail.from_name, mail.from_address)),
        *_optional("Reply-To", mail.reply_to and _mailbox("Reply-To", mail.from_name, mail.reply_to)),
        _line("To", ",\r\n ".join(_mailbox("To", *person) for person in mail.to)),
        *_optional("Cc", ",\r\n ".join(_mailbox("Cc", *person) for person in mail.cc)),
        _line("Subject", _text("Subject", clean(mail.subject, 2 * SUBJECT_CHARACTERS))),
        _line("Date", format_datetime(datetime.fromtimestamp(mail.date // 1_000_000, UTC))),
        _line("Message-ID", f"<{mail.message_id}>"),
    ]
    header += _optional("In-Reply-To", mail.in_reply_to and f"<{mail.in_reply_to}>")
    header += _optional(
        "Thread-Topic", mail.thread[0] and _text("Thread-Topic", clean(mail.thread[0], SUBJECT_CHARACTERS))
    )
    header += _optional("Thread-Index", mail.thread[1])
    header += _optional("References", "\r\n ".join(f"<{name}>" for name in mail.references))
    if mail.by_machine:
        header += [_line(name, value) for name, value in BY_MACHINE]

    return "".join(header).encode("utf-8") + _body(mail)


def _body(mail: Composition) -> bytes:
    """MIME header fields, the empty line and the content: text alone, or beside it HTML and files (RFC 2046 5.1)."""
    body = _text_part(mail.text, "plain")
    if mail.html:
        body = _joined("alternative", [body, _text_part(mail.html, "html")])
    if mail.files:
        body = _joined("mixed", [body, *(_file_part(file) for file in mail.files)])
    return b"MIME-Version: 1.0\r\n" + body


def _text_part(text: str, subtype: str) -> bytes:
    """In 7 bits: no relay needs to change it (RFC 6152)."""
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    message.set_content(
        text.rstrip("\n") + "\n", subtype=subtype, charset="us-ascii" if text.isascii() else "utf-8"
    )
    del message["MIME-Version"]
    return message.as_bytes()


def _joined(subtype: str, parts: Sequence[bytes]) -> bytes:
    """The parts as one. Its boundary is a digest of what it separates, which nobody who writes can write into it."""
    digest = blake2b(digest_size=18)
    for part in parts:
        digest.update(part)
    boundary = b"=_" + digest.hexdigest().encode()  # RFC 2045 6.7: "=_" stands in no encoded text
    head = b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (subtype.encode(), boundary)
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary, part.removesuffix(b"\r\n")) for part in parts)
    return head + body + b"--%s--\r\n" % boundary


def _file_part(file: OutgoingFile) -> bytes:
    kind = file.content_type.lower()
    if not _FILE_TYPE.fullmatch(kind) or kind.startswith(("multipart/", "message/")):
        kind = "application/octet-stream"  # RFC 2045 6.4: those may not be sent in base64
    head = _line("Content-Type", kind)
    head += _line("Content-Transfer-Encoding", "base64")
    head += _line("Content-Disposition", "attachment;\r\n " + _filename(file.name))
    return head.encode("ascii") + b"\r\n" + base64.encodebytes(file.content).replace(b"\n", b"\r\n")


def _filename(name: str) -> str:
    """The parameter of a file's name: quoted where ASCII says it, else in pieces (RFC 2231 3, 4)."""
    name = clean(_NO_NAME.sub("_", name), FILENAME_CHARACTERS) or "file"
    if name.isascii() and len(name) <= 60 and "=?" not in name:
        return f'filename="{name}"'
    coded = quote(name, safe="")
    pieces = re.findall(r"(?:%[0-9A-F]{2}|[^%]){1,20}", coded)
    if len(pieces) == 1:
        return f"filename*=utf-8''{coded}"
    named = [f"filename*{number}*={piece}" for number, piece in enumerate(pieces)]
    named[0] = f"filename*0*=utf-8''{pieces[0]}"
    return ";\r\n ".join(named)


def _optional(name: str, value: str) -> list[str]:
    return [_line(name, value)] if value else []


def _line(name: str, value: str) -> str:
    """One header field. A line end that is no fold is a ValueError: nobody writes a header of ours but we."""
    if re.search(r"\r\n(?! )|(?<!\r)\n|\r(?!\n)|\0", value):
        raise ValueError(f"a line end in {name}")
    return f"{name}: {value}\r\n"


def clean(value: str, characters: int) -> str:
    """One line of text fit for a header: controls, line ends and direction overrides are spaces."""
    return " ".join(_CONTROLS.sub(" ", value[: 4 * characters]).split())[:characters].rstrip()


def _text(name: str, value: str) -> str:
    """Unstructured text folded at 76, encoded when it must be (RFC 2047 2); '=?' would be read as an encoded word."""
    plain = value.isascii() and "=?" not in value
    return Header(value, "us-ascii" if plain else "utf-8", header_name=name).encode(linesep="\r\n")


def _mailbox(header: str, name: str, address: str) -> str:
    name = clean(name, NAME_CHARACTERS)
    address = wire_address(address)
    if re.search(r"[\s<>\0]", _QUOTED_LOCAL.sub("", address)):
        raise ValueError("an address that cannot stand in a header")

    if not name or name == address:
        return address
    if not name.isascii() or "=?" in name:
        return f"{_text(header, name)} <{address}>"
    if _PLAIN_NAME.fullmatch(name):
        return f"{name} <{address}>"

    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'


def wire_address(address: str) -> str:
    """The address as it goes out: a host name in another script as A-labels (RFC 5890), unless the local part
    needs SMTPUTF8 anyway; a local part that is no dot-atom in quotes (RFC 5321 4.1.2).
    """
    local, _, domain = address.rpartition("@")
    if (
        local.isascii()
        and local[:1] != '"'
        and (local[:1] == "." or local[-1:] == "." or ".." in local or _SPECIAL.search(local))
    ):
        local = f'"{local}"'
        address = f"{local}@{domain}"
    if address.isascii() or not local.isascii():
        return address
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return address


def usable_id(message_id: str) -> bool:
    """Whether somebody's Message-ID, without < >, can be repeated in a header of ours as it is."""
    return len(message_id) <= ID_CHARACTERS and _MESSAGE_ID.fullmatch(message_id) is not None


def reference_chain(
    parent: str, parent_references: Sequence[str], parent_in_reply_to: Sequence[str]
) -> tuple[str, ...]:
    """References of an answer (RFC 5322 3.6.4): the parent's, else its only In-Reply-To, then the parent's own id.

    Bounded to ``REFERENCES``: the first stays, for it names the thread, and the latest. Unusable ids are left out.
    """
    before = list(parent_references) or (list(parent_in_reply_to) if len(parent_in_reply_to) == 1 else [])
    distinct = list(dict.fromkeys(name for name in [*before, parent] if usable_id(name)))
    return tuple(distinct if len(distinct) <= REFERENCES else [distinct[0], *distinct[1 - REFERENCES :]])


def answer_index(index: str, now: int) -> str:
    """Thread-Index of an answer to a mail that has ``index`` (MS-OXOMSG 2.2.1.3): five bytes more; "" where
    it has none.

    They hold how long after the conversation began it was written, in units of 2^18 of 100 ns, and no chance.
    """
    try:
        data = binascii.a2b_base64(
            index[:THREAD_INDEX_CHARACTERS].encode("ascii", "ignore"), strict_mode=True
        )
    except binascii.Error:
        return ""
    if not 22 <= len(data) <= THREAD_INDEX_BYTES or (len(data) - 22) % 5:
        return ""
    began = int.from_bytes(data[:6]) << 16
    since = max((now + _FILETIME_EPOCH_MICROS) * 10 - began, 0)
    return binascii.b2a_base64(data + (since >> 18 & 0x7FFFFFFF).to_bytes(4) + b"\0", newline=False).decode()


def opening_subject(subject: str, number: int) -> str:
    """``subject [#123]`` of the first mail of a ticket that we write."""
    return f"{clean(subject, SUBJECT_CHARACTERS)} [#{number}]".strip()


def forward_subject(subject: str, number: int) -> str:
    """``Fwd: subject [#123]``, however often the subject had a prefix or the tag."""
    return "Fwd: " + reply_subject(subject, number).removeprefix("Re: ")


def reply_subject(subject: str, number: int) -> str:
    """``Re: subject [#123]`` with one prefix and one tag, however often the subject had them."""
    tag = f"[#{number}]"
    bare = _PREFIX.sub("", clean(subject, SUBJECT_CHARACTERS).replace(tag, ""), count=1) if subject else ""
    return " ".join(f"Re: {bare} {tag}".split())
