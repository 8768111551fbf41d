"""`mailhub mailbox silence`, and how `mailbox list` and `status` show what came to a mailbox and what did not."""

from __future__ import annotations

from typing import Any

import click

from mailhub.cli.output import Context, print_json, printing

_COUNTS = ("seen", "filed", "duplicate", "quarantined", "rejected")
_ALWAYS = ("seen", "filed")


@click.command()
@click.argument("mailbox")
@click.option(
    "--own-rhythm", "rule", flag_value="own", help="When no mail came for far longer than usual (default)."
)
@click.option("--hours", type=click.IntRange(1, 8_784), help="After so many hours without mail.")
@click.option("--off", "rule", flag_value="off", help="Never.")
@printing
def silence(context: Context, mailbox: str, rule: str | None, hours: int | None) -> None:
    """Say when a mailbox counts as silent; `mailbox list`, `status`, `doctor`, the log and the metrics tell of it.

    \b
    Example: mailhub mailbox silence help@example.com --hours 48
    """
    if (rule is None) == (hours is None):
        raise click.UsageError("give one of --own-rhythm, --hours and --off")
    limit = hours if rule is None else {"own": None, "off": 0}[rule]
    found = context.call("PUT", f"/v1/mailboxes/{mailbox}/silence", body={"limit_hours": limit})
    if context.as_json:
        print_json(found)
        return
    when = (
        context.time(found["alarm_at"])
        if found["alarm_at"]
        else "never"
        if rule == "off"
        else "not known yet"
    )
    click.echo(f"{mailbox} is silent unless mail comes: {when}")


def counts(folder: dict[str, Any]) -> str:
    """What became of a folder's mails."""
    return ", ".join(f"{folder[name]} {name}" for name in _COUNTS if folder[name] or name in _ALWAYS)


def newest(context: Context, row: dict[str, Any]) -> str:
    """When mail came last to a mailbox."""
    known = row["silence"]
    return context.time(known["newest_at"]) if known and known["newest_at"] else ""


def show_silence(context: Context, row: dict[str, Any]) -> None:
    """A line on a mailbox that is silent."""
    known = row["silence"]
    if known and known["words"]:
        click.echo(
            f"\n{row['address']} is SILENT: {known['words']} (told {context.time(known['silent_at'])})"
        )
