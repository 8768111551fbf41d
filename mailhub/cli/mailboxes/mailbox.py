"""`mailhub mailbox ...`: the support addresses, and the mailboxes at providers that their mail is fetched from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mailhub.cli import exits
from mailhub.cli.client import ApiError
from mailhub.cli.mailboxes.mailbox_domain import domain
from mailhub.cli.mailboxes.mailbox_oauth import authorize, oauth_body, oauth_options
from mailhub.cli.mailboxes.mailbox_watch import counts, newest, show_silence, silence
from mailhub.cli.output import Context, clean, listing, print_json, printing


@click.group()
def mailbox() -> None:
    """Mailboxes: support addresses of an account, and where their mail is fetched from."""


@mailbox.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List the mailboxes of the account, and those that are silent; of those that are fetched by IMAP, each folder.

    \b
    Example: mailhub mailbox list
    """
    rows = context.rows("/v1/mailboxes", limit=limit, after=after)
    fetched = {row["id"]: row["imap"]["state"] if row["imap"] else "" for row in rows}
    columns = {"id": "ID", "address": "ADDRESS", "name": "NAME", "on_reply_to_closed": "REPLY TO CLOSED"}
    columns |= {"retired_at": "RETIRED"} if any(row["retired_at"] for row in rows) else {}
    if context.as_json:
        context.table(rows, columns)
        return

    columns |= {"newest": "NEWEST MAIL"} | ({"fetched": "IMAP"} if any(fetched.values()) else {})
    context.table(
        [row | {"fetched": fetched[row["id"]], "newest": newest(context, row)} for row in rows], columns
    )

    for row in rows:
        show_silence(context, row)
        if row["imap"]:
            _show_source(context, row["address"], row["imap"])


def _show_source(context: Context, address: str, source: dict[str, Any]) -> None:
    click.echo(f"\n{address}: {source['state']}, {clean(source['host'])} port {source['port']}")
    if source["fault"]:
        click.echo(f"  {clean(source['fault'])} ({context.time(source['fault_at'])})")
    if source["authorisation"]:
        click.echo(f"  authorisation: {_authorisation(context, source['authorisation'])}")

    for folder in source["folders"]:
        newest = f", the newest came {context.time(folder['newest_at'])}" if folder["newest_at"] else ""
        click.echo(f"  {clean(folder['name'])}: {folder['state']}; {counts(folder)}{newest}")
        if folder["fault"]:
            click.echo(f"    {clean(folder['fault'])}")


def _authorisation(context: Context, found: dict[str, Any]) -> str:
    if found["state"] == "failing":
        return f"failing: {clean(found['fault'])}"
    end = f", ends {context.time(found['ends_at'])} unless it is renewed" if found["ends_at"] else ""
    return str(found["state"]) + end + (": mailhub mailbox authorize" if found["ends_soon"] else "")


