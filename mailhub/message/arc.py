"""ARC chains (RFC 8617): read, bounded, and verified against keys from DNS. Pure; the caller asks DNS.

Each host that sends a mail on seals what it found of it: ARC-Authentication-Results (what), ARC-Message-Signature
(over the mail, as DKIM does) and ARC-Seal (over all sets so far), numbered from 1. ``sets_of`` reads the structure,
``read`` the signatures, ``verifies`` judges them. A chain counts whole or not at all: every number once of each kind,
at most ``SETS``, every seal of it verified and the newest signature over the mail (5.2). Whether anybody believes the
newest sealer is for the caller: who seals may say what they like. The work is linear in the header block for each set.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.message import dkim
from mailhub.message.dns_questions import NO_ANSWER, Answers, Question, ascii_name

SETS = 50  # RFC 8617 4.2.1
_RESULTS, _MESSAGE, _SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
_KINDS = (_RESULTS, _MESSAGE, _SEAL)
SEALED = (_RESULTS, _SEAL)  # what a sealer found, and that it was them
_NUMBERED = re.compile(rb"[ \t\r\n]*+i[ \t\r\n]*+=[ \t\r\n]*+([1-9]\d?)[ \t\r\n]*+;")
_ANYWHERE = re.compile(rb"(?:^|;)[ \t\r\n]*+i[ \t\r\n]*+=[ \t\r\n]*+([1-9]\d?)[ \t\r\n]*+(?:;|\Z)")

Place = dict[bytes, int]  # kind of field -> where it stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A whole chain whose signatures are still to be verified."""

    sealer: str  # d= of the newest seal, ASCII, lower case
    results: bytes  # what the newest sealer found, behind its number
    seals: tuple[dkim.Signature, ...]  # oldest first
    message: dkim.Signature  # of the newest set

    @property
    def questions(self) -> frozenset[Question]:
        """Where the keys are published."""
        return frozenset(each.question for each in (*self.seals, self.message))


def sets_of(fields: Sequence[tuple[bytes, bytes]], needed: Sequence[bytes] = _KINDS) -> list[Place]:
    """The sets of a chain, oldest first; none when the chain is not whole, or longer than it may be.

    ``needed``: of each set. ``SEALED`` is enough where somebody who is believed has verified the chain, since relays drop
    signatures that they broke themselves.
    """
    found: dict[int, Place] = {}
    for index, (name, value) in enumerate(fields):
        kind = name.strip().lower()
        if kind not in _KINDS:
            continue
        numbered = (_NUMBERED.match if kind == _RESULTS else _ANYWHERE.search)(value[: dkim.SIGNATURE_BYTES])
        place = found.setdefault(int(numbered[1]) if numbered else 0, {})
        if numbered is None or kind in place:
            return []
        place[kind] = index

    whole = sorted(found) == [*range(1, len(found) + 1)] and len(found) <= SETS
    whole = whole and all(place.keys() >= {*needed} for place in found.values())
    return [found[each] for each in sorted(found)] if whole else []


def sealer_of(fields: Sequence[tuple[bytes, bytes]], place: Place) -> str:
    """Who sealed a set: d= of its seal, as DNS writes it."""
    return ascii_name(dkim.read_tags(fields[place[_SEAL]][1]).get("d", ""))


def results_of(fields: Sequence[tuple[bytes, bytes]], place: Place) -> bytes:
    """What its sealer found, behind the number of the set: as a field Authentication-Results."""
    value = fields[place[_RESULTS]][1]
    numbered = _NUMBERED.match(value)
    return value[numbered.end() :] if numbered else b""


def read(raw: bytes, now_seconds: int) -> Chain | None:
    """The chain of a message as received, None when there is none that could verify."""
    fields, body = dkim.split(raw)
    sets = sets_of(fields)
    if not sets:
        return None

    newest = sets[-1]
    seals = [_seal(fields, sets[: number + 1]) for number in range(len(sets))]
    tags = dkim.read_tags(fields[newest[_MESSAGE]][1])
    signed = tags.get("h", "").lower().split(":")
    if any(each is None for each in seals) or _SEAL.decode() in signed:
        return None

    # A number stands where DKIM has the version and an identity (4.1.2); all else is a DKIM signature.
    as_dkim = {"v": "1"} | {name: value for name, value in tags.items() if name not in ("v", "i")}
    message = dkim.signature_of(fields, newest[_MESSAGE], as_dkim, body, {}, now_seconds)
    if message.fault:
        return None

    return Chain(
        sealer=sealer_of(fields, newest),
        results=results_of(fields, newest),
        seals=tuple(each for each in seals if each is not None),
        message=message,
    )


def _seal(fields: Sequence[dkim.Field], sets: Sequence[Place]) -> dkim.Signature | None:
    """The newest seal of these sets, over all of them (5.1.1); None when it cannot be one."""
    name, value = fields[sets[-1][_SEAL]]
    tags = dkim.read_tags(value)
    domain = ascii_name(tags.get("d", ""))
    wanted = "none" if len(sets) == 1 else "pass"
    algorithm = tags.get("a", "").lower()
    if tags.get("cv", "").lower() != wanted or "h" in tags or not domain or not tags.get("s"):
        return None
    if algorithm not in ("rsa-sha256", "ed25519-sha256"):
        return None

    sealed = [fields[place[kind]] for place in sets for kind in _KINDS][:-1]
    own = (name, dkim.without_value(value))
    data = b"\r\n".join(dkim.canonical(each, relaxed=True) for each in (*sealed, own))
    return dkim.Signature(
        domain=domain,
        selector=tags["s"].lower(),
        algorithm=algorithm,
        identity="",
        data=data,
        value=dkim.decoded(tags.get("b", "")),
    )


def verifies(chain: Chain, answers: Answers) -> bool:
    """Whether every seal of the chain and its newest signature over the mail verify."""
    return all(
        dkim.verify(each, answers.get(each.question, NO_ANSWER)).result == "pass"
        for each in (*chain.seals, chain.message)
    )
