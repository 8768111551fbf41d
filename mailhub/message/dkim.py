"""DKIM signatures: found, bounded, and verified against keys from DNS. Pure; the caller asks DNS (RFC 6376,
8301, 8463).

Two steps: ``signatures`` reads the header block, hashes the body and names the key records; ``verify`` judges
a signature once its record is there. At most ``SIGNATURES`` are looked at, those of the author's domain
first. Only rsa-sha256 with 1,024 bits or more and ed25519-sha256 count (RFC 8301), and only what covers the
whole body: below a length (l=) anybody could have added words of their own (RFC 6376 8.2), so it is not
looked at. Every step is linear: canonicalisation is bytes.replace, no regex.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailhub.message.dns_questions import DnsAnswer, Question, ascii_name

SIGNATURES = 3
HEADER_BYTES = 256 * 1024  # of the header block; what is beyond is not covered by any sane signature
SIGNATURE_BYTES = 16 * 1024
SIGNED_FIELDS = 200  # of one h=
BODY_BYTES = 64 * 1024 * 1024  # above every size limit of the door
SLICE_BYTES = 1024 * 1024  # canonicalised at a time: 1 MiB takes a few ms of the interpreter
RSA_BITS = 1024
_WHITE = b" \t\r\n"

Field = tuple[bytes, bytes]  # (name as written, everything after the colon, line ends included)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One DKIM-Signature, its body hash already compared. ``fault`` is why it can no longer pass, "" while it can."""

    domain: str  # d=, ASCII, lower case
    selector: str
    algorithm: str
    identity: str  # domain of i=
    data: bytes  # what is signed: canonical header fields
    value: bytes  # b=
    result: str = ""  # "fail" or "permerror" when there is a fault
    fault: str = ""

    @property
    def question(self) -> Question:
        """Where its key is published."""
        return f"{self.selector}._domainkey.{self.domain}", "TXT"


@dataclass(frozen=True, slots=True)
class DkimVerdict:
    """What one signature is worth: an RFC 8601 2.7.1 word, its domain, and why."""

    result: str
    domain: str
    reason: str = ""


def signatures(raw: bytes, author_domain: str, now_seconds: int) -> tuple[Signature, ...]:
    """The signatures of a message worth a DNS question, with their body hashes compared. Linear in the message."""
    fields, body = split(raw)
    tags = [
        (index, read_tags(value))
        for index, (name, value) in enumerate(fields)
        if name.lower() == b"dkim-signature"
    ]
    if not tags:
        return ()
    tags.sort(key=lambda each: not _aligned(each[1].get("d", ""), author_domain))
    hashes: dict[bool, bytes] = {}
    return tuple(
        signature_of(fields, index, tag, body, hashes, now_seconds) for index, tag in tags[:SIGNATURES]
    )


def _aligned(domain: str, author: str) -> bool:
    domain = domain.lower()
    return bool(domain) and (
        domain == author or author.endswith(f".{domain}") or domain.endswith(f".{author}")
    )


def split(raw: bytes) -> tuple[list[Field], bytes]:
    """Header fields and body of a message, line ends made CRLF (RFC 6376 2.8: as the signer sent it)."""
    if raw.count(b"\n") != raw.count(b"\r\n"):
        raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    head, _, body = raw.partition(b"\r\n\r\n")
    fields: list[Field] = []
    name = b""
    lines = [b""]

    for line in head[:HEADER_BYTES].split(b"\r\n"):
        if line[:1] in (b" ", b"\t"):
            lines.append(line)
            continue
        if name:
            fields.append((name, b"\r\n".join(lines)))
        name, colon, value = line.partition(b":")
        name = name if colon else b""
        lines = [value]

    if name:
        fields.append((name, b"\r\n".join(lines)))

    return fields, body


def read_tags(value: bytes) -> dict[str, str]:
    """A tag list (RFC 6376 3.2): white space in values goes; a repeated tag makes the list invalid, hence empty."""
    found: dict[str, str] = {}
    for item in value[:SIGNATURE_BYTES].decode("utf-8", "replace").split(";"):
        name, equals, text = item.partition("=")
        name = name.strip()
        if not equals:
            continue
        if name in found:
            return {}
        found[name] = "".join(text.split())

    return found


