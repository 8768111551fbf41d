"""Every setting of mailhub, with its meaning. Job: the values; ``config/file.py`` reads them.

Each section is a frozen dataclass in the file of its subject, each field documents itself (help, unit, bounds);
``restart`` says that SIGHUP does not apply a change. On the CLI's path, so nothing heavy is imported here. Must not:
hold a secret (it names a file). Sources: Postfix's postconf(5) for the limits, RFC 5321 4.5.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .answering import Answering
from .doors import Http, Https, Imap, Limits, Lmtp, Proxy, Smtp
from .keeping import Backup, Lifecycle, Privacy, Retention, Storage
from .mail import Authentication, Letters, Mail, Relay, Spam
from .people import Admin, Login
from .quotas import Quotas
from .service import Log, Testing

__all__ = [
    "SECTIONS",
    "Admin",
    "Answering",
    "Authentication",
    "Backup",
    "Config",
    "Http",
    "Https",
    "Imap",
    "Letters",
    "Lifecycle",
    "Limits",
    "Lmtp",
    "Log",
    "Login",
    "Mail",
    "Privacy",
    "Proxy",
    "Quotas",
    "Relay",
    "Retention",
    "Smtp",
    "Spam",
    "Storage",
    "Testing",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings. ``source`` is the file they were read from, None for the defaults."""

    storage: Storage = field(default_factory=Storage)
    smtp: Smtp = field(default_factory=Smtp)
    lmtp: Lmtp = field(default_factory=Lmtp)
    imap: Imap = field(default_factory=Imap)
    http: Http = field(default_factory=Http)
    https: Https = field(default_factory=Https)
    proxy: Proxy = field(default_factory=Proxy)
    admin: Admin = field(default_factory=Admin)
    login: Login = field(default_factory=Login)
    limits: Limits = field(default_factory=Limits)
    quotas: Quotas = field(default_factory=Quotas)
    mail: Mail = field(default_factory=Mail)
    authentication: Authentication = field(default_factory=Authentication)
    spam: Spam = field(default_factory=Spam)
    answering: Answering = field(default_factory=Answering)
    relay: Relay = field(default_factory=Relay)
    letters: Letters = field(default_factory=Letters)
    backup: Backup = field(default_factory=Backup)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    retention: Retention = field(default_factory=Retention)
    testing: Testing = field(default_factory=Testing)
    privacy: Privacy = field(default_factory=Privacy)
    log: Log = field(default_factory=Log)
    source: Path | None = None

    @property
    def backup_targets(self) -> tuple[Path, ...]:
        """The directories backups go to, the default filled in."""
        named = tuple(Path(each) for each in self.backup.targets.split())
        return named or (self.storage.directory / "backups",)

    @property
    def backup_spool(self) -> Path:
        """The directory a backup is written to before it is copied, the default filled in."""
        return Path(self.backup.spool) if self.backup.spool else self.storage.directory / "backups"

    @property
    def database_url(self) -> str:
        """The database to use, the default filled in."""
        return self.storage.url or f"sqlite:///{self.storage.directory}/mailhub.sqlite3"


SECTIONS: dict[str, type[Any]] = {
    "storage": Storage,
    "smtp": Smtp,
    "lmtp": Lmtp,
    "imap": Imap,
    "http": Http,
    "https": Https,
    "proxy": Proxy,
    "admin": Admin,
    "login": Login,
    "limits": Limits,
    "quotas": Quotas,
    "mail": Mail,
    "authentication": Authentication,
    "spam": Spam,
    "answering": Answering,
    "relay": Relay,
    "letters": Letters,
    "backup": Backup,
    "lifecycle": Lifecycle,
    "retention": Retention,
    "testing": Testing,
    "privacy": Privacy,
    "log": Log,
}
