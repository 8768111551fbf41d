"""The acts of `mailhub ticket ...`, for the group in ``ticket.py``. Each is undone by another, which its help names."""

from __future__ import annotations

import sys
from typing import Any

import click

from mailhub.cli.output import Context, print_json, printing, require_typed


def say(context: Context, found: dict[str, Any], what: str) -> None:
    """Say what an act did, or print the ticket as JSON."""
    if context.as_json:
        print_json(found)
    else:
        click.echo(f"ticket #{found['number']} {what}: {found['state']}")


def _text(text: str | None) -> str:
    """The text given, or standard input to its end."""
    return text if text is not None else sys.stdin.read()


@click.command()
@click.argument("ticket")
@click.argument("user")
@printing
def assign(context: Context, ticket: str, user: str) -> None:
    """Give TICKET to USER: a login or id, `me`, or `none` for nobody.

    \b
    Example: mailhub ticket assign 17 ana@example.com
    """
    found = context.call("POST", f"/v1/tickets/{ticket}/assign", body={"assignee": user})
    say(context, found, f"belongs to {found['assignee'] or 'nobody'}")


@click.command()
@click.argument("ticket")
@click.argument("address")
@printing
def accept(context: Context, ticket: str, address: str) -> None:
    """Let the guest with ADDRESS take part in TICKET; `exclude` undoes it.

    \b
    Example: mailhub ticket accept 17 kim@customer.example
    """
    say(
        context,
        context.call("POST", f"/v1/tickets/{ticket}/accept", body={"address": address}),
        "has a participant",
    )


@click.command()
@click.argument("ticket")
@click.argument("address")
@printing
def exclude(context: Context, ticket: str, address: str) -> None:
    """Make the person with ADDRESS a guest of TICKET, who may not write into it; `accept` undoes it.

    \b
    Example: mailhub ticket exclude 17 kim@customer.example
    """
    say(
        context,
        context.call("POST", f"/v1/tickets/{ticket}/exclude", body={"address": address}),
        "has a guest",
    )


@click.command()
@click.argument("ticket")
@click.argument("address")
@printing
def requester(context: Context, ticket: str, address: str) -> None:
    """Make the person with ADDRESS (`none`: nobody) whose ticket TICKET is, and who is answered.

    Setting whoever it was before undoes it.

    \b
    Example: mailhub ticket requester 17 kim@customer.example
    """
    body = {"address": None if address == "none" else address}
    found = context.call("POST", f"/v1/tickets/{ticket}/requester", body=body)
    say(context, found, f"is {found['contact'] or 'nobody'}'s")


@click.command("note-take-back")
@click.argument("note", type=int)
@printing
def note_take_back(context: Context, note: int) -> None:
    """Show NOTE (an id) no more; `note-put-back` undoes it.

    \b
    Example: mailhub ticket note-take-back 1000000042
    """
    context.call("DELETE", f"/v1/notes/{note}")
    context.fields({"note": note, "state": "taken back"})


@click.command("note-put-back")
@click.argument("note", type=int)
@printing
def note_put_back(context: Context, note: int) -> None:
    """Show NOTE (an id), which was taken back, again.

    \b
    Example: mailhub ticket note-put-back 1000000042
    """
    context.call("POST", f"/v1/notes/{note}/restore")
    context.fields({"note": note, "state": "in force"})


@click.command()
@click.argument("ticket")
@click.option("--text", help="The note. Default: standard input.")
@printing
def note(context: Context, ticket: str, text: str | None) -> None:
    """Write an internal note on TICKET; `note-take-back` undoes it.

    \b
    Example: mailhub ticket note 17 --text "called her"
    """
    context.fields(context.call("POST", f"/v1/tickets/{ticket}/notes", body={"text": _text(text)}))


@click.command()
@click.argument("ticket")
@click.option("--text", help="The answer. Default: standard input.")
@click.option(
    "--to",
    metavar="ADDRESS",
    help="To this address of the requester's, or that their last mail asks for (Reply-To).",
)
@click.option(
    "--copy", "copies", multiple=True, metavar="ADDRESS", help="Also to this person, copied before."
)
@printing
def reply(context: Context, ticket: str, text: str | None, to: str | None, copies: tuple[str, ...]) -> None:
    """Answer the requester of TICKET by mail, in plain text. Needs a relay ([relay] host).

    \b
    Example: mailhub ticket reply 17 < answer.txt
    Example: mailhub ticket reply 17 --to kim@home.example --text "It is on its way."
    """
    body = {"text": _text(text), "copies": list(copies), "to": to}
    context.fields(context.call("POST", f"/v1/tickets/{ticket}/replies", body=body))


