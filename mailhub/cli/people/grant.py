"""`mailhub grant ...`: let an operator read what people wrote, for a while and on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from mailhub.cli.output import Context, listing, printing

COLUMNS = {
    "id": "ID",
    "operator": "OPERATOR UID",
    "reason": "REASON",
    "created_at": "GIVEN",
    "ends_at": "ENDS",
}
COLUMNS |= {"revoked_at": "REVOKED"}


@click.group()
def grant() -> None:
    """Grants: an operator reads no content unless an owner or admin lets them, and each read is in the journal."""


@grant.command()
@click.option("--operator", type=click.IntRange(min=0), required=True, help="Uid of the operator.")
@click.option("--reason", required=True, help="Why; kept with the grant.")
@click.option("--hours", type=click.IntRange(1, 720), default=8, show_default=True, help="How long.")
@printing
def add(context: Context, operator: int, reason: str, hours: int) -> None:
    """Let an operator read the account's content.

    \b
    Example: mailhub grant add --operator 0 --reason "the search finds nothing since Monday"
    """
    ends_at = (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")
    context.fields(
        context.call("POST", "/v1/grants", body={"operator": operator, "reason": reason, "ends_at": ends_at})
    )


@grant.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List grants, those that ended among them.

    \b
    Example: mailhub grant list
    """
    context.table(context.rows("/v1/grants", limit=limit, after=after), COLUMNS)


@grant.command()
@click.argument("grant", type=int)
@printing
def revoke(context: Context, grant: int) -> None:
    """End a grant now.

    \b
    Example: mailhub grant revoke 1000000041
    """
    context.fields(context.call("DELETE", f"/v1/grants/{grant}"))
