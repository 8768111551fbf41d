"""A message read: bytes in, ``Parsed`` out. Job: run the stages in order and keep what each could read.

    scan -> headers -> body (text, html, identity) -> attachments -> automatic -> bounce

Never raises on any bytes: each stage runs inside ``_Stages.run``, the one boundary, which flags a fault
("fault-body") and goes on with that stage's empty value. Work is bounded by limits.py and values.TEXT_BYTES;
no attachment is decoded. Must not: know the network, the clock, or the database.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

from mailhub.message import (
    addresses,
    attachments,
    automatic,
    body,
    bounce,
    content,
    dates,
    headers,
    html,
    identity,
    invite,
    limits,
    opaque,
    placeholder,
    quoted,
    reaction,
    scan,
    tnef,
)
from mailhub.message.author import read as read_author
from mailhub.message.values import (
    NOBODY,
    NOTHING_EARLIER,
    TEXT_BYTES,
    Address,
    Attachment,
    Author,
    Automatic,
    Bounce,
    Earlier,
    Parsed,
    Part,
    Reply,
)

_RICH_BYTES = 1024 * 1024  # of a winmail.dat: its text stands before its files
_ID = re.compile(r"<([^<>]{1,998})>")
_BARE_ID = re.compile(r"[^\s<>,;\"()]{1,998}")
_log = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(slots=True)
class _Stages:
    """The boundary: what fails inside a stage is flagged and replaced by the stage's empty value."""

    flags: list[str] = field(default_factory=list)

    def run(self, stage: str, empty: _T, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the named boundary: no mail may stop the mails behind it
            self.flags.append(f"fault-{stage}")
            _log.warning(
                "message stage %s failed: %s", stage, type(error).__name__
            )  # no text of the mail in a log
            return empty


@dataclass(frozen=True, slots=True)
class _Fields:
    """What the headers of a message say."""

    all: tuple[tuple[str, str], ...] = ()
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    from_: tuple[Address, ...] = ()
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str = ""
    date: int | None = None
    hops: int = 0


@dataclass(frozen=True, slots=True)
class _Body:
    """What the body of a message says."""

    text: str = ""
    html: str = ""
    hidden_text: str = ""
    links: tuple[str, ...] = ()
    identity: bytes = b"\0" * identity.DIGEST_BYTES
    files: tuple[int, ...] = ()


def split_reply(read: Parsed, earlier: Earlier = NOTHING_EARLIER) -> Reply:
    """The text of a mail, what is new apart from what was folded away. Never raises: a fault leaves the text whole.

    ``earlier``: what stood in its ticket before it.

    Asked when a mail is shown, not when it arrives: it is a quarter of the time that reading takes.
    """
    whole = Reply(read.text, "", "")
    return _Stages().run("reply", whole, quoted.split_reply, read.text, read.html, read.subject, earlier)


def parse(raw: bytes, *, mail_from_null: bool = False) -> Parsed:
    """Read a message. ``mail_from_null``: the envelope sender was <>, which marks automatic mail (RFC 3834 2).

    Never raises, whatever the bytes; linear time; decodes at most ``TEXT_BYTES`` of text and no attachment.
    Bounds that were hit and faults that were repaired are in ``flags``, each once.
    """
    stages = _Stages()
    author = stages.run("author", NOBODY, read_author, raw)
    scanned = stages.run("scan", None, opened, raw) or _unscanned(raw)
    stages.flags += scanned.flags
    raw = scanned.raw
    parts = scanned.parts
    root = parts[0]
    fields = stages.run("headers", _Fields(), _read_fields, scanned.fields, root, stages.flags)
    found = stages.run("body", _Body(), _read_body, raw, parts, stages.flags)
    no_files: tuple[Attachment, ...] = ()
    files = stages.run("attachments", no_files, attachments.listed, raw, parts, found.files)
    robot = stages.run(
        "automatic",
        Automatic("", ""),
        automatic.classify,
        fields.all,
        fields.subject,
        root.content_type,
        root.parameters,
        mail_from_null,
    )
    robot = stages.run("reaction", None, reaction.read, raw, parts, fields.in_reply_to, found.text) or robot
    none: Bounce | None = None
    returned = stages.run("bounce", none, _read_bounce, raw, parts, fields.all, fields.subject, found.text)

    return Parsed(
        headers=fields.all,
        message_id=fields.message_id,
        in_reply_to=fields.in_reply_to,
        references=fields.references,
        author=author,
        from_=_from(author, fields.from_),
        sender=fields.sender,
        reply_to=fields.reply_to,
        to=fields.to,
        cc=fields.cc,
        subject=fields.subject,
        date=fields.date,
        text=found.text,
        html=found.html,
        hidden_text=found.hidden_text,
        links=found.links,
        attachments=files,
        parts=parts,
        automatic=robot,
        bounce=returned,
        hops=fields.hops,
        identity=found.identity,
        flags=tuple(dict.fromkeys(stages.flags)),
    )


def opened(raw: bytes) -> scan.Scan:
    """A message as it is read: scanned, and what it holds in an opaque signature in the signature's place."""
    return opaque.opened(scan.scan(raw))


def attachment_bytes(raw: bytes, index: int) -> bytes:
    """The bytes of attachment ``index`` of ``parse(raw).attachments``, decoded in full. Raises IndexError beyond."""
    scanned = opened(raw)
    return attachments.content(scanned.raw, scanned.parts[content.choose(scanned.parts).files[index]])


def without_attachment(raw: bytes, index: int) -> bytes:
    """The message without attachment ``index`` of ``parse(raw).attachments``. Raises IndexError beyond."""
    scanned = opened(raw)
    return attachments.without(scanned.raw, scanned.parts[content.choose(scanned.parts).files[index]])


def list_attachments(raw: bytes) -> tuple[Attachment, ...]:
    """The attachments of a message without reading the rest of it."""
    scanned = opened(raw)
    return attachments.listed(scanned.raw, scanned.parts, content.choose(scanned.parts).files)


def _unscanned(raw: bytes) -> scan.Scan:
    """The last fallback: one part of unknown text."""
    part = Part(
        number="1", depth=0, parent=-1, start=0, body_start=0, end=len(raw), headers=(), content_type="text/plain",
        parameters={}, disposition="", filename="", encoding="", content_id="",
    )  # fmt: skip
    return scan.Scan(raw, (part,), (), [])


def _read_fields(fields: tuple[tuple[bytes, bytes], ...], root: Part, flags: list[str]) -> _Fields:
    label = root.parameters.get("charset", "")
    decoded = headers.decode_all(fields, label, flags)
    names = [name for name, _ in root.headers]
    first = {name: len(names) - 1 - index for index, name in enumerate(reversed(names))}

    def value(name: bytes) -> str:
        return decoded[first[name]][1] if name in first else ""

    def people(name: bytes) -> tuple[Address, ...]:
        if name not in first:
            return ()
        found = (
            [index for index, each in enumerate(names) if each == name]
            if names.count(name) > 1
            else [first[name]]
        )
        return _people([_structured(fields[index][1], decoded[index][1], label) for index in found], flags)

    sender = people(b"sender")
    return _Fields(
        all=decoded,
        message_id=next(iter(message_ids(value(b"message-id"))), ""),
        in_reply_to=message_ids(value(b"in-reply-to")),
        references=message_ids(value(b"references")),
        from_=people(b"from"),
        sender=sender[0] if sender else None,
        reply_to=people(b"reply-to"),
        to=people(b"to"),
        cc=people(b"cc"),
        subject=value(b"subject"),
        date=dates.parse(value(b"date")) if b"date" in first else None,
        hops=names.count(b"received"),
    )


def _structured(raw: bytes, decoded: str, label: str) -> str:
    """A value whose structure is read before its encoded words are decoded (RFC 2047 5.3)."""
    return headers.unfold(raw, label, []) if b"=?" in raw else decoded


def _people(values: list[str], flags: list[str]) -> tuple[Address, ...]:
    """The mailboxes of a header that may be repeated; at most limits.ADDRESSES altogether."""
    if len(values) == 1:
        return addresses.parse(values[0], flags)
    found: list[Address] = []
    for value in values:
        found += addresses.parse(value, flags)
        if len(found) > limits.ADDRESSES:
            flags.append("addresses")
            break
    return tuple(found[: limits.ADDRESSES])


def _from(author: Author, found: tuple[Address, ...]) -> tuple[Address, ...]:
    """Whom From names: the author where there is one, whatever a repair or a charset label would make of the field."""
    if not author.address:
        return found
    same = next((each for each in found if each.address.lower() == author.address), None)
    return (same or Address("", author.address),)


def correspondent(parsed: Parsed) -> Address:
    """Who wrote the mail, for a person to answer: From, without one Sender, Reply-To, Return-Path (RFC 5322 3.6.2).

    Its address is "" when no header names any.
    """
    for people in (parsed.from_, (parsed.sender,) if parsed.sender else (), parsed.reply_to):
        found = next((each for each in people if each.address), None)
        if found is not None:
            return found
    returned = addresses.parse(parsed.header("return-path"), [])
    if returned and "@" in returned[0].address:
        return returned[0]
    return parsed.from_[0] if parsed.from_ else Address("", "")


def message_ids(value: str) -> tuple[str, ...]:
    """The ids of Message-ID, In-Reply-To or References without < >, in order, at most limits.MESSAGE_IDS, each once.

    Ids without brackets count when they hold an "@"; a lone word counts too when there is nothing else.
    """
    if not value:
        return ()
    found = ["".join(each.split()) for each in _ID.findall(value)]
    if not found:
        bare = _BARE_ID.findall(value)
        found = [each for each in bare if "@" in each] or (bare if len(bare) == 1 else [])
    return tuple(dict.fromkeys(each for each in found[-limits.MESSAGE_IDS :] if each))


def _read_body(raw: bytes, parts: tuple[Part, ...], flags: list[str]) -> _Body:
    chosen = content.choose(parts)
    decoded = _decode_texts(raw, parts, chosen.texts, flags)
    pages = {
        index: html.read(decoded[index])
        for index in sorted({*chosen.html, *chosen.text})
        if index in decoded and parts[index].content_type == "text/html"
    }
    for page in pages.values():
        flags += page.flags

    if len(chosen.texts) > 1 and pages:
        blank = _blank_texts(parts, chosen, decoded, [page.text for page in pages.values()])
        chosen = content.choose(parts, blank) if blank else chosen

    shown = [
        _shown(parts[index], decoded[index], pages.get(index)) for index in chosen.text if index in decoded
    ]
    if len(shown) > 1:
        shown = [text for text in shown if not placeholder.is_blank(text)]
    shown += [_invite(raw, parts[index], flags) for index in chosen.invites]
    if not any(shown):
        shown = [_rich_text(raw, parts, chosen.files)]

    return _Body(
        text="\n".join([text.strip("\n") for text in shown]) if len(shown) != 1 else shown[0],
        html="\n".join([decoded[index] for index in chosen.html if index in pages]),
        hidden_text="\n".join([page.hidden for page in pages.values() if page.hidden]),
        links=tuple([link for page in pages.values() for link in page.links])[: limits.LINKS],
        identity=identity.content(raw, parts, decoded.values(), chosen.files),
        files=chosen.files,
    )


def _decode_texts(
    raw: bytes, parts: tuple[Part, ...], texts: tuple[int, ...], flags: list[str]
) -> dict[int, str]:
    """The inline text parts, decoded until TEXT_BYTES are spent."""
    left = TEXT_BYTES
    decoded = {}

    for index in texts:
        if left <= 0:
            flags.append("text-bytes")
            break
        decoded[index], spent = body.read_text(raw, parts[index], left, flags)
        left -= spent
        if left <= 0 and parts[index].end - parts[index].body_start > spent:
            flags.append("text-bytes")

    return decoded


def _blank_texts(
    parts: tuple[Part, ...], chosen: content.Content, decoded: dict[int, str], pages: list[str]
) -> list[int]:
    """Plain parts that stand for HTML and say nothing of their own: white space, or "your program shows no HTML"."""
    plain = [
        index
        for index in chosen.text
        if parts[index].content_type == "text/plain" and len(decoded.get(index, "")) < placeholder.CHARACTERS
    ]
    twins = set(content.choose(parts, plain).text) if plain else set()
    if not any(index in twins for index in chosen.html):
        return []

    return [index for index in plain if index in decoded and placeholder.says_nothing(decoded[index], pages)]


def _read_bounce(
    raw: bytes, parts: tuple[Part, ...], fields: tuple[tuple[str, str], ...], subject: str, text: str
) -> Bounce | None:
    """What a bounce tells, in clean strings: its recipients and ids come from bodies, where controls are text."""
    found = bounce.recognise(raw, parts, fields, subject, text)
    if found is None:
        return None
    recipients = tuple([replace(each, address=headers.clean(each.address)) for each in found.recipients])
    return replace(found, recipients=recipients, original_message_id=headers.clean(found.original_message_id))


def _shown(part: Part, text: str, page: html.Page | None) -> str:
    """One text part as its reader sees it."""
    if page is not None:
        return page.text
    if part.content_type in ("text/enriched", "text/richtext"):
        return re.sub(r"</?[A-Za-z-]{1,60}>", "", text)
    if part.parameters.get("format", "").lower() == "flowed":
        return body.unflow(text, delsp=part.parameters.get("delsp", "").lower() == "yes")
    return text


def _rich_text(raw: bytes, parts: tuple[Part, ...], files: tuple[int, ...]) -> str:
    """The text of a message whose only text is in a winmail.dat; its files are listed on demand."""
    for index in files:
        if tnef.is_tnef(parts[index]):
            text = tnef.text(body.decode_part(raw, parts[index], _RICH_BYTES))[:TEXT_BYTES]
            return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return ""


def _invite(raw: bytes, part: Part, flags: list[str]) -> str:
    return invite.summary(body.part_text(raw, part, TEXT_BYTES // 4, flags))