def signature_of(
    fields: Sequence[Field],
    index: int,
    tags: dict[str, str],
    body: bytes,
    hashes: dict[bool, bytes],
    now_seconds: int,
) -> Signature:
    """The signature in the field ``index``, its body hash compared. ``hashes``: those found already, by canonical form."""
    header_way, _, body_way = tags.get("c", "simple/simple").partition("/")
    fault = _fault(tags, header_way, body_way, now_seconds)
    domain = ascii_name(tags.get("d", ""))
    names = tags.get("h", "").split(":")[:SIGNED_FIELDS]
    if not fault and _body_hash(body, body_way == "relaxed", hashes) != decoded(tags.get("bh", "")):
        fault = ("fail", "body-hash")
    result, reason = fault or ("", "")

    return Signature(
        domain=domain,
        selector=tags.get("s", "").lower(),
        algorithm=tags.get("a", "").lower(),
        identity=tags.get("i", "").rpartition("@")[2].lower(),
        data=b"" if fault else _signed(fields, index, names, relaxed=header_way == "relaxed"),
        value=decoded(tags.get("b", "")),
        result=result,
        fault=reason,
    )


def _fault(tags: dict[str, str], header_way: str, body_way: str, now_seconds: int) -> tuple[str, str] | None:
    """What is wrong with a signature before any key is known (RFC 6376 6.1.1), None when nothing is."""
    if any(not tags.get(name) for name in ("v", "a", "b", "bh", "d", "h", "s")) or tags["v"] != "1":
        return "permerror", "syntax"
    if tags["a"].lower() not in ("rsa-sha256", "ed25519-sha256"):
        return "permerror", "algorithm"

    ways = ("simple", "relaxed", "")
    if header_way not in ways or body_way not in ways or not ascii_name(tags["d"]):
        return "permerror", "syntax"
    if not ascii_name(f"{tags['s']}._domainkey.{tags['d']}"):
        return "permerror", "syntax"
    if "from" not in tags["h"].lower().split(":"):
        return "permerror", "from-not-signed"

    identity = tags.get("i", "").rpartition("@")[2].lower()
    if identity and not f".{identity}".endswith(f".{tags['d'].lower()}"):
        return "permerror", "identity"

    numbers = [tags.get(name, "") for name in ("t", "x", "l")]
    if any(each and not (each.isascii() and each.isdigit() and len(each) < 20) for each in numbers):
        return "permerror", "syntax"

    return ("fail", "expired") if numbers[1] and int(numbers[1]) < now_seconds else None


