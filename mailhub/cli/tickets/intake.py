"""`mailhub intake ...`: every delivery in, and what became of it."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, listing, printing, require_yes

COLUMNS = {
    "id": "ID",
    "received_at": "RECEIVED",
    "source": "BY",
    "recipient": "RECIPIENT",
    "fate": "FATE",
    "reason": "REASON",
    "message": "MESSAGE",
    "ticket": "TICKET",
}


@click.group()
def intake() -> None:
    """Deliveries in (message x recipient x door) and their fates."""


@intake.command("list")
@click.option("--fate", help="filed, duplicate, erased, quarantined, rejected, feedback or request.")
@click.option("--message", type=int, help="Only the deliveries of this stored message.")
@listing
@printing
def list_(context: Context, limit: int, after: str | None, fate: str | None, message: int | None) -> None:
    """List deliveries, newest first.

    \b
    Example: mailhub intake list --fate duplicate
    """
    context.table(context.rows("/v1/intake", limit=limit, after=after, fate=fate, message=message), COLUMNS)


@intake.command()
@listing
@printing
def refusals(context: Context, limit: int, after: str | None) -> None:
    """List what the doors refused before the end of DATA, by hour, peer and reason; for the operator.

    \b
    Example: mailhub intake refusals --limit 20
    """
    columns = {"hour": "HOUR", "peer": "PEER", "reason": "REASON", "count": "COUNT"}
    found = context.rows("/v1/refusals", limit=limit, after=after)
    context.table(
        found if context.as_json else [{**each, "hour": context.time(each["hour"])} for each in found],
        columns,
    )


@intake.command()
@click.argument("delivery", type=int)
@printing
def show(context: Context, delivery: int) -> None:
    """Show one delivery with its envelope.

    \b
    Example: mailhub intake show 1000000012
    """
    context.fields(context.call("GET", f"/v1/intake/{delivery}"))


@intake.command()
@click.argument("deliveries", nargs=-1, required=True, type=int)
@printing
def retry(context: Context, deliveries: tuple[int, ...]) -> None:
    """Read messages in quarantine again, and file them as new mail is.

    \b
    Example: mailhub intake retry 1000000012
    """
    found = [context.call("POST", f"/v1/intake/{each}/retry")["outcomes"] for each in deliveries]
    columns = {
        "recipient": "RECIPIENT",
        "fate": "FATE",
        "reason": "REASON",
        "message": "MESSAGE",
        "ticket": "TICKET",
    }
    context.table([outcome for outcomes in found for outcome in outcomes], columns)


@intake.command()
@click.argument("delivery", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@printing
def discard(context: Context, delivery: int, yes: bool) -> None:
    """Remove a message in quarantine for good. Cannot be undone.

    \b
    Example: mailhub intake discard 1000000012 --yes
    """
    if not yes:
        require_yes(f"Remove the message of delivery {delivery} for good?")
    context.fields(context.call("POST", f"/v1/intake/{delivery}/discard"))
