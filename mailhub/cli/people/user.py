"""`mailhub user ...`: owner, admins and agents. How one logs in oneself (password, totp) is in ``own_login.py``."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, listing, printing
from mailhub.cli.people.own_login import password, totp
from mailhub.cli.privacy.exporting import export_user

ROLES = click.Choice(["owner", "admin", "agent"])


@click.group()
def user() -> None:
    """Users of an account: owner, admin, agent. USER is a login or an id."""


user.add_command(password)
user.add_command(totp)
user.add_command(export_user)


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
@click.argument("user")
@printing
def show(context: Context, user: str) -> None:
    """Show one user.

    \b
    Example: mailhub user show ana@example.com
    """
    context.fields(context.call("GET", f"/v1/users/{user}"))


@user.command("add")
@click.argument("email")
@click.option("--name", default="", help="Shown name.")
@click.option("--role", type=ROLES, default="agent", show_default=True)
@click.option("--print", "show", is_flag=True, help="Print the link instead of mailing it.")
@printing
def add(context: Context, email: str, name: str, role: str, show: bool) -> None:
    """Add a user; the link with which they set their password is mailed, or printed where no letters are.

    \b
    Example: mailhub user add ana@example.com --role agent
             mailhub user invite ana@example.com --role agent (the same)
    """
    body = {"email": email, "name": name, "role": role, "show_link": show}
    context.fields(context.call("POST", "/v1/users", body=body))


user.add_command(add, "invite")  # as it was called where there were passwords to print


@user.command()
@click.argument("user")
@click.argument("new_role", metavar="ROLE", type=ROLES)
@printing
def role(context: Context, user: str, new_role: str) -> None:
    """Give a user another role, at most your own. It acts at once.

    \b
    Example: mailhub user role ana@example.com admin
    """
    context.fields(context.call("PUT", f"/v1/users/{user}/role", body={"role": new_role}))


@user.command()
@click.argument("user")
@click.option("--heir", metavar="USER", help="Who gets the tickets; without, they are nobody's.")
@printing
def delete(context: Context, user: str, heir: str | None) -> None:
    """Delete a user: sessions and ApiTokens end, name and login go, what they wrote stays under a number.

    Mail they wrote as a contact is not theirs as a user: it takes a second request (`contact erase`), which is said.

    \b
    Example: mailhub user delete ana@example.com --heir leo@example.com
    """
    done = context.call("DELETE", f"/v1/users/{user}", heir=heir)
    context.fields(done)
    if done["is_contact"]:
        click.echo(
            "They also wrote here as a contact, or take part in tickets: that stays."
            " A second request forgets it: mailhub contact erase ADDRESS",
            err=True,
        )


@user.command()
@click.argument("user", required=False)
@click.option("--end", metavar="ID", help="End this session.")
@click.option("--end-all", is_flag=True, help="End all sessions but the one that asks.")
@listing
@printing
def sessions(
    context: Context, user: str | None, end: str | None, end_all: bool, limit: int, after: str | None
) -> None:
    """List the sessions of a user, your own without USER; or end them.

    \b
    Example: mailhub user sessions ana@example.com --end-all
    """
    if end is not None or end_all:
        path = "/v1/sessions" if end is None else f"/v1/sessions/{end}"
        context.client.fetch("DELETE", path, user=user, account=context.account)
        return
    columns = {
        "id": "ID",
        "peer": "FROM",
        "created_at": "SINCE",
        "last_used_at": "LAST USED",
        "expires_at": "ENDS",
    }
    context.table(
        context.rows("/v1/sessions", limit=limit, after=after, user=user), columns | {"current": "THIS ONE"}
    )
