"""What a query may hold: what its route knows, once. A misspelt filter would else be a list of everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from mailhub.errors import BadRequest


def require_known(request: Request) -> None:
    """Raise ``BadRequest`` for a parameter of the query that the route does not know, or one that comes twice."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = dict(_parameters(route.dependant))  # whether each may come several times
    given = Counter(name for name, _ in request.query_params.multi_items())
    if given.keys() - known.keys():
        names = ", ".join(sorted(known)) or "none"
        raise BadRequest(f"the query has a parameter that this call does not know; it knows: {names}")
    if twice := sorted(name for name, count in given.items() if count > 1 and not known[name]):
        raise BadRequest(f"the query has {twice[0]} more than once")


def _parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    for each in dependant.query_params:
        yield each.alias, "list[" in str(each.field_info.annotation)
    for inner in dependant.dependencies:
        yield from _parameters(inner)
