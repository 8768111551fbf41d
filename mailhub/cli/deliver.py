"""`mailhub deliver`: one message on standard input into the pipeline, for .forward files and Postfix's pipe(8).

Exits 0 only after the commit; 75 on any doubt, so that the caller keeps the message; 67 when the address is not ours.
"""

from __future__ import annotations

import sys

import click

from mailhub.cli import exits
from mailhub.cli.client import ApiError
from mailhub.cli.output import Context, print_json, printing
from mailhub.errors import MailhubError

BOUNCE = {"filed": False, "duplicate": False, "erased": False, "quarantined": False, "rejected": True}


@click.command()
@click.option("--recipient", "recipients", multiple=True, metavar="ADDRESS", help="Default: the first mailbox.")
@click.option("--sender", metavar="ADDRESS", help="Reverse path; without it the null sender.")
@printing
def deliver(context: Context, recipients: tuple[str, ...], sender: str | None) -> int:
    """File the message on standard input; exit 75 (try again) on any doubt.

    \b
    Example: mailhub deliver --recipient support@example.com < message.eml
    """
    try:
        raw = sys.stdin.buffer.read()
        found = context.call("POST", "/v1/deliveries", raw=raw, recipient=recipients or None, mail_from=sender or None)
    except ApiError as error:
        click.echo(f"mailhub: {error}", err=True)
        return exits.NOUSER if error.code == "not-found" else _status(error)
    except (MailhubError, OSError, ValueError) as error:
        click.echo(f"mailhub: {error}", err=True)
        return exits.TEMPFAIL
    if context.as_json:
        print_json(found)
    else:
        for outcome in found["outcomes"]:
            click.echo(f"{outcome['fate']}: message {outcome['message']}, ticket {outcome['ticket']}")
    return exits.DATAERR if all(BOUNCE.get(each["fate"], False) for each in found["outcomes"]) else exits.OK


def _status(error: ApiError) -> int:
    """A message that is no message, or too long, bounces; all else may be mended by somebody, so the mail is kept."""
    return exits.DATAERR if error.http_status in (400, 413) else exits.TEMPFAIL
