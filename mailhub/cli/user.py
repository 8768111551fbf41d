"""`mailhub user ...`: owner, admins and agents."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, listing, printing


@click.group()
def user() -> None:
    """Users of an account: owner, admin, agent."""


@user.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List the users of the account.

    \b
    Example: mailhub user list
    """
    columns = {"id": "ID", "email": "LOGIN", "name": "NAME", "role": "ROLE", "created_at": "CREATED"}
    context.table(context.rows("/v1/users", limit=limit, after=after), columns)


@user.command()
@click.argument("email")
@click.option("--name", default="", help="Shown name.")
@click.option("--role", type=click.Choice(["owner", "admin", "agent"]), default="agent", show_default=True)
@printing
def add(context: Context, email: str, name: str, role: str) -> None:
    """Add a user; the one-time password is printed once.

    \b
    Example: mailhub user add ana@example.com --role agent
    """
    body = {"email": email, "name": name, "role": role}
    context.fields(context.call("POST", "/v1/users", body=body))
