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
from mailhub.message.addresses import served_form

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
@click.argument("contact")
@click.argument("address")
@printing
def unalias(context: Context, contact: str, address: str) -> None:
    """Say that ADDRESS is not this CONTACT's after all, and show who has it now.

    What was written from it becomes a new contact's, so that an erasure of the one leaves the other. `contact merge`
    undoes it.

    \b
    Example: mailhub contact unalias kim@customer.example lee@work.example
    """
    body = {"address": address}
    context.fields(
        context.call("DELETE", f"/v1/contacts/{the_contact(context, contact)}/addresses", body=body)
    )


@contact.command()
@click.argument("contact")
@click.argument("name")
@printing
def rename(context: Context, contact: str, name: str) -> None:
    """Set right what CONTACT, named by id or by an exact address, is called. Later mail does not change it.

    \b
    Example: mailhub contact rename kim@customer.example "Kim Zanzibari"
    """
    body = {"name": name}
    context.fields(context.call("PUT", f"/v1/contacts/{the_contact(context, contact)}/name", body=body))


@contact.command("object")
@click.argument("contact")
@click.option("--withdraw", is_flag=True, help="The person objects no more; what was taken back stays so.")
@printing
def object_(context: Context, contact: str, withdraw: bool) -> None:
    """Record that the person objects (art. 21): nothing CONTACT wrote teaches the filter, and what did is taken back.

    \b
    Example: mailhub contact object kim@customer.example
    """
    method = "DELETE" if withdraw else "PUT"
    context.fields(context.call(method, f"/v1/contacts/{the_contact(context, contact)}/objection"))


@contact.command()
@click.argument("contact")
@click.argument("into")
@printing
def merge(context: Context, contact: str, into: str) -> None:
    """Say that CONTACT and INTO are one person: an export, an erasure, a hold then means both. `unmerge` undoes it.

    Each is named by id or by an exact address.

    \b
    Example: mailhub contact merge kim@work.example kim@customer.example
    """
    source, target = the_contact(context, contact), the_contact(context, into)
    context.fields(context.call("POST", f"/v1/contacts/{source}/merge", body={"person": target}))


@contact.command()
@click.argument("contact")
@printing
def unmerge(context: Context, contact: str) -> None:
    """Undo the merge of CONTACT, named by id or by an exact address: it stands for a person of its own again.

    \b
    Example: mailhub contact unmerge kim@work.example
    """
    context.fields(context.call("POST", f"/v1/contacts/{the_contact(context, contact)}/unmerge"))


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
        if len(planned["contacts"]) > 1:
            together = ", ".join(map(str, planned["contacts"]))
            click.echo(f"These contacts are one person, and all go: {together}.", err=True)
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


def the_contact(context: Context, named: str) -> int:
    """The id of a contact named by id or exact address: of a merged person the contact that has the address itself."""
    if "@" not in named:
        return contact_id(named)
    found = context.rows("/v1/contacts", limit=1, after=None, address=named)
    if not found:
        raise click.ClickException("nobody has this address: look for a typo")
    spelled = served_form(named.strip())
    merged = (each["id"] for each in found[0]["merged"] if spelled in each["addresses"])
    return int(next(merged, found[0]["id"]))


def contact_id(named: str) -> int:
    """A contact's id as typed."""
    if not (named.isascii() and named.isdecimal()):
        raise click.BadParameter("a contact is named by its id or an exact address")
    return int(named)


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
    for address, people in planned["shared"].items():
        yield f"Several people write from {address}: {', '.join(people)}. What each of them wrote from it goes."
    for text, times in planned["strings"].items():
        yield f"{text!r} is replaced {times} times in others' mail."
    if planned["namesakes"]:
        others = ", ".join(map(str, planned["namesakes"]))
        yield f"Contacts of the same name, perhaps the same person: {others} (mailhub contact merge makes them one)"


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
