"""`mailhub allow-list ...`: from which networks the people of an account may come."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, listing, printing


@click.group("allow-list")
def allow_list() -> None:
    """Allow-lists: from which networks people may use the API over TCP."""


@allow_list.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List the rules of the account. No rule: people come from everywhere.

    \b
    Example: mailhub allow-list list
    """
    columns = {"id": "ID", "role": "ROLE", "network": "NETWORK", "created_at": "SINCE"}
    context.table(context.rows("/v1/allow-list", limit=limit, after=after), columns)


@allow_list.command()
@click.argument("network")
@click.option(
    "--role",
    type=click.Choice(["everyone", "owner", "admin", "agent"]),
    default="everyone",
    show_default=True,
    help="Whose list it goes into; people must be in everyone's and in their role's, where there is one.",
)
@printing
def add(context: Context, network: str, role: str) -> None:
    """Let people come from an address or a network (CIDR). The first rule shuts out everybody else.

    \b
    Example: mailhub allow-list add 192.0.2.0/24 --role agent
    """
    context.fields(context.call("POST", "/v1/allow-list", body={"network": network, "role": role}))


@allow_list.command()
@click.argument("rule", type=int)
@printing
def remove(context: Context, rule: int) -> None:
    """Remove a rule. With the last rule of a list nobody is shut out by it any more.

    \b
    Example: mailhub allow-list remove 1000000042
    """
    context.call("DELETE", f"/v1/allow-list/{rule}")
    if not context.as_json:
        click.echo(f"rule {rule} is gone")
