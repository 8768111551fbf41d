"""`mailhub doctor`: looks at what most often is wrong, and says what to do. Needs no daemon."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import click

from mailhub import configuration_file, keys
from mailhub.cli import client, exits
from mailhub.cli.output import Context, print_json, printing
from mailhub.config import Config
from mailhub.errors import MailhubError

Finding = tuple[str, bool, str]


@click.command()
@printing
def doctor(context: Context) -> int:
    """Check configuration, data directory, root key, database, disk and daemon.

    Exits 0 when all is well, 69 otherwise.

    \b
    Example: mailhub doctor
    """
    found = list(_examine(context))
    well = all(ok for _, ok, _ in found)
    if context.as_json:
        print_json({"ok": well, "checks": [{"name": name, "ok": ok, "text": text} for name, ok, text in found]})
    else:
        for name, ok, text in found:
            click.echo(f"{'ok  ' if ok else 'BAD '} {name:<13}  {text}")
    return exits.OK if well else exits.UNAVAILABLE


def _examine(context: Context) -> Iterator[Finding]:
    """Each check's name, whether it is well, and what was seen; nothing after a configuration that cannot be read."""
    path = configuration_file.find(context.options.get("config"))
    try:
        config = configuration_file.load(path)
    except MailhubError as error:
        yield "configuration", False, str(error)
        return
    yield "configuration", True, str(path or "the defaults")
    yield _check("root key", lambda: _key(config))
    yield _check("database", lambda: _database(config))
    yield _disk(config)
    yield _check("daemon", lambda: _daemon(context))


def _check(name: str, work: Callable[[], str]) -> Finding:
    try:
        return name, True, work()
    except MailhubError as error:
        return name, False, str(error)


def _key(config: Config) -> str:
    keys.load(config.storage.directory)
    return "there, and private"


def _database(config: Config) -> str:
    """The schema's revision; raises ``MailhubError`` when the database cannot be used."""
    from mailhub.errors import ConfigurationError, Unavailable
    from storage.database import Database
    from storage.errors import StorageError, opening
    from storage.key_checks import find_key_check
    from storage.migrate import HEAD, revision

    if config.database_url.startswith("sqlite:") and not (config.storage.directory / "mailhub.sqlite3").exists():
        raise ConfigurationError("there is none: run `mailhub init`")
    try:
        database = Database(config.database_url)
        try:
            with opening(), database.read() as connection:
                present = revision(connection)
                known = find_key_check(connection) if present == HEAD else None
        finally:
            database.close()
    except StorageError as error:
        raise Unavailable(f"it cannot be opened: {error}") from None
    if known is not None and known != keys.load(config.storage.directory).derive("check"):
        raise ConfigurationError(
            "it was written with another root key: put the copy of root.key back that belongs to it"
        )
    if present != HEAD:
        return f"schema {present}, this version wants {HEAD}: the daemon migrates it at its start"
    return f"schema {present}"


def _disk(config: Config) -> Finding:
    try:
        free = shutil.disk_usage(config.storage.directory).free
    except OSError as error:
        return "disk", False, f"{config.storage.directory}: {error.strerror}"
    words = f"{free // 2**20} MiB free, {config.storage.reserve_bytes // 2**20} MiB are kept in reserve"
    return "disk", free >= config.storage.reserve_bytes, words


def _daemon(context: Context) -> str:
    path = client.socket_path(context.options.get("socket"), context.options.get("config"))
    with client.Client(path, timeout=5) as connection:
        health = connection.call("GET", "/livez")
    return f"answers on {path}" if health["live"] else f"is not well on {path}"
