"""A search by words, for every route that takes one. Must not: search what nobody bounded before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from mailhub.callers.caller import Call
from mailhub.errors import BadRequest
from storage.database import Connection
from storage.mail import search


class Find(Protocol):
    """Finds messages with ids below ``before``, newest first, at most ``limit``."""

    def __call__(self, *, before: int, limit: int) -> Sequence[int]: ...


def search_messages(
    connection: Connection, account: int, query: str, *, before: int, limit: int
) -> list[int]:
    """As ``storage.mail.search.find_messages``; ``BadRequest``, before it runs, for a query that reads too much."""
    if why := search.why_too_broad(query):
        raise BadRequest(why)
    return search.find_messages(connection, account, query, before=before, limit=limit)


def search_readable(connection: Connection, call: Call, query: str, *, before: int, limit: int) -> list[int]:
    """As ``search_messages``, of what the caller may read."""
    find = partial(search_messages, connection, call.account, query)
    return only_readable(connection, call, find, before=before, limit=limit)


def only_readable(connection: Connection, call: Call, find: Find, *, before: int, limit: int) -> list[int]:
    """A full page of what the caller may read, or all there is: where a page ends tells nothing of what is held."""
    kept: list[int] = []
    while len(kept) < limit:
        found = list(find(before=before, limit=limit))
        kept += call.readable(connection, found)
        if len(found) < limit:
            break
        before = found[-1]
    return kept[:limit]
