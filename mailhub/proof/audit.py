"""The journal's proof: signs how far its chains have come, and finds what was changed since.

Durable state: one more row of ``journal_anchor`` for each time ``anchor`` found that a chain of the node had grown.

What it proves: a row that an anchor covers was not edited, dropped, reordered, replaced or cut off since the
anchor was signed, by anyone without the root key. Rows behind the last anchor are only chained: whoever can
write the database can rewrite them, so they are counted as not yet anchored. Whoever can also delete the
newest anchors can cut the journal back to an older one: keep a copy of the anchors elsewhere (``mailhub audit
anchors``) and give it to ``verify``. Who has the root key can sign anything.

Must not: change the journal.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mailhub.clock import HOUR
from mailhub.errors import BadRequest
from storage.database import Database
from storage.proof import anchors, journal
from storage.proof.anchors import Anchor, ChainHead
from storage.writer import Writer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAGE = 2_000  # rows of one read: a longer snapshot would hold back checkpoints
LATE = HOUR  # an act may say an instant that much before its commit
NO_ANCHOR = bytes(32)  # what a node's first anchor follows

Chain = tuple[int, int]  # account, node


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is not as it was written. ``sequence`` is the first row (or anchor) that shows it."""

    kind: str  # changed, missing, truncated, replaced, anchor-changed, anchor-missing
    account: int | None  # None for anchors
    node: int
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What ``verify`` found. Rows of a chain behind its first fault are not counted."""

    chains: int
    rows: int
    anchored: int  # rows that an anchor covers
    anchors: int
    last_anchor_at: int | None
    faults: tuple[Fault, ...]


@dataclass(slots=True)
class _ChainSeen:
    """A chain while it is read: its end, its first fault, and what anchors say of it and was not yet met."""

    expected: dict[int, bytes]
    sequence: int = 0
    digest: bytes = journal.GENESIS
    fault: Fault | None = None
    anchored: int = field(default=0)


def anchor(
    database: Database, writer: Writer, key: Ed25519PrivateKey, *, node: int, now: int
) -> Anchor | None:
    """Sign the heads of the node's chains that grew since its last anchor, and keep that; None when none did."""
    with database.read() as connection:
        last = anchors.find_last_anchor(connection, node)
        heads = anchors.list_heads(connection, node, since=last.at - LATE if last else 0)

    named = set(_heads_of(last)) if last else set()
    grown = [head for head in heads if (head.account, head.sequence, head.hash) not in named]
    if not grown:
        return None

    made = _sign(key, node=node, after=last, heads=grown, now=now)
    writer.run(lambda transaction: anchors.add_anchor(transaction.connection, made))

    return made


def _sign(
    key: Ed25519PrivateKey, *, node: int, after: Anchor | None, heads: list[ChainHead], now: int
) -> Anchor:
    text = json.dumps(
        [[head.account, head.sequence, head.hash.hex()] for head in heads], separators=(",", ":")
    )
    sequence, previous = (after.sequence + 1, digest_of(after)) if after else (1, NO_ANCHOR)
    made = Anchor(node=node, sequence=sequence, at=now, heads=text, previous=previous, signature=b"")
    return replace(made, signature=key.sign(_signed(made)))


def _signed(one: Anchor) -> bytes:
    plain = [one.node, one.sequence, one.at, one.heads, one.previous.hex()]
    return b"mailhub anchor 1\n" + json.dumps(plain, separators=(",", ":")).encode("ascii")


def digest_of(one: Anchor) -> bytes:
    """What the next anchor of the node says of this one."""
    return sha256(_signed(one) + one.signature).digest()


def _heads_of(one: Anchor) -> Iterator[tuple[int, int, bytes]]:
    for account, sequence, digest in json.loads(one.heads):
        yield account, sequence, bytes.fromhex(digest)


