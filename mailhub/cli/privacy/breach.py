"""`mailhub breach ...`: whom an incident touches, and breaches with their clock of 72 hours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from mailhub.cli.output import Context, clean, listing, print_json, printing

COLUMNS = {
    "id": "ID",
    "kind": "KIND",
    "noticed_at": "NOTICED",
    "due_at": "TELL BY",
    "overdue": "OVERDUE",
    "late": "LATE",
}
COLUMNS |= {"authority_told_at": "AUTHORITY TOLD", "people_told_at": "PEOPLE TOLD", "outcome": "OUTCOME"}
PEOPLE = {"id": "CONTACT", "addresses": "ADDRESSES"}


@click.group()
def breach() -> None:
    """Breaches of personal data (GDPR art. 33, 34): whom they touch, whom to tell, and by when."""


@breach.command()
@click.option("--since", type=click.DateTime(), help="Mail from then on (UTC).")
@click.option("--until", type=click.DateTime(), help="Mail before then (UTC).")
@click.option(
    "--object", "named", metavar="KIND:ID", help="ticket:17, message:ID, contact:ID or mailbox:ADDRESS."
)
@printing
def report(context: Context, since: datetime | None, until: datetime | None, named: str | None) -> None:
    """Tell whom an account, a span of time or an object touches: counts, categories, contacts. Reads no body.

    \b
    Example: mailhub breach report --since 2026-11-20 --until 2026-11-24 --object mailbox:support@example.com
    """
    kind, _, object_ = (named or "").partition(":")
    query: dict[str, Any] = {
        "since": since.replace(tzinfo=UTC).isoformat() if since else None,
        "until": until.replace(tzinfo=UTC).isoformat() if until else None,
        "kind": kind or None,
        "object": object_ or None,
    }
    touched = context.call("GET", "/v1/touched", **query)
    people = context.rows("/v1/touched/people", limit=0, after=None, **query)
    if context.as_json:
        print_json({**touched, "contacts": people})
        return

    context.fields(touched["counts"])
    click.echo(f"categories: {'; '.join(touched['categories'])}")
    context.table(people, PEOPLE)


@breach.command("open")
@click.argument("kind", type=click.Choice(["confidentiality", "integrity", "availability"]))
@click.option("--noticed", type=click.DateTime(), help="When it was noticed (UTC). Without: now.")
@printing
def open_(context: Context, kind: str, noticed: datetime | None) -> None:
    """Put a breach on record; from noticing it, 72 hours are left to tell the authority.

    \b
    Example: mailhub breach open confidentiality --noticed "2026-11-24 09:00:00"
    """
    body = {"kind": kind}
    if noticed is not None:
        body["noticed_at"] = noticed.replace(tzinfo=UTC).isoformat()
    context.fields(context.call("POST", "/v1/breaches", body=body))


@breach.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List breaches, until when to tell the authority, and how they ended.

    \b
    Example: mailhub breach list
    """
    context.table(context.rows("/v1/breaches", limit=limit, after=after), COLUMNS)


@breach.command()
@click.argument("breach_id", metavar="ID", type=int)
@click.option("--facts", help="What happened, when, and how it came to light.")
@click.option("--effects", help="What it did, and can do, to people.")
@click.option("--remedies", help="What was done about it, and is recommended.")
@printing
def describe(context: Context, breach_id: int, **said: str | None) -> None:
    """Write down what happened, what it did and what was done (art. 33(5)); both notices have it.

    \b
    Example: mailhub breach describe 1000000061 --facts "A laptop with an export was stolen on 24 November."
    """
    context.fields(context.call("PUT", f"/v1/breaches/{breach_id}/description", body=said))


@breach.command()
@click.argument("breach_id", metavar="ID", type=int)
@click.argument("whom", type=click.Choice(["authority", "people"]))
@printing
def told(context: Context, breach_id: int, whom: str) -> None:
    """Note that the authority, or the people affected, have been told.

    \b
    Example: mailhub breach told 1000000061 authority
    """
    context.fields(context.call("POST", f"/v1/breaches/{breach_id}/told", body={"whom": whom}))


@breach.command()
@click.argument("breach_id", metavar="ID", type=int)
@click.option(
    "--outcome", type=click.Choice(["told", "no-risk", "no-breach"]), required=True, help="How it ended."
)
@printing
def close(context: Context, breach_id: int, outcome: str) -> None:
    """Close a breach.

    \b
    Example: mailhub breach close 1000000061 --outcome told
    """
    context.fields(context.call("POST", f"/v1/breaches/{breach_id}/close", body={"outcome": outcome}))


@breach.command()
@click.argument("breach_id", metavar="ID", type=int)
@click.option("--to", type=click.Choice(["people", "authority"]), default="people", show_default=True)
@printing
def notice(context: Context, breach_id: int, to: str) -> None:
    """Print the notice for those affected, or for the authority, with what is known filled in.

    \b
    Example: mailhub breach notice 1000000061 --to authority > notice.txt
    """
    found = context.call("GET", f"/v1/breaches/{breach_id}/notice", to=to)
    if context.as_json:
        print_json(found)
    else:
        click.echo(clean(found["text"]), nl=False)