def _password_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where the password comes from."""
    stdin = "Read the password (with --oauth the client's secret) from standard input. Default: asked for. It is sealed."
    for option in (
        click.option(
            "--imap-password-credential", metavar="NAME", help="The daemon takes it from this credential."
        ),
        click.option(
            "--imap-password-file", metavar="PATH", help="The daemon reads it from there at every connect."
        ),
        click.option("--imap-password-stdin", is_flag=True, help=stdin),
    ):
        command = option(command)

    return command


@mailbox.command()
@click.argument("address")
@click.option("--name", default="", help="Shown in From of replies.")
@click.option(
    "--on-reply-to-closed", type=click.Choice(["reopen", "new-ticket"]), default="reopen", show_default=True
)
@click.option(
    "--purpose",
    type=click.Choice(["support", "spam-feedback", "ham-feedback"]),
    default="support",
    show_default=True,
    help="For feedback: what users send there as attachments is marked, and becomes no ticket.",
)
@click.option("--imap-host", metavar="HOST", help="Fetch its mail from this IMAP server.")
@click.option("--imap-port", type=click.IntRange(1, 65_535), help="Default: 993, without implicit TLS 143.")
@click.option(
    "--imap-tls", type=click.Choice(["implicit", "starttls", "none"]), default="implicit", show_default=True
)
@click.option("--imap-user", metavar="NAME", help="Login name there. Default: the address.")
@_password_options
@oauth_options
@click.option("--folder", "folders", multiple=True, help="Folder to fetch; may be repeated. Default: INBOX.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Leave older mail there. Default: fetch all, quietly."
)
@click.option(
    "--after-filing", type=click.Choice(["nothing", "seen", "flag", "move", "delete"]), default="nothing"
)
@click.option("--keyword", default="", help="What --after-filing flag sets, such as $Filed.")
@click.option("--move-to", metavar="FOLDER", help="Where --after-filing move moves to.")
@click.option("--poll-seconds", type=click.IntRange(1, 86_400), default=60, show_default=True)
@click.option(
    "--idle/--no-idle", default=True, help="Wait for the server to tell of new mail in the first folder."
)
@click.option(
    "--feedback-from-moves", is_flag=True, help="What its owner moves into Junk or out of it is a mark."
)
@click.option(
    "--junk-folder", metavar="FOLDER", help="Where spam goes there. Default: what the server calls Junk."
)
@click.option("--erase-there", is_flag=True, help="Mail of people who are erased is deleted there as well.")
@printing
def add(
    context: Context, address: str, name: str, on_reply_to_closed: str, purpose: str, **imap: Any
) -> None:
    """Serve a support address from now on; with --imap-host, fetch its mail. An address that is served gets that added.

    \b
    Example: mailhub mailbox add sales@example.com --name "Example sales"
    Example: mailhub mailbox add spam@example.com --purpose spam-feedback
    Example: mailhub mailbox add help@example.com --imap-host imap.example.net --folder INBOX --since 2026-01-01
    Example: mailhub mailbox add help@example.org --imap-host imap.gmail.com --oauth google --oauth-client-id 7f1c
    """
    served = {"address": address, "name": name, "on_reply_to_closed": on_reply_to_closed, "purpose": purpose}
    if imap["imap_host"] is None:
        context.fields(context.call("POST", "/v1/mailboxes", body=served))
        return

    source = _source(address, **imap)
    try:
        context.call("POST", "/v1/mailboxes", body=served)
    except ApiError as error:
        if error.http_status != 409:  # served already, perhaps by this very account: the next call tells
            raise

    found = context.call("POST", f"/v1/mailboxes/{address}/imap", body=source)
    if context.as_json:
        print_json(found)
    else:
        verb = (
            "authorize"
            if source.get("oauth", {}).get("flow", "client-credentials") != "client-credentials"
            else "test"
        )
        click.echo(f"{address} is fetched from {source['host']}. Go on: mailhub mailbox {verb} {address}")


def _source(address: str, **imap: Any) -> dict[str, Any]:
    """The body of the call."""
    body = {
        "host": imap["imap_host"],
        "port": imap["imap_port"],
        "tls": imap["imap_tls"],
        "login": imap["imap_user"] or address,
        "folders": list(imap["folders"]) or ["INBOX"],
        "since": imap["since"].date().isoformat() if imap["since"] else None,
        "after_filing": imap["after_filing"],
        "keyword": imap["keyword"],
        "move_to": imap["move_to"],
        "poll_seconds": imap["poll_seconds"],
        "idle": imap["idle"],
        "feedback_from_moves": imap["feedback_from_moves"],
        "junk_folder": imap["junk_folder"],
        "erase_there": imap["erase_there"],
    }
    oauth = oauth_body(imap)
    if oauth is not None:
        body["oauth"] = oauth

    return body | _password(may_lack=oauth is not None and oauth["flow"] != "client-credentials", **imap)


def _password(
    *,
    imap_password_stdin: bool,
    imap_password_file: str | None,
    imap_password_credential: str | None,
    **options: Any,
) -> dict[str, Any]:
    """The part of the body that says what the mailbox is opened with."""
    if imap_password_credential:
        return {"password_credential": imap_password_credential}
    if imap_password_file:
        return {"password_file": str(Path(imap_password_file).absolute())}
    if imap_password_stdin:
        return {"password": sys.stdin.readline().rstrip("\r\n")}
    if options.get("may_lack"):
        return {}  # a client without a secret
    return {"password": click.prompt("Password", hide_input=True, err=True)}


@mailbox.command()
@click.argument("mailbox")
@_password_options
@printing
def password(context: Context, mailbox: str, **imap: Any) -> None:
    """Open the mailbox at the provider with another password from now on. Fetching goes on from where it was.

    \b
    Example: mailhub mailbox password help@example.com
    Example: mailhub mailbox password help@example.com --imap-password-stdin < new-password
    """
    found = context.call("PUT", f"/v1/mailboxes/{mailbox}/imap/password", body=_password(**imap))
    _told(context, found, f"{mailbox} is opened with that password. See how: mailhub mailbox test {mailbox}")


@mailbox.command("set")
@click.argument("mailbox")
@click.option("--name", help="Shown in From of replies.")
@click.option(
    "--on-reply-to-closed",
    type=click.Choice(["reopen", "new-ticket"]),
    help="What a reply to a closed ticket does.",
)
@click.option(
    "--feedback-from-moves/--no-feedback-from-moves", default=None, help="Whether moves there are marks."
)
@click.option(
    "--junk-folder", metavar="FOLDER", help="Where spam goes there. Default: what the server calls Junk."
)
@click.option(
    "--erase-there/--no-erase-there", default=None, help="Whether mail of erased people is deleted there."
)
@printing
def set_(
    context: Context,
    mailbox: str,
    name: str | None,
    on_reply_to_closed: str | None,
    feedback_from_moves: bool | None,
    junk_folder: str | None,
    erase_there: bool | None,
) -> None:
    """Change the name of a support address, or what a reply to a closed ticket does. Of its mailbox at a provider: whether
    moves into Junk and out of it are marks of spam and ham, and whether the mail of people who are erased is deleted
    there as well.

    \b
    Example: mailhub mailbox set sales@example.com --name "Example sales" --on-reply-to-closed new-ticket
    Example: mailhub mailbox set help@example.com --feedback-from-moves
    Example: mailhub mailbox set help@example.com --erase-there
    """
    served = {"name": name, "on_reply_to_closed": on_reply_to_closed}
    if {name, on_reply_to_closed, feedback_from_moves, erase_there} == {None}:
        raise click.UsageError(
            "say what is to be set: --name, --on-reply-to-closed, --feedback-from-moves, --erase-there, or a --no- form"
        )

    found = {}
    said = []

    if name is not None or on_reply_to_closed is not None:
        found = context.call("PATCH", f"/v1/mailboxes/{mailbox}", body=served)
        closed = "reopens it" if found["on_reply_to_closed"] == "reopen" else "opens a new ticket"
        said.append(
            f"{mailbox} answers as {clean(found['name']) or mailbox}; a reply to a closed ticket {closed}"
        )

    if feedback_from_moves is not None:
        body = {"feedback_from_moves": feedback_from_moves, "junk_folder": junk_folder}
        found = context.call("PUT", f"/v1/mailboxes/{mailbox}/imap/feedback", body=body)
        verb = "are marks from now on" if feedback_from_moves else "are no marks any more"
        said.append(f"moves into Junk and out of it in {mailbox} {verb}")

    if erase_there is not None:
        found = context.call(
            "PUT", f"/v1/mailboxes/{mailbox}/imap/erasing", body={"erase_there": erase_there}
        )
        verb = "is deleted at the provider as well" if erase_there else "stays at the provider"
        said.append(f"mail in {mailbox} of people who are erased from now on {verb}")

    _told(context, found, "\n".join(said))


@mailbox.command()
@click.argument("mailbox")
@printing
def test(context: Context, mailbox: str) -> int:
    """Go the way to the mailbox's IMAP server step by step, and say what to do about the step that fails.

    Exits 75 when one fails.

    \b
    Example: mailhub mailbox test help@example.com
    """
    found = context.call("POST", f"/v1/mailboxes/{mailbox}/imap/test")
    if context.as_json:
        print_json(found)
    else:
        for step in found["steps"]:
            click.echo(f"{'ok  ' if step['ok'] else 'FAIL'} {clean(step['name'])}: {clean(step['text'])}")
    return exits.OK if found["ok"] else exits.TEMPFAIL


@mailbox.command()
@click.argument("mailbox")
@printing
def pause(context: Context, mailbox: str) -> None:
    """Fetch no mail for a mailbox until it is resumed. What comes stays at the provider.

    \b
    Example: mailhub mailbox pause help@example.com
    """
    _told(context, context.call("POST", f"/v1/mailboxes/{mailbox}/imap/pause"), f"{mailbox} is paused")


@mailbox.command()
@click.argument("mailbox")
@printing
def resume(context: Context, mailbox: str) -> None:
    """Fetch mail for a mailbox again, from where it was left.

    \b
    Example: mailhub mailbox resume help@example.com
    """
    _told(
        context, context.call("POST", f"/v1/mailboxes/{mailbox}/imap/resume"), f"{mailbox} is fetched again"
    )


@mailbox.command()
@click.argument("mailbox")
@printing
def retire(context: Context, mailbox: str) -> None:
    """Take no new mail for a support address that tickets came in by; `reinstate` undoes it.

    Senders hear 550. Its tickets stay, are read and answered as before, and answers to those answers are taken where
    they come to the reply address. Fetching from a provider is paused.

    \b
    Example: mailhub mailbox retire sales@example.com
    """
    _told(
        context,
        context.call("POST", f"/v1/mailboxes/{mailbox}/retire"),
        f"{mailbox} takes no new mail any more; its tickets stay",
    )


@mailbox.command()
@click.argument("mailbox")
@printing
def reinstate(context: Context, mailbox: str) -> None:
    """Take new mail again for a support address that was retired.

    \b
    Example: mailhub mailbox reinstate sales@example.com
    """
    found = context.call("POST", f"/v1/mailboxes/{mailbox}/reinstate")
    paused = "; fetching it is paused: mailhub mailbox resume" if found["imap"] else ""
    _told(context, found, f"{mailbox} takes mail again{paused}")


@mailbox.command()
@click.argument("mailbox")
@click.option("--imap", "only_imap", is_flag=True, help="Only fetch no more; the address stays served.")
@printing
def delete(context: Context, mailbox: str, only_imap: bool) -> None:
    """Serve a support address no longer. One that tickets came in by cannot be deleted; `retire` it.

    \b
    Example: mailhub mailbox delete sales@example.com
    Example: mailhub mailbox delete help@example.com --imap
    """
    context.call("DELETE", f"/v1/mailboxes/{mailbox}/imap" if only_imap else f"/v1/mailboxes/{mailbox}")
    if not context.as_json:
        click.echo(f"{mailbox} is fetched no longer" if only_imap else f"{mailbox} is served no longer")


def _told(context: Context, found: dict[str, Any], text: str) -> None:
    if context.as_json:
        print_json(found)
    else:
        click.echo(text)


mailbox.add_command(authorize)
mailbox.add_command(domain)
mailbox.add_command(silence)
