"""`mailhub backup ...`: make, list and expire with the daemon; verify and restore without one."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailhub import keys
from mailhub.cli.output import Context, listing, printing
from mailhub.config import file as configuration_file
from mailhub.errors import BadRequest, Conflict, InsufficientStorage, Unavailable

if TYPE_CHECKING:
    from mailhub.backups.restoring import Progress, Restored

COLUMNS = {"id": "ID", "state": "STATE", "name": "NAME", "made_at": "MADE", "expires_at": "EXPIRES"}
LOOK_SECONDS = 0.2
_DATABASE = "mailhub.sqlite3"
# what lies in the directory before its root key does, the database last
_MADE = ("models", "erasures", f"{_DATABASE}-wal", f"{_DATABASE}-shm", _DATABASE)
PATH = click.Path(path_type=Path, dir_okay=False, exists=True)

TARGETS = {"path": "DIRECTORY", "node": "NODE", "state": "STATE", "lost_at": "LOST", "lost_reason": "WHY"}


@click.group()
def backup() -> None:
    """Backups of the whole installation."""


@backup.command()
@click.option("--wait/--no-wait", default=True, help="Wait for the end, and show how far it is.")
@printing
def create(context: Context, wait: bool) -> None:
    """Make an encrypted backup while mail flows, at every target that the configuration names.

    Ends with 75 when it failed, or when a target did not get it (state partial).

    \b
    Example: mailhub backup create
    """
    asked = context.call("POST", "/v1/backups")
    made = _followed(context, asked) if wait else asked
    context.fields(made)
    if made["failure"]:
        raise Unavailable(f"the backup is {made['state']}: {made['failure']}")


def _followed(context: Context, shown: dict[str, Any]) -> dict[str, Any]:
    """Wait until it is made or failed, with a bar on the terminal's standard error by the rows that were written."""
    with click.progressbar(length=1000, file=sys.stderr) as bar:
        while shown["state"] in ("waiting", "running"):
            time.sleep(LOOK_SECONDS)
            shown = context.call("GET", f"/v1/backups/{shown['id']}")
            done = 1000 * (shown["rows_done"] or 0) // max(1, shown["rows_total"] or 1)
            bar.update(done - bar.pos)
    return shown


