"""ARC (RFC 8617): whole chains verify and excuse where their newest sealer is trusted, and nothing else does."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailhub.message import arc, dkim, excused
from mailhub.message.author import fields_of
from mailhub.message.dns_questions import Answers, DnsAnswer, Question
from mailhub.message.spf import Spf
from mailhub.message.values import Authentication, Trust

NOW = 1_790_000_000
KEYS = {
    "alumni.example": rsa.generate_private_key(65537, 1024),
    "list.example": rsa.generate_private_key(65537, 1024),
}
MAIL = b"From: Nils <nils@bank.example>\r\nTo: support@example.com\r\nSubject: Re: card\r\n\r\nIt works again.\r\n"
PASSED = "mx.alumni.example; dkim=pass header.d=bank.example; dmarc=pass header.from=bank.example"
FAILED = "mx.list.example; arc=pass; dmarc=fail (p=reject) header.from=bank.example"
VECTOR = Path(__file__).parent / "arc_by_dkimpy.eml"
ALUMNI = frozenset({"alumni.example"})


def _record(domain: str) -> str:
    public = KEYS[domain].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def _signed(domain: str, data: bytes) -> str:
    return base64.b64encode(KEYS[domain].sign(data, padding.PKCS1v15(), SHA256())).decode()


def _sealed(
    raw: bytes, domain: str, results: str, sets: tuple[str, ...] = ()
) -> tuple[bytes, tuple[str, ...]]:
    """A mail with one more set on top, by the plainest reading of RFC 8617 5.1, and the canonical fields of all sets."""
    number = len(sets) // 3 + 1
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = {
        line.partition(b":")[0].decode().lower(): line.partition(b":")[2].strip().decode()
        for line in head.split(b"\r\n")
    }
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()

    named = "".join(f"{name}:{fields[name]}\r\n" for name in ("from", "subject"))
    message = (
        f"i={number}; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=k1; h=from:subject; bh={digest}; b="
    )
    message += _signed(domain, f"{named}arc-message-signature:{message}".encode())
    found = f"i={number}; {results}"

    seal = f"i={number}; a=rsa-sha256; d={domain}; s=k1; cv={'pass' if sets else 'none'}; b="
    before = (*sets, f"arc-authentication-results:{found}", f"arc-message-signature:{message}")
    seal += _signed(domain, "\r\n".join((*before, f"arc-seal:{seal}")).encode())
    top = f"ARC-Seal: {seal}\r\nARC-Message-Signature: {message}\r\nARC-Authentication-Results: {found}\r\n"
    return top.encode() + raw, (*before, f"arc-seal:{seal}")


def _answers(questions: frozenset[Question]) -> Answers:
    policy = {("_dmarc.bank.example", "TXT"): "v=DMARC1; p=reject"}
    keys = {(f"k1._domainkey.{domain}", "TXT"): _record(domain) for domain in KEYS}
    return {each: DnsAnswer((text,)) for each in questions if (text := (policy | keys).get(each))}


def _judged(raw: bytes, sealers: frozenset[str] = ALUMNI) -> tuple[Authentication, list[frozenset[Question]]]:
    """What the door finds of a mail from a host that its author's domain knows nothing of, and what it asked."""
    rounds = excused.authenticate(raw, Spf("fail", "bank.example", "all"), NOW, sealers)
    asked = []
    try:
        asked.append(next(rounds))
        while True:
            asked.append(rounds.send(_answers(asked[-1])))
    except StopIteration as end:
        return end.value, asked


def test_a_whole_chain_of_a_trusted_sealer_excuses_and_the_failure_stays_on_record() -> None:
    """One set, and two where the newest sealer is the trusted one: DMARC still says fail, the sealer is named."""
    once, sets = _sealed(MAIL, "list.example", PASSED)
    twice, _ = _sealed(once, "alumni.example", PASSED, sets)
    for raw in (_sealed(MAIL, "alumni.example", PASSED)[0], twice):
        found, _ = _judged(raw)
        assert (found.dmarc, found.policy, found.sealer) == ("fail", "reject", "alumni.example")


def test_a_chain_by_another_program_verifies() -> None:
    """A chain that dkimpy 1.1.8 signed, its key in the header X-Test-Key, verifies by our reading."""
    raw = VECTOR.read_bytes()
    key = dict(fields_of(raw)[0])[b"x-test-key"].strip().decode()
    chain = arc.read(raw, NOW)
    assert chain is not None
    assert (chain.sealer, len(chain.seals)) == ("alumni.example", 2)
    assert arc.verifies(chain, {each: DnsAnswer((key,)) for each in chain.questions})
    altered = arc.read(raw.replace(b"works", b"fails"), NOW)
    assert altered is None


def _swap(raw: bytes, old: bytes, new: bytes) -> bytes:
    assert old in raw
    return raw.replace(old, new, 1)


