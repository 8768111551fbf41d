"""Settings of where data is, how long it stays, and who answers for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .setting import MIB, days, setting


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
class Backup:
    """Where backups go, and for how long."""

    targets: str = setting(
        "",
        "Directories, with spaces between, that each backup and the key file are written to. Empty: backups/ in the"
        " data directory, which protects from mistakes, not from the loss of the machine.",
        restart=True,
    )
    spool: str = setting(
        "",
        "Directory on a disk of this machine that a backup is written to, encrypted, while its snapshot is open; then"
        " it is copied to the targets. Empty: backups/ in the data directory.",
        restart=True,
    )
    snapshot_minutes: float = setting(
        240.0,
        "A backup whose snapshot is open for longer fails: meanwhile erasures wait and SQLite's log grows.",
        unit="minutes",
        minimum=0.01,
        restart=True,
    )
    retention_days: float = setting(
        30.0, "When a backup is deleted.", unit="days", minimum=0.01, restart=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The stages of accounts with `billing = external`, how long each lasts, and when the owner is warned."""

    trial_days: float = days(14.0, "A trial without a paid plan is suspended after this.")
    failing_days: float = days(7.0, "An account whose billing fails for longer than this is suspended.")
    suspended_days: float = days(
        60.0, "A suspension that nobody asked to lift ends in termination after this."
    )
    terminated_days: float = days(30.0, "The data of a terminated account is deleted after this.")
    deleted_days: float = days(30.0, "The backups of a deleted account must be gone after this.")
    first_warning_days: int = setting(
        7, "Days before each step at which the owner is first warned.", minimum=1
    )
    last_warning_days: int = setting(
        1, "Days before each step at which the owner is warned again.", minimum=1
    )
    suspended_mail: str = setting(
        "hold",
        "Mail for a suspended account: hold files it sealed, nobody reads it; defer answers 450 4.2.1.",
        choices=("hold", "defer"),
        restart=True,
    )
    clock_tolerance_minutes: float = setting(
        10.0, "How far the clock may move against the time that passed.", unit="minutes", minimum=1
    )
    clock_gap_days: float = days(3.0, "How long a downtime may be before the clock is doubted after a start.")
    clock_settle_hours: float = setting(
        24.0,
        "A clock that was doubted for a long downtime is believed after it ran so long.",
        unit="hours",
        minimum=0,
    )
    deletion_address: str = setting(
        "",
        "Address to which an owner mails to have their account deleted; mail to it is answered with a link and not kept."
        " Empty: there is none.",
        restart=True,
    )
    billing_secret_file: str = setting(
        "",
        "File with the secret that signs what billing sends to /v1/billing. Empty: the route takes nothing.",
    )
    billing_tolerance_seconds: float = setting(
        300.0, "How old a signed event may be, or ahead of the clock.", unit="seconds", minimum=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long tickets in a state, and logs, are kept before they go for good (docs/lifecycle.md). 0 keeps for ever."""

    spam_days: float = days(30.0, "Tickets in the spam state, since something last happened to them.")
    trash_days: float = days(30.0, "Tickets in the trash, likewise.")
    closed_days: float = days(0.0, "Closed tickets, likewise.")
    log_days: float = days(30.0, "Records of deliveries and refusals: addresses, peers, fates.")
    mailboxes: dict[str, str] = setting(
        {}, 'Other periods for a mailbox, in days: { "jobs@example.com" = "closed 180, trash 7" }.'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """Who answers for personal data, and where it is: what the records and notices say (GDPR art. 30, 33)."""

    controller: str = setting("", "Name and postal address of who decides why and how data is processed.")
    data_protection_contact: str = setting(
        "",
        "Where people ask about their data: an address of mail or a page. It stands in the record of processing and in"
        " the notice of a breach.",
    )
    self_service: str = setting(
        "confirm",
        "What becomes of a request of a person about their own data, once a mailed link proved it: automatic carries it"
        " out, confirm lets an agent decide, off takes none. Needs letters.sender and letters.site.",
        choices=("off", "confirm", "automatic"),
    )
    locations: str = setting("", "Where the data is: data centres and countries, in words.")
    subprocessors: dict[str, str] = setting(
        {}, 'Who else processes it for you: { "Name" = "what they do, and where" }.'
    )
    transfers: dict[str, str] = setting(
        {},
        'Who gets data in a third country, and under which safeguard (GDPR art. 44-49): { "Name" = "country, safeguard" }.',
    )
    processor: str = setting(
        "",
        "Name and address of who runs this installation for others (GDPR art. 28): then the record has their part"
        " (art. 30(2)), too.",
    )
