"""`mailhub ticket ...`: pending, snoozed, urgent, tagged, watched; for the group in ``ticket.py``."""

from __future__ import annotations

from datetime import datetime

import click

from mailhub.cli.output import Context, listing, printing
from mailhub.cli.tickets.ticket_work import say

MOMENTS = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"]


@click.command()
@click.argument("ticket")
@printing
def pend(context: Context, ticket: str) -> None:
    """We wait for the other side in TICKET: their next mail opens it; `reopen` undoes it.

    \b
    Example: mailhub ticket pend 17
    """
    say(context, context.call("POST", f"/v1/tickets/{ticket}/pend"), "waits for the other side")


@click.command()
@click.argument("ticket")
@click.argument("until", type=click.DateTime(MOMENTS))
@printing
def snooze(context: Context, ticket: str, until: datetime) -> None:
    """Put TICKET off UNTIL a local time; it opens then, or at a person's next mail; `reopen` undoes it.

    \b
    Example: mailhub ticket snooze 17 "2026-12-01 09:00"
    """
    body = {"until": until.astimezone().isoformat()}
    say(context, context.call("POST", f"/v1/tickets/{ticket}/snooze", body=body), "put off")


@click.command()
@click.argument("ticket")
@click.argument("priority", type=click.Choice(["low", "normal", "high", "urgent"]))
@printing
def priority(context: Context, ticket: str, priority: str) -> None:
    """How urgent TICKET is.

    \b
    Example: mailhub ticket priority 17 urgent
    """
    found = context.call("POST", f"/v1/tickets/{ticket}/priority", body={"priority": priority})
    say(context, found, f"is of {priority} priority")


@click.command()
@click.argument("ticket")
@click.argument("user")
@printing
def responsible(context: Context, ticket: str, user: str) -> None:
    """USER answers for TICKET being done, whoever works on it: a login or id, `me`, or `none`.

    \b
    Example: mailhub ticket responsible 17 ana@example.com
    """
    found = context.call("POST", f"/v1/tickets/{ticket}/responsible", body={"assignee": user})
    say(context, found, f"is answered for by {found['responsible'] or 'nobody'}")


@click.command()
@click.argument("ticket")
@click.argument("tags", nargs=-1, required=True)
@printing
def tag(context: Context, ticket: str, tags: tuple[str, ...]) -> None:
    """Put TAGS on TICKET; `untag` undoes it.

    \b
    Example: mailhub ticket tag 17 refund vip
    """
    found = context.call("POST", f"/v1/tickets/{ticket}/tags", body={"names": list(tags)})
    say(context, found, f"has the tags {', '.join(found['tags'])}")


@click.command()
@click.argument("ticket")
@click.argument("tags", nargs=-1, required=True)
@printing
def untag(context: Context, ticket: str, tags: tuple[str, ...]) -> None:
    """Take TAGS off TICKET.

    \b
    Example: mailhub ticket untag 17 refund
    """
    found = context.call("DELETE", f"/v1/tickets/{ticket}/tags", body={"names": list(tags)})
    say(context, found, f"has the tags {', '.join(found['tags']) or '(none)'}")


@click.command()
@click.argument("ticket")
@printing
def watch(context: Context, ticket: str) -> None:
    """You watch TICKET; `unwatch` undoes it.

    \b
    Example: mailhub ticket watch 17
    """
    say(context, context.call("POST", f"/v1/tickets/{ticket}/watch"), "is watched by you")


@click.command()
@click.argument("ticket")
@printing
def unwatch(context: Context, ticket: str) -> None:
    """You watch TICKET no more.

    \b
    Example: mailhub ticket unwatch 17
    """
    say(context, context.call("DELETE", f"/v1/tickets/{ticket}/watch"), "is watched by you no more")


@click.command("tags")
@listing
@printing
def tags_(context: Context, limit: int, after: str | None) -> None:
    """List the account's tags.

    \b
    Example: mailhub ticket tags
    """
    rows = context.rows("/v1/tags", limit=limit, after=after)
    context.table(rows, {"name": "TAG", "id": "ID", "created_at": "CREATED"})


@click.command("tag-delete")
@click.argument("tag")
@printing
def tag_delete(context: Context, tag: str) -> None:
    """Remove TAG, which no ticket has, from the account.

    \b
    Example: mailhub ticket tag-delete refund
    """
    context.call("DELETE", f"/v1/tags/{tag}")
    context.fields({"tag": tag, "state": "deleted"})


COMMANDS = (pend, snooze, priority, responsible, tag, untag, watch, unwatch, tags_, tag_delete)
