"""/v1/erasures: plan, begin and follow the erasure of a person; the receipt at its end.

The person is named in a body, never in a path or query: those end up in logs of proxies.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from mailhub import clock
from mailhub.access.holds import READERS
from mailhub.access.quotas import require_room
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.backups.erasing import backups_holding
from mailhub.callers.caller import InAccount
from mailhub.errors import BadRequest, NotFound
from mailhub.privacy.erasing import places
from mailhub.privacy.erasing.copies import copies_of
from mailhub.privacy.erasing.plan import make_plan
from mailhub.privacy.erasure import agreeable, begin, checked, is_known
from mailhub.privacy.witness.marks import Marks
from mailhub.privacy.witness.search import Witness
from mailhub.proof import receipts
from mailhub.proof.act import Act
from storage.privacy import erasures
from storage.sources.imap_todos import Owed, owed_to_erasures
from storage.writer import Transaction

router = APIRouter(tags=["erasures"])


class Person(shapes.Shape):
    """Who is meant: exact addresses, of one person. `names`: to be replaced in others' words, wherever they stand."""

    addresses: Annotated[list[str], Field(min_length=1, max_length=20)]
    names: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=20)] = ()


class Order(Person):
    """An erasure; `confirm` repeats the first address, as a guard: it cannot be undone.

    `anyway`: also for addresses that nobody here has, so that what a backup brings back of them goes again.
    """

    confirm: str
    anyway: bool = False


class Search(Person):
    """Whom to look for, and from where on."""

    at: Annotated[str, Field(pattern=r"^(messages|letters|rows):\d{1,18}$")] = "messages:0"


class Place(shapes.Shape):
    """Where something stands: a message or a column; what (`address`, `plus form`, `digest of the address`, `name`,
    `not read`), how it was wrapped, and in how many rows.
    """

    where: str
    what: str
    how: str
    count: int


class Found(shapes.Shape):
    """What one page looked at, and what it found. `not_read`: messages of which something could not be read."""

    places: list[Place]
    messages: int
    rows: int
    bytes: int
    not_read: int
    next: str | None


class Hold(shapes.Shape):
    """What forbids it for now."""

    id: int
    kind: str
    reason: str
    ends_at: str | None


class NamePlace(shapes.Shape):
    """Where a name stands in another's message or note; `sentence` is null where a hold restricts it."""

    kind: str  # message or note
    id: int
    ticket: int
    author: str
    sentence: str | None


class Name(shapes.Shape):
    """A name of the person. It is replaced where it stands without their address only if it is given as one of `names`.

    `refused`: why it cannot be (common-word, of-others, widely-used), "" when it can.
    """

    name: str
    refused: str
    occurrences: int
    messages: int
    notes: int
    places: list[NamePlace]


class Plan(shapes.Shape):
    """Whom an erasure would mean, and how much it would take. `bounded`: there is more than a plan counts.

    `namesakes`: other contacts of the same name, perhaps the same person. `shared`: addresses that several people wrote
    from, with their names: what each of them wrote goes. `strings`: what would be replaced in others' mail, how often.
    """

    addresses: list[str]
    contacts: list[int]
    names: list[Name]
    namesakes: list[int]
    shared: dict[str, list[str]]
    strings: dict[str, int]
    counts: dict[str, int]
    holds: list[Hold]
    backups: int  # that hold the person, until they expire; those made with their key are unreadable from the end on
    bounded: bool


class Copies(shapes.Shape):
    """The person's mail at providers: asked to be deleted there, or left; of the asked, what became of them.

    `unknown`: it was not where it lay, or can be reached no more. `owed_paused`: of the owed, in paused mailboxes.
    """

    asked: int
    left: int
    deleted: int
    marked: int
    owed: int
    owed_paused: int
    unknown: int


class Erasure(shapes.Shape):
    """One erasure. `progress` is of the search, in thousandths, while that runs."""

    id: int
    state: str  # running, pending, held or done
    step: str
    progress: int | None
    reason: str
    actor: str
    begun_at: str
    cut_at: str
    next_attempt_at: str | None
    done_at: str | None
    backups_gone_at: str | None  # when no backup held the person any more
    counts: dict[str, Any]
    copies: Copies


class Begun(Erasure):
    """An erasure under way. Keep `commitment_key`: it proves whom the receipt is about, and is told only now."""

    commitment_key: str


class Receipt(shapes.Shape):
    """The signed receipt as text, and the public key that verifies it. `second`: that the last backup is gone."""

    receipt: str
    second: str | None
    public_key: str


def _shape(row: erasures.Erasure, owed: Mapping[int, Owed]) -> Erasure:
    progress = row.position if row.step == "search" and row.state == "running" else None
    waits = row.state in ("pending", "held")
    mine = owed.get(row.id, Owed(0, 0))
    shown = made(Copies, copies_of(row, mine), owed_paused=mine.paused)
    at = _instant(row.next_attempt_at if waits else None)
    return made(Erasure, row, progress=progress, next_attempt_at=at, copies=shown)


