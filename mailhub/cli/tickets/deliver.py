"""`mailhub deliver`: one message on standard input into the pipeline, for .forward files and Postfix's pipe(8).

Exits 0 only after the commit. What lets the caller bounce the mail is certain: 67 when the address is not
ours, 65 when there is no message, one that is too long, or one in a loop. On any doubt, a wrong call
included, 75: the caller keeps it.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from mailhub.cli import exits
from mailhub.cli.client import ApiError
from mailhub.cli.output import Context, print_json, printing


class _Patient(click.Command):
    """A command whose wrong call is temporary: the administrator mends it, and the mail is still there."""

    def make_context(self, *arguments: Any, **keywords: Any) -> click.Context:
        try:
            return super().make_context(*arguments, **keywords)
        except click.UsageError as error:
            error.show()
            raise click.exceptions.Exit(exits.TEMPFAIL) from None


@click.command(cls=_Patient)
@click.option(
    "--recipient", "recipients", multiple=True, metavar="ADDRESS", help="Default: the first mailbox."
)
@click.option(
    "--sender",
    metavar="ADDRESS",
    help='Reverse path; "" is the null sender. Default: what the mail\'s Return-Path says.',
)
@printing
def deliver(context: Context, recipients: tuple[str, ...], sender: str | None) -> int:
    """File the message on standard input; exit 75 (try again) on any doubt.

    With --recipient the account is the one that serves the address.

    \b
    Example: mailhub deliver --recipient support@example.com < message.eml
    """
    try:
        raw = sys.stdin.buffer.read()
        if not raw.strip():
            click.echo("mailhub: there is no message on standard input", err=True)
            return exits.DATAERR
        found = context.call(
            "POST", "/v1/deliveries", raw=raw, recipient=recipients or None, mail_from=sender
        )
    except ApiError as error:
        click.echo(f"mailhub: {error}", err=True)
        return _status(error)
    except Exception as error:  # noqa: BLE001 named boundary: whatever it was, the mail is kept
        click.echo(f"mailhub: {error or type(error).__name__}", err=True)
        return exits.TEMPFAIL

    if context.as_json:
        print_json(found)
    else:
        for outcome in found["outcomes"]:
            ticket = context.cell("ticket", outcome)
            click.echo(f"{outcome['fate']}: message {outcome['message']}, ticket {ticket}")

    return exits.DATAERR if all(each["fate"] == "rejected" for each in found["outcomes"]) else exits.OK


def _status(error: ApiError) -> int:
    if error.code == "no-such-recipient":
        return exits.NOUSER
    return exits.DATAERR if error.http_status == 413 else exits.TEMPFAIL
