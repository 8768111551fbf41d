"""`mailhub erasure ...`: how far erasures are, and what their receipts prove. `verify` needs no daemon."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import click

from mailhub.cli.output import Context, listing, printing
from mailhub.errors import BadRequest, NotFound

COLUMNS = {
    "id": "ID",
    "state": "STATE",
    "step": "STEP",
    "reason": "REASON",
    "begun_at": "BEGUN",
    "done_at": "DONE",
}
PLACES = {"where": "WHERE", "what": "WHAT", "how": "HOW", "count": "COUNT"}


@click.group()
def erasure() -> None:
    """Erasures of people, and the receipts that prove them."""


@erasure.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List erasures, the oldest first.

    \b
    Example: mailhub erasure list
    """
    context.table(context.rows("/v1/erasures", limit=limit, after=after), COLUMNS)


@erasure.command()
@click.argument("erasure", type=int)
@printing
def show(context: Context, erasure: int) -> None:
    """Show how far an erasure is, and why it waits.

    \b
    Example: mailhub erasure show 1000000041
    """
    context.fields(context.call("GET", f"/v1/erasures/{erasure}"))


@erasure.command()
@click.argument("erasure", type=int)
@click.option(
    "--second", is_flag=True, help="The one that says that the last backup with the person is gone."
)
@printing
def receipt(context: Context, erasure: int, second: bool) -> None:
    """Print the signed receipt of an erasure that is done: give it to whoever asked for it.

    \b
    Example: mailhub erasure receipt 1000000041 > receipt.json
    """
    found = context.call("GET", f"/v1/erasures/{erasure}/receipt")
    if second and found["second"] is None:
        raise NotFound(
            f"erasure {erasure} has no second receipt: a backup is left, or none held the person at its end"
        )
    click.echo(found["second" if second else "receipt"])


@erasure.command()
@click.argument("addresses", nargs=-1, required=True)
@click.option("--name", "names", multiple=True, help="A name to look for too; may be given several times.")
@printing
def search(context: Context, addresses: tuple[str, ...], names: tuple[str, ...]) -> None:
    """Look for a person everywhere, with other eyes than an erasure has. Changes nothing, shows nobody's words.

    Every message with all that is wrapped in it, every letter that waits, every column: addresses, plus forms, digests
    of the address, and the names given.

    \b
    Example: mailhub erasure search kim@customer.example --name "Kim Zanzibari"
    """
    places = []
    looked = {"messages": 0, "rows": 0, "bytes": 0, "not_read": 0}
    at: str | None = "messages:0"

    while at is not None:
        body = {"addresses": list(addresses), "names": list(names), "at": at}
        page = context.call("POST", "/v1/erasures/search", body=body)
        places += page["places"]
        looked = {name: number + page[name] for name, number in looked.items()}
        at = page["next"]

    context.table(places, PLACES)
    click.echo(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in looked.items()), err=True)


@erasure.command()
@click.argument("receipt", type=click.File("r", encoding="utf-8"))
@click.option("--public-key", help="64 hex digits; without it the key of this installation is used.")
@click.option("--address", help="Check that the receipt is about this person ...")
@click.option("--commitment-key", help="... with the key that was shown when the erasure began.")
@click.option(
    "--first", type=click.File("r", encoding="utf-8"), help="Check that RECEIPT is the second to this one."
)
@printing
def verify(
    context: Context,
    receipt: IO[str],
    public_key: str | None,
    address: str | None,
    commitment_key: str | None,
    first: IO[str] | None,
) -> None:
    """Verify a RECEIPT offline: who signed it, that nothing in it was changed, and whom it is about.

    \b
    Example: mailhub erasure verify receipt.json --public-key 6fd0...
    """
    from mailhub.proof import receipts

    text = receipt.read(receipts.RECEIPT_BYTES + 1)
    public = public_key or _own_public_key(context)
    body = dict(receipts.verify(text, public))
    if first is not None:
        body["follows"] = _follows(body, first.read(receipts.RECEIPT_BYTES + 1), public)
    if address is not None or commitment_key is not None:
        body["about"] = _is_about(body, address, commitment_key)
    context.fields({"verified": True, **body})


@erasure.command()
@printing
def key(context: Context) -> None:
    """Print the public key that verifies this installation's receipts. Needs no daemon.

    \b
    Example: mailhub erasure key
    """
    context.fields({"public_key": _own_public_key(context)})


def _own_public_key(context: Context) -> str:
    from mailhub import keys
    from mailhub.config import file
    from mailhub.proof import receipts

    config = file.load(file.find(context.options.get("config")))
    return receipts.public_key_of(keys.load(Path(config.storage.directory)))


def _follows(body: dict[str, object], first: str, public_key: str) -> bool:
    from mailhub.proof import receipts

    receipts.verify(first, public_key)
    if body.get("first_receipt") != receipts.digest_of(first):
        raise BadRequest("the receipt is sound, but it is not the second one to the receipt given as --first")
    return True


def _is_about(body: dict[str, object], address: str | None, commitment_key: str | None) -> bool:
    from mailhub.proof import receipts

    try:
        given = bytes.fromhex(commitment_key or "")
    except ValueError:
        given = b""
    if address is None or not given:
        raise BadRequest("whom a receipt is about needs both --address and --commitment-key (hex digits)")
    if not receipts.is_about(body, address, given):
        raise BadRequest(
            "the receipt is sound, but about somebody else, or the commitment key is another one"
        )
    return True
