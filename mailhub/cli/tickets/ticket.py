"""`mailhub ticket ...`: lists, one, search; the acts are in ``ticket_work.py``."""

from __future__ import annotations

import textwrap
from typing import Any

import click

from mailhub.cli.output import Context, clean, listing, print_json, printing
from mailhub.cli.tickets import ticket_state, ticket_work

COLUMNS = {
    "number": "NO",
    "id": "ID",
    "state": "STATE",
    "verdict": "VERDICT",
    "probability": "SPAM",
    "contact": "FROM",
    "subject": "SUBJECT",
    "message_count": "MAILS",
    "assignee": "ASSIGNEE",
    "waiting_since": "WAITING SINCE",
    "last_activity_at": "LAST",
}
FIELDS = (
    *(
        "state",
        "snoozed_until",
        "mailbox",
        "contact",
        "assignee",
        "responsible",
        "priority",
        "tags",
        "watchers",
    ),
    *("waiting_since", "verdict", "probability", "merged_into", "may_belong_to"),
)


# Flags of a message that whoever answers needs to know.
_TOLD_FLAGS = {
    "claimed-author": "who wrote is claimed by Reply-To of mail from our own address, not proven",
    "not-sent-on": "written by mail by one of your people; the requester did not get it from here",
    "smime-opaque": "out of a signature that was not checked",
}


@click.group()
def ticket() -> None:
    """Tickets: what customers wrote, in threads. TICKET is an id or a number."""


@ticket.command("list")
@click.option(
    "--state",
    default="open",
    show_default=True,
    help="open, pending, snoozed, closed, spam, trash, merged, or all.",
)
@click.option("--mailbox", help="Mailbox by address or id.")
@click.option("--assignee", help="User by login or id, `me`, or `none`.")
@click.option("--verdict", help="spam, ham or unsure.")
@click.option("--contact", help="Only of the person with this contact id.")
@click.option("--responsible", help="User by login or id, `me`, or `none`.")
@click.option("--priority", type=click.Choice(["low", "normal", "high", "urgent"]), help="How urgent.")
@click.option("--tag", help="Tags that it has, all of them: a, or a,b.")
@click.option("--watching", is_flag=True, default=None, help="Only what you watch.")
@click.option("--waiting/--not-waiting", default=None, help="Whether somebody waits for an answer.")
@click.option("--unread/--read", default=None, help="Whether you have not seen its newest mail.")
@click.option("--attachments/--no-attachments", default=None, help="Whether a message of it has files.")
@click.option(
    "--order",
    type=click.Choice(["waiting", "activity", "created", "number", "priority"]),
    default="activity",
    show_default=True,
    help="Who waits longest first, the newest message, the newest ticket, or the most urgent.",
)
@listing
@printing
def list_(context: Context, limit: int, after: str | None, **filters: Any) -> None:
    """List tickets, those where something came last first.

    \b
    Example: mailhub ticket list --waiting --order waiting
    Example: mailhub ticket list --state spam --limit 20
    """
    context.table(context.rows("/v1/tickets", limit=limit, after=after, **filters), COLUMNS)


@ticket.command()
@click.argument("words", nargs=-1, required=True)
@listing
@printing
def search(context: Context, words: tuple[str, ...], limit: int, after: str | None) -> None:
    """List tickets in which one message holds all WORDS; a word that ends in * matches its beginnings.

    \b
    Example: mailhub ticket search invoice 2026*
    """
    rows = context.rows("/v1/tickets/search", limit=limit, after=after, query=" ".join(words))
    unique = {row["id"]: row for row in rows}
    context.table(list(unique.values()), COLUMNS)


@ticket.command()
@click.argument("ticket")
@click.option("--whole", is_flag=True, help="Also what is folded away in answers: quotes and signatures.")
@printing
def show(context: Context, ticket: str, whole: bool) -> None:
    """Show a ticket with its messages and notes. Where quotes or signatures are folded a line says so.

    \b
    Example: mailhub ticket show 17
    Example: mailhub ticket show 17 --whole
    """
    found = _whole(context, ticket)
    if context.as_json:
        print_json(found)
        return

    click.echo(f"#{found['number']} {clean(found['subject']) or '(no subject)'}  (id {found['id']})")
    context.fields(found, {name: name.replace("_", " ") for name in FIELDS if found[name] is not None})

    for each in found["participants"]:
        guest = each["role"] == "guest"
        click.echo(f"{'guest, not accepted' if guest else 'takes part'}: {clean(each['address'])}")

    for message in found["messages"]:
        _print_message(context, message, whole=whole)

    for note in found["notes"]:
        click.echo(
            f"\n--- note by {clean(note['author'] or 'nobody')}, {context.time(note['created_at'])} (id {note['id']})"
        )
        click.echo(clean(note["text"]))


def _whole(context: Context, reference: str) -> dict[str, Any]:
    """A ticket with all its messages, however many pages they take."""
    path = f"/v1/tickets/{reference}"
    found: dict[str, Any] = context.call("GET", path)
    while len(found["messages"]) < found["message_count"]:
        more = context.call("GET", path, after=found["messages"][-1]["id"])["messages"]
        if not more:
            break
        found["messages"] += more
    return found


def _print_message(context: Context, message: dict[str, Any], *, whole: bool) -> None:
    """One message as mail is read: who, when, why here, text, files."""
    arrow = "->" if message["direction"] == "in" else "<-"
    name = (
        f"{clean(message['from_name'])} <{clean(message['from'])}>"
        if message["from_name"]
        else clean(message["from"])
    )
    doubt = "" if message["verified"] else " (unverified sender)"
    click.echo(f"\n--- {arrow} {name}{doubt}, {context.time(message['received_at'])} (id {message['id']})")
    if others := [each for each in message["reply_to"] if each.lower() != message["from"].lower()]:
        doubtful = " (another domain)" if message["reply_to_elsewhere"] else ""
        click.echo(
            f"    asks for answers to: {clean(', '.join(others))}{doubtful}: `mailhub ticket reply --to` chooses"
        )
    score = "" if message["probability"] is None else f" {message['probability']:.3f}"
    evidence = f" ({clean(message['thread_evidence'])})" if message["thread_evidence"] else ""
    decided = "" if message["verdict_reason"] == "score" else f" ({message['verdict_reason']})"
    click.echo(f"    {message['thread_reason']}{evidence}; {message['verdict']}{score}{decided}")
    text = clean(message["text"] if whole else message["reply_text"]).strip()
    for flag, told in _TOLD_FLAGS.items():
        if flag in message["flags"]:
            click.echo(f"    ({told})")
    if message["automatic"].startswith("reaction"):
        click.echo("    (a reaction, no answer)")

    if message["unreadable"]:
        text = "(cannot be read; `mailhub message raw` has the bytes)"
    click.echo(textwrap.indent(text, "    "))
    if message["folded_lines"] and not whole:
        click.echo(f"    [{message['folded_lines']} lines folded: `mailhub ticket show --whole`]")

    for each in message["attachments"]:
        name = clean(each["filename"]) or "(no name)"
        click.echo(f"    [{each['index']}] {name}, {each['content_type']}, {each['size_bytes']} bytes")

    for each in message["sending"]:
        said = f" ({each['reply']})" if each["reply"] else ""
        click.echo(f"    to {clean(each['recipient'])}: {each['state']}{said}")


for _command in (*ticket_work.COMMANDS, *ticket_state.COMMANDS):
    ticket.add_command(_command)