@pytest.mark.parametrize(
    "name",
    [
        "body",
        "from",
        "results",
        "seal-gone",
        "set-twice",
        "number",
        "cv",
        "older-set",
        "untrusted",
        "newest-untrusted",
        "own-fail",
    ],
)
def test_a_chain_that_is_not_whole_or_not_trusted_excuses_nothing(name: str) -> None:
    """Each change to what is sealed, and each sealer or result that does not count, leaves the failure as it is."""
    once, sets = _sealed(MAIL, "alumni.example", PASSED)
    twice, _ = _sealed(once, "list.example", PASSED, sets)
    seal = once.split(b"\r\n")[0]
    raw = {
        "body": _swap(once, b"works", b"fails"),
        "from": _swap(once, b"From: Nils", b"From: Nina"),
        "results": _swap(once, b"dkim=pass header.d=bank", b"dkim=pass header.d=bonk"),
        "seal-gone": _swap(once, seal + b"\r\n", b""),
        "set-twice": seal + b"\r\n" + once,
        "number": once.replace(b": i=1;", b": i=2;"),
        "cv": _swap(once, b"cv=none", b"cv=pass"),
        "older-set": _swap(twice, b"i=1; a=rsa-sha256; d=alumni", b"i=1; a=rsa-sha256; d=list"),
        "untrusted": _sealed(MAIL, "list.example", PASSED)[0],
        "newest-untrusted": twice,
        "own-fail": _sealed(once, "alumni.example", FAILED, sets)[0],
    }[name]
    assert _judged(raw)[0].sealer == ""


def test_keys_are_asked_for_only_where_a_trusted_sealer_could_excuse() -> None:
    """A stranger's chain, and mail without one, costs no question more; a chain of more than fifty sets is none."""
    stranger = _sealed(MAIL, "list.example", PASSED)[0]
    assert [len(_judged(raw)[1]) for raw in (MAIL, stranger)] == [1, 1]
    assert len(_judged(_sealed(MAIL, "alumni.example", PASSED)[0])[1]) == 2

    raw = MAIL
    sets: tuple[str, ...] = ()
    for _ in range(arc.SETS + 1):
        raw, sets = _sealed(raw, "alumni.example", PASSED, sets)
    assert arc.read(raw, NOW) is None


def test_no_key_excuses_nothing() -> None:
    """Where DNS does not answer for a seal the failure stays."""
    chain = arc.read(_sealed(MAIL, "alumni.example", PASSED)[0], NOW)
    assert chain is not None
    assert not arc.verifies(chain, {})


def test_hostile_chains_are_read_to_an_end() -> None:
    """Numbers that are none, fields without end and tags that repeat make no chain, and raise nothing."""
    for field in (
        b"ARC-Seal: i=0; d=a.example",
        b"ARC-Seal: i=" + b"9" * 5000,
        b"ARC-Seal: i=1; i=2; b=;" * 99,
        b"ARC-Seal :",
    ):
        assert arc.sets_of(dkim.split(field + b"\r\n" + MAIL)[0]) == []
        assert arc.read(field + b"\r\n" + MAIL, NOW) is None


OURS = (
    b"Authentication-Results: mx.example.com; arc=pass (i=1);\r\n"
    b" dmarc=fail (p=REJECT dis=NONE) header.from=bank.example\r\n"
)
HOP = b"Received: from alumni.example by mx.example.com; Mon, 2 Nov 2026 09:00:00 +0000\r\n"


@pytest.mark.parametrize(
    ("top", "sealers", "sealer"),
    [
        (OURS + HOP, "alumni.example", "alumni.example"),
        (OURS + HOP, "other.example", ""),
        (OURS.replace(b"arc=pass", b"arc=fail") + HOP, "alumni.example", ""),
        (OURS.replace(b" arc=pass (i=1);", b"") + HOP, "alumni.example", ""),
        (OURS, "alumni.example", ""),
    ],
    ids=["trusted", "other-sealer", "arc-fail", "says-nothing", "no-hop"],
)
def test_a_trusted_hosts_word_stands_for_our_own_check_of_the_chain(
    top: bytes, sealers: str, sealer: str
) -> None:
    """Behind a trusted host its arc=pass counts for the newest set below its own Received, of a trusted sealer."""
    raw = top + _sealed(MAIL, "alumni.example", PASSED)[0]
    found = excused.by_trusted_host(fields_of(raw)[0], Trust.of("mx.example.com", sealers), "bank.example")
    assert found is not None
    assert (found.dmarc, found.sealer) == ("fail", sealer)


def test_a_trusted_hosts_word_needs_no_signature_that_a_relay_dropped() -> None:
    """Where the chain was verified, the seal and what was found are enough; by our own check the chain is whole or none."""
    sealed = _sealed(MAIL, "alumni.example", PASSED)[0]
    lines = [line for line in sealed.split(b"\r\n") if not line.startswith(b"ARC-Message-Signature")]
    raw = OURS + HOP + b"\r\n".join(lines)
    found = excused.by_trusted_host(
        fields_of(raw)[0], Trust.of("mx.example.com", "alumni.example"), "bank.example"
    )
    assert found is not None
    assert found.sealer == "alumni.example"
    assert arc.read(raw, NOW) is None
    repeated = lines[0] + b"\r\n" + raw.partition(HOP)[2]
    again = excused.by_trusted_host(
        fields_of(OURS + HOP + repeated)[0], Trust.of("mx.example.com", "alumni.example"), "bank.example"
    )
    assert again is not None
    assert again.sealer == ""


def test_what_the_trusted_host_sealed_itself_is_passed_over() -> None:
    """A set above the trusted host's own Received was made after it had looked: the one below it counts."""
    below, sets = _sealed(MAIL, "alumni.example", PASSED)
    above = _sealed(below, "list.example", FAILED, sets)[0][: -len(below)]
    trust = Trust.of("mx.example.com", "alumni.example")
    found = excused.by_trusted_host(fields_of(above + OURS + HOP + below)[0], trust, "bank.example")
    assert found is not None
    assert found.sealer == "alumni.example"
