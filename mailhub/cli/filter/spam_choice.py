"""Which messages `mailhub spam mark` is about, when they are not named one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import click

from mailhub.cli.output import Context, require_yes
from mailhub.errors import BadRequest

F = TypeVar("F", bound=Callable[..., Any])
PAGE = 500  # ids of one request


def choosing(function: F) -> F:
    """Give a command MESSAGES or filters; it gets ``messages``, the ids that are meant."""

    @click.argument("messages", nargs=-1, type=int)
    @click.option("--search", "query", help="All incoming messages that hold these words.")
    @click.option("--mailbox", help="All of this mailbox: address or id.")
    @click.option("--contact", help="All that this person wrote: address or id.")
    @click.option("--verdict", type=click.Choice(["spam", "ham", "unsure"]), help="All with this verdict.")
    @click.option("--yes", is_flag=True, help="Do not ask before marking what filters found.")
    @wraps(function)
    def command(
        context: Context,
        /,
        *arguments: Any,
        messages: tuple[int, ...],
        yes: bool,
        query: str | None,
        mailbox: str | None,
        contact: str | None,
        verdict: str | None,
        **keywords: Any,
    ) -> Any:
        filters = {"query": query, "mailbox": mailbox, "contact": contact, "verdict": verdict}
        chosen = {name: value for name, value in filters.items() if value is not None}
        if bool(messages) == bool(chosen):
            raise BadRequest("name messages by their ids, or by --search, --mailbox, --contact and --verdict")
        found = messages or _found(context, chosen)
        if chosen and not yes and found:
            require_yes(f"{len(found)} messages. Go on?")
        return function(context, *arguments, messages=found, **keywords)

    return command  # type: ignore[return-value]


def _found(context: Context, filters: dict[str, Any]) -> Sequence[int]:
    """All messages that the filters mean."""
    found: list[int] = []
    after = None
    while True:
        page = context.call("GET", "/v1/spam/choose", limit=PAGE, after=after, **filters)
        found += page["messages"]
        after = page["next"]
        if after is None:
            return found
