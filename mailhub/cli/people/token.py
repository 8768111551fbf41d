"""`mailhub token ...`: ApiTokens for programs."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, listing, printing


@click.group()
def token() -> None:
    """ApiTokens: what programs log in with."""


@token.command()
@click.option("--name", required=True, help="What it is for.")
@click.option(
    "--scope", "scopes", multiple=True, help="Limit it: `read`, a noun (ticket), or an action (ticket.read)."
)
@click.option(
    "--days", type=click.IntRange(1, 3660), default=365, show_default=True, help="Days until it expires."
)
@click.option(
    "--from", "networks", multiple=True, metavar="NETWORK", help="It may come only from there (CIDR)."
)
@printing
def create(
    context: Context, name: str, scopes: tuple[str, ...], days: int, networks: tuple[str, ...]
) -> None:
    """Make an ApiToken for yourself; it is printed once.

    \b
    Example: mailhub token create --name dashboard --scope read
    """
    body = {"name": name, "scopes": list(scopes), "days": days, "networks": list(networks)}
    context.fields(context.call("POST", "/v1/tokens", body=body))


@token.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List your ApiTokens; owners and admins see those of the account.

    \b
    Example: mailhub token list
    """
    columns = {"id": "ID", "name": "NAME", "user": "USER", "scopes": "SCOPES", "expires_at": "EXPIRES"}
    rows = context.rows("/v1/tokens", limit=limit, after=after)
    context.table(rows, columns | {"last_used_at": "LAST USED", "revoked_at": "REVOKED"})


@token.command()
@click.argument("token", type=int)
@printing
def revoke(context: Context, token: int) -> None:
    """End an ApiToken now.

    \b
    Example: mailhub token revoke 1000000031
    """
    context.fields(context.call("DELETE", f"/v1/tokens/{token}"))
