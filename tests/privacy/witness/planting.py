"""A person planted in mail of others, one way at a time: what each mail holds of them, and nothing else of them.

``planted`` gives every way by its name, as the raw mail of somebody else. The ways are made here, with the standard
library and by hand; nothing is taken from the code that searches or redacts.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import hashlib
import html
import io
import json
import lzma
import quopri
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import quote


@dataclass(frozen=True)
class Planted:
    """Who is planted."""

    local: str
    domain: str
    name: str

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"


def mail(text: str = "Hello.", *, number: int = 0, **headers: str) -> EmailMessage:
    """A mail of somebody else."""
    made = EmailMessage(policy=SMTP)
    given = {"From": "Mia <mia@else.example>", "To": "support@example.com", "Subject": "Hello"}
    given |= {"Message-ID": f"<planted-{number}@else.example>"}
    for key, value in {**given, **{key.replace("_", "-"): value for key, value in headers.items()}}.items():
        made[key] = value
    made.set_content(text)
    return made


def raw(
    body: bytes, content_type: str = "text/plain; charset=utf-8", encoding: str = "8bit", more: bytes = b""
) -> bytes:
    """A mail of somebody else whose body stands as it is given."""
    head = (
        "From: Mia <mia@else.example>\r\nTo: support@example.com\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n"
    )
    return head.encode() + more + b"\r\n" + body + b"\r\n"


def attached(content: bytes, kind: str = "application/octet-stream", filename: str = "file.bin") -> bytes:
    """A mail of somebody else with a file."""
    made = mail()
    main, _, sub = kind.partition("/")
    made.add_attachment(content, maintype=main, subtype=sub, filename=filename)
    return made.as_bytes()


def planted(who: Planted) -> Mapping[str, bytes]:
    """Every way, by its name."""
    ways: dict[str, bytes] = {}
    for group in (
        _plain,
        _in_headers,
        _in_html,
        _in_links,
        _disguised,
        _digests,
        _names,
        _in_files,
        _enclosed,
    ):
        ways |= dict(group(who))
    for number, way in enumerate(ways):
        line = b"X-Number: %d\r\n" % number  # so that no two are the same mail
        ways[way] = (
            line
            + (
                b""
                if b"essage-ID: <planted" in ways[way]
                else b"Message-ID: <way-%d@else.example>\r\n" % number
            )
            + (ways[way].replace(b"<planted-0@", b"<planted-%d@" % number))
        )
    return ways


Ways = Iterator[tuple[str, bytes]]


def _plain(who: Planted) -> Ways:
    a, local, domain = who.address, who.local, who.domain
    yield "plain", mail(f"Write to {a} please.").as_bytes()
    yield "upper case", mail(f"Write to {a.upper()} please.").as_bytes()
    yield "at the end of a sentence", mail(f"Ask {a}.").as_bytes()
    yield "quoted line", mail(f"> > {a}\n> wrote").as_bytes()
    yield "split by a line end", mail(f"Write to {local}@\n{domain} please.").as_bytes()
    yield "split in a quoted line", mail(f"> Write to {local}@\n> {domain} please.").as_bytes()
    yield "spaces about the at", mail(f"Write to {local} @ {domain} please.").as_bytes()
    yield "split in the local part", mail(f"Write to {local[:2]}\n{local[2:]}@{domain} please.").as_bytes()
    yield "no-break space", mail(f"Write to {local}\u00a0@\u00a0{domain}").as_bytes()
    yield "zero width", mail(f"Write to {local}\u200b@\u200d{domain}").as_bytes()
    yield "soft hyphen", mail(f"Write to {local[:3]}\u00ad{local[3:]}@{domain}").as_bytes()
    yield (
        "full width",
        mail(
            "Write to " + "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c != " " else c for c in a)
        ).as_bytes(),
    )
    yield (
        "mathematical letters",
        mail(
            "Write to " + "".join(chr(0x1D41A + ord(c) - 97) if "a" <= c <= "z" else c for c in a)
        ).as_bytes(),
    )
    yield (
        "quoted-printable",
        raw("".join(f"={byte:02X}" for byte in a.encode()).encode(), encoding="quoted-printable"),
    )
    yield (
        "quoted-printable soft break",
        raw(f"Write to {local}=\r\n@{domain[:4]}=\r\n{domain[4:]}".encode(), encoding="quoted-printable"),
    )
    yield (
        "quoted-printable lower case",
        raw(f"Write to {local}=40{domain}".lower().encode(), encoding="quoted-printable"),
    )
    yield (
        "base64",
        raw(base64.encodebytes(f"Write to {a} please, for it is of use to all.".encode()), encoding="base64"),
    )
    yield (
        "base64 in a lying part",
        raw(base64.encodebytes(f"Write to {a} please, it is of use.".encode()), encoding="7bit"),
    )
    yield (
        "utf-16",
        raw(base64.encodebytes(f"Write to {a}".encode("utf-16")), "text/plain; charset=utf-16", "base64"),
    )
    yield (
        "utf-16-be",
        raw(
            base64.encodebytes(f"Write to {a}".encode("utf-16-be")), "text/plain; charset=utf-16be", "base64"
        ),
    )
    yield (
        "utf-32",
        raw(base64.encodebytes(f"Write to {a}".encode("utf-32")), "text/plain; charset=utf-32", "base64"),
    )
    yield "utf-7", raw(f"Write to {local}+AEA-{domain}".encode(), "text/plain; charset=utf-7", "7bit")
    yield (
        "ebcdic",
        raw(base64.encodebytes(f"Write to {a}".encode("cp037")), "text/plain; charset=cp037", "base64"),
    )
    yield (
        "format flowed",
        raw(f"Write to {local} \r\n@{domain}".encode(), "text/plain; format=flowed; delsp=yes"),
    )
    yield "uuencode", mail(_uuencoded(f"Write to {a} please".encode())).as_bytes()
    yield (
        "preamble",
        raw(
            f"{a}\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b--\r\n".encode(),
            'multipart/mixed; boundary="b"',
            "7bit",
        ),
    )
    yield (
        "epilogue",
        raw(
            f"--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b--\r\n{a}".encode(),
            'multipart/mixed; boundary="b"',
            "7bit",
        ),
    )
    yield "hex dump", mail("dump: " + a.encode().hex(" ")).as_bytes()
    yield "json escapes", mail(json.dumps({"to": a}).replace("@", "\\u0040")).as_bytes()


def _in_headers(who: Planted) -> Ways:
    a, local, domain, name = who.address, who.local, who.domain, who.name
    word = base64.b64encode(f"{name} <{a}>".encode()).decode()
    quoted = "".join(f"={byte:02X}" for byte in a.encode())
    half = a.encode()
    yield "Cc", mail(Cc=f"Leo <leo@else.example>, {a}").as_bytes()
    yield "Reply-To", mail(Reply_To=a).as_bytes()
    yield "unknown header", mail(X_Originator=a).as_bytes()
    yield "comment in a header", raw(b"Hello", more=f"X-Note: ({a})\r\n".encode())
    yield "folded header", raw(b"Hello", more=f"X-Original-To: {local}\r\n @{domain}\r\n".encode())
    yield "encoded word b", raw(b"Hello", more=f"X-Name: =?utf-8?b?{word}?=\r\n".encode())
    yield "encoded word q", raw(b"Hello", more=f"X-Name: =?iso-8859-1?Q?{quoted}?=\r\n".encode())
    yield "partly encoded header", raw(b"Hello", more=f"Cc: {local}=?utf-8?q?=40?={domain}\r\n".encode())
    yield (
        "two encoded words",
        raw(
            b"Hello",
            more=b"X-Name: =?utf-8?b?"
            + base64.b64encode(half[:6])
            + b"?=\r\n =?utf-8?b?"
            + base64.b64encode(half[6:])
            + b"?=\r\n",
        ),
    )
    yield "encoded word with a language", raw(b"Hello", more=f"X-Name: =?utf-8*en?q?{quoted}?=\r\n".encode())
    yield "RFC 2231 value", raw(b"Hello", "text/plain; name*=utf-8''" + quote(a, safe="") + "%20list.txt")
    yield (
        "RFC 2231 pieces",
        raw(
            b"Hello",
            f"text/plain;\r\n name*0*=utf-8''{quote(local)}%40;\r\n name*1*={domain[:5]};\r\n name*2*={domain[5:]}",
        ),
    )
    yield (
        "RFC 2231 plain pieces",
        raw(b"Hello", f'text/plain;\r\n name*0="{a[:7]}";\r\n name*1="{a[7:]}.txt"'),
    )
    yield "file name", attached(b"x", filename=f"{a}.pdf")
    yield "file name, encoded", attached(b"x", filename=f"\u00e4 {a}.pdf")
    yield "Message-ID", raw(b"Hello", more=f"References: <{a}.1699@mailer.example>\r\n".encode())
    yield (
        "Message-ID as VERP",
        raw(b"Hello", more=f"In-Reply-To: <77.{local}={domain}@lists.example>\r\n".encode()),
    )
    yield "VERP", raw(b"Hello", more=f"Return-Path: <bounce-17-{local}={domain}@lists.example>\r\n".encode())
    yield "SRS", raw(b"Hello", more=f"Return-Path: <SRS0=Hk7=QZ={domain}={local}@fwd.example>\r\n".encode())
    yield (
        "SRS1",
        raw(
            b"Hello",
            more=f"Return-Path: <SRS1=aB=first.example==Hk7=QZ={domain}={local}@fwd.example>\r\n".encode(),
        ),
    )
    yield "guest account", raw(b"Hello", more=f"X-Sender: {local}_{domain}#EXT#@tenant.example\r\n".encode())
    yield "source route", raw(b"Hello", more=f"X-Path: <@relay.example:{a}>\r\n".encode())
    yield "UUCP path", raw(b"Hello", more=f"X-Path: relay!{domain}!{local}\r\n".encode())
    yield (
        "Received for",
        raw(b"Hello", more=f"Received: by mx.example for <{a}>; Mon, 1 Jan 2024 00:00:00 +0000\r\n".encode()),
    )
    yield "quoted local part", raw(b"Hello", more=f'X-To: "{local}"@{domain}\r\n'.encode())
    yield "comment within the address", raw(b"Hello", more=f"X-To: {local}(home)@(work){domain}\r\n".encode())


def _in_html(who: Planted) -> Ways:
    a, local, domain = who.address, who.local, who.domain

    def page(body: str) -> bytes:
        return raw(f"<html><body>{body}</body></html>".encode(), "text/html; charset=utf-8")

    yield "entity at", page(f"{local}&#64;{domain}")
    yield "entity at in hex", page(f"{local}&#x40;{domain}")
    yield "entity by name", page(f"{local}&commat;{domain.replace('.', '&period;')}")
    yield "all entities", page("".join(f"&#{ord(c)};" for c in a))
    yield "entities without an end", page("".join(f"&#{ord(c)} " for c in a).replace(" ", "") + " ")
    yield "double entities", page(f"{local}&amp;#64;{domain}")
    yield "split by tags", page(f"{local}<b>@</b><span style='x'>{domain[:4]}</span>{domain[4:]}")
    yield "split by a comment", page(f"{local}<!-- > -->@{domain}")
    yield "wbr and shy", page(f"{local}<wbr>@&shy;{domain}")
    yield "attribute", page(f'<img alt="{html.escape(a)}" src="x.png">')
    yield "html comment", page(f"<!-- {a} -->")
    yield "nbsp entities", page(f"{local}&nbsp;@&nbsp;{domain}")
    yield "protected by a proxy", page(f'<a class="x" data-cfemail="{_xored(a)}">[email protected]</a>')
    yield "script", page(f"<script>var to = '{local}' + '@' + '{domain}';</script>")
    yield (
        "character codes",
        page("<script>String.fromCharCode(" + ",".join(str(ord(c)) for c in a) + ")</script>"),
    )
    yield "right to left", page(f'<span style="direction:rtl;unicode-bidi:bidi-override">{a[::-1]}</span>')
    yield (
        "html in quoted-printable",
        raw(f"<p>{local}&=\r\n#64;{domain}</p>".encode(), "text/html", "quoted-printable"),
    )
    yield (
        "html in base64",
        raw(
            base64.encodebytes(f"<p>{local}<i>@</i>{domain} is who wrote</p>".encode()), "text/html", "base64"
        ),
    )


def _in_links(who: Planted) -> Ways:
    a, local, domain = who.address, who.local, who.domain
    everything = "".join(f"%{byte:02x}" for byte in a.encode())
    yield "percent", mail(f"https://x.example/?e={local}%40{domain}").as_bytes()
    yield "percent twice", mail(f"https://x.example/?e={local}%2540{domain}").as_bytes()
    yield "percent thrice", mail(f"https://x.example/?e={local}%252540{domain}").as_bytes()
    yield "percent everywhere", mail(f"https://x.example/?e={everything}").as_bytes()
    yield "hex in a link", mail(f"https://x.example/u/{a.encode().hex()}/").as_bytes()
    for offset in range(3):
        token = (
            base64.urlsafe_b64encode(b"7:" + b"x" * offset + b" " + a.encode() + b" :2024")
            .decode()
            .rstrip("=")
        )
        yield f"base64 in a link, offset {offset}", mail(f"https://x.example/open?d={token}&s=1").as_bytes()
    yield (
        "base64 in a path",
        mail(f"https://x.example/c_{base64.b64encode(a.encode()).decode()}/1").as_bytes(),
    )
    yield (
        "base64 percent encoded",
        mail(
            "https://x.example/?d=" + quote(base64.b64encode(f"u={a};".encode()).decode(), safe="")
        ).as_bytes(),
    )
    yield (
        "base64 twice",
        mail(
            "https://x.example/?d=" + base64.b64encode(base64.b64encode(f"user: {a}".encode())).decode()
        ).as_bytes(),
    )
    yield (
        "base64, capitals",
        mail("https://x.example/?d=" + base64.b64encode(f"U={a.upper()}".encode()).decode()).as_bytes(),
    )
    yield "mailto", mail(f"<mailto:{local}%40{domain}?subject=x>").as_bytes()
    yield (
        "safe link",
        mail(
            f"https://safe.example/?url=https%3A%2F%2Fx.example&data=05%7C01%7C{local}%40{domain}%7C7c"
        ).as_bytes(),
    )


def _disguised(who: Planted) -> Ways:
    local, domain = who.local, who.domain
    label, _, top = domain.rpartition(".")
    yield "at and dot", mail(f"Write to {local} at {label} dot {top} please").as_bytes()
    yield "(at) and (dot)", mail(f"Write to {local} (at) {label} (dot) {top} please").as_bytes()
    yield "[at]", mail(f"Write to {local} [at] {domain} please").as_bytes()
    yield "[@] [.]", mail(f"Write to {local}[@]{label}[.]{top} please").as_bytes()
    yield "_at_", mail(f"{local}_at_{domain}").as_bytes()
    yield "rot13", mail(f"{local}@{domain}".translate(_ROT13)).as_bytes()
    yield "plus form", mail(f"Write to {local}+shop@{domain} please").as_bytes()
    yield "italics", mail(f"Write to _{local}@{domain}_ please").as_bytes()
    yield "bold", mail(f"Write to *{local}@{domain}* please").as_bytes()
    yield "spaced out", mail("Write to " + " ".join(f"{local}@{domain}")).as_bytes()


def _digests(who: Planted) -> Ways:
    a = who.address.encode()
    yield "md5", mail(f"https://gravatar.example/avatar/{hashlib.md5(a).hexdigest()}?s=80").as_bytes()
    yield "sha-256", mail(f"https://gravatar.example/avatar/{hashlib.sha256(a).hexdigest()}").as_bytes()
    yield "sha-1", mail(f"id: {hashlib.sha1(a).hexdigest().upper()}").as_bytes()
    yield "foaf", mail(f"mbox_sha1sum {hashlib.sha1(b'mailto:' + a).hexdigest()}").as_bytes()
    yield (
        "sha-256 in base64",
        mail(
            f"https://x.example/?h={base64.urlsafe_b64encode(hashlib.sha256(a).digest()).decode()}"
        ).as_bytes(),
    )


def _names(who: Planted) -> Ways:
    first, last = who.name.split()
    plain = unicodedata.normalize("NFD", who.name)
    yield "name", mail(f"I spoke with {who.name} today.").as_bytes()
    yield "name in capitals", mail(f"I spoke with {who.name.upper()} today.").as_bytes()
    yield "name, decomposed", mail(f"I spoke with {plain} today.").as_bytes()
    yield (
        "name without accents",
        mail("I spoke with " + "".join(c for c in plain if not unicodedata.combining(c)) + ".").as_bytes(),
    )
    yield "name turned", mail(f"Re: {last}, {first}").as_bytes()
    yield "name over a line end", mail(f"> I spoke with {first}\n> {last} today.").as_bytes()
    yield "name by nbsp", mail(f"I spoke with {first}\u00a0{last} today.").as_bytes()
    yield "name in a file's name", attached(b"x", filename=f"{last}_{first}_CV.pdf")
    yield (
        "name in latin-1",
        raw(f"I spoke with {who.name}".encode("latin-1"), "text/plain; charset=iso-8859-1"),
    )
    yield (
        "name in latin-1, encoded word",
        raw(
            b"x",
            more=b"X-N: =?iso-8859-1?Q?"
            + quopri.encodestring(who.name.encode("latin-1"), header=True)
            + b"?=\r\n",
        ),
    )
    yield (
        "vCard",
        attached(
            f"BEGIN:VCARD\r\nVERSION:3.0\r\nN:{last};{first};;;\r\nEND:VCARD\r\n".encode(),
            "text/vcard",
            "card.vcf",
        ),
    )
    yield (
        "vCard, folded address",
        attached(
            f"BEGIN:VCARD\r\nEMAIL;TYPE=work:{who.local}\r\n @{who.domain}\r\nEND:VCARD\r\n".encode(),
            "text/vcard",
            "card.vcf",
        ),
    )
    quoted = "".join(f"={byte:02X}" for byte in who.address.encode())
    yield (
        "vCard 2.1",
        attached(
            f"BEGIN:VCARD\r\nEMAIL;ENCODING=QUOTED-PRINTABLE:{quoted}\r\nEND:VCARD\r\n".encode(),
            "text/x-vcard",
            "card.vcf",
        ),
    )
    yield (
        "ics",
        attached(
            f'BEGIN:VEVENT\r\nATTENDEE;CN="{who.name}":mailto:{who.local}@\r\n {who.domain}\r\nEND:VEVENT\r\n'.encode(),
            "text/calendar",
            "x.ics",
        ),
    )
    yield (
        "LDIF",
        attached(b"dn: x\nmail:: " + base64.b64encode(who.address.encode()) + b"\n", "text/plain", "x.ldif"),
    )
    yield (
        "name split by tags",
        raw(f"<p>{first} <b>{last[:2]}</b>{last[2:]}</p>".encode(), "text/html; charset=utf-8"),
    )


def _in_files(who: Planted) -> Ways:
    a = who.address
    text = f"The contact is {a}, who called.".encode()
    yield "text file", attached(text, "text/csv", "list.csv")
    yield "zip", attached(_zipped({"list.txt": text}), "application/zip", "x.zip")
    yield "zip, by the name of a file", attached(_zipped({f"{a}/x.txt": b"x"}), "application/zip", "x.zip")
    yield "zip in zip", attached(_zipped({"x.zip": _zipped({"list.txt": text})}), "application/zip", "x.zip")
    yield "zip by another name", attached(_zipped({"list.txt": text}), "image/png", "x.png")
    runs = "".join(f"<w:r><w:t>{piece}</w:t></w:r>" for piece in (a[:5], a[5:9], a[9:]))
    yield (
        "docx",
        attached(_zipped({"word/document.xml": f"<w:p>{runs}</w:p>".encode()}), "application/zip", "x.docx"),
    )
    yield (
        "xlsx",
        attached(
            _zipped({"xl/sharedStrings.xml": f"<si><t>{a}</t></si>".encode()}), "application/zip", "x.xlsx"
        ),
    )
    yield "gzip", attached(gzip.compress(text), "application/gzip", "x.gz")
    yield "bzip2", attached(bz2.compress(text), "application/x-bzip2", "x.bz2")
    yield "xz", attached(lzma.compress(text), "application/x-xz", "x.xz")
    yield "tar.gz", attached(gzip.compress(_tarred("list.txt", text)), "application/gzip", "x.tgz")
    yield "pdf", attached(_pdf(b"BT (The contact is " + a.encode() + b") Tj ET"), "application/pdf", "x.pdf")
    pieces = b" -20 ".join(b"(%s)" % a[at : at + 3].encode() for at in range(0, len(a), 3))
    yield "pdf with kerning", attached(_pdf(b"BT [" + pieces + b"] TJ ET"), "application/pdf", "x.pdf")
    yield (
        "pdf in hex",
        attached(_pdf(b"BT <" + a.encode().hex().encode() + b"> Tj ET"), "application/pdf", "x.pdf"),
    )
    yield (
        "pdf in ASCII85",
        attached(_pdf(b"BT (" + a.encode() + b") Tj ET", ascii85=True), "application/pdf", "x.pdf"),
    )
    yield (
        "pdf's information",
        attached(
            b"%PDF-1.4\n1 0 obj<</Author <FEFF" + a.encode("utf-16-be").hex().encode() + b">>>endobj\n",
            "application/pdf",
            "x.pdf",
        ),
    )
    yield (
        "rtf",
        attached(
            b"{\\rtf1\\ansi {\\b " + who.local.encode() + b"}\\'40" + who.domain.encode() + b"\\par}",
            "application/rtf",
            "x.rtf",
        ),
    )
    yield "winmail.dat", attached(_tnef(text), "application/ms-tnef", "winmail.dat")
    yield (
        "winmail.dat, wide",
        attached(_tnef(text.decode().encode("utf-16-le")), "application/ms-tnef", "winmail.dat"),
    )
    yield (
        "winmail.dat, compressed rtf",
        attached(_tnef(_lzfu(b"{\\rtf1 " + text + b"}")), "application/ms-tnef", "winmail.dat"),
    )
    yield (
        "winmail.dat, a zip",
        attached(_tnef(_zipped({"x.txt": text})), "application/ms-tnef", "winmail.dat"),
    )
    yield (
        "old document, wide",
        attached(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + text.decode().encode("utf-16-le"),
            "application/msword",
            "x.doc",
        ),
    )
    yield "picture's text", attached(b"\xff\xd8\xff\xe1" + bytes(20) + text + bytes(9), "image/jpeg", "x.jpg")


def _enclosed(who: Planted) -> Ways:
    inner = mail(f"Write to {who.address} please.", number=1)
    outer = mail()
    outer.add_attachment(inner)
    yield "eml", outer.as_bytes()
    deeper = mail()
    deeper.add_attachment(outer)
    yield "eml in eml", deeper.as_bytes()
    wrapped = raw(
        base64.encodebytes(f"Write to {who.address} please, for it is of use.".encode()), encoding="base64"
    )
    yield "base64 in eml in base64", attached(wrapped, "application/octet-stream", "x.eml")
    thrice = attached(
        attached(wrapped, "application/octet-stream", "x.eml"), "application/octet-stream", "y.eml"
    )
    yield "three in each other", thrice
    bounce = _part("text/rfc822-headers", f"From: {who.address}")
    yield "bounce's headers", raw(bounce, 'multipart/report; boundary="b"', "7bit")
    status = _part("message/delivery-status", f"Final-Recipient: rfc822; {who.address}")
    yield "bounce's recipient", raw(status, 'multipart/report; boundary="b"', "7bit")
    header = base64.encodebytes(f"From: x <{who.address}>".encode()).decode()
    coded = _part("text/rfc822-headers\r\nContent-Transfer-Encoding: base64", header)
    yield "bounce's headers in base64", raw(coded, 'multipart/report; boundary="b"', "7bit")


def _part(content_type: str, text: str) -> bytes:
    return f"--b\r\nContent-Type: {content_type}\r\n\r\n{text}\r\n--b--\r\n".encode()


# --- how files are made -------------------------------------------------------------------------------------------------

_ROT13 = str.maketrans("abcdefghijklmnopqrstuvwxyz", "nopqrstuvwxyzabcdefghijklm")


def _xored(text: str) -> str:
    return bytes([0x5A, *(byte ^ 0x5A for byte in text.encode())]).hex()


def _uuencoded(data: bytes) -> str:
    lines = [binascii.b2a_uu(data[at : at + 45]).decode() for at in range(0, len(data), 45)]
    return "begin 644 x.txt\n" + "".join(lines) + "`\nend\n"


def _zipped(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def _tarred(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def _pdf(content: bytes, *, ascii85: bool = False) -> bytes:
    data = zlib.compress(content)
    filters = b"/FlateDecode"
    if ascii85:
        data = base64.a85encode(data) + b"~>"
        filters = b"[/ASCII85Decode /FlateDecode]"
    head = b"4 0 obj <</Length %d /Filter %s>>\nstream\n" % (len(data), filters)
    return b"%PDF-1.4\n" + head + data + b"\nendstream endobj\n%%EOF"


def _tnef(value: bytes) -> bytes:
    attribute = b"\x01" + (0x0006800C).to_bytes(4, "little") + len(value).to_bytes(4, "little") + value
    return b"\x78\x9f\x3e\x22\x01\x00" + attribute + (sum(value) & 0xFFFF).to_bytes(2, "little")


def _lzfu(text: bytes) -> bytes:
    """Compressed RTF without a single reference: eight literals behind each byte of flags."""
    body = b"".join(b"\0" + text[at : at + 8] for at in range(0, len(text), 8))
    return (
        (len(body) + 12).to_bytes(4, "little") + len(text).to_bytes(4, "little") + b"LZFu" + bytes(4) + body
    )
