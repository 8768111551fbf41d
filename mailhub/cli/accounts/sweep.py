"""`mailhub sweep`: look now which accounts' stages are over."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from mailhub.cli.output import Context, printing

COLUMNS = {
    "account": "ACCOUNT",
    "stage": "STAGE",
    "to": "TO",
    "reason": "REASON",
    "warn_days": "WARNED, DAYS BEFORE",
}
COLUMNS |= {"step_at": "STEP", "left": "LEFT"}
TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be done; change nothing.")
@click.option("--now", "at", type=click.DateTime(TIMES), help="As if it were then (UTC). Needs --dry-run.")
@click.option(
    "--confirm-clock", is_flag=True, help="Vouch for a clock that is doubted: stages go on from here."
)
@printing
def sweep(context: Context, dry_run: bool, at: datetime | None, confirm_clock: bool) -> None:
    """Warn owners and move accounts whose stage is over, one stage each. The daemon does so by itself.

    \b
    Example: mailhub sweep --dry-run --now 2027-03-01
    """
    now = None if at is None else at.replace(tzinfo=UTC).isoformat()
    body = {"dry_run": dry_run, "now": now, "confirm_clock": confirm_clock}
    found = context.call("POST", "/v1/sweep", body=body)
    if context.as_json:
        context.fields(found)
        return
    click.echo(f"clock: {found['clock']}")
    context.table(found["steps"], COLUMNS)
