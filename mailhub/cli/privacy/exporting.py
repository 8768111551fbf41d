"""`mailhub contact export` and `mailhub account export`: a zip of everything, written as it comes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from mailhub.cli.output import Context, print_json, printing

MEGABYTE = 1_000_000


@click.command("export")
@click.argument("contact")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The zip to write."
)
@printing
def export_contact(context: Context, contact: str, out: Path) -> None:
    """Write everything stored about a CONTACT into a zip: data with its schema, mail, files, and about.html to read.

    By an exact address also who never wrote and is only named. What others wrote is theirs and left out.

    \b
    Example: mailhub contact export kim@customer.example --out kim.zip
    """
    if "@" in contact:
        _download(context, "/v1/exports", out, body={"address": contact})
    else:
        _download(context, f"/v1/contacts/{contact}/export", out)


@click.command("export")
@click.argument("user")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The zip to write."
)
@printing
def export_user(context: Context, user: str, out: Path) -> None:
    """Write what is stored about a USER (`me`: yourself) into a zip: their login, and what they did when.

    What customers wrote, and they to customers, is left out.

    \b
    Example: mailhub user export me --out my-data.zip
    """
    _download(context, f"/v1/users/{user}/export", out)


@click.command("export")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The zip to write."
)
@printing
def export_account(context: Context, out: Path) -> None:
    """Write everything of the account into a zip, but passwords and keys.

    \b
    Example: mailhub account export --out everything.zip
    """
    _download(context, "/v1/export", out)


def _download(context: Context, path: str, out: Path, *, body: Any = None) -> None:
    """Into a file beside ``out`` first, so that a half one never bears its name. Nobody but the caller may read it."""
    unfinished = out.with_name(out.name + ".part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    written = 0

    try:
        with unfinished.open("wb") as file:
            for piece in context.client.download(path, body=body, account=context.account):
                written += file.write(piece)
                if sys.stderr.isatty():
                    click.echo(f"\r{written / MEGABYTE:.1f} MB", err=True, nl=False)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)

    if sys.stderr.isatty():
        click.echo(err=True)

    if context.as_json:
        print_json({"path": str(out), "size_bytes": written})
    else:
        click.echo(f"{out}: {written} bytes")
