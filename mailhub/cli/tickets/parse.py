"""`mailhub parse`: what mailhub reads in a message, one JSON object a line. Needs no daemon."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from mailhub.cli import exits
from mailhub.cli.output import Context, clean, printing


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@printing
def parse(context: Context, files: tuple[Path, ...]) -> int:
    """Read messages and print what was found: one JSON object a line with --json, a short form without.

    A file that cannot be read gives {"error": ...}, and exit status 65 in the end. `-` is standard input.

    \b
    Example: mailhub parse --json letter.eml
    """
    failed = False
    for file in files:
        found = _report(file)
        failed = failed or "error" in found
        if context.as_json:
            click.echo(json.dumps(found, ensure_ascii=False))
        elif "error" in found:
            click.echo(f"{file}: {found['error']}", err=True)
        else:
            _print(found)

    return exits.DATAERR if failed else exits.OK


def _report(file: Path) -> dict[str, object]:
    """What was read, or the error; the boundary that lets the next file have its turn."""
    from mailhub.message.report import report

    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return report(raw)
    except OSError as error:
        return {"error": f"{file}: {error.strerror}"}
    except Exception as error:  # noqa: BLE001 named boundary: one file must not stop the others
        return {"error": f"{file}: {type(error).__name__}"}


def _print(found: dict[str, object]) -> None:
    for key in ("from", "to", "subject", "message_id", "in_reply_to", "auto_kind", "bounce_reason", "flags"):
        if value := found.get(key):
            words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            click.echo(f"{key.replace('_', ' ')}: {clean(words)}")
    click.echo(f"\n{clean(str(found.get('reply_text') or ''))}\n")
    if folded := str(found.get("folded_text") or ""):
        click.echo(f"[folded:]\n{clean(folded)}\n")
