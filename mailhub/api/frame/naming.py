"""What people call the things that an answer names by id, beside the ids: ``names`` of a shape.

A program keeps the ids, which never change; a person is shown #3 and ana@example.com. Must not: tell of a contact
to who may not read one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from mailhub.access.roles import allowed
from mailhub.api.frame.shapes import Named, Page
from mailhub.callers.caller import Call
from storage.catalogue import FIRST_ID
from storage.database import Connection
from storage.proof.names import names_of

UNNAMED = frozenset(
    {"id", "contact_id"}
)  # itself; and a ticket's requester, whom `contact` names or withholds
IDS_NAMED = 50  # of one item: an act may concern thousands of messages
_REFERENCE = re.compile(r"(?:[a-z-]+):([0-9]{10,18})")  # as the journal writes one


Item = TypeVar("Item", bound=Named)


def named(call: Call, connection: Connection, items: Sequence[Item]) -> list[Item]:
    """The items with their ``names``: so many statements for one as for five hundred."""
    of_items = [list(islice(_ids(item.model_dump()), IDS_NAMED)) for item in items]
    found = names_of(connection, call.account, {each for ids in of_items for each in ids})
    names = found.things | _readable(call, connection, found.contacts)
    return [
        item.model_copy(update={"names": {str(each): names[each] for each in ids if each in names}})
        for item, ids in zip(items, of_items, strict=True)
    ]


def named_page(call: Call, page: Page[Item]) -> Page[Item]:
    """The page with the ``names`` of its items."""
    with call.house.database.read() as connection:
        return Page(items=named(call, connection, page.items), next=page.next)


def named_one(call: Call, item: Item) -> Item:
    """The same of one, for an act that was just committed."""
    with call.house.database.read() as connection:
        return named(call, connection, [item])[0]


def _readable(call: Call, connection: Connection, contacts: Mapping[int, str]) -> dict[int, str]:
    """Those contacts that the caller may read of."""
    if not contacts or not allowed(call.actor, "contact.read"):
        return {}
    return {each: contacts[each] for each in call.readable_contacts(connection, list(contacts))}


def _ids(value: Any) -> Iterator[int]:
    """Whatever may be an id, however deep: numbers from the first id on, and texts like user:1000000002."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += [inner for name, inner in each.items() if name not in UNNAMED]
        elif isinstance(each, list | tuple):
            waiting += each
        elif isinstance(each, bool):
            continue
        elif isinstance(each, int) and FIRST_ID <= each < 2**53:
            yield each
        elif isinstance(each, str) and (reference := _REFERENCE.fullmatch(each)):
            yield int(reference[1])
