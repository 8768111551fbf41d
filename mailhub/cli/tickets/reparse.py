"""`mailhub reparse`: derive anew what is derived from the raw messages, after an upgrade that reads mail better."""

from __future__ import annotations

import sys

import click

from mailhub.cli.output import Context, printing


@click.command()
@click.option("--after", default=0, help="Begin behind this message id: where an earlier run stopped.")
@printing
def reparse(context: Context, after: int) -> None:
    """Read every stored message again: subject, sender, date, flags and search index.

    Tickets, scores, fates and authentication stay as they were decided. May be stopped and begun again at any point.

    \b
    Example: mailhub reparse
    """
    read = changed = 0
    progress = sys.stderr.isatty() and not context.as_json

    while True:
        step = context.call("POST", "/v1/messages/reparse", after=after)
        read = read + step["read"]
        changed = changed + step["changed"]
        if progress:
            click.echo(f"\r{read} messages read, {changed} changed; at {after}", err=True, nl=False)
        if step["next"] is None:
            break
        after = step["next"]

    if progress:
        click.echo(err=True)
    context.fields({"read": read, "changed": changed})
