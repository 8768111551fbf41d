"""`mailhub hold ...`: keep a contact, a ticket or the account, whatever wants it gone."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from mailhub.cli.output import Context, listing, printing

COLUMNS = {
    "id": "ID",
    "kind": "KIND",
    "object": "OBJECT",
    "reason": "REASON",
    "created_at": "SINCE",
    "ends_at": "ENDS",
}
COLUMNS |= {"lifted_at": "LIFTED"}


@click.group()
def hold() -> None:
    """Holds: nothing held is removed, and owners and admins alone read it."""


@hold.command()
@click.argument("kind", type=click.Choice(["contact", "ticket", "account"]))
@click.argument("object_id", metavar="[ID]", type=int, required=False)
@click.option("--reason", required=True, help="Why; kept with the hold.")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="When it ends by itself (UTC). Without: when lifted."
)
@printing
def add(context: Context, kind: str, object_id: int | None, reason: str, until: datetime | None) -> None:
    """Hold a contact (by id), a ticket (by id or number) or the whole account.

    \b
    Example: mailhub hold add ticket 1017 --reason "claim of 3 May" --until 2027-12-31
    """
    if (object_id is None) != (kind == "account"):
        raise click.UsageError("name the contact or ticket by its id; the account needs none")
    body = {"kind": kind, "object": object_id, "reason": reason}
    if until is not None:
        body["ends_at"] = until.replace(tzinfo=UTC).isoformat()
    context.fields(context.call("POST", "/v1/holds", body=body))


@hold.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List holds, those that ended among them.

    \b
    Example: mailhub hold list
    """
    context.table(context.rows("/v1/holds", limit=limit, after=after), COLUMNS)


@hold.command()
@click.argument("hold_id", metavar="ID", type=int)
@printing
def lift(context: Context, hold_id: int) -> None:
    """Lift a hold now. What waited for it goes on by itself.

    \b
    Example: mailhub hold lift 1000000041
    """
    context.fields(context.call("DELETE", f"/v1/holds/{hold_id}"))
