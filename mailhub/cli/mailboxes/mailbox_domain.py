"""`mailhub mailbox domain ...`: in which domains an account may serve addresses."""

from __future__ import annotations

from typing import Any

import click

from mailhub.cli.output import Context, clean, listing, print_json, printing


@click.group()
def domain() -> None:
    """Domains of mailboxes. Where there are several accounts, each proves that a domain is its own before it
    serves addresses there.
    """


@domain.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List the domains of the account, and why it may use them: proven, granted, kept; or asked, and not proven yet.

    \b
    Example: mailhub mailbox domain list
    """
    rows = context.rows("/v1/mailbox-domains", limit=limit, after=after)
    context.table(rows, {"domain": "DOMAIN", "state": "STATE", "record_name": "TXT RECORD", "record": "TEXT"})


@domain.command()
@click.argument("name")
@printing
def add(context: Context, name: str) -> None:
    """Ask for a domain: says which TXT record to publish. Then: mailhub mailbox domain check NAME.

    \b
    Example: mailhub mailbox domain add example.com
    """
    found = context.call("POST", "/v1/mailbox-domains", body={"domain": name})
    publish = (
        f'Publish: {found["record_name"]}. TXT "{found["record"]}"\nThen: mailhub mailbox domain check {name}'
    )
    _told(context, found, publish if found["state"] == "asked" else f"{name} is {found['state']} already")


@domain.command()
@click.argument("name")
@printing
def check(context: Context, name: str) -> None:
    """Look whether the record is published. From then on the account serves addresses in the domain.

    \b
    Example: mailhub mailbox domain check example.com
    """
    found = context.call("POST", f"/v1/mailbox-domains/{name}/check")
    _told(context, found, f"{name} is {found['state']}. Go on: mailhub mailbox add support@{name}")


@domain.command()
@click.argument("name")
@printing
def grant(context: Context, name: str) -> None:
    """Give a domain to an account without proof. For the operator; name the account with --account.

    \b
    Example: mailhub mailbox domain grant example.com --account acme
    """
    found = context.call("POST", "/v1/mailbox-domain-grants", body={"domain": name})
    _told(context, found, f"{name} is granted")


@domain.command()
@click.argument("name")
@printing
def delete(context: Context, name: str) -> None:
    """Give a domain up in which the account serves no address any more.

    \b
    Example: mailhub mailbox domain delete example.com
    """
    context.call("DELETE", f"/v1/mailbox-domains/{name}")
    if not context.as_json:
        click.echo(f"{clean(name)} is given up")


def _told(context: Context, found: dict[str, Any], text: str) -> None:
    if context.as_json:
        print_json(found)
    else:
        click.echo(clean(text))
