"""DKIM (RFC 6376, 8463) and DMARC (RFC 7489), with keys made here and DNS in a dictionary."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailhub.message import dkim, dmarc
from mailhub.message.dns_questions import DnsAnswer, Question
from mailhub.message.spf import Spf
from mailhub.message.values import Authentication

NOW = 1_790_000_000
KEY = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)
EDWARDS = Ed25519PrivateKey.generate()
HEAD = "From: Kim <kim@news.a.example>\r\nTo: desk@ours.example\r\nSubject: order\r\n"


def _record(key: rsa.RSAPrivateKey | Ed25519PrivateKey = KEY, more: str = "") -> str:
    public = key.public_key()
    if isinstance(key, Ed25519PrivateKey):
        data, kind = public.public_bytes(Encoding.Raw, PublicFormat.Raw), "ed25519"
    else:
        data, kind = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), "rsa"
    return f"v=DKIM1; k={kind}; {more}p={base64.b64encode(data).decode()}"


def _sign(
    body: str = "Hello\r\n",
    *,
    key: rsa.RSAPrivateKey | Ed25519PrivateKey = KEY,
    domain: str = "a.example",
    more: str = "",
    names: str = "from:to:subject",
    algorithm: str = "",
) -> bytes:
    """A message signed relaxed/relaxed by the plainest reading of RFC 6376; ``body`` is canonical already."""
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    kind = algorithm or ("ed25519-sha256" if isinstance(key, Ed25519PrivateKey) else "rsa-sha256")
    tags = f"v=1; a={kind}; c=relaxed/relaxed; d={domain}; s=k1; h={names}; {more}bh={digest}; b="
    fields = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in HEAD.split("\r\n") if line)
    }
    signed = "".join(
        f"{name}:{fields[name]}\r\n" for name in dict.fromkeys(names.split(":")) if name in fields
    )
    data = f"{signed}dkim-signature:{tags}".encode()
    if isinstance(key, Ed25519PrivateKey):
        value = key.sign(hashlib.sha256(data).digest())
    else:
        value = key.sign(data, padding.PKCS1v15(), SHA256())
    return f"DKIM-Signature: {tags}{base64.b64encode(value).decode()}\r\n{HEAD}\r\n{body}".encode()


def _verify(raw: bytes, record: str | None = None) -> tuple[str, str]:
    (signature,) = dkim.signatures(raw, "a.example", NOW)
    verdict = dkim.verify(signature, DnsAnswer(() if record == "" else (record or _record(),)))
    return verdict.result, verdict.reason


@pytest.mark.parametrize("key", [KEY, SMALL, EDWARDS], ids=["rsa-2048", "rsa-1024", "ed25519"])
def test_sound_signature_passes(key: rsa.RSAPrivateKey | Ed25519PrivateKey) -> None:
    """A signature by each algorithm that still counts (RFC 8301, 8463) passes."""
    assert _verify(_sign(key=key), _record(key)) == ("pass", "")


def test_canonicalisation_forgives_what_relays_change() -> None:
    """Relaxed: folding, blanks, empty lines at the end and bare line feeds do not break a signature."""
    raw = _sign("a b\r\n")
    raw = raw.replace(b"Subject: order", b"SUBJECT:  order \t").replace(b"a b\r\n", b"a \t b  \r\n \r\n\r\n")
    assert _verify(raw) == ("pass", "")
    assert _verify(raw.replace(b"\r\n", b"\n")) == ("pass", "")


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ((b"Hello", b"Hullo"), ("fail", "body-hash")),
        ((b"kim@news", b"tim@news"), ("fail", "signature")),
        ((b"Subject: order", b"Subject: ordes"), ("fail", "signature")),
        ((b"a=rsa-sha256", b"a=rsa-sha1"), ("permerror", "algorithm")),
        ((b"h=from:to", b"h=to"), ("permerror", "from-not-signed")),
        ((b"v=1;", b"v=2;"), ("permerror", "syntax")),
        ((b"d=a.example", b"d=exa mple"), ("permerror", "syntax")),
        ((b"c=relaxed/relaxed", b"c=odd/odd"), ("permerror", "syntax")),
    ],
)
def test_broken_signature_does_not_pass(change: tuple[bytes, bytes], result: tuple[str, str]) -> None:
    """Whatever is changed in what was signed, or is wrong with the signature, is found and named."""
    assert _verify(_sign().replace(*change)) == result


def test_added_field_of_a_signed_name_breaks_it() -> None:
    """A second From above a signature that lists From twice is found (RFC 6376 5.4.2)."""
    raw = _sign(names="from:from:to:subject")
    assert _verify(raw) == ("pass", "")
    assert _verify(b"From: evil@e.example\r\n" + raw) == ("fail", "signature")


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("", ("permerror", "no-key")),
        ("v=DKIM1; p=", ("permerror", "key-revoked")),
        ("v=DKIM1; p=AAAA", ("permerror", "key")),
        ("v=DKIM1; k=ed25519; p=AAAA", ("permerror", "key-type")),
        (_record(more="s=other; "), ("permerror", "key-service")),
        (_record(more="h=sha1; "), ("permerror", "key-type")),
        (_record(SMALL), ("fail", "signature")),
        (_record(more="s=email; t=s; "), ("pass", "")),
        (_record().removeprefix("v=DKIM1; "), ("pass", "")),
    ],
)
def test_key_record_is_judged(record: str, result: tuple[str, str]) -> None:
    """Absent, revoked, foreign and broken keys are permerrors; a sound one with options passes."""
    assert _verify(_sign(), record) == result


def test_expired_and_length_limited_signatures() -> None:
    """x= in the past fails; under l= the whole body must be what was signed, since anybody can add to the rest."""
    assert _verify(_sign(more=f"x={NOW - 1}; ")) == ("fail", "expired")
    assert _verify(_sign(more="l=7; ") + b"appended\r\n") == ("fail", "body-hash")
    assert _verify(_sign(more="l=7; ")) == ("pass", "")


def test_only_three_signatures_are_looked_at_the_authors_first() -> None:
    """Ten signatures give three questions, and the one of the author's domain is among them."""
    lines = b"".join(_sign(domain=f"d{i}.example").partition(b"\r\n")[0] + b"\r\n" for i in range(9))
    found = dkim.signatures(lines + _sign(), "a.example", NOW)
    assert (len(found), found[0].domain) == (3, "a.example")


