"""`mailhub backup ...`: make, list and expire with the daemon; verify and restore without one."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailhub import configuration_file, keys
from mailhub.cli.output import Context, listing, printing
from mailhub.errors import BadRequest, Conflict

if TYPE_CHECKING:
    from mailhub.restoring import Progress, Restored

COLUMNS = {"id": "ID", "name": "NAME", "made_at": "MADE", "expires_at": "EXPIRES"}
PATH = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def backup() -> None:
    """Backups of the whole installation."""


@backup.command()
@printing
def create(context: Context) -> None:
    """Make an encrypted backup while mail flows, at every target that the configuration names.

    \b
    Example: mailhub backup create
    """
    context.fields(context.call("POST", "/v1/backups"))


@backup.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List the backups that are there.

    \b
    Example: mailhub backup list
    """
    context.table(context.rows("/v1/backups", limit=limit, after=after), COLUMNS)


@backup.command()
@printing
def expire(context: Context) -> None:
    """Delete the backups whose term is over (backup.retention_days).

    \b
    Example: mailhub backup expire
    """
    context.table(context.call("POST", "/v1/backups/expire"), COLUMNS)


@backup.command("recovery-key")
@printing
def recovery_key(context: Context) -> None:
    """Make the recovery key and print it, once. It recovers the root key on a new machine: keep it away from here.

    \b
    Example: mailhub backup recovery-key
    """
    context.fields(context.call("POST", "/v1/backups/recovery-key"))


@backup.command()
@click.argument("file", type=PATH)
@click.option("--keys", "keys_at", type=PATH, help="The key file; default: mailhub.keys beside FILE.")
@click.option("--recovery-key", "recovery", type=PATH, help="File with the recovery key, where the root key is lost.")
@printing
def verify(context: Context, file: Path, keys_at: Path | None, recovery: Path | None) -> None:
    """Restore a backup to a scratch directory, count, and delete that again. Needs no daemon.

    The scratch directory (TMPDIR) holds all mail in the clear meanwhile.

    \b
    Example: mailhub backup verify backups/20261124T140000Z-1000000041.mailhub
    """
    from mailhub.restoring import verify as verify_

    keys_at = keys_at or file.with_name("mailhub.keys")
    root = _root(context, keys_at, recovery)
    with tempfile.TemporaryDirectory(prefix="mailhub-verify-") as scratch, _progress(file) as progress:
        done = verify_(file, keys_at, keys.Keys(root), Path(scratch), progress)
    _print(context, done)


@backup.command()
@click.argument("file", type=PATH)
@click.option("--into", required=True, metavar="DIR|URL", help="A new data directory, or an empty PostgreSQL database.")
@click.option("--keys", "keys_at", type=PATH, help="The key file; default: mailhub.keys beside FILE.")
@click.option("--recovery-key", "recovery", type=PATH, help="File with the recovery key, where the root key is lost.")
@printing
def restore(context: Context, file: Path, into: str, keys_at: Path | None, recovery: Path | None) -> None:
    """Restore a backup into what is empty. Needs no daemon; what was erased since does not come back.

    Use the newest key file. DIR gets the database and the root key; a URL only the database.

    \b
    Example: mailhub backup restore backups/20261124T140000Z-1000000041.mailhub --into ./restored
    """
    from mailhub.restoring import restore as restore_
    from storage.database import Database

    keys_at = keys_at or file.with_name("mailhub.keys")
    root = _root(context, keys_at, recovery)
    directory = None if "://" in into else _empty(Path(into))
    database = Database(into if directory is None else directory / "mailhub.sqlite3")
    try:
        with _progress(file) as progress:
            done = restore_(file, keys_at, keys.Keys(root), database, progress)
        database.close()
        again = _erase_again(directory, into, keys.Keys(root), since=done.made_at)
    except BaseException:
        database.close()
        if directory is not None:
            _clear(directory)
        raise
    if directory is not None:
        keys.create(directory, root)
    _print(context, done, erased_again=again)


def _erase_again(directory: Path | None, into: str, root: keys.Keys, *, since: int) -> int:
    """Redact anew what others quoted of people who were erased since, before anything can be served."""
    from mailhub import erasure, house
    from mailhub.api.erasures import parts_of
    from mailhub.config import Authentication, Config, Storage

    with tempfile.TemporaryDirectory(prefix="mailhub-restore-") as scratch:
        kept = Storage(directory=directory or Path(scratch), url="" if directory else into)
        built = house.build(Config(storage=kept, authentication=Authentication(enabled=False)), root)
        built.writer.start()
        try:
            built.directory.refresh()
            return erasure.reapply(parts_of(built), since=since)
        finally:
            built.writer.close()
            built.models.close()
            built.database.close()


def _root(context: Context, keys_at: Path, recovery: Path | None) -> bytes:
    """The root key: from the key file with the recovery key, or where the configuration has it."""
    if recovery is None:
        config = configuration_file.load(configuration_file.find(context.options.get("config")))
        return keys.load_root(config.storage.directory)
    from mailhub.backups.key_file import root_of

    try:
        private = bytes.fromhex(recovery.read_text(encoding="ascii").strip())
    except ValueError:
        raise BadRequest("--recovery-key: the file must hold the key as it was printed, 64 hex digits") from None
    return root_of(keys_at.read_bytes(), private)


def _empty(directory: Path) -> Path:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise Conflict(f"{directory} is not empty: restore into a new directory")
    return directory


def _clear(directory: Path) -> None:
    for left in directory.glob("mailhub.sqlite3*"):
        left.unlink()


@contextmanager
def _progress(file: Path) -> Iterator[Progress]:
    """A bar on the terminal's standard error, by the bytes of the backup that were read."""
    with click.progressbar(length=file.stat().st_size, file=sys.stderr) as bar:
        yield lambda read: bar.update(read - bar.pos)


def _print(context: Context, done: Restored, **more: int) -> None:
    found: dict[str, Any] = {"rows": dict(done.rows), "unreadable": dict(done.unreadable), "removed": done.removed}
    found["unfinished_erasures"] = done.unfinished_erasures
    context.fields(found | more)
    if lost := sum(done.unreadable.values()):
        click.echo(f"WARN: {lost} rows are unreadable: the keys of their persons or accounts were destroyed", err=True)
