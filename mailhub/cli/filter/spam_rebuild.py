"""`mailhub spam rebuild`: carry labels of another version over to this one."""

from __future__ import annotations

import sys
from typing import Any

import click

from mailhub.cli.output import Context, print_json, printing


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option(
    "--yes", is_flag=True, help="Drop labels whose mail is gone, even when they are more than a fifth."
)
@printing
def rebuild(context: Context, dry_run: bool, yes: bool) -> None:
    """Carry labels that another version made over to this one: their mail is read again.

    The daemon does this by itself after an upgrade, unless more than a fifth of the labels would be lost. May be
    stopped and begun again at any point.

    \b
    Example: mailhub spam rebuild --dry-run
    """
    planned = context.call("GET", "/v1/spam/rebuild")
    if dry_run or not planned["waiting"]:
        context.fields(planned)
        return

    if not context.as_json:
        click.echo(
            f"{planned['waiting']} of {planned['labels']} labels are to be carried over; {_lost(planned)}"
        )
    carried = dropped = 0
    after: int | None = 0
    hidden = context.as_json or not sys.stderr.isatty()

    with click.progressbar(length=planned["waiting"], label="reading", file=sys.stderr, hidden=hidden) as bar:
        while after is not None:
            done = context.call("POST", "/v1/spam/rebuild", body={"after": after, "yes": yes})
            carried = carried + done["carried"]
            dropped = dropped + done["dropped"]
            after = done["next"]
            bar.update(done["carried"] + done["dropped"])

    found = {"carried": carried, "dropped": dropped, "left": planned["waiting"] - carried - dropped}
    if context.as_json:
        print_json(found)
    else:
        context.fields(found)


def _lost(planned: dict[str, Any]) -> str:
    return (
        f"{planned['lost']} cannot be, since their mail is gone, and are dropped"
        if planned["lost"]
        else "none is lost"
    )
