"""`mailhub mailbox ...`: the support addresses."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, listing, printing


@click.group()
def mailbox() -> None:
    """Mailboxes: support addresses of an account."""


@mailbox.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List the mailboxes of the account.

    \b
    Example: mailhub mailbox list
    """
    columns = {"id": "ID", "address": "ADDRESS", "name": "NAME", "on_reply_to_closed": "REPLY TO CLOSED"}
    context.table(context.rows("/v1/mailboxes", limit=limit, after=after), columns)


@mailbox.command()
@click.argument("address")
@click.option("--name", default="", help="Shown in From of replies.")
@click.option("--on-reply-to-closed", type=click.Choice(["reopen", "new-ticket"]), default="reopen", show_default=True)
@printing
def add(context: Context, address: str, name: str, on_reply_to_closed: str) -> None:
    """Serve a support address from now on.

    \b
    Example: mailhub mailbox add sales@example.com --name "Example sales"
    """
    body = {"address": address, "name": name, "on_reply_to_closed": on_reply_to_closed}
    context.fields(context.call("POST", "/v1/mailboxes", body=body))


@mailbox.command()
@click.argument("mailbox")
@printing
def delete(context: Context, mailbox: str) -> None:
    """Serve a support address no longer. One that tickets came in by cannot be deleted.

    \b
    Example: mailhub mailbox delete sales@example.com
    """
    context.call("DELETE", f"/v1/mailboxes/{mailbox}")
    if not context.as_json:
        click.echo(f"{mailbox} is served no longer")
