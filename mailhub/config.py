"""Every setting of mailhub, with its meaning. Job: the values; ``configuration_file.py`` reads them.

Each section is a frozen dataclass, each field documents itself (help, unit, bounds); ``restart`` says that SIGHUP does
not apply a change. On the CLI's path, so nothing heavy is imported here. Must not: hold a secret (it names a file).
Sources: Postfix's postconf(5) for the limits, RFC 5321 4.5.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KIB = 1024
MIB = 1024 * KIB


def setting(
    default: Any,
    help_: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    restart: bool = False,
) -> Any:
    """A dataclass field that carries its own documentation and bounds in ``metadata``."""
    metadata = {
        "help": help_,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "restart": restart,
    }
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def _port(default: int, help_: str) -> Any:
    return setting(default, help_, minimum=0, maximum=65_535, restart=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where everything durable lives."""

    directory: Path = setting(
        Path("/var/lib/mailhub"), "Data directory: root key, lock, SQLite database, backups.", restart=True
    )
    url: str = setting(
        "",
        'Database as an SQLAlchemy URL, such as "postgresql:///mailhub". Empty means SQLite in the data directory.',
        restart=True,
    )
    node: int = setting(
        0,
        "Number of this process among those that share a PostgreSQL database: each has its own.",
        minimum=0,
        maximum=1023,
        restart=True,
    )
    reserve_bytes: int = setting(
        256 * MIB,
        "Free disk space below which mail is answered 452 and /readyz says no.",
        unit="bytes",
        minimum=0,
        restart=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """The SMTP door, for other mail servers."""

    enabled: bool = setting(True, "Whether this door is open.", restart=True)
    address: str = setting("127.0.0.1", "Address to listen on. A socket that systemd hands in wins.", restart=True)
    port: int = _port(8025, "Port to listen on; 0 takes a free one.")
    hostname: str = setting("", "Name in the greeting. Empty takes the machine's name.")
    tls_certificate: str = setting("", "PEM file with the certificate chain for STARTTLS. Empty offers none.")
    tls_key: str = setting("", "PEM file with the certificate's private key.")
    tls_required: bool = setting(False, "Refuse MAIL before STARTTLS (RFC 3207).")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lmtp:
    """The LMTP door, for a mail server on the same machine."""

    enabled: bool = setting(True, "Whether this door is open.", restart=True)
    address: str = setting("127.0.0.1", "Address to listen on. A socket that systemd hands in wins.", restart=True)
    port: int = _port(8024, "Port to listen on; 0 takes a free one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imap:
    """Mailboxes at providers: how patient mailhub is there. Which ones there are: `mailhub mailbox add --imap-host`."""

    enabled: bool = setting(True, "Whether this process fetches mail.", restart=True)
    ca_file: str = setting(
        "", "PEM file of certificate authorities to trust. Empty: those of the system.", restart=True
    )
    command_seconds: float = setting(
        60.0,
        "How long a server may take for one command with its whole answer.",
        unit="seconds",
        minimum=0.1,
        restart=True,
    )
    idle_seconds: float = setting(
        540.0,
        "How long to wait with IDLE before asking anew. Servers may hang up after 30 minutes (RFC 2177).",
        unit="seconds",
        minimum=0.1,
        maximum=1500,
        restart=True,
    )
    retry_seconds: float = setting(
        5.0,
        "Delay before a lost connection is made again; it doubles each time.",
        unit="seconds",
        minimum=0.01,
        restart=True,
    )
    retry_limit_seconds: float = setting(600.0, "The longest such delay.", unit="seconds", minimum=0.1, restart=True)
    batch_bytes: int = setting(
        2 * MIB, "Mail held in memory for one mailbox while it is filed.", unit="bytes", minimum=64 * KIB, restart=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """The API over TCP, for programs with an ApiToken."""

    enabled: bool = setting(True, "Whether the API listens on TCP.", restart=True)
    address: str = setting(
        "127.0.0.1",
        "Address to listen on. It speaks no TLS, so only this machine's own addresses are taken; [https] opens others.",
        restart=True,
    )
    port: int = _port(8080, "Port to listen on; 0 takes a free one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Https:
    """The API over TLS 1.2 or newer, for agents and programs elsewhere."""

    enabled: bool = setting(False, "Whether the API listens with TLS.", restart=True)
    address: str = setting(
        "0.0.0.0",  # noqa: S104 this door is for others
        "Address to listen on. A socket that systemd hands in (named https) wins.",
        restart=True,
    )
    port: int = _port(8443, "Port to listen on; 0 takes a free one.")
    certificate: str = setting("", "PEM file with the certificate chain. A renewed one is used after a reload.")
    key: str = setting("", "PEM file with the certificate's private key.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Reverse proxies in front of the API. Only they are believed when they say whom they speak for."""

    networks: str = setting(
        "", "Their addresses or networks, with spaces between. Empty: nobody's forwarded header is read."
    )
    header: str = setting(
        "x-forwarded-for",
        "The header that they set, or add to. Only this one is read: a proxy passes on what it does not know.",
        choices=("x-forwarded-for", "forwarded"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """The API on a Unix socket, for the machine's administrator and the command line."""

    socket: Path = setting(Path("/run/mailhub/admin.sock"), "Path of the admin socket.", restart=True)
    socket_mode: str = setting(
        "0600", "Permissions of the socket; 0660 lets its group in.", choices=("0600", "0660"), restart=True
    )
    users: dict[str, str] = setting({}, 'Who a local uid is: { "1000" = "ana@example.com" }, the user\'s login.')


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How people log in."""

    second_factor_from: str = setting(
        "admin",
        "The lowest role that needs a second factor: until it has one, a login opens nothing but its enrolment.",
        choices=("nobody", "owner", "admin", "agent"),
    )
    idle_minutes: float = setting(480.0, "A session ends when it is unused for so long.", unit="minutes", minimum=1)
    session_hours: float = setting(168.0, "A session ends so long after the login.", unit="hours", minimum=0.1)
    link_hours: float = setting(
        24.0, "How long an invitation or a link to set a password works.", unit="hours", minimum=0.1, maximum=24
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what strangers send. Defaults are Postfix's own where it has one."""

    message_bytes: int = setting(50 * MIB, "Largest message (SIZE, RFC 1870).", unit="bytes", minimum=64 * KIB)
    line_bytes: int = setting(MIB, "Longest line within a message.", unit="bytes", minimum=1000)
    command_bytes: int = setting(2048, "Longest command line.", unit="bytes", minimum=512)
    in_flight_bytes: int = setting(
        256 * MIB,
        "Message bytes held in memory by all connections together.",
        unit="bytes",
        minimum=64 * KIB,
    )
    recipients: int = setting(1000, "Recipients of one message.", minimum=100)
    connections: int = setting(1000, "Connections of one door at once.", minimum=1)
    connections_per_address: int = setting(50, "Connections of one client address at once.", minimum=1)
    errors: int = setting(20, "Errors after which a session is closed.", minimum=1)
    junk_commands: int = setting(100, "NOOP, RSET, VRFY and the like in a session without mail.", minimum=1)
    hops: int = setting(50, "Received headers after which a mail is in a loop (554).", minimum=10, restart=True)
    command_seconds: float = setting(
        300.0, "How long a session may be idle between commands.", unit="seconds", minimum=1
    )
    data_seconds: float = setting(300.0, "How long DATA may stand still.", unit="seconds", minimum=1)
    data_bytes_per_second: int = setting(
        100,
        "Slowest rate of DATA: each period of data_seconds must bring data_seconds times this many bytes.",
        unit="bytes a second",
        minimum=0,
    )
    requests_per_address: int = setting(
        600, "API requests of one address in a minute (IPv6 by /64); not on the admin socket.", minimum=10
    )
    requests_per_user: int = setting(600, "API requests of one user in a minute; not on the admin socket.", minimum=10)
    flood_messages: int = setting(
        100,
        "Mails of one sender to one mailbox in an hour that get tickets of their own; more join one.",
        minimum=1,
        restart=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What becomes of mail that arrives."""

    catch_all: bool = setting(
        False, "Whether unknown addresses of a served domain lead to its first mailbox.", restart=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """SPF, DKIM and DMARC: whether a mail is from whom it says."""

    enabled: bool = setting(
        True, "Check mail that comes by SMTP from elsewhere (not by LMTP, not from loopback).", restart=True
    )
    trusted_hosts: str = setting(
        "",
        "Hosts, with spaces between, whose Authentication-Results header is believed. Each must strip such headers in"
        " its own name from mail that comes in.",
        restart=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spam:
    """The filter."""

    spam_threshold: float = setting(0.9, "Probability from which a mail is spam.", minimum=0.5, maximum=1)
    ham_threshold: float = setting(
        0.3, "Probability up to which a mail is ham; between the two it is unsure.", minimum=0, maximum=1
    )
    minimum_trained: int = setting(20, "Marks of each kind below which every verdict is unsure.", minimum=0)
    marks_per_hour: int = setting(10_000, "Marks that one user may give in an hour.", minimum=1)
    keep_labels_days: int = setting(
        365, "How long a label teaches; then the filter forgets what it taught.", unit="days", minimum=1
    )
    prior: str = setting(
        "",
        "File made here by `mailhub spam prior build`: it speaks while an account has few marks. Empty: none.",
        restart=True,
    )
    learn_from_answers: bool = setting(
        True, "Whether a mail that an agent answers counts as ham while nobody says otherwise."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The smarthost that takes our replies. Without a host nothing is queued, and the commands say so."""

    host: str = setting("", "Name or address of the smarthost. Empty means that mailhub sends nothing.")
    port: int = setting(587, "Port of the smarthost.", minimum=1, maximum=65_535)
    tls: str = setting("starttls", "How to encrypt.", choices=("starttls", "implicit", "none"))
    user: str = setting("", "Login name. Empty means no login.")
    password_file: str = setting("", "File that holds the login's password and nothing else.")
    timeout_seconds: float = setting(60.0, "How long one conversation may take.", unit="seconds", minimum=1)
    retry_hours: float = setting(120.0, "How long a mail that cannot be delivered is tried.", unit="hours", minimum=0.1)
    per_recipient: int = setting(10, "Automatic mails to one address in an hour.", minimum=0)


def _days(default: float, help_: str) -> Any:
    return setting(default, help_, unit="days", minimum=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The stages of accounts with `billing = external`, how long each lasts, and when the owner is warned."""

    trial_days: float = _days(14.0, "A trial without a paid plan is suspended after this.")
    failing_days: float = _days(7.0, "An account whose billing fails for longer than this is suspended.")
    suspended_days: float = _days(60.0, "A suspension that nobody asked to lift ends in termination after this.")
    terminated_days: float = _days(30.0, "The data of a terminated account is deleted after this.")
    deleted_days: float = _days(30.0, "The backups of a deleted account must be gone after this.")
    first_warning_days: int = setting(7, "Days before each step at which the owner is first warned.", minimum=1)
    last_warning_days: int = setting(1, "Days before each step at which the owner is warned again.", minimum=1)
    suspended_mail: str = setting(
        "hold",
        "Mail for a suspended account: hold files it sealed, nobody reads it; defer answers 450 4.2.1.",
        choices=("hold", "defer"),
        restart=True,
    )
    clock_tolerance_minutes: float = setting(
        10.0, "How far the clock may move against the time that passed.", unit="minutes", minimum=1
    )
    clock_gap_days: float = _days(3.0, "How long a downtime may be before the clock is doubted after a start.")
    clock_settle_hours: float = setting(
        24.0, "A clock that was doubted for a long downtime is believed after it ran so long.", unit="hours", minimum=0
    )
    billing_secret_file: str = setting(
        "", "File with the secret that signs what billing sends to /v1/billing. Empty: the route takes nothing."
    )
    billing_tolerance_seconds: float = setting(
        300.0, "How old a signed event may be, or ahead of the clock.", unit="seconds", minimum=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long tickets in a state, and logs, are kept before they go for good (docs/lifecycle.md). 0 keeps for ever."""

    spam_days: float = _days(30.0, "Tickets in the spam state, since something last happened to them.")
    trash_days: float = _days(30.0, "Tickets in the trash, likewise.")
    closed_days: float = _days(0.0, "Closed tickets, likewise.")
    log_days: float = _days(30.0, "Records of deliveries and refusals: addresses, peers, fates.")
    mailboxes: dict[str, str] = setting(
        {}, 'Other periods for a mailbox, in days: { "jobs@example.com" = "closed 180, trash 7" }.'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Testing:
    """For trials only."""

    clock: bool = setting(False, "Whether `sweep --now` may move accounts. Never on a machine with real ones.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """Where backups go, and for how long."""

    targets: str = setting(
        "",
        "Directories, with spaces between, that each backup and the key file are written to. Empty: backups/ in the"
        " data directory, which protects from mistakes, not from the loss of the machine.",
        restart=True,
    )
    retention_days: float = setting(30.0, "When a backup is deleted.", unit="days", minimum=0.01, restart=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """Who answers for personal data, and where it is: what the records and notices say (GDPR art. 30, 33)."""

    controller: str = setting("", "Name and postal address of who decides why and how data is processed.")
    data_protection_contact: str = setting(
        "",
        "Where people ask about their data: an address of mail or a page. It stands in the record of processing and in"
        " the notice of a breach.",
    )
    locations: str = setting("", "Where the data is: data centres and countries, in words.")
    subprocessors: dict[str, str] = setting(
        {}, 'Who else processes it for you: { "Name" = "what they do, and where" }.'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What the log looks like. It holds ids, never addresses, subjects or text."""

    format: str = setting(
        "auto", "auto: text on a terminal, JSON elsewhere.", choices=("auto", "text", "json"), restart=True
    )
    level: str = setting(
        "info", "The least important line that is written.", choices=("debug", "info", "warning", "error")
    )


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
    mail: Mail = field(default_factory=Mail)
    authentication: Authentication = field(default_factory=Authentication)
    spam: Spam = field(default_factory=Spam)
    relay: Relay = field(default_factory=Relay)
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
    "mail": Mail,
    "authentication": Authentication,
    "spam": Spam,
    "relay": Relay,
    "backup": Backup,
    "lifecycle": Lifecycle,
    "retention": Retention,
    "testing": Testing,
    "privacy": Privacy,
    "log": Log,
}
