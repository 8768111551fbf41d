"""Explaining a file without a daemon: the filter is read from the database, which the caller must be able to open."""

from __future__ import annotations

from typing import Any

from mailhub import keys
from mailhub.cli.output import Context
from mailhub.config import file
from mailhub.errors import AccountNeeded, NotFound, Unavailable


def explain(context: Context, raw: bytes, reasons: int) -> dict[str, Any]:
    """As POST /v1/spam/explain answers. Raises ``MailhubError`` when the database cannot be used."""
    from mailhub.filter import prior
    from mailhub.filter.explaining import explain as explain_document
    from mailhub.filter.explaining import in_words
    from mailhub.filter.models import Models
    from mailhub.filter.verdict import FilterSettings
    from mailhub.reading.prepare import Secrets
    from mailhub.reading.stored import document_of, unknown
    from storage.database import Database
    from storage.errors import StorageError

    config = file.load(file.find(context.options.get("config")))
    secrets = Secrets.of(keys.load(config.storage.directory))
    if not config.storage.url and not (config.storage.directory / "mailhub.sqlite3").exists():
        raise NotFound(f"there is no database in {config.storage.directory}: run `mailhub init`")
    try:
        database = Database(config.database_url)
        try:
            with database.read() as connection:
                account = _account(connection, context.account)
                counts = Models(database, config.storage.directory / "models").get(connection, account)
        finally:
            database.close()
    except StorageError as error:
        raise Unavailable(f"the database cannot be read: {error}") from None
    found = prior.of_config(config, secrets.features)
    explained = explain_document(
        counts,
        document_of(unknown(raw)),
        FilterSettings.of(config),
        reasons=reasons,
        secret=secrets.features,
        prior=found,
    )
    return in_words(explained)


def _account(connection: Any, name: str | None) -> int:
    """The account named by id or name, or the only one."""
    from storage.accounts import accounts

    rows = accounts.list_accounts(connection, limit=1000)
    found = [row.id for row in rows if name is None or name in (str(row.id), row.name)]
    if not found:
        raise NotFound("no such account")
    if len(found) > 1:
        raise AccountNeeded("there are several accounts: name one with --account")
    return found[0]
