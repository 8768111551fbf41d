"""`mailhub privacy ...`: the record of processing, and who else processes."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, clean, print_json, printing


@click.group()
def privacy() -> None:
    """The record of processing (GDPR art. 30), made from the catalogue of columns and the configuration."""


@privacy.command()
@printing
def record(context: Context) -> None:
    """Print the record: why, whose, which, how long, where, by whom, how protected; Markdown, or JSON.

    \b
    Example: mailhub privacy record > record.md
    """
    found = context.call("GET", "/v1/privacy/record")
    text = found.pop("text")
    if context.as_json:
        print_json(found)
        return
    click.echo(clean(text), nl=False)
    for name in found["missing"]:
        click.echo(f"mailhub: {name} is empty in the configuration", err=True)


@privacy.command()
@printing
def subprocessors(context: Context) -> None:
    """List who else processes personal data, what they do and where, as configured in [privacy].

    \b
    Example: mailhub privacy subprocessors
    """
    named = context.call("GET", "/v1/privacy/record")["subprocessors"]
    rows = [{"name": name, "what": what} for name, what in named.items()]
    context.table(rows, {"name": "NAME", "what": "WHAT AND WHERE"})
