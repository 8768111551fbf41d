"""Attack: mails whose author is one address to whoever proves it and another to whoever believes it.

Kim is a customer whose domain rejects what is not hers; Mallory owns a domain that vouches for everything
from their host. Whatever they write, Kim's ticket stays closed to them, and no mail is shown as verified
under her name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from mailhub.config.live import Live
from mailhub.envelope import Envelope, Source
from mailhub.intake.reception import Reception
from mailhub.intake.resolver import Resolver
from mailhub.message.author import read
from mailhub.message.dns_questions import DnsAnswer, Question
from mailhub.message.parse import parse
from tests.houses.postroom import MINE, START, PostRoom, answering, mail

KIM, EVE = "kim@bank.example", "eve@evil.example"
ANA = "ana@example.com"  # an agent
PEER = "192.0.2.66"
RECORDS = {
    ("bank.example", "TXT"): "v=spf1 -all",
    ("_dmarc.bank.example", "TXT"): "v=DMARC1; p=reject",
    ("_dmarc.example.com", "TXT"): "v=DMARC1; p=reject",
    ("evil.example", "TXT"): f"v=spf1 ip4:{PEER} -all",
    ("_dmarc.evil.example", "TXT"): "v=DMARC1; p=reject",
    ("fass.example", "TXT"): f"v=spf1 ip4:{PEER} -all",
    ("_dmarc.fass.example", "TXT"): "v=DMARC1; p=reject",
}
MIME = b'MIME-Version: 1.0\r\nContent-Type: text/plain; charset="%s"\r\n'
MANY = b"X-Filler: x\r\n" * 1_000
LONG = (b"X-Filler: " + b"x" * 900 + b"\r\n") * 300


def both(first: bytes, second: bytes = b"From: eve@evil.example\r\n", *, between: bytes = b"") -> bytes:
    """Two lines that somebody may take for From."""
    return first + between + second


BOM = b"\xef\xbb\xbf"
HEADS = {
    "two": both(b"From: kim@bank.example\r\n"),
    "two, the true one first": both(b"From: eve@evil.example\r\n", b"From: kim@bank.example\r\n"),
    "two, case": both(b"FROM: kim@bank.example\r\n", b"from: eve@evil.example\r\n"),
    "byte order mark": both(BOM + b"From: kim@bank.example\r\n"),
    "byte order mark and a thousand fields": both(BOM + b"From: kim@bank.example\r\n", between=MANY),
    "a thousand fields": both(b"From: kim@bank.example\r\n", between=MANY),
    "beyond the longest header": both(b"From: kim@bank.example\r\n", between=LONG),
    "beyond the longest header, reversed": both(
        b"From: eve@evil.example\r\n", b"From: kim@bank.example\r\n", between=LONG
    ),
    "a blank before the colon": both(b"From : kim@bank.example\r\n"),
    "a tab before the colon": both(b"From\t: kim@bank.example\r\n"),
    "a blank before the colon, last": both(b"From: eve@evil.example\r\n", b"From : kim@bank.example\r\n"),
    "mbox line": both(b"From kim@bank.example: x\r\n"),
    "quoted mbox line": both(b">From : kim@bank.example\r\n", between=b"From: kim@bank.example\r\n"),
    "begins folded": both(b" x\r\nFrom: kim@bank.example\r\n"),
    "blank lines first": b"\r\n\r\nFrom: kim@bank.example\r\n",
    "junk before": both(b"junk\r\nFrom: kim@bank.example\r\n"),
    "folded name": both(b"Fr\r\n om: kim@bank.example\r\nFrom: kim@bank.example\r\n"),
    "nul in the name": both(b"From\0: kim@bank.example\r\n"),
    "nul in the value": b"From: kim@bank.example\0 <eve@evil.example>\r\n",
    "bare return": b"X: y\rFrom: kim@bank.example\r\nFrom: eve@evil.example\r\n",
    "bare return in From": b"From: kim@bank.example\r <eve@evil.example>\r\n",
    "ebcdic": MIME % b"cp037" + b"From: " + "kim@bank.example".encode("cp037") + b" <eve@evil.example>\r\n",
    "ebcdic, another": MIME % b"ebcdic-cp-us" + b"From: \xd2eve@evil.example\r\n",
    "utf-7": MIME % b"utf-7" + "From: é+AGsAaQBtAEA-bank.example, <eve@evil.example>\r\n".encode(),
    "utf-16": MIME % b"utf-16le" + b"From: " + "kim@bank.example".encode("utf-16-le") + b"\r\n",
    "shift-jis eats an at": MIME % b"shift_jis" + b"From: kim@bank.example\x81@evil.example\r\n",
    "encoded word as address": b"From: =?utf-8?q?kim=40bank.example?= <=?utf-8?q?eve?=@evil.example>\r\n",
    "encoded word in ebcdic": b"From: =?cp037?q?=92=89=94=7C=82=81=95=92=4B=85=A7=81=94=97=93=85?=\r\n",
    "encoded word alone": b"From: =?utf-8?q?kim=40bank.example?=\r\n",
    "encoded word makes the address": b"From: =?utf-8?q?kim=40bank.example=3E_=3C?=eve@evil.example\r\n",
    "encoded local part": b"From: <=?utf-8?q?kim=40bank.example=2C?=@evil.example>\r\n",
    "list": b"From: kim@bank.example, eve@evil.example\r\n",
    "list, reversed": b"From: eve@evil.example, kim@bank.example\r\n",
    "semicolon": b"From: kim@bank.example; eve@evil.example\r\n",
    "group": b"From: team: kim@bank.example, eve@evil.example;\r\n",
    "group of one": b"From: kim@bank.example: eve@evil.example;\r\n",
    "route": b"From: <@bank.example,@x.example:eve@evil.example>\r\n",
    "two in brackets": b"From: <kim@bank.example> <eve@evil.example>\r\n",
    "brackets within": b"From: <kim@bank.example <eve@evil.example>>\r\n",
    "bare and in brackets": b"From: kim@bank.example <eve@evil.example>\r\n",
    "text behind the brackets": b"From: <eve@evil.example> kim@bank.example\r\n",
    "comment": b"From: (kim@bank.example) eve@evil.example\r\n",
    "comment that does not end": b"From: eve@evil.example (kim@bank.example\r\n",
    "quote in a comment": b'From: (a "b) <kim@bank.example> (c" d) <eve@evil.example>\r\n',
    "comment in the address": b"From: kim@bank.example(x)@evil.example\r\n",
    "quoted local part": b'From: "kim@bank.example"@evil.example\r\n',
    "quoted local part, brackets": b'From: <"kim@bank.example> "@evil.example>\r\n',
    "quote that does not end": b'From: "eve@evil.example <kim@bank.example>\r\n',
    "escaped": b'From: "\\" <kim@bank.example> \\"" x <eve@evil.example> y\r\n',
    "two ats": b"From: kim@bank.example@evil.example\r\n",
    "percent route": b"From: kim%bank.example@bank.example@evil.example\r\n",
    "folded inside the address": b"From: kim@bank.example\r\n <eve@evil.example>\r\n",
    "blank inside the address": b"From: <kim@bank.example eve@evil.example>\r\n",
    "only a reverse path": b"Sender: kim@bank.example\r\n",
    "sender": b"Sender: kim@bank.example\r\nFrom: eve@evil.example\r\n",
    "reply-to": b"Reply-To: kim@bank.example\r\nFrom: eve@evil.example\r\n",
    "resent": b"Resent-From: kim@bank.example\r\nFrom: eve@evil.example\r\n",
    "none": b"Reply-To: kim@bank.example\r\n",
    "header ends in blanks": b"From: eve@evil.example\r\n \r\nFrom: kim@bank.example\r\n",
    "line feeds": b"From: eve@evil.example\nFrom: kim@bank.example\n",
}


async def _ask(question: Question) -> tuple[DnsAnswer, float]:
    found = RECORDS.get(question)
    return (DnsAnswer((found,)) if found else DnsAnswer()), 60.0


@pytest.fixture
def reception(room: PostRoom) -> Iterator[Reception]:
    """A running reception that asks our own records."""
    started = Reception(
        Live(room.context), room.writer, room.secrets, room.context.directory, resolver=Resolver(_ask)
    )
    started.start()
    yield started
    started.close()


def send(room: PostRoom, reception: Reception, raw: bytes, mail_from: str = EVE) -> int:
    """A mail from Mallory's host with a reverse path of Mallory's; its message."""

    async def main() -> int:
        envelope = Envelope(
            source=Source.SMTP,
            mail_from=mail_from,
            recipients=("support@example.com",),
            received_at=START,
            peer=PEER,
        )
        check = reception.begin(Source.SMTP, PEER, "evil.example", mail_from)
        return (await reception.deliver(envelope, raw, check))[0].message or 0

    message = asyncio.run(main())
    room.delivered += 1
    room.sent[message] = raw
    return message


@pytest.mark.parametrize("victim", [KIM, ANA])
def test_nobody_is_believed_under_anothers_name(room: PostRoom, reception: Reception, victim: str) -> None:
    """No head makes a mail of Mallory's join the victim's ticket, be a user's, or be verified as the victim's."""
    kims = room.deliver(mail(sender=KIM, id=MINE)).ticket
    wrong = []
    for name, head in HEADS.items():
        head = head.replace(KIM.encode(), victim.encode()).replace(
            b"bank.example", victim.partition("@")[2].encode()
        )
        rest = "".join(f"{field}: {value}\r\n" for field, value in answering(MINE)).encode()
        row = room.message(
            send(room, reception, head + rest + b"Subject: " + name.encode() + b"\r\n\r\n" + name.encode())
        )
        verified = "dmarc=pass" in row.authentication
        if row.ticket_id == kims or row.user_id is not None or (verified and row.from_address != EVE):
            wrong.append((name, row.from_address, row.authentication, row.ticket_id == kims, row.user_id))
    assert wrong == []


def test_who_is_proven_is_who_is_shown(room: PostRoom, reception: Reception) -> None:
    """The plain forms of From that people write are proven, and filed under the address that is proven."""
    heads = [
        "From: eve@evil.example",
        "from:Eve <EVE@Evil.example>",
        'From: "Eve, of Evil (Ltd)" <eve@evil.example>',
        "From: =?iso-8859-1?q?=C9ve?=\r\n =?utf-8?b?w4k=?= <eve@evil.example>",
        "From: eve@evil.example (Eve (the one))",
        "From: Éve d'Evil [shop] <eve@evil.example>",
        "From: eve@evil.example <eve@evil.example>",
    ]
    for number, head in enumerate(heads):
        row = room.message(send(room, reception, f"{head}\r\nSubject: {number}\r\n\r\n{number}".encode()))
        assert (row.from_address.lower(), row.authentication[:30]) == (EVE, "spf=pass dkim=none dmarc=pass ")


@pytest.mark.parametrize(
    "written", ["kim@faß.example", "kim@FASS\u200d.example", "kim@ｆａｓｓ.example", "kim@fass。example"]
)
def test_a_name_that_dns_folds_is_proven_by_nobody(
    room: PostRoom, reception: Reception, written: str
) -> None:
    """Who owns fass.example proves nothing about a domain that only folds to it."""
    row = room.message(
        send(room, reception, f"From: {written}\r\nSubject: s\r\n\r\nx".encode(), "m@fass.example")
    )
    assert "dmarc=permerror" in row.authentication


def test_an_address_is_read_the_same_without_any_label() -> None:
    """No charset that a mail names, of Python's or anybody's, changes whom From names."""
    for label in (
        "cp037",
        "cp500",
        "cp1140",
        "utf-7",
        "utf-16",
        "utf-32",
        "shift_jis",
        "hz",
        "iso-2022-jp",
        "x-nobody",
        "rot13",
    ):
        for value in (
            "Müller <eve@evil.example>".encode(),
            b"M\xfcller <eve@evil.example>",
            "kim".encode("cp037") + b" <eve@evil.example>",
        ):
            raw = MIME % label.encode() + b"From: " + value + b"\r\n\r\n"
            assert {each.address for each in parse(raw).from_} == {read(raw).address} == {EVE}


@pytest.mark.parametrize(
    "label", ["cp037", "cp500", "utf-7", "unicode-1-1-utf-7", "utf-16le", "utf-32", "cp1140"]
)
def test_no_header_is_decoded_in_what_mail_does_not_use(label: str) -> None:
    """EBCDIC, UTF-7, UTF-16 and UTF-32 are no charsets of headers, in encoded words nor as the label of a part."""
    word = f"=?{label}?q?=92=89=94+AGs-=6B=00?="
    raw = MIME % label.encode() + f"Subject: {word}\r\nFrom: a@b.example\r\n\r\n".encode()
    assert "charset-unknown" in parse(raw).flags
    assert "kim" not in parse(raw).subject
