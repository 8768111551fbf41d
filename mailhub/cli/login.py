"""`mailhub login` keeps an ApiToken for later commands; `mailhub whoami` tells who the daemon takes you for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from mailhub.cli import client
from mailhub.cli.output import Context, printing
from mailhub.errors import BadRequest


@click.command()
@click.option("--forget", is_flag=True, help="Delete the kept ApiToken.")
@printing
def login(context: Context, forget: bool) -> None:
    """Keep an ApiToken, read from standard input, for later commands. MAILHUB_TOKEN wins over it.

    \b
    Example: mailhub token create --name laptop --json | jq -r .token | mailhub login
    """
    path = client.token_file()
    if forget:
        path.unlink(missing_ok=True)
        return
    token = click.prompt("ApiToken", hide_input=True) if os.isatty(0) else sys.stdin.readline()
    token = token.strip()
    if not token.isascii() or not token:
        raise BadRequest("an ApiToken looks like mh_...")
    found = client.Client(_socket(context), token=token).call("GET", "/v1/whoami")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token + "\n")
    context.fields(found)


def _socket(context: Context) -> Path:
    return client.socket_path(context.options.get("socket"), context.options.get("config"))


@click.command()
@printing
def whoami(context: Context) -> None:
    """Show who the daemon takes you for, and why.

    \b
    Example: mailhub whoami
    """
    context.fields(context.call("GET", "/v1/whoami"))
