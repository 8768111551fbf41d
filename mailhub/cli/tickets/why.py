"""`mailhub why`: every decision about one message, with its reason."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, print_json, printing

NAMES = (
    "ticket",
    "thread_reason",
    "thread_evidence",
    "may_belong_to",
    "verdict",
    "verdict_reason",
    "verdict_evidence",
    "conflict",
    "probability",
    "log_odds",
    "automatic",
    "authentication",
    "flags",
)


@click.command()
@click.argument("message", type=int)
@printing
def why(context: Context, message: int) -> None:
    """Show why MESSAGE is in its ticket, how it was scored, and what became of each of its deliveries.

    \b
    Example: mailhub why 1000000007
    """
    found = context.call("GET", f"/v1/messages/{message}/why")
    if context.as_json:
        print_json(found)
        return
    context.fields(
        found, {name: name.replace("_", " ") for name in NAMES if found[name] not in (None, "", [], False)}
    )
    if found["marks"]:
        marks = [{**each, "names": found["names"]} for each in found["marks"]]
        context.table(marks, {"user": "USER", "label": "SAID", "source": "BY", "given_at": "WHEN"})
    columns = {
        "received_at": "RECEIVED",
        "source": "BY",
        "recipient": "RECIPIENT",
        "fate": "FATE",
        "reason": "REASON",
    }
    context.table(found["deliveries"], columns)