def verify(
    database: Database, key: Ed25519PublicKey, *, account: int | None = None, kept: Iterable[Anchor] = ()
) -> AuditReport:
    """Read the whole journal (or one account's) and hold it against its chains and anchors.

    ``kept`` are anchors from elsewhere: one that the database does not have is a fault. Reads a page at a time, so that
    acts of the meantime may be in or not; they are behind every anchor read first.
    """
    known = list(_all_anchors(database))
    faults = [*_check_anchors(known, key), *_check_kept(known, kept, key)]
    expected: dict[Chain, dict[int, bytes]] = defaultdict(dict)

    for one in known:
        if not _is_signed(one, key):
            continue
        for of_account, sequence, digest in _heads_of(one):
            if account in (None, of_account):
                expected[of_account, one.node][sequence] = digest

    seen = _read_chains(database, account, expected)
    for (of_account, node), chain in seen.items():
        if chain.fault is None and (beyond := [place for place in chain.expected if place > chain.sequence]):
            chain.fault = Fault(kind="truncated", account=of_account, node=node, sequence=min(beyond))

    faults += [chain.fault for chain in seen.values() if chain.fault]
    return AuditReport(
        chains=len(seen),
        rows=sum(chain.sequence for chain in seen.values()),
        anchored=sum(chain.anchored for chain in seen.values()),
        anchors=len(known),
        last_anchor_at=max((one.at for one in known), default=None),
        faults=tuple(faults),
    )


def _read_chains(
    database: Database, account: int | None, expected: Mapping[Chain, dict[int, bytes]]
) -> dict[Chain, _ChainSeen]:
    seen = {chain: _ChainSeen(expected=points) for chain, points in expected.items()}
    place = (-1, -1, -1)

    while True:
        with database.read() as connection:
            rows = journal.list_chain(connection, after=place, account_id=account, limit=PAGE)
        for row in rows:
            chain = seen.setdefault((row.account_id, row.node), _ChainSeen(expected={}))
            if chain.fault is None:
                _follow(chain, row)
        if len(rows) < PAGE:
            return seen
        place = (rows[-1].account_id, rows[-1].node, rows[-1].sequence)


def _follow(chain: _ChainSeen, row: Any) -> None:
    """One row further; the first thing that is wrong ends the reading of the chain."""
    digest = journal.chained(chain.digest, row._mapping)
    wanted = chain.expected.get(row.sequence)
    kind = None

    if row.sequence != chain.sequence + 1:
        kind = "missing"
    elif digest != row.hash:
        kind = "changed"
    elif wanted not in (None, digest):
        kind = "replaced"  # a chain that is whole in itself, but not the one that was signed

    if kind:
        chain.fault = Fault(kind=kind, account=row.account_id, node=row.node, sequence=chain.sequence + 1)
        return

    chain.sequence = row.sequence
    chain.digest = digest
    if wanted:
        chain.anchored = row.sequence


def _all_anchors(database: Database) -> Iterator[Anchor]:
    place = (-1, -1)
    while True:
        with database.read() as connection:
            found = anchors.list_anchors(connection, after=place, limit=PAGE)
        yield from found
        if len(found) < PAGE:
            return
        place = (found[-1].node, found[-1].sequence)


def _is_signed(one: Anchor, key: Ed25519PublicKey) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(one.signature, _signed(one))
    except InvalidSignature:
        return False
    return True


def _check_anchors(known: Iterable[Anchor], key: Ed25519PublicKey) -> Iterator[Fault]:
    """Anchors that were changed, and gaps between them; ``known`` by node and sequence."""
    before: Anchor | None = None
    for one in known:
        last = before if before and before.node == one.node else None
        sequence, previous = (last.sequence + 1, digest_of(last)) if last else (1, NO_ANCHOR)
        if one.sequence != sequence:
            yield Fault(kind="anchor-missing", account=None, node=one.node, sequence=sequence)
        elif one.previous != previous or not _is_signed(one, key):
            yield Fault(kind="anchor-changed", account=None, node=one.node, sequence=one.sequence)
        before = one


def _check_kept(known: Iterable[Anchor], kept: Iterable[Anchor], key: Ed25519PublicKey) -> Iterator[Fault]:
    there = {(one.node, one.sequence): one for one in known}
    for one in kept:
        if not _is_signed(one, key):
            raise BadRequest(
                f"the kept anchor {one.sequence} of node {one.node} was not signed by this installation"
            )
        found = there.get((one.node, one.sequence))
        if found is None:
            yield Fault(kind="anchor-missing", account=None, node=one.node, sequence=one.sequence)
        elif found != one:
            yield Fault(kind="anchor-changed", account=None, node=one.node, sequence=one.sequence)
