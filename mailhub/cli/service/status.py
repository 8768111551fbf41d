"""`mailhub status`: whether mail flows, where the daemon listens, how many tickets there are."""

from __future__ import annotations

import click

from mailhub.cli import exits
from mailhub.cli.mailboxes.mailbox_watch import counts
from mailhub.cli.output import Context, clean, print_json, printing


@click.command()
@printing
def status(context: Context) -> int:
    """Show whether mail flows, where the daemon listens, and how many tickets there are.

    Exits 75 when mail cannot flow.

    \b
    Example: mailhub status --json
    """
    found = context.call("GET", "/v1/status")
    if context.as_json:
        print_json(found)
        return exits.OK if found["ready"] else exits.TEMPFAIL

    click.echo(f"mailhub {found['version']}, since {context.time(found['started_at'])}")
    click.echo("mail flows" if found["ready"] else f"mail does NOT flow: {'; '.join(found['faults'])}")
    for name, address in found["listening"].items():
        click.echo(f"  {name:<6} {address}")
    tickets = ", ".join(f"{count} {state}" for state, count in sorted(found["tickets"].items())) or "none yet"
    click.echo(f"tickets of account {found['account']}: {tickets}")

    for address, state in found["imap"].items():
        click.echo(f"{address} is fetched by IMAP: {clean(state)}")
        for name, folder in found["folders"][address].items():
            click.echo(f"  {clean(name)}: {counts(folder)}")

    for address, words in found["silent"].items():
        click.echo(f"{address} is SILENT: {words}")
    if found["letters"]:
        click.echo(f"no letters: {clean(found['letters'])}")

    if found["labels_waiting"]:
        waits = "waits for `mailhub spam rebuild --yes`" if found["rebuild_asks"] else "is under way"
        click.echo(
            f"{found['labels_waiting']} labels of another version do not count yet: carrying them over {waits}"
        )

    for source, at in found["last_mail_at"].items():
        click.echo(f"last mail by {source}: {context.time(at)}")
    for breach in found["breaches_overdue"]:
        click.echo(
            f"OVERDUE: the authority was not told of breach {breach} within 72 hours: mailhub breach list"
        )
    for rule, fault in found["rules_off"].items():
        click.echo(f"rule {rule} switched itself OFF: {fault}: mailhub rule show {rule}")
    for row in found["failing"]:
        again = context.time(row["next_attempt_at"])
        of = f" of account {row['account']}" if row["account"] else ""
        click.echo(
            f"FAILING: {row['queue']} {row['item']}{of}, {row['attempts']} times: {clean(row['reason'])};"
            f" again at {again}"
        )
    free = f", {found['disk_free_bytes'] // 2**20} MiB of disk free" if found["disk_free_bytes"] else ""
    click.echo(f"{found['quarantine']} in quarantine{free}")

    return exits.OK if found["ready"] else exits.TEMPFAIL