@backup.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List the backups that are there, are being made, or failed.

    \b
    Example: mailhub backup list
    """
    context.table(context.rows("/v1/backups", limit=limit, after=after), COLUMNS)


@backup.command()
@click.argument("backup", type=int)
@printing
def show(context: Context, backup: int) -> None:
    """Show how far a backup is, where it lies, or why it failed.

    \b
    Example: mailhub backup show 1000000041
    """
    context.fields(context.call("GET", f"/v1/backups/{backup}"))


@backup.command()
@printing
def expire(context: Context) -> None:
    """Delete the backups whose term is over (backup.retention_days).

    \b
    Example: mailhub backup expire
    """
    context.table(context.call("POST", "/v1/backups/expire"), COLUMNS)


@backup.command()
@printing
def targets(context: Context) -> None:
    """List every directory that a key file was ever written to, and whether it follows the last erasure.

    \b
    Example: mailhub backup targets
    """
    context.table(context.call("GET", "/v1/backups/targets")["targets"], TARGETS)


@backup.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--node", type=int, default=0, help="Whose it was; -1: of what a backup was restored from.")
@click.option("--reason", required=True, help="What became of it: it stands on the record.")
@printing
def lost(context: Context, path: Path, node: int, reason: str) -> None:
    """Answer for a directory that is gone for good: erasures wait for it no more, and their receipts say so.

    \b
    Example: mailhub backup lost /mnt/old-disk --reason "shredded on 2026-11-02"
    """
    body = {"path": str(path), "node": node, "reason": reason}
    context.call("POST", "/v1/backups/targets/lost", body=body)


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
@click.option(
    "--recovery-key", "recovery", type=PATH, help="File with the recovery key, where the root key is lost."
)
@printing
def verify(context: Context, file: Path, keys_at: Path | None, recovery: Path | None) -> None:
    """Restore a backup to a scratch directory, count, and delete that again. Needs no daemon.

    The scratch directory (TMPDIR) holds all mail in the clear meanwhile.

    \b
    Example: mailhub backup verify backups/20261124T140000Z-1000000041.mailhub
    """
    from mailhub.backups.restoring import verify as verify_

    keys_at = keys_at or file.with_name("mailhub.keys")
    with _told(f"the scratch directory in {tempfile.gettempdir()} (TMPDIR)"):
        root = _root(context, keys_at, recovery)
        with tempfile.TemporaryDirectory(prefix="mailhub-verify-") as scratch, _progress(file) as progress:
            done = verify_(file, keys_at, keys.Keys(root), Path(scratch), progress)
    _print(context, done)


@backup.command()
@click.argument("file", type=PATH)
@click.option(
    "--into", required=True, metavar="DIR|URL", help="A new data directory, or an empty PostgreSQL database."
)
@click.option("--keys", "keys_at", type=PATH, help="The key file; default: mailhub.keys beside FILE.")
@click.option(
    "--recovery-key", "recovery", type=PATH, help="File with the recovery key, where the root key is lost."
)
@printing
def restore(context: Context, file: Path, into: str, keys_at: Path | None, recovery: Path | None) -> None:
    """Restore a backup into what is empty. Needs no daemon; what was erased since does not come back.

    Use the newest key file. DIR gets the database and the root key; a URL only the database.

    \b
    Example: mailhub backup restore backups/20261124T140000Z-1000000041.mailhub --into ./restored
    """
    keys_at = keys_at or file.with_name("mailhub.keys")
    with _told("the database of --into" if "://" in into else into):
        root = _root(context, keys_at, recovery)
        directory = None if "://" in into else _empty(Path(into))
        try:
            done, again = _restored(file, keys_at, root, directory, into)
        except BaseException:
            if directory is not None:
                _clear(directory)
            raise

    _print(context, done, erased_again=again)


def _restored(
    file: Path, keys_at: Path, root: bytes, directory: Path | None, into: str
) -> tuple[Restored, int]:
    """The whole way; a directory gets its root key last."""
    from mailhub.backups.restoring import restore as restore_
    from storage.database import Database

    database = Database(into if directory is None else directory / _DATABASE)
    try:
        with _progress(file) as progress:
            done = restore_(file, keys_at, keys.Keys(root), database, progress)
    finally:
        database.close()
    again = _erase_again(directory, into, keys.Keys(root), since=done.made_at)
    if directory is not None:
        keys.create(directory, root)
        _hand_over(directory)
    return done, again


def _hand_over(directory: Path) -> None:
    """What root restored belongs to whom the directory was given to, as a doctor wants it: the service's user.

    A file with a second name is not ours: whoever owns the directory may have put it there.
    """
    if os.geteuid() != 0:
        return
    owner = directory.stat()
    for each in directory.rglob("*"):
        state = each.lstat()
        if stat.S_ISDIR(state.st_mode) or state.st_nlink == 1:
            os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)


@contextmanager
def _told(where: str) -> Iterator[None]:
    """What a disk or a database refuses, in one line. Nothing that could be served is left then."""
    from storage.errors import Full, SchemaTooNew, StorageError, answering

    full = InsufficientStorage(f"{where}: no room for what the backup holds: free some there and try again")
    try:
        with answering():
            yield
    except SchemaTooNew as error:
        raise BadRequest(str(error)) from None
    except StorageError as error:
        raise (full if isinstance(error, Full) else Unavailable(f"{where}: {error}")) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise full from error
        raise Unavailable(f"{error.filename or where}: {error.strerror}") from error


def _erase_again(directory: Path | None, into: str, root: keys.Keys, *, since: int) -> int:
    """Redact anew what others quoted of people who were erased since, before anything can be served."""
    from mailhub import house
    from mailhub.backups.restoring import finish
    from mailhub.config import Authentication, Config, Storage
    from mailhub.privacy import erasure

    with tempfile.TemporaryDirectory(prefix="mailhub-restore-") as scratch:
        kept = Storage(directory=directory or Path(scratch), url="" if directory else into)
        config = Config(storage=kept, authentication=Authentication(enabled=False))
        built = house.build(config, root, restoring=True)
        built.writing.start()
        try:
            built.directory.refresh()
            again = erasure.reapply(built.erasure(), since=since)
            finish(built.database)
            return again
        finally:
            built.writing.close()
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
        raise BadRequest(
            "--recovery-key: the file must hold the key as it was printed, 64 hex digits"
        ) from None
    return root_of(keys_at.read_bytes(), private)


def _empty(directory: Path) -> Path:
    """The directory, made, and rid of what a restore left there that was cut off."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = {each.name for each in directory.iterdir()}
    if names and not (_DATABASE in names and names <= set(_MADE) and _is_left(directory / _DATABASE)):
        raise Conflict(f"{directory} is not empty: restore into a new directory")
    _clear(directory)
    directory.chmod(0o700)  # it was there, perhaps open: the root key comes into it
    return directory


def _is_left(path: Path) -> bool:
    from storage.backups.restoring import is_half_restored
    from storage.database import Database
    from storage.migrate import is_empty

    database = Database(path)
    try:
        return is_empty(database) or is_half_restored(database)
    finally:
        database.close()


def _clear(directory: Path) -> None:
    for made in (directory / name for name in (keys.FILE_NAME, *_MADE)):
        if made.is_dir():
            shutil.rmtree(made)
        else:
            made.unlink(missing_ok=True)


@contextmanager
def _progress(file: Path) -> Iterator[Progress]:
    """A bar on the terminal's standard error, by the bytes of the backup that were read."""
    with click.progressbar(length=file.stat().st_size, file=sys.stderr) as bar:
        yield lambda read: bar.update(read - bar.pos)


def _print(context: Context, done: Restored, **more: int) -> None:
    found: dict[str, Any] = {
        "rows": dict(done.rows),
        "unreadable": dict(done.unreadable),
        "removed": done.removed,
    }
    found["unfinished_erasures"] = done.unfinished_erasures
    context.fields(found | more)
    if lost := sum(done.unreadable.values()):
        click.echo(
            f"WARN: {lost} rows are unreadable: the keys of their persons or accounts were destroyed",
            err=True,
        )
