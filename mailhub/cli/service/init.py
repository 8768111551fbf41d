"""`mailhub init`: a data directory, its key, its database, a first account. Needs no daemon; safe to run again.

Durable states it makes, in order: the directory (0700), a configuration file if none is there, the database's schema,
``root.key``, what it is recognised by, one transaction with account, mailbox and owner. Stopped at any point, a second
run goes on. Must not: make a new key for a database that was written with another one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailhub import clock, keys
from mailhub.cli.output import Context, printing
from mailhub.config import Config, file
from mailhub.errors import BadRequest, ConfigurationError, Unavailable
from mailhub.system import process

if TYPE_CHECKING:
    from storage.database import Database
    from storage.writer import Transaction, WritingThread

FILE = """\
# mailhub configuration, made by `mailhub init`. `mailhub check-config --example` shows every setting.
[storage]
directory = "."

[admin]
socket = "run/admin.sock"
"""


@click.command()
@click.option(
    "--directory", type=click.Path(path_type=Path), help="Make a self-contained data directory here."
)
@click.option(
    "--mailbox", default="support@example.com", show_default=True, help="Its first support address."
)
@click.option("--owner", default="owner@example.com", show_default=True, help="Login of its owner.")
@click.option(
    "--map-uid/--no-map-uid", default=None, help="Map your uid to the owner (default with --directory)."
)
@printing
def init(context: Context, directory: Path | None, mailbox: str, owner: str, map_uid: bool | None) -> None:
    """Prepare a data directory: root key, database, one account (billing none), one mailbox, one owner.

    `--account` names the account (default: main). The owner's one-time password is printed once. Running it again
    changes nothing that is there.

    \b
    Example: mailhub init --directory ./var --mailbox support@example.com
    """
    account_name = context.account or "main"
    mailbox = mailbox.strip().lower()

    owner = owner.strip().lower()
    for name, value in (("--mailbox", mailbox), ("--owner", owner)):
        if value.count("@") != 1 or not all(value.split("@")) or any(each.isspace() for each in value):
            raise BadRequest(f"{name} must be an address like support@example.com, not {value!r}")

    mapped = map_uid if map_uid is not None else directory is not None
    config = _configuration(context, directory, owner if mapped else None)
    process.become_owner(
        config.storage.directory
    )  # root prepares the package's directory for the service's user
    _directory(config.storage.directory)
    key_made, password = _fill(config, account_name, mailbox, owner)
    done = {
        "directory": str(config.storage.directory),
        "configuration": str(config.source) if config.source else None,
        "key_made": key_made,
        "account": account_name,
        "mailbox": mailbox,
        "owner": owner,
        "password": password,
    }
    if password is None and not context.as_json:
        click.echo(f"{config.storage.directory} is initialised already: nothing to do.")
        return

    context.fields(done)


def _configuration(context: Context, directory: Path | None, owner: str | None) -> Config:
    """The configuration in force; with ``--directory`` its own file, written if there is none."""
    explicit = context.options.get("config")
    if directory is not None:
        _directory(directory)
        path = Path(explicit) if explicit else directory / "mailhub.toml"
        if not path.exists():
            users = f'users = {{ "{os.getuid()}" = "{owner}" }}\n' if owner else ""
            path.write_text(FILE + users, encoding="utf-8")
        return file.load(path)
    return file.load(file.find(explicit))


def _directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"storage.directory: cannot make {directory}: {error.strerror}") from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ConfigurationError(f"storage.directory: you may not write in {directory}")


def _fill(config: Config, account_name: str, mailbox: str, owner: str) -> tuple[bool, str | None]:
    """Migrate the database, make its key, add the first account.

    Whether a key was made, and the owner's password: None when there is an account already.
    """
    from mailhub.house import recognise_key
    from storage.accounts.accounts import list_accounts
    from storage.database import Database
    from storage.errors import SchemaTooNew, StorageError
    from storage.migrate import migrate
    from storage.writer import WritingThread

    try:
        database = Database(config.database_url)
        try:
            migrate(database)
            key_made = _key(config, database)
            recognise_key(database, keys.load(config.storage.directory))
            with database.read() as connection:
                if list_accounts(connection, limit=1):
                    return key_made, None
            added = _written(
                WritingThread(database), lambda tx: _first_account(tx, account_name, mailbox, owner)
            )
            return key_made, added
        finally:
            database.close()
    except SchemaTooNew as error:
        raise ConfigurationError(str(error)) from None
    except StorageError as error:
        raise Unavailable(f"storage.url: the database cannot be opened: {error}") from error


def _key(config: Config, database: Database) -> bool:
    """Make the root key if there is none; ConfigurationError where the database was written with one that is lost."""
    from storage.accounts.accounts import list_accounts
    from storage.proof.key_checks import find_key_check

    directory = config.storage.directory
    if keys.present(directory):
        return False
    with database.read() as connection:
        used = list_accounts(connection, limit=1) or find_key_check(connection)
    if used:
        raise ConfigurationError(
            f"the root key {directory / keys.FILE_NAME} is gone, but the database was written with it: put your copy of"
            " the key back there (mode 0600). With a new key no duplicate and no answer would be recognised any more."
            " If the database too is to begin anew, move it away first"
        )
    return keys.create(directory)


def _written(writer: WritingThread, work: Callable[[Transaction], str | None]) -> str | None:
    """Run one piece of work in a writer that lives only for it."""
    writer.start()
    try:
        return writer.run(work)
    finally:
        writer.close()


def _first_account(transaction: Transaction, name: str, mailbox: str, owner: str) -> str | None:
    from mailhub.access.passwords import Passwords, one_time_password
    from storage.accounts import accounts
    from storage.mail import mailboxes
    from storage.people import users

    connection = transaction.connection
    now = clock.now()
    password = one_time_password()
    if accounts.list_accounts(connection, limit=1):
        return None
    account = transaction.new_id()
    accounts.add_account(
        connection,
        accounts.Account(
            id=account, name=name, stage="active", billing="none", created_at=now, stage_entered_at=now
        ),
    )
    row = mailboxes.Mailbox(
        account_id=account, id=transaction.new_id(), address=mailbox, name="", created_at=now
    )
    mailboxes.add_mailbox(connection, row)
    users.add_user(
        connection,
        users.User(
            account_id=account,
            id=transaction.new_id(),
            email=owner,
            name="",
            role="owner",
            password_hash=Passwords().hash(password),
            created_at=now,
        ),
    )
    return password
