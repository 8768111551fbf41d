"""`mailhub consent ...`: what people agreed to, by which text, and since when no more."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from mailhub.cli.output import Context, listing, printing

COLUMNS = {"id": "ID", "purpose": "PURPOSE", "text_version": "TEXT", "how": "HOW", "given_at": "GIVEN"}
COLUMNS |= {"withdrawn_at": "WITHDRAWN", "actor": "RECORDED BY"}


@click.group()
def consent() -> None:
    """Consents of contacts: recorded with their text and by whom, withdrawn as easily as given."""


@consent.command()
@click.argument("contact", type=int)
@click.option("--purpose", required=True, help="What for, in one word.")
@click.option(
    "--text",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="File with the text that was agreed to; it is kept, with its digest.",
)
@click.option("--text-version", required=True, help="Which version of the text that is.")
@click.option("--how", required=True, help="How it was given: form, telephone, ...")
@click.option("--given", type=click.DateTime(), help="When (UTC). Without: now.")
@printing
def add(
    context: Context,
    contact: int,
    purpose: str,
    text: Path,
    text_version: str,
    how: str,
    given: datetime | None,
) -> None:
    """Record that a CONTACT (by id) agreed to something.

    \b
    Example: mailhub consent add 1000000017 --purpose newsletter --text letter.txt --text-version 3 --how form
    """
    shown = text.read_text(encoding="utf-8")
    body = {"purpose": purpose, "text": shown, "text_version": text_version, "how": how}
    if given is not None:
        body["given_at"] = given.replace(tzinfo=UTC).isoformat()
    context.fields(context.call("POST", f"/v1/contacts/{contact}/consents", body=body))


@consent.command("list")
@click.argument("contact", type=int)
@listing
@printing
def list_(context: Context, contact: int, limit: int, after: str | None) -> None:
    """List the consents of a CONTACT, those withdrawn among them.

    \b
    Example: mailhub consent list 1000000017
    """
    context.table(context.rows(f"/v1/contacts/{contact}/consents", limit=limit, after=after), COLUMNS)


@consent.command()
@click.argument("consent_id", metavar="ID", type=int)
@printing
def withdraw(context: Context, consent_id: int) -> None:
    """Withdraw a consent; it stays on record as withdrawn.

    \b
    Example: mailhub consent withdraw 1000000051
    """
    context.fields(context.call("DELETE", f"/v1/consents/{consent_id}"))
