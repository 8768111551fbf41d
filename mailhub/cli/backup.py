"""`mailhub backup ...`: a plain consistent copy of the database."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, printing


@click.group()
def backup() -> None:
    """Backups of the whole installation."""


@backup.command()
@printing
def create(context: Context) -> None:
    """Copy the database, consistently and while mail flows, to backups/ in the data directory.

    The copy holds all mail in the clear; the root key is not in it. On PostgreSQL use pg_dump.

    \b
    Example: mailhub backup create
    """
    context.fields(context.call("POST", "/v1/backups"))