def _judge(raw: bytes, spf: Spf, zone: Mapping[str, str]) -> tuple[Authentication, list[Question]]:
    rounds = dmarc.authenticate(raw, spf, NOW)
    asked: list[Question] = []
    try:
        questions = next(rounds)
        while True:
            asked += sorted(questions)
            questions = rounds.send(
                {each: DnsAnswer((zone[each[0]],) if each[0] in zone else ()) for each in questions}
            )
    except StopIteration as stop:
        verdict: Authentication = stop.value
        return verdict, asked


ZONE = {"k1._domainkey.a.example": _record(), "_dmarc.a.example": "v=DMARC1; p=reject; sp=quarantine"}
NO_SPF = Spf("fail", "e.example", "all")


@pytest.mark.parametrize(
    ("raw", "spf", "policy", "dmarc_result", "applied"),
    [
        (_sign(), NO_SPF, "v=DMARC1; p=reject; sp=quarantine", "pass", "quarantine"),
        (_sign(), NO_SPF, "v=DMARC1; p=reject; adkim=s", "fail", "reject"),
        (_sign(domain="e.example"), NO_SPF, "v=DMARC1; p=reject", "fail", "reject"),
        (_sign(domain="e.example"), Spf("pass", "a.example"), "v=DMARC1; p=none", "pass", "none"),
        (
            _sign(domain="e.example"),
            Spf("temperror", "a.example"),
            "v=DMARC1; p=reject",
            "temperror",
            "reject",
        ),
        (_sign(), NO_SPF, "v=DMARC1; nonsense", "permerror", ""),
        (_sign(), NO_SPF, "some text", "none", ""),
    ],
)
def test_policy_of_the_organisation_is_judged(
    raw: bytes, spf: Spf, policy: str, dmarc_result: str, applied: str
) -> None:
    """One aligned pass is enough; strict alignment, subdomain policy and broken records count as RFC 7489 says."""
    verdict, _ = _judge(raw, spf, {**ZONE, "_dmarc.a.example": policy})
    assert (verdict.dmarc, verdict.policy, verdict.domain) == (dmarc_result, applied, "news.a.example")


def test_all_questions_are_asked_in_one_round() -> None:
    """Key, own policy and the organisation's policy are three questions, asked together."""
    _, asked = _judge(_sign(), NO_SPF, ZONE)
    assert asked == [
        ("_dmarc.a.example", "TXT"),
        ("_dmarc.news.a.example", "TXT"),
        ("k1._domainkey.a.example", "TXT"),
    ]


@pytest.mark.parametrize(
    "head",
    ["", "From: a@a.example\r\nFrom: b@b.example\r\n", "From: a@a.example, b@b.example\r\n", "From: x\r\n"],
)
def test_mail_without_one_author_is_a_fault(head: str) -> None:
    """No author, or authors of several domains, cannot pass DMARC."""
    verdict, _ = _judge(f"{head}Subject: x\r\n\r\nx\r\n".encode(), NO_SPF, ZONE)
    assert (verdict.dmarc, verdict.domain) == ("permerror", "")


def test_public_suffix_is_no_organisation() -> None:
    """Two customers of one public suffix are not aligned with each other."""
    assert dmarc.organisation("a.b.shop.co.uk") == "shop.co.uk"
    assert not dmarc.aligned("one.github.io", "two.github.io", strict=False)
    assert dmarc.aligned("mail.shop.co.uk", "news.shop.co.uk", strict=False)