def _owed(call: InAccount) -> Mapping[int, Owed]:
    with call.house.database.read() as connection:
        return owed_to_erasures(connection, call.account)


def _instant(at: int | None) -> str | None:
    return shapes.instant(at)


def _find(call: InAccount, which: int) -> erasures.Erasure:
    with call.house.database.read() as connection:
        found = erasures.find_erasure(connection, call.account, which)
    if found is None:
        raise NotFound(f"there is no erasure {which}")
    return found


@router.post("/erasures/plan")
def plan_erasure(call: InAccount, body: Person) -> Plan:
    """What an erasure of this person would take. Nothing is changed."""
    call.require("contact.erase")
    parts = call.house.erasure()
    asked = checked(parts, call.account, body.addresses)
    made_plan = make_plan(parts, call.account, asked, names=body.names)

    return Plan(
        # an operator is told no more of a person than they said themselves: what the account knows needs a
        # grant
        addresses=list(made_plan.addresses if call.actor.user is not None else asked),
        contacts=list(made_plan.contacts),
        names=[_name(call, each) for each in made_plan.names] if call.actor.user is not None else [],
        namesakes=list(made_plan.namesakes),
        shared={each: list(names) for each, names in made_plan.shared.items()}
        if call.actor.user is not None
        else {},
        strings=dict(made_plan.strings) if call.actor.user is not None else {},
        counts=dict(made_plan.counts),
        holds=[made(Hold, each) for each in made_plan.holds],
        backups=_backups(call),
        bounded=made_plan.bounded,
    )


@router.post("/erasures/search")
def search_for_person(call: InAccount, body: Search) -> Found:
    """Where a person still stands, by an independent search; nothing is changed, and no words are shown.

    One page of some 16 MiB: ask again with `next` as `at` until it is null.
    """
    call.require("contact.erase")
    house = call.house
    asked = checked(house.erasure(), call.account, body.addresses)
    witness = Witness(
        database=house.database, keys=house.keys, account=call.account, marks=Marks(asked, body.names)
    )
    looked = witness.look(body.at)
    return made(Found, looked, places=[made(Place, each) for each in looked.places])


def _name(call: InAccount, row: places.Name) -> Name:
    """An owner or admin may read what a hold restricts, an agent may not."""
    may_read = call.actor.role in READERS
    shown = [
        made(NamePlace, each, sentence=each.sentence if may_read or not each.restricted else None)
        for each in row.places
    ]
    return made(Name, row, places=shown)


def _backups(call: InAccount) -> int:
    with call.house.database.read() as connection:
        return len(backups_holding(connection, before=clock.now()))


@router.post("/erasures", status_code=202)
def begin_erasure(call: InAccount, body: Order) -> Begun:
    """Begin to erase a person; it goes on by itself to the receipt. Needs a fresh second factor."""
    call.require("contact.erase")
    call.require_fresh()
    if body.confirm.strip().lower() != body.addresses[0].strip().lower():
        raise BadRequest("this cannot be undone: repeat the first address as `confirm`")
    parts = call.house.erasure()
    asked = checked(parts, call.account, body.addresses)
    if not body.anyway and not is_known(parts, call.account, asked):
        raise NotFound("nobody here has this address: look for a typo, or give `anyway` (--anyway)")

    def room(transaction: Transaction, *, erasure_id: int) -> None:
        act = Act(transaction, call.actor.name, call.account, clock.now())
        require_room(act, call.house.config.quotas, "erasures")

    names = agreeable(parts, call.account, checked(parts, call.account, body.addresses), body.names)
    begun = begin(
        parts, call.actor.name, call.account, body.addresses, names=names, also=room, now=clock.now()
    )
    shown = _shape(_find(call, begun.erasure), {})
    return Begun(**shown.model_dump(), commitment_key=begun.commitment_key.hex())


@router.get("/erasures")
def list_erasures(call: InAccount, limit: Limit = 50, after: After = None) -> Page[Erasure]:
    """Erasures of the account, the oldest first."""
    call.require("erasure.read")
    with call.house.database.read() as connection:
        found = erasures.list_erasures(connection, call.account, after=after or 0, limit=limit)
    return page(found, partial(_shape, owed=_owed(call)), limit)


@router.get("/erasures/{erasure}")
def show_erasure(call: InAccount, erasure: Id) -> Erasure:
    """How far it is."""
    call.require("erasure.read")
    return _shape(_find(call, erasure), _owed(call))


@router.get("/erasures/{erasure}/receipt")
def show_receipt(call: InAccount, erasure: Id) -> Receipt:
    """The receipt of an erasure that is done."""
    call.require("erasure.read")
    found = _find(call, erasure)
    if found.receipt is None:
        raise NotFound(f"erasure {erasure} has no receipt yet: it is {found.state}")
    public = receipts.public_key_of(call.house.keys)
    return Receipt(receipt=found.receipt, second=found.second_receipt, public_key=public)
