"""The database as `mailhub doctor` sees it: reached, of which revision, of which key, and what waits in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub import clock, keys
from mailhub.config import Config
from mailhub.envelope import Source
from mailhub.errors import MailhubError
from mailhub.filter import rebuild_plan
from mailhub.health.checks.files import root_key_environment
from mailhub.health.checks.finding import Finding, failure, warning, well
from mailhub.health.watching import in_words
from mailhub.message.authentication_results import written_by
from mailhub.message.author import fields_of
from storage import migrate
from storage.accounts import accounts
from storage.database import Connection, Database
from storage.engine.backlog import Backlog, backlog
from storage.errors import StorageError, opening
from storage.filter.ledger import accounts_with_ledger
from storage.mail import raws, watches
from storage.mail.derived import newest_authentication, newest_unjudged
from storage.mail.mailboxes import every_mailbox
from storage.proof.key_checks import find_key_check

SHOWN_SILENT = 10
# of each: whether trusted hosts write what they are trusted for
ACCOUNTS_LOOKED_AT = 20
MAIL_LOOKED_AT = 100
MAIL_THAT_TELLS = 10  # fewer may all be of domains without a policy
# of each: which hosts write results that nobody believes
RAWS_LOOKED_AT = 20
RAW_BYTES_LOOKED_AT = 256 * 1024
MAIL_THAT_NAMES = 5  # one host: fewer may be what senders wrote themselves
OVERDUE_HOURS = 1  # a mail that has been waiting for the relay for so long


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What the database said. ``backlog`` is None, and ``addresses`` empty, where its tables cannot be read."""

    findings: Sequence[Finding]
    backlog: Backlog | None = None
    addresses: Sequence[str] = ()


def look(config: Config) -> DatabaseState:
    """Read what there is to know; every fault is a finding."""
    try:
        database = Database(config.database_url)
        try:
            with opening():
                if migrate.is_empty(database):
                    return DatabaseState([failure("database", "there is none", "run `mailhub init`")])
                with database.read() as connection:
                    return _read(config, connection)
        finally:
            database.close()
    except StorageError as error:
        cure = "see that it runs, that storage.url is right, and that you may open it (run this as root)"
        return DatabaseState([failure("database", f"it cannot be opened: {error}", cure)])


def _read(config: Config, connection: Connection) -> DatabaseState:
    present = str(migrate.revision(connection))
    if present not in migrate.known_revisions():
        text = f"schema {present} was made by a newer mailhub, this one knows {migrate.HEAD}"
        return DatabaseState(
            [failure("database", text, "install that version again, or restore the backup made before it")]
        )

    if present != migrate.HEAD:
        text = f"schema {present}, this version wants {migrate.HEAD}"
        return DatabaseState(
            [warning("database", text, "make a backup, then restart the daemon: it migrates at its start")]
        )

    found = [_known_key(config, find_key_check(connection), present)]
    waiting = backlog(connection)
    addresses = [each.address for each in every_mailbox(connection)]
    found += [*_waiting(waiting), *_filters(connection), _silent(connection)]

    found += [*_trusted_hosts(config, connection), *_never_believed(config, connection)]
    return DatabaseState(found, waiting, addresses)


def _known_key(config: Config, known: bytes | None, present: str) -> Finding:
    try:
        key = keys.load(config.storage.directory, root_key_environment())
    except MailhubError:
        return warning(
            "database", f"schema {present}; whether the root key is its own is not known", "see the root key"
        )

    if known is not None and known != key.derive("check"):
        cure = "put the copy of root.key back that belongs to it"
        return failure("database", "it was written with another root key", cure)

    return well("database", f"schema {present}")


def _trusted_hosts(config: Config, connection: Connection) -> list[Finding]:
    """Whether the hosts that are believed say what they are believed for."""
    hosts = config.authentication.trusted_hosts.lower().split()
    if not hosts:
        return []
    some = accounts.list_accounts(connection, limit=ACCOUNTS_LOOKED_AT)
    newest = [
        line for each in some for line in newest_authentication(connection, each.id, limit=MAIL_LOOKED_AT)
    ]
    return [_trusted_host(host, newest) for host in hosts]


