"""`mailhub import`: archives (mbox, Maildir, .eml) into the pipeline, one message at a time and in order.

In order, because a reply finds its ticket only if the mail it answers is there. Quiet: no automation of any
kind. Safe to run again: what was imported is a duplicate then. Sources: mbox(5) in the mboxrd and mboxo
forms, maildir(5).
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from mailhub.cli import exits
from mailhub.cli.client import ApiError
from mailhub.cli.output import Context, clean, print_json, printing

_FROM_LINE = re.compile(rb"From .*\d{4}\r?\n?$")
_QUOTED_FROM = re.compile(rb">+From ")


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--recipient", metavar="ADDRESS", help="Mailbox to file into. Default: the first.")
@printing
def import_(context: Context, paths: tuple[Path, ...], recipient: str | None) -> int:
    """Import mbox files, Maildirs, .eml files, or directories of .eml files. Nobody is written to.

    Exits 0 when every message has a fate; a message that failed is named, and the import goes on.

    \b
    Example: mailhub import old-support.mbox ~/Maildir letters/*.eml
    """
    if missing := [path for path in paths if not path.exists()]:
        raise click.UsageError(f"no such file or directory: {missing[0]}")

    fates: Counter[str] = Counter()
    progress = _CountingLine(quiet=context.as_json)

    for name, raw in messages(paths):
        fates[_file(context, name, raw, recipient)] += 1
        progress.step(fates)

    progress.end()
    if context.as_json:
        print_json({"messages": fates.total(), "fates": dict(fates)})
    else:
        words = ", ".join(f"{count} {fate}" for fate, count in fates.most_common())
        click.echo(f"{fates.total()} messages: {words or 'nothing found'}")

    return exits.TEMPFAIL if fates["failed"] else exits.OK


def _file(context: Context, name: str, raw: bytes, recipient: str | None) -> str:
    """The fate of one message, or "failed"; a daemon that is gone ends the import."""
    try:
        found = context.call("POST", "/v1/deliveries", raw=raw, recipient=recipient, source="import")
    except ApiError as error:
        if error.http_status in (401, 403, 404):
            raise
        click.echo(f"{clean(name)}: {error}", err=True)
        return "failed"
    return str(found["outcomes"][0]["fate"])


def messages(paths: tuple[Path, ...]) -> Iterator[tuple[str, bytes]]:
    """(name, raw) of every message: Maildirs by file name (their order of arrival), the rest as it comes."""
    for path in paths:
        if (path / "cur").is_dir() and (path / "new").is_dir():
            found = [file for part in ("cur", "new") for file in (path / part).iterdir() if file.is_file()]
            yield from ((str(file), file.read_bytes()) for file in sorted(found, key=lambda file: file.name))
        elif path.is_dir():
            yield from (
                (str(file), file.read_bytes()) for file in sorted(path.rglob("*.eml")) if file.is_file()
            )
        elif _is_mbox(path):
            yield from ((f"{path}, message {number}", raw) for number, raw in enumerate(_mbox(path), 1))
        else:
            yield str(path), path.read_bytes()


def _is_mbox(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(_FROM_LINE.match(file.readline(1000)))


def _mbox(path: Path) -> Iterator[bytes]:
    """The messages of an mbox, one in memory at a time: a From_ line counts after a blank line or at the start."""
    lines: list[bytes] = []
    blank = True

    with path.open("rb") as file:
        for line in file:
            if blank and _FROM_LINE.match(line):
                if lines:
                    yield _joined(lines)
                lines = []
            else:
                lines.append(line[1:] if _QUOTED_FROM.match(line) else line)
            blank = line in (b"\n", b"\r\n")

    if lines:
        yield _joined(lines)


def _joined(lines: list[bytes]) -> bytes:
    """One message, without the blank line that mbox puts after it."""
    if len(lines) > 1 and lines[-1] in (b"\n", b"\r\n"):
        lines = lines[:-1]
    return b"".join(lines)


class _CountingLine:
    """A line on the terminal that counts; nothing off a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._shown = sys.stderr.isatty() and not quiet

    def step(self, fates: Counter[str]) -> None:
        """One message more."""
        if self._shown and fates.total() % 10 == 0:
            click.echo(f"\r{fates.total()} messages, {fates['failed']} failed", nl=False, err=True)

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
