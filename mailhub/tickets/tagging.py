"""Tags and watchers of tickets: acts in the caller's transaction, each the inverse of the other.

    tag <-> untag      watch <-> unwatch      delete_tag, of one that no ticket has

A tag is a word of the account: made when it is first put on a ticket, at most ``quotas.tags`` of them. Raise
``NotFound``, ``BadRequest`` (no tag), ``Conflict`` (the ticket's state, too many); they leave nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from mailhub.access.quotas import require_room
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.proof.act import Act
from mailhub.tickets.acts import locked, workable
from storage.people.users import find_user
from storage.tickets import tags
from storage.tickets.tickets import Ticket, change_ticket, lock_tickets

TAG_CHARACTERS = 50
TAGS_OF_A_TICKET = 30


def tag_name(written: str) -> str:
    """A tag as it is stored: NFC, lower case, no spaces. ``BadRequest`` for what is none."""
    name = unicodedata.normalize("NFC", written).strip().removeprefix("#").lower()
    odd = any(unicodedata.category(each)[0] in ("C", "Z") or each in ',:"#' for each in name)
    if not name or len(name) > TAG_CHARACTERS or odd:
        raise BadRequest(
            f"a tag is one word of at most {TAG_CHARACTERS} characters, without spaces, commas, colons, quotes and #"
        )
    return name


def tag(act: Act, ticket: int, names: Sequence[str], *, quotas: Quotas) -> Ticket:
    """Put tags on a ticket; those it has already stay."""
    found = workable(locked(act.transaction, act.account, ticket))
    connection = act.transaction.connection
    wanted = sorted({tag_name(name) for name in names})
    known = dict(tags.find_tags(connection, act.account, wanted))
    there = set(tags.tag_ids_of(connection, act.account, found.id))

    if len(there | {known.get(name, -place - 1) for place, name in enumerate(wanted)}) > TAGS_OF_A_TICKET:
        raise Conflict(f"a ticket has at most {TAGS_OF_A_TICKET} tags")

    new = [name for name in wanted if name not in known]
    if new:
        require_room(act, quotas, "tags", more=len(new))
    for name in new:
        known[name] = act.transaction.new_id()
        made = tags.Tag(account_id=act.account, id=known[name], name=name, created_at=act.now)
        tags.add_tag(connection, made)

    return _changed(act, found, "ticket.tag", set(known.values()) - there)


def untag(act: Act, ticket: int, names: Sequence[str]) -> Ticket:
    """Take tags off a ticket; those it does not have are passed over."""
    found = workable(locked(act.transaction, act.account, ticket))
    connection = act.transaction.connection
    known = tags.find_tags(connection, act.account, {tag_name(name) for name in names})
    there = set(tags.tag_ids_of(connection, act.account, found.id))
    return _changed(act, found, "ticket.untag", there & set(known.values()))


def _changed(act: Act, ticket: Ticket, verb: str, changed: set[int]) -> Ticket:
    """Put tags on or take them off, on record by their ids: a tag's name can name a person."""
    if not changed:
        return ticket
    connection = act.transaction.connection
    change = tags.put_tags if verb == "ticket.tag" else tags.take_tags
    change(connection, act.account, ticket.id, changed)
    change_ticket(connection, act.account, ticket.id, at=act.now)
    act.record(verb, f"ticket:{ticket.id}", tags=sorted(changed))
    return lock_tickets(connection, act.account, [ticket.id])[ticket.id]


def delete_tag(act: Act, name: str) -> None:
    """Remove a tag from the account; ``Conflict`` while a ticket has it."""
    connection = act.transaction.connection
    known = tags.find_tags(connection, act.account, [tag_name(name)])
    if not known:
        raise NotFound("there is no such tag")
    (id_,) = known.values()
    if tags.is_on_a_ticket(connection, act.account, id_):
        raise Conflict("tickets have this tag: take it off them first (mailhub ticket list --tag)")
    tags.delete_tag(connection, act.account, id_)
    act.record("tag.delete", f"tag:{id_}")


def watch(act: Act, ticket: int, *, user: int) -> Ticket:
    """A user watches the ticket."""
    return _watch(act, ticket, user, on=True)


def unwatch(act: Act, ticket: int, *, user: int) -> Ticket:
    """A user watches the ticket no more."""
    return _watch(act, ticket, user, on=False)


def _watch(act: Act, ticket: int, user: int, *, on: bool) -> Ticket:
    found = workable(locked(act.transaction, act.account, ticket))
    connection = act.transaction.connection
    if on and find_user(connection, act.account, user) is None:
        raise NotFound(f"there is no user {user}")
    if on == (user in tags.watchers_of(connection, act.account, found.id)):
        return found
    tags.set_watching(connection, act.account, found.id, user, on=on)
    act.record("ticket.watch" if on else "ticket.unwatch", f"ticket:{found.id}", user=user)
    return found
