"""`mailhub draft ...`: what is written, kept on the server, until it is sent or thrown away."""

from __future__ import annotations

import sys
from typing import Any

import click

from mailhub.cli.output import Context, listing, print_json, printing

COLUMNS = {
    "id": "ID",
    "kind": "KIND",
    "ticket": "TICKET",
    "to": "TO",
    "state": "STATE",
    "send_at": "GOES",
    "author": "AUTHOR",
    "updated_at": "SAVED",
    "fault": "FAULT",
}


@click.group()
def draft() -> None:
    """Drafts: answers, notes, forwards and new mails that are being written. DRAFT is an id."""


@draft.command("list")
@click.option("--ticket", help="Everybody's on this ticket, instead of your own.")
@listing
@printing
def list_(context: Context, ticket: str | None, limit: int, after: str | None) -> None:
    """List your drafts, those begun last first.

    \b
    Example: mailhub draft list --ticket 17
    """
    path = f"/v1/tickets/{ticket}/drafts" if ticket else "/v1/drafts"
    context.table(context.rows(path, limit=limit, after=after), COLUMNS)


@draft.command()
@click.argument("draft")
@printing
def show(context: Context, draft: str) -> None:
    """Show a draft, yours or a colleague's.

    \b
    Example: mailhub draft show 1000000042
    """
    context.fields(context.call("GET", f"/v1/drafts/{draft}"))


@draft.command()
@click.argument("ticket")
@click.option("--kind", default="answer", show_default=True, help="answer, note or forward.")
@click.option("--message", type=int, help="The message that is quoted, or passed on.")
@printing
def begin(context: Context, ticket: str, kind: str, message: int | None) -> None:
    """Begin a draft on TICKET, or show yours of that kind that is there. An answer goes to all, unless you change it.

    \b
    Example: mailhub draft begin 17 --message 1000000042
    """
    body = {"kind": kind, "message": message}
    context.fields(context.call("POST", f"/v1/tickets/{ticket}/drafts", body=body))


@draft.command()
@click.argument("mailbox")
@click.option("--subject", default="", help="What it is about.")
@printing
def new(context: Context, mailbox: str, subject: str) -> None:
    """Begin a mail to somebody, from MAILBOX (address or id). Sending it opens a ticket.

    \b
    Example: mailhub draft new support@example.com --subject "Your order"
    """
    context.fields(context.call("POST", "/v1/drafts", body={"mailbox": mailbox, "subject": subject}))


@draft.command()
@click.argument("draft")
@click.option(
    "--to", multiple=True, metavar="ADDRESS", help="Whom it goes to, instead of those named so far."
)
@click.option(
    "--cc", multiple=True, metavar="ADDRESS", help="Who gets a copy, instead of those named so far."
)
@click.option("--bcc", multiple=True, metavar="ADDRESS", help="Who gets a copy that the others do not see.")
@click.option("--no-cc", is_flag=True, help="Nobody gets a copy.")
@click.option("--no-bcc", is_flag=True, help="Nobody gets an unseen copy.")
@click.option("--subject", help="Subject of a forward or a new mail.")
@click.option("--text", help="What it says; - for standard input.")
@click.option("--quote", type=int, help="The message that is quoted; 0 for none.")
@click.option(
    "--version", type=int, help="Save only if the draft still has this version. Default: the one it has."
)
@printing
def save(
    context: Context,
    draft: str,
    to: tuple[str, ...],
    cc: tuple[str, ...],
    bcc: tuple[str, ...],
    no_cc: bool,
    no_bcc: bool,
    subject: str | None,
    text: str | None,
    quote: int | None,
    version: int | None,
) -> None:
    """Save what a draft says and whom it goes to; what is not named stays.

    \b
    Example: mailhub draft save 1000000042 --cc leo@customer.example --text - < answer.txt
    """
    body: dict[str, Any] = {"version": version or _version(context, draft), "quoted": quote}
    body |= {"subject": subject, "text": sys.stdin.read() if text == "-" else text}
    body["to"] = list(to) or None
    body["cc"] = [] if no_cc else list(cc) or None
    body["bcc"] = [] if no_bcc else list(bcc) or None
    context.fields(context.call("PATCH", f"/v1/drafts/{draft}", body=body))


@draft.command()
@click.argument("draft")
@click.option("--seen", type=int, help="The newest message or note you saw. Default: as of the last save.")
@click.option("--anyway", is_flag=True, help="Also when something came that you have not seen.")
@click.option("--at", metavar="INSTANT", help="Not before this, as 2026-12-01T09:00:00Z.")
@click.option(
    "--undo-seconds", type=float, help="How long it can be undone. Default: [answering] undo_seconds."
)
@click.option("--close", is_flag=True, help="Close the ticket with it.")
@printing
def send(
    context: Context,
    draft: str,
    seen: int | None,
    anyway: bool,
    at: str | None,
    undo_seconds: float | None,
    close: bool,
) -> None:
    """Send a draft. `undo` takes it back until it goes.

    \b
    Example: mailhub draft send 1000000042 --close
    """
    body: dict[str, Any] = {
        "version": _version(context, draft),
        "seen": seen,
        "anyway": anyway,
        "close": close,
    }
    body |= {"not_before": at, "undo_seconds": undo_seconds}
    done = context.call("POST", f"/v1/drafts/{draft}/send", body=body)
    if context.as_json:
        print_json(done)
    elif done["draft"]:
        click.echo(
            f"draft {draft} goes at {context.time(done['draft']['send_at'])}: `draft undo` takes it back"
        )
    else:
        what = f"note {done['note']}" if done["note"] else f"message {done['message']}"
        click.echo(f"draft {draft} is {what} of ticket {done['ticket']}")


@draft.command()
@click.argument("draft")
@printing
def undo(context: Context, draft: str) -> None:
    """Take back a draft that was sent or scheduled and has not gone yet: it is as it was.

    \b
    Example: mailhub draft undo 1000000042
    """
    context.fields(context.call("POST", f"/v1/drafts/{draft}/undo"))


@draft.command()
@click.argument("draft")
@printing
def discard(context: Context, draft: str) -> None:
    """Throw a draft away.

    \b
    Example: mailhub draft discard 1000000042
    """
    context.call("DELETE", f"/v1/drafts/{draft}")
    context.fields({"draft": draft, "state": "discarded"})


def _version(context: Context, draft: str) -> int:
    return int(context.call("GET", f"/v1/drafts/{draft}")["version"])
