"""`mailhub message ...`: the bytes of a message, and of a file in it."""

from __future__ import annotations

import sys

import click

from mailhub.cli.output import Context, printing


@click.group()
def message() -> None:
    """Messages as they were received."""


@message.command()
@click.argument("message", type=int)
@printing
def raw(context: Context, message: int) -> None:
    """Write the message to standard output exactly as it was received.

    \b
    Example: mailhub message raw 1000000007 > message.eml
    """
    _write(context.client.fetch("GET", f"/v1/messages/{message}/raw", account=context.account))


@message.command()
@click.argument("message", type=int)
@click.argument("number", type=click.IntRange(min=0))
@printing
def attachment(context: Context, message: int, number: int) -> None:
    """Write file NUMBER of the message, decoded, to standard output (`ticket show` numbers them from 0).

    \b
    Example: mailhub message attachment 1000000007 0 > invoice.pdf
    """
    _write(
        context.client.fetch("GET", f"/v1/messages/{message}/attachments/{number}", account=context.account)
    )


def _write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