def _trusted_host(host: str, newest: Sequence[str]) -> Finding:
    name = f"trusted host {host}"
    said = [line.split() for line in newest if f"by={host}" in line.split()]
    judged = sum("dmarc=none" not in each and "dmarc=permerror" not in each for each in said)
    cure = f'let a milter of {host} (OpenDMARC, rspamd) write dmarc=; see README, "Behind Postfix"'
    if not said and any(not line for line in newest):
        text = f"none of the newest mails has an Authentication-Results of {host}: From is believed as it is written"
        return warning(name, text, cure)

    if len(said) >= MAIL_THAT_TELLS and not judged:
        text = f"it wrote no DMARC result into any of the newest {len(said)} mails: whoever forges From is believed"
        return warning(name, text, cure)

    return well(name, f"DMARC results in {judged} of the newest {len(said)} mails")


def _never_believed(config: Config, connection: Connection) -> list[Finding]:
    """Hosts whose Authentication-Results stand in the newest mails and are believed of nobody."""
    sources = {Source.LMTP, Source.IMAP} | ({Source.SMTP} if config.authentication.enabled else set())
    named: Counter[str] = Counter()

    for account in accounts.list_accounts(connection, limit=ACCOUNTS_LOOKED_AT):
        newest = newest_unjudged(
            connection, account.id, sources, among=MAIL_LOOKED_AT, limit_bytes=RAW_BYTES_LOOKED_AT
        )
        for message in newest[:RAWS_LOOKED_AT]:
            raw = raws.read(connection, account.id, message)
            named[written_by(fields_of(raw)[0]) if raw is not None else ""] += 1

    trusted = config.authentication.trusted_hosts.lower().split()
    found = [host for host, count in named.items() if host and count >= MAIL_THAT_NAMES]
    return [_unbelieved(host, [*trusted, host]) for host in sorted(found) if host not in trusted]


def _unbelieved(host: str, wanted: Sequence[str]) -> Finding:
    text = f"mail comes with Authentication-Results of {host}, which nobody believes: From is believed as it is written"
    cure = f'if your mail comes from there, set authentication.trusted_hosts = "{" ".join(wanted)}"'
    return warning(f"results of {host}", text, cure)


def _filters(connection: Connection) -> list[Finding]:
    """Labels that the filters do not hold, because another version made them."""
    plans = [rebuild_plan.plan(connection, account) for account in accounts_with_ledger(connection)]
    waiting = sum(each.waiting for each in plans)
    asking = sum(each.asks for each in plans)
    if not waiting:
        return [well("filter", "every label counts")]

    text = f"{waiting} labels of another version do not count until they are carried over"
    if asking:
        text += f"; {asking} accounts would lose more than a fifth of theirs"
        return [
            warning("filter", text, "see `mailhub spam rebuild --dry-run`, then `mailhub spam rebuild --yes`")
        ]

    return [
        warning("filter", text, "the daemon does that by itself after its start: look again in some minutes")
    ]


def _silent(connection: Connection) -> Finding:
    """Mailboxes to which no mail came for far longer than usual."""
    silent = watches.silent_watches(connection)
    if not silent:
        return well("silence", "no mailbox is silent for longer than is usual for it")

    text = "; ".join(
        f"{address}: {in_words(watch, now=clock.now())}" for address, watch in silent[:SHOWN_SILENT]
    )
    if len(silent) > SHOWN_SILENT:
        text += f"; and {len(silent) - SHOWN_SILENT} more"
    cure = "send a mail there from elsewhere; `mailhub mailbox test`, the MX records; `mailhub mailbox silence` sets when"

    return warning("silence", text, cure)


def _waiting(found: Backlog) -> list[Finding]:
    age = clock.now() - found.oldest_queued_at if found.oldest_queued_at is not None else 0
    words = f"{found.queued} mails wait for the relay"

    if age > OVERDUE_HOURS * clock.HOUR:
        text = f"{words}, the oldest since {age // clock.HOUR} hours"
        queued = warning("outbox", text, "see the line on the relay, and `journalctl -u mailhub`")
    else:
        queued = well("outbox", words)

    if found.unreadable:
        cure = "`mailhub intake list --fate quarantined`, then `mailhub intake retry`"
        return [queued, warning("quarantine", f"{found.unreadable} messages could not be read", cure)]

    return [queued, well("quarantine", "no message waits to be read again")]
