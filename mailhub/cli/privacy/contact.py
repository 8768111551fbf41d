"""`mailhub contact ...`: the people who write to us, and what it takes to forget one."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from mailhub.cli.output import Context, listing, printing, require_typed
from mailhub.cli.privacy.contact_requests import requests
from mailhub.cli.privacy.exporting import export_contact

COLUMNS = {"id": "ID", "name": "NAME", "addresses": "ADDRESSES", "created_at": "SINCE"}
LOOK_SECONDS = 0.5
BAR = 40  # characters of the progress bar


@click.group()
def contact() -> None:
    """Contacts: the people who write to us. They are found by exact address, never by name."""


contact.add_command(export_contact)
contact.add_command(requests)


@contact.command("list")
@click.option("--address", help="Only the contact with this exact address.")
@listing
@printing
def list_(context: Context, limit: int, after: str | None, address: str | None) -> None:
    """List contacts.

    \b
    Example: mailhub contact list --address kim@customer.example
    """
    context.table(context.rows("/v1/contacts", limit=limit, after=after, address=address), COLUMNS)


@contact.command()
@click.argument("contact", type=int)
@printing
def show(context: Context, contact: int) -> None:
    """Show a contact with every address known to be theirs.

    \b
    Example: mailhub contact show 1000000017
    """
    context.fields(context.call("GET", f"/v1/contacts/{contact}"))


@contact.command()
@click.argument("contact", type=int)
@click.argument("address")
@printing
def alias(context: Context, contact: int, address: str) -> None:
    """Say that ADDRESS is this CONTACT's too: mail from it is theirs from now on, and an erasure means it.

    \b
    Example: mailhub contact alias 1000000017 kim@work.example
    """
    context.fields(context.call("POST", f"/v1/contacts/{contact}/addresses", body={"address": address}))


@contact.command()
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="Replace this name wherever it stands in others' words, too: look at the places in the plan first.",
)
@click.option("--plan", is_flag=True, help="Only show whom it would mean and what it would take.")
@click.option("--yes", is_flag=True, help="Do not ask for the address again.")
@click.option("--wait/--no-wait", default=True, help="Wait for the end, and show how far it is.")
@click.option(
    "--anyway", is_flag=True, help="Also when nobody has the address: what a backup brings back goes again."
)
@printing
def erase(
    context: Context,
    addresses: tuple[str, ...],
    names: tuple[str, ...],
    plan: bool,
    yes: bool,
    wait: bool,
    anyway: bool,
) -> None:
    """Erase the person with this exact ADDRESS (several: of one person) from everything. Cannot be undone.

    A name is replaced at the address and where their mail is quoted; elsewhere, in words of others, only with --name.

    It ends in a receipt that proves it (`mailhub erasure receipt`). The key of its commitment is shown now and never
    again.

    \b
    Example: mailhub contact erase kim@customer.example --plan
    """
    planned = context.call(
        "POST", "/v1/erasures/plan", body={"addresses": list(addresses), "names": list(names)}
    )
    if plan:
        context.fields(planned)
        return

    if not yes:
        click.echo(f"This takes {_told(planned)}, of {', '.join(planned['addresses'])}.", err=True)
        for line in _names_told(planned, names):
            click.echo(line, err=True)
        require_typed(f"Erase this person for good? Type {addresses[0]}", addresses[0])

    body = {
        "addresses": list(addresses),
        "names": list(names),
        "confirm": addresses[0],
        "anyway": anyway,
    }
    begun = context.call("POST", "/v1/erasures", body=body)
    shown = _followed(context, begun) if wait else begun
    context.fields({**shown, "commitment_key": begun["commitment_key"]})


def _told(planned: dict[str, Any]) -> str:
    return (
        ", ".join(f"{number} {name}" for name, number in planned["counts"].items() if number)
        or "nothing known"
    )


def _names_told(planned: dict[str, Any], agreed: tuple[str, ...]) -> Iterator[str]:
    """Which names stand in others' words, how often and in which sentences, and whether they go from there."""
    for each in planned["names"]:
        if not each["occurrences"]:
            continue
        goes = f"stays there ({each['refused'] or 'no --name'})"
        goes = "is replaced there" if each["name"] in agreed and not each["refused"] else goes
        yield f"{each['name']!r} stands {each['occurrences']} times in others' words, and {goes}:"
        for place in each["places"]:
            sentence = "(held)" if place["sentence"] is None else place["sentence"]
            yield f"  {place['kind']} {place['id']}, {place['author']}: {sentence}"
    if planned["namesakes"]:
        others = ", ".join(map(str, planned["namesakes"]))
        yield f"Contacts of the same name, perhaps the same person: {others}"


def _followed(context: Context, begun: dict[str, Any]) -> dict[str, Any]:
    """Wait until it is done, or waits for something itself. Progress goes to standard error, if that is a terminal."""
    shown = begun
    while shown["state"] == "running":
        time.sleep(LOOK_SECONDS)
        shown = context.call("GET", f"/v1/erasures/{begun['id']}")
        if sys.stderr.isatty():
            done = BAR * (shown["progress"] or 0) // 1000
            click.echo(
                f"\r{shown['step']:<15}[{'#' * done:<{BAR}}]", err=True, nl=shown["state"] != "running"
            )
    return shown
