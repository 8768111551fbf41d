"""`mailhub contact requests ...`: what people ask about their own data, and what is decided."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, listing, printing

COLUMNS = {
    "id": "ID",
    "kind": "ASKS FOR",
    "address": "ADDRESS",
    "state": "STATE",
    "waits_for": "WAITS FOR",
    "answer_by": "ANSWER BY",
}


@click.group()
def requests() -> None:
    """What people ask about their own data: erasure, a copy, withdrawal of consent (docs/privacy-requests.md)."""


@requests.command("list")
@click.option(
    "--state", type=click.Choice(["asked", "proven", "approved", "refused"]), help="proven: waits for you."
)
@listing
@printing
def list_(context: Context, state: str | None, limit: int, after: str | None) -> None:
    """List requests.

    \b
    Example: mailhub contact requests list --state proven
    """
    context.table(context.rows("/v1/privacy-requests", limit=limit, after=after, state=state), COLUMNS)


@requests.command()
@click.argument("request", type=int)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="Of an erasure: replace this name wherever it stands in others' words, as its plan shows.",
)
@printing
def approve(context: Context, request: int, names: tuple[str, ...]) -> None:
    """Carry out what a person proved: the erasure begins, or the link to the copy is mailed.

    \b
    Example: mailhub contact requests approve 1000000051
    """
    body = {"names": list(names)}
    context.fields(context.call("POST", f"/v1/privacy-requests/{request}/approve", body=body))


@requests.command()
@click.argument("request", type=int)
@click.option("--reason", required=True, help="Why: it is mailed to the person (GDPR art. 12(4)).")
@printing
def refuse(context: Context, request: int, reason: str) -> None:
    """Refuse what a person proved.

    \b
    Example: mailhub contact requests refuse 1000000051 --reason "An invoice of 2025 must be kept until 2036"
    """
    context.fields(context.call("POST", f"/v1/privacy-requests/{request}/refuse", body={"reason": reason}))
