"""/v1/journal and /v1/anchors: who did what, and the proof that the record of it was not changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from mailhub import clock
from mailhub.access.roles import require
from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named
from mailhub.api.frame.shapes import Id, Limit, instant
from mailhub.callers.caller import AnAccount, Caller, InAccount, TheHouse
from mailhub.callers.names import is_id
from mailhub.errors import BadRequest
from mailhub.proof import audit
from storage.proof import anchors, journal

router = APIRouter(tags=["journal"])

Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$", max_length=128, examples=["5be0c31a"])]


class Act(shapes.Named):
    """One act: ids and words only; ``names`` has what they are called now."""

    node: int
    sequence: int
    at: str
    actor: str
    verb: str
    object: str
    detail: Mapping[str, Any]


class Acts(BaseModel):
    """One page of acts, the newest first. ``next`` is what to send as ``after``; null on the last page."""

    items: list[Act]
    next: str | None


class Anchor(shapes.Shape):
    """A signed statement of how far a node's chains had come."""

    node: Id
    sequence: Id
    at: Id
    heads: Annotated[str, Field(max_length=1_000_000)]
    previous: Hex
    signature: Hex


class Anchors(BaseModel):
    """One page of anchors. ``next`` is what to send as ``after``; null on the last page."""

    items: list[Anchor]
    next: str | None


class ToVerify(shapes.Shape):
    """Anchors kept elsewhere; the last of each node says what all before it do."""

    anchors: Annotated[list[Anchor], Field(max_length=100)] = Field(default_factory=list)


class Fault(shapes.Shape):
    """Something that is not as it was written; ``sequence`` is where it shows first."""

    kind: str
    account: int | None
    node: int
    sequence: int


class Report(shapes.Shape):
    """What the journal proves. ``unanchored`` rows are chained, but no signature covers them yet."""

    whole: bool
    chains: int
    rows: int
    anchored: int
    unanchored: int
    anchors: int
    last_anchor_at: str | None
    faults: list[Fault]


def _place(text: str, parts: int) -> list[int]:
    """The place that ``next`` of a page named."""
    numbers = text.split(".")
    if len(numbers) != parts or not all(is_id(number) for number in numbers):
        raise BadRequest("after must be `next` of the page before")
    return [int(number) for number in numbers]


@router.get("/journal")
def list_acts(
    call: InAccount,
    object_: Annotated[
        str | None, Query(alias="object", description="Acts on this: ticket:1000000007.")
    ] = None,
    actor: Annotated[
        str | None, Query(description="Acts of this one: user:1000000002 or operator:0.")
    ] = None,
    verb: Annotated[str | None, Query(description="Acts of this kind: ticket.assign.")] = None,
    machine: Annotated[bool, Query(description="Acts that concern no account; for operators.")] = False,
    limit: Limit = 50,
    after: Annotated[
        str | None, Query(description="Go on after this place: `next` of the page before.")
    ] = None,
) -> Acts:
    """Acts in the account, the newest first."""
    call.require("journal.read")
    if machine:
        require(call.actor, "journal.machine", None)
    account = journal.MACHINE if machine else call.account
    before = None

    if after is not None:
        at, node, sequence = _place(after, 3)
        before = (at, node, sequence)

    wanted = {"object_": object_, "actor": actor, "verb": verb}
    with call.house.database.read() as connection:
        rows = journal.list_acts(connection, account, **wanted, before=before, limit=limit)
        items = named(call, connection, [shapes.made(Act, row, at=instant(row.at)) for row in rows])
    last = rows[-1] if len(rows) == limit else None

    return Acts(
        items=items,
        next=f"{last.at}.{last.node}.{last.sequence}" if last else None,
    )


@router.post("/journal/verify")
def verify_journal(house: TheHouse, actor: Caller, body: ToVerify, account: AnAccount) -> Report:
    """Hold the record against its chains and anchors: the whole of it for the operator, the account's for others."""
    require(actor, "journal.verify", account)
    key = house.keys.signer("anchors").public_key()
    kept = [_anchor(one) for one in body.anchors]
    report = audit.verify(house.database, key, account=None if actor.machine else account, kept=kept)
    faults = [shapes.made(Fault, fault) for fault in report.faults]
    left = report.rows - report.anchored
    return shapes.made(Report, report, whole=not faults, unanchored=left, faults=faults)


@router.get("/anchors")
def list_anchors(
    house: TheHouse,
    actor: Caller,
    limit: Limit = 50,
    after: Annotated[
        str | None, Query(description="Go on after this place: `next` of the page before.")
    ] = None,
) -> Anchors:
    """Anchors, to be kept somewhere else."""
    require(actor, "journal.machine", None)
    node, sequence = (-1, -1) if after is None else _place(after, 2)
    with house.database.read() as connection:
        rows = anchors.list_anchors(connection, after=(node, sequence), limit=limit)
    return Anchors(
        items=[_anchor_shape(row) for row in rows],
        next=f"{rows[-1].node}.{rows[-1].sequence}" if len(rows) == limit else None,
    )


@router.post("/anchors", status_code=201)
def make_anchor(house: TheHouse, actor: Caller) -> Anchors:
    """Sign now what would be signed within the hour; no anchor when nothing happened since the last."""
    require(actor, "journal.machine", None)
    key = house.keys.signer("anchors")
    node = house.config.storage.node
    made = audit.anchor(house.database, house.writer, key, node=node, now=clock.now())
    return Anchors(items=[_anchor_shape(made)] if made else [], next=None)


def _anchor_shape(row: anchors.Anchor) -> Anchor:
    return Anchor(
        node=row.node,
        sequence=row.sequence,
        at=row.at,
        heads=row.heads,
        previous=row.previous.hex(),
        signature=row.signature.hex(),
    )


def _anchor(shape: Anchor) -> anchors.Anchor:
    try:
        heads = json.loads(shape.heads)
        whole = isinstance(heads, list) and all(_is_head(each) for each in heads)
    except (ValueError, RecursionError):
        whole = False

    if not whole:
        raise BadRequest(
            f"anchor {shape.sequence} of node {shape.node} is damaged: give the file as it was written"
        )

    values = shape.model_dump()
    values |= {"previous": bytes.fromhex(shape.previous), "signature": bytes.fromhex(shape.signature)}

    return anchors.Anchor(**values)


def _is_head(head: object) -> bool:
    """Whether this is (account, sequence, digest): what somebody kept elsewhere may be anything by now."""
    return isinstance(head, list) and [type(each) for each in head] == [int, int, str]