def decoded(text: str) -> bytes:
    """Base64 of a tag; empty when it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _signed(fields: Sequence[Field], index: int, names: Sequence[str], *, relaxed: bool) -> bytes:
    """The canonical header fields in the order of h=, each name taken from the bottom up (RFC 6376 5.4.2)."""
    waiting: dict[bytes, list[Field]] = {}
    for each in [*fields[:index], *fields[index + 1 :]]:
        waiting.setdefault(each[0].strip().lower(), []).append(each)
    out = []

    for name in names:
        left = waiting.get(name.strip().lower().encode("utf-8", "replace"))
        if left:
            out.append(canonical(left.pop(), relaxed=relaxed) + b"\r\n")

    own, value = fields[index]
    return b"".join(out) + canonical((own, without_value(value)), relaxed=relaxed)


def without_value(value: bytes) -> bytes:
    """The signature field with the text of its b= emptied (RFC 6376 3.7)."""
    items = value.split(b";")
    for number, item in enumerate(items):
        name, equals, _ = item.partition(b"=")
        if equals and name.strip() == b"b":
            items[number] = name + equals
    return b";".join(items)


def canonical(field: Field, *, relaxed: bool) -> bytes:
    """A header field as it is signed (RFC 6376 3.4.1, 3.4.2), without its line end."""
    name, value = field
    if not relaxed:
        return name + b":" + value
    return name.strip().lower() + b":" + b" ".join(value.split())


def _body_hash(body: bytes, relaxed: bool, hashes: dict[bool, bytes]) -> bytes:
    """SHA-256 of the whole canonical body (RFC 6376 3.4.3, 3.4.4)."""
    if relaxed not in hashes:
        hashes[relaxed] = _hash(body[:BODY_BYTES], relaxed=relaxed)
    return hashes[relaxed]


def _hash(body: bytes, *, relaxed: bool) -> bytes:
    digest = hashlib.sha256()
    end = _end(body, relaxed=relaxed)

    start = 0
    while start < end:
        cut = min(start + SLICE_BYTES, end)
        if cut < end:
            cut = body.rfind(b"\r\n", start, cut) + 2 or end
            cut = cut if cut > start + 1 else end  # one line longer than a slice: the rest at once
        digest.update(_relaxed(body[start:cut]) if relaxed else body[start:cut])
        start = cut

    if (not relaxed or end) and not (end and body[:end].endswith(b"\r\n")):
        digest.update(b"\r\n")

    return digest.digest()


def _end(body: bytes, *, relaxed: bool) -> int:
    """Where the body ends once the empty lines at its end are gone; lines of blanks count as empty when relaxed."""
    kept = len(body.rstrip(_WHITE) if relaxed else body.rstrip(b"\r\n"))
    if not relaxed:
        kept = max(kept, body.rfind(b"\r\r", kept) + 1)  # a bare CR is no line end
    place = body.find(b"\r\n", kept)
    if not kept:
        return 0
    return place + 2 if place >= 0 else len(body)


def _relaxed(piece: bytes) -> bytes:
    """White space within lines as one blank, none at their ends. Halving: log2 of the longest run passes, each in C."""
    if b"\t" in piece:
        piece = piece.replace(b"\t", b" ")
    while b"  " in piece:
        piece = piece.replace(b"  ", b" ")
    piece = piece.replace(b" \r\n", b"\r\n")
    return piece[:-1] if piece.endswith(b" ") else piece


def verify(signature: Signature, answer: DnsAnswer) -> DkimVerdict:
    """Judges a signature by its key record. A missing answer is temperror, a missing or broken key permerror."""
    if signature.fault:
        return DkimVerdict(signature.result, signature.domain, signature.fault)
    if answer.failed:
        return DkimVerdict("temperror", signature.domain, "no-answer")

    records = [
        tags
        for text in answer.records
        if (tags := read_tags(text.encode())).get("v", "DKIM1") == "DKIM1" and "p" in tags
    ]
    if not records:
        return DkimVerdict("permerror", signature.domain, "no-key")

    return _verify_with(signature, records[0])


def _verify_with(signature: Signature, record: dict[str, str]) -> DkimVerdict:
    def verdict(result: str, reason: str) -> DkimVerdict:
        return DkimVerdict(result, signature.domain, reason)

    kind, _, hash_name = signature.algorithm.partition("-")
    if not record["p"]:
        return verdict("permerror", "key-revoked")
    if record.get("k", "rsa").lower() != kind or hash_name not in record.get("h", hash_name).lower().split(
        ":"
    ):
        return verdict("permerror", "key-type")
    if not {"*", "email"} & set(record.get("s", "*").lower().split(":")):
        return verdict("permerror", "key-service")
    if "s" in record.get("t", "").lower().split(":") and signature.identity not in ("", signature.domain):
        return verdict("permerror", "identity")
    try:
        _check(kind, decoded(record["p"]), signature)
    except InvalidSignature:
        return verdict("fail", "signature")
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        return verdict("permerror", "key-size" if str(fault) == "size" else "key")
    return verdict("pass", "")


def _check(kind: str, key: bytes, signature: Signature) -> None:
    if kind == "ed25519":
        digest = hashlib.sha256(signature.data).digest()  # RFC 8463 3: the hash is what is signed
        Ed25519PublicKey.from_public_bytes(key).verify(signature.value, digest)
        return

    public = load_der_public_key(key)
    if not isinstance(public, rsa.RSAPublicKey):
        raise TypeError("not RSA")
    if public.key_size < RSA_BITS:
        raise ValueError("size")

    public.verify(signature.value, signature.data, padding.PKCS1v15(), SHA256())
