"""`mailhub audit ...`: who did what, and whether the record of it is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from mailhub.cli import exits
from mailhub.cli.output import Context, listing, print_json, printing
from mailhub.errors import BadRequest


@click.group()
def audit() -> None:
    """The journal: every act on record, each row chained to the one before, signed every hour."""


@audit.command("list")
@click.option("--object", "object_", help="Acts on this: ticket:1000000007.")
@click.option("--actor", help="Acts of this one: user:1000000002 or operator:0.")
@click.option("--verb", help="Acts of this kind: ticket.assign.")
@click.option("--machine", is_flag=True, help="Acts that concern no account; for operators.")
@listing
@printing
def list_(context: Context, limit: int, after: str | None, **wanted: Any) -> None:
    """List acts, the newest first.

    \b
    Example: mailhub audit list --object ticket:1000000007
    """
    query = {"object": wanted["object_"], "actor": wanted["actor"], "verb": wanted["verb"]}
    query["machine"] = "true" if wanted["machine"] else None
    rows = [
        row | {"done_at": row["at"]} for row in context.rows("/v1/journal", limit=limit, after=after, **query)
    ]
    columns = {"done_at": "AT", "actor": "ACTOR", "verb": "ACT", "object": "ON", "detail": "DETAIL"}
    context.table(rows, columns)


@audit.command()
@click.option(
    "--anchors", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Anchors kept elsewhere."
)
@printing
def verify(context: Context, anchors: Path | None) -> int:
    """Find edits, drops, reordering, forks and truncation of the journal, up to the last signed anchor.

    The exit status is 65 if there are any. It protects against those who lack the root key. Rows behind the last anchor
    are counted, and not proven.

    \b
    Example: mailhub audit verify --anchors /media/safe/anchors.json
    """
    found = context.call("POST", "/v1/journal/verify", body={"anchors": _last_of_each_node(anchors)})
    if context.as_json:
        print_json(found)
    else:
        names = {"whole": "whole", "chains": "chains", "rows": "rows", "anchored": "proven by an anchor"}
        names |= {"unanchored": "not yet anchored", "anchors": "anchors", "last_anchor_at": "last anchor"}
        context.fields(found, names)
        if found["faults"]:
            context.table(
                found["faults"], {"kind": "FAULT", "account": "ACCOUNT", "node": "NODE", "sequence": "AT ROW"}
            )

    return exits.OK if found["whole"] else exits.DATAERR


@audit.command()
@click.option("--now", is_flag=True, help="Sign one first, instead of waiting for the hour.")
@printing
def anchors(context: Context, now: bool) -> None:
    """Print all anchors as JSON, a line each, to be kept where nobody of this machine can write.

    \b
    Example: mailhub audit anchors --now > /media/safe/anchors.json
    """
    if now:
        context.call("POST", "/v1/anchors")
    for row in context.client.pages("/v1/anchors", limit=0, after=None):
        click.echo(json.dumps(row))


def _last_of_each_node(path: Path | None) -> list[Any]:
    """Each anchor holds the hash of the one before it: the last says what all do."""
    if path is None:
        return []

    last: dict[int, Any] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["sequence"] >= last.get(row["node"], row)["sequence"]:
                last[row["node"]] = row
    except (ValueError, KeyError, TypeError):
        raise BadRequest(
            f"{path} holds no anchors: it must be what `mailhub audit anchors` printed"
        ) from None

    return list(last.values())
