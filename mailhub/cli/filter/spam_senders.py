"""`mailhub spam allow ...` and `mailhub spam deny ...`: senders whose mail is ham, or spam, whatever its score."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, listing, printing


@click.group()
def allow() -> None:
    """Senders whose mail is ham whatever its score, as long as it is proven to be theirs."""


@click.group()
def deny() -> None:
    """Senders whose mail is spam whatever its score."""


def _add(context: Context, name: str, pattern: str) -> None:
    context.fields(context.call("POST", f"/v1/spam/senders/{name}", body={"pattern": pattern}))


def _list(context: Context, name: str, limit: int, after: str | None) -> None:
    columns = {"id": "ID", "pattern": "SENDER", "created_at": "SINCE"}
    context.table(context.rows(f"/v1/spam/senders/{name}", limit=limit, after=after), columns)


def _remove(context: Context, name: str, rule: int) -> None:
    context.call("DELETE", f"/v1/spam/senders/{name}/{rule}")
    if not context.as_json:
        click.echo(f"rule {rule} is gone")


@allow.command("add")
@click.argument("sender")
@printing
def allow_add(context: Context, sender: str) -> None:
    """Let an address, or a domain with its subdomains, in. Forged mail in its name is scored like any other.

    \b
    Example: mailhub spam allow add partner.example
    """
    _add(context, "allow", sender)


@allow.command("list")
@listing
@printing
def allow_list(context: Context, limit: int, after: str | None) -> None:
    """List who is let in.

    \b
    Example: mailhub spam allow list
    """
    _list(context, "allow", limit, after)


@allow.command("remove")
@click.argument("rule", type=int)
@printing
def allow_remove(context: Context, rule: int) -> None:
    """Take a rule away, by its id; what it decided stays.

    \b
    Example: mailhub spam allow remove 1000000042
    """
    _remove(context, "allow", rule)


@deny.command("add")
@click.argument("sender")
@printing
def deny_add(context: Context, sender: str) -> None:
    """Call mail of an address, or of a domain with its subdomains, spam.

    \b
    Example: mailhub spam deny add offers@shop.example
    """
    _add(context, "deny", sender)


@deny.command("list")
@listing
@printing
def deny_list(context: Context, limit: int, after: str | None) -> None:
    """List whose mail is spam.

    \b
    Example: mailhub spam deny list
    """
    _list(context, "deny", limit, after)


@deny.command("remove")
@click.argument("rule", type=int)
@printing
def deny_remove(context: Context, rule: int) -> None:
    """Take a rule away, by its id; what it decided stays.

    \b
    Example: mailhub spam deny remove 1000000042
    """
    _remove(context, "deny", rule)
