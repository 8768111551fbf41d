"""`mailhub retention ...`: how long things are kept."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, printing


@click.group()
def retention() -> None:
    """Retention: what goes for good after its time. The rules are settings of [retention]."""


@retention.command()
@printing
def show(context: Context) -> None:
    """Show the deletion rules and what is due by them now. Nothing is deleted by looking.

    \b
    Example: mailhub retention show
    """
    found = context.call("GET", "/v1/retention")
    if context.as_json:
        context.fields(found)
        return
    context.table(
        found["rules"], {"state": "STATE", "mailbox": "MAILBOX", "days": "DAYS (0: NEVER)", "due": "DUE NOW"}
    )
    click.echo(f"records of deliveries and refusals: {found['log_days']:g} days")
