"""`mailhub account ...`: the tenants."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, listing, printing, require_typed, require_yes
from mailhub.cli.privacy.exporting import export_account


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


@account.command()
@click.argument("name")
@click.option("--owner", required=True, metavar="EMAIL", help="Login of its owner, who gets a link.")
@click.option("--owner-name", default="", help="What the owner is called.")
@click.option("--billing", type=click.Choice(["external", "none"]), default="external", show_default=True)
@click.option("--print", "show", is_flag=True, help="Print the owner's link instead of mailing it.")
@printing
def create(context: Context, name: str, owner: str, owner_name: str, billing: str, show: bool) -> None:
    """Make an account: a trial, or with `--billing none` one that no sweep ever touches.

    Its owner gets a link to set a password: mailed, or printed where no letters are written.

    \b
    Example: mailhub account create "Example Ltd" --owner ana@example.com
    """
    body = {"name": name, "owner": owner, "owner_name": owner_name, "billing": billing, "show_link": show}
    context.fields(context.call("POST", "/v1/accounts", body=body))


@account.command()
@printing
def activate(context: Context) -> None:
    """Make a trial active.

    \b
    Example: mailhub account activate --account 1000000001
    """
    _act(context, "activate")


@account.command("payment-failed")
@printing
def payment_failed(context: Context) -> None:
    """Say that a payment failed. The first one since the last success begins the term.

    \b
    Example: mailhub account payment-failed --account 1000000001
    """
    _act(context, "payment-failed")


@account.command("payment-ok")
@printing
def payment_ok(context: Context) -> None:
    """Say that a payment was made: a trial, or a suspension for money, becomes active.

    \b
    Example: mailhub account payment-ok --account 1000000001
    """
    _act(context, "payment-ok")


@account.command()
@printing
def suspend(context: Context) -> None:
    """Suspend an account: nobody of it can log in or read, and its mail is held. Only you can lift that.

    \b
    Example: mailhub account suspend --account 1000000001
    """
    _act(context, "suspend")


@account.command()
@printing
def resume(context: Context) -> None:
    """Lift a suspension; a request for deletion is taken back with it.

    \b
    Example: mailhub account resume --account 1000000001
    """
    _act(context, "resume")


@account.command()
@click.option("--yes", is_flag=True, help="Do not ask: routes, ApiTokens and mailboxes are gone for good.")
@printing
def terminate(context: Context, yes: bool) -> None:
    """End a suspended account before its term: its addresses answer 550, its data is kept sealed.

    \b
    Example: mailhub account terminate --account 1000000001 --yes
    """
    if not yes:
        require_yes("Routes, ApiTokens, mailboxes and rules of the account go for good. Terminate it?")
    _act(context, "terminate")


@account.command()
@click.option("--yes", is_flag=True, help="Do not ask for the account's id.")
@printing
def delete(context: Context, yes: bool) -> None:
    """Ask for the account's deletion, as its owner: the next sweeps take it through every stage without waiting.

    \b
    Example: mailhub account delete --account 1000000001 --yes
    """
    account_id = str(context.call("GET", "/v1/accounts/current")["id"])
    if not yes:
        require_typed(f"Everything in account {account_id} will go. Type {account_id}", account_id)
    context.fields(context.call("POST", "/v1/accounts/current/deletion", confirm=account_id))


def _act(context: Context, act: str) -> None:
    context.fields(context.call("POST", f"/v1/accounts/current/{act}"))
