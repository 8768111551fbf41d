"""A search by words, for every route that takes one. Must not: search what nobody bounded before."""

from __future__ import annotations

from mailhub.errors import BadRequest
from storage import search
from storage.database import Connection


def search_messages(connection: Connection, account: int, query: str, *, before: int, limit: int) -> list[int]:
    """As ``storage.search.find_messages``; raises ``BadRequest`` for a query that reads too much, before it runs."""
    if why := search.why_too_broad(query):
        raise BadRequest(why)
    return search.find_messages(connection, account, query, before=before, limit=limit)