@click.command()
@click.argument("ticket")
@printing
def close(context: Context, ticket: str) -> None:
    """TICKET is done; `reopen` undoes it.

    \b
    Example: mailhub ticket close 17
    """
    say(context, context.call("POST", f"/v1/tickets/{ticket}/close"), "closed")


@click.command()
@click.argument("ticket")
@printing
def reopen(context: Context, ticket: str) -> None:
    """TICKET, closed or in the spam state, is open again.

    \b
    Example: mailhub ticket reopen 17
    """
    say(context, context.call("POST", f"/v1/tickets/{ticket}/reopen"), "reopened")


@click.command()
@click.argument("ticket", required=False)
@click.option("--all", "everything", is_flag=True, help="All tickets, with the mail that came up to now.")
@printing
def seen(context: Context, ticket: str | None, everything: bool) -> None:
    """You have seen TICKET with the mail it holds now; `unseen` undoes it.

    \b
    Example: mailhub ticket seen 17
    Example: mailhub ticket seen --all
    """
    if (ticket is None) != everything:
        raise click.UsageError("name a ticket, or say --all")
    context.call("POST", "/v1/tickets/seen" if everything else f"/v1/tickets/{ticket}/seen")
    context.fields({"ticket": ticket or "all", "state": "seen"})


@click.command()
@click.argument("ticket")
@printing
def unseen(context: Context, ticket: str) -> None:
    """TICKET is unread by you (again).

    \b
    Example: mailhub ticket unseen 17
    """
    context.call("DELETE", f"/v1/tickets/{ticket}/seen")
    context.fields({"ticket": ticket, "state": "unread"})


@click.command()
@click.argument("ticket")
@click.argument("into")
@printing
def merge(context: Context, ticket: str, into: str) -> None:
    """Make TICKET part of INTO; `restore TICKET` undoes it.

    \b
    Example: mailhub ticket merge 18 17
    """
    say(
        context,
        context.call("POST", f"/v1/tickets/{ticket}/merge", body={"into": into}),
        f"holds {ticket} now",
    )


@click.command()
@click.argument("ticket")
@click.argument("messages", nargs=-1, required=True, type=int)
@printing
def split(context: Context, ticket: str, messages: tuple[int, ...]) -> None:
    """Move MESSAGES of TICKET to a new ticket; merging that one back undoes it.

    \b
    Example: mailhub ticket split 17 1000000042
    """
    body = {"messages": list(messages)}
    say(context, context.call("POST", f"/v1/tickets/{ticket}/split", body=body), "split off")


@click.command()
@click.argument("ticket")
@printing
def delete(context: Context, ticket: str) -> None:
    """Put TICKET into the trash; `restore` brings it back as it was.

    \b
    Example: mailhub ticket delete 17
    """
    say(context, context.call("DELETE", f"/v1/tickets/{ticket}"), "deleted")


@click.command()
@click.argument("ticket")
@printing
def restore(context: Context, ticket: str) -> None:
    """Take TICKET out of the trash, or undo its merge.

    \b
    Example: mailhub ticket restore 17
    """
    say(context, context.call("POST", f"/v1/tickets/{ticket}/restore"), "restored")


@click.command()
@click.argument("ticket")
@click.option("--yes", is_flag=True, help="Do not ask for the ticket again.")
@printing
def purge(context: Context, ticket: str, yes: bool) -> None:
    """Remove TICKET for good, with its messages and what they taught the filter. Cannot be undone.

    \b
    Example: mailhub ticket purge 17 --yes
    """
    if not yes:
        require_typed(f"Remove ticket {ticket} for good? Type {ticket}", ticket)
    context.fields(context.call("POST", f"/v1/tickets/{ticket}/purge", confirm=ticket))


@click.group("attachment")
def attachment() -> None:
    """Files of messages; `mailhub message attachment` writes one out."""


@attachment.command("delete")
@click.argument("message", type=int)
@click.argument("number", type=click.IntRange(min=0))
@click.option("--yes", is_flag=True, help="Do not ask for the number again.")
@printing
def delete_attachment(context: Context, message: int, number: int, yes: bool) -> None:
    """Delete file NUMBER of MESSAGE (an id) for good; the rest of the message stays. Cannot be undone.

    \b
    Example: mailhub ticket attachment delete 1000000042 0
    """
    if not yes:
        require_typed(f"Delete file {number} of message {message} for good? Type {number}", str(number))
    path = f"/v1/messages/{message}/attachments/{number}"
    context.client.fetch("DELETE", path, account=context.account, confirm=str(number))
    context.fields({"message": message, "file": number, "state": "deleted"})


COMMANDS = (
    attachment,
    reply,
    note,
    note_take_back,
    note_put_back,
    assign,
    accept,
    exclude,
    requester,
    close,
    reopen,
    seen,
    unseen,
    merge,
    split,
    delete,
    purge,
    restore,
)
