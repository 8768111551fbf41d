"""`mailhub login`, `logout`, `whoami`: what later commands show the daemon is kept in a file of mode 0600."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mailhub.cli import client
from mailhub.cli.output import Context, printing
from mailhub.cli.secret_input import ask
from mailhub.errors import BadRequest


@click.command()
@click.argument("email", required=False)
@click.option("--fresh", is_flag=True, help="Show your second factor again, for what cannot be undone.")
@click.option("--forget", is_flag=True, help="Delete what is kept, without ending it.")
@printing
def login(context: Context, email: str | None, fresh: bool, forget: bool) -> None:
    """Log in as EMAIL, with password and code; without EMAIL, keep an ApiToken for later commands.

    Password, code and ApiToken are asked for, or read from standard input, a line each. MAILHUB_TOKEN wins over what
    is kept.

    \b
    Example: mailhub login ana@example.com
    """
    if forget:
        client.token_file().unlink(missing_ok=True)
    elif fresh:
        context.fields(context.call("POST", "/v1/login/fresh", body={"code": ask("Code")}))
    elif email is not None:
        _with_password(context, email)
    else:
        token = ask("ApiToken").strip()
        if not token.isascii() or not token:
            raise BadRequest("an ApiToken looks like mh_...")
        _keep(context, token)


def _with_password(context: Context, email: str) -> None:
    password = ask("Password")
    body = {"email": email, "password": password, "code": ask("Code (empty if you have none)")}
    if context.account is not None:
        body["account"] = context.account
    with client.Client(_socket(context), token=None) as stranger:
        opened = stranger.call("POST", "/v1/login", body=body)
    _keep(context, opened["session"])


def _keep(context: Context, text: str) -> None:
    """Ask the daemon whom it lets in, then keep it."""
    with client.Client(_socket(context), token=text) as known:
        found = known.call("GET", "/v1/whoami")
    path = client.token_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
    context.fields(found)


def _socket(context: Context) -> Path:
    return client.socket_path(context.options.get("socket"), context.options.get("config"))


@click.command()
@printing
def logout(context: Context) -> None:
    """End your session. An ApiToken that is kept is only forgotten: end it with `mailhub token revoke`.

    \b
    Example: mailhub logout
    """
    if (client.saved_token() or "").startswith("mhs_"):
        context.client.fetch("POST", "/v1/logout")
    client.token_file().unlink(missing_ok=True)


@click.command()
@printing
def whoami(context: Context) -> None:
    """Show who the daemon takes you for, and why.

    \b
    Example: mailhub whoami
    """
    context.fields(context.call("GET", "/v1/whoami"))
