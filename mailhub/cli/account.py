"""`mailhub account ...`: the tenants."""

from __future__ import annotations

import click

from mailhub.cli.exporting import export_account
from mailhub.cli.output import Context, listing, printing


@click.group()
def account() -> None:
    """Accounts (tenants)."""


account.add_command(export_account)


@account.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List the accounts you may see.

    \b
    Example: mailhub account list
    """
    columns = {"id": "ID", "name": "NAME", "stage": "STAGE", "billing": "BILLING", "created_at": "CREATED"}
    context.table(context.rows("/v1/accounts", limit=limit, after=after), columns)


@account.command()
@printing
def show(context: Context) -> None:
    """Show the account (`--account`, or the only one).

    \b
    Example: mailhub account show --account main
    """
    context.fields(context.call("GET", "/v1/accounts/current"))
