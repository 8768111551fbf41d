"""`mailhub contact export` and `mailhub account export`: a zip of everything, written as it comes."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mailhub.cli.output import Context, print_json, printing

MEGABYTE = 1_000_000


@click.command("export")
@click.argument("contact", type=int)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The zip to write."
)
@printing
def export_contact(context: Context, contact: int, out: Path) -> None:
    """Write everything stored about a CONTACT into a zip: data with its schema, mail, files.

    What others wrote into the person's tickets is theirs and left out.

    \b
    Example: mailhub contact export 1000000017 --out kim.zip
    """
    _download(context, f"/v1/contacts/{contact}/export", out)


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


def _download(context: Context, path: str, out: Path) -> None:
    """Into a file beside ``out`` first, so that a half one never bears its name. Nobody but the caller may read it."""
    unfinished = out.with_name(out.name + ".part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    written = 0

    try:
        with unfinished.open("wb") as file:
            for piece in context.client.download(path, account=context.account):
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
