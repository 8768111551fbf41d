"""Settings of what becomes of mail: accepted, believed, scored, sent."""

from __future__ import annotations

from dataclasses import dataclass

from .setting import setting


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
        " its own name from mail that comes in. For example mx.google.com (Gmail), mx.example.com (your own); for"
        " mailboxes at Microsoft 365, which names itself nowhere, mail.protection.outlook.com.",
    )
    trusted_sealers: str = setting(
        "",
        "Domains, with spaces between, that send mail on to you (a university's or a society's forwarding, a list) and"
        " whose ARC seal is believed: where DMARC fails because of them, a whole chain of seals whose newest is theirs,"
        " and in which they found that DMARC passed, excuses it. For example alumni.example.",
    )
    trusted_lists: str = setting(
        "",
        "Lists, by their List-Id with spaces between, that send from an address of yours and name in X-Original-From who"
        " wrote, such as a Google Group. For example support.example.com.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spam:
    """The filter."""

    spam_threshold: float = setting(0.9, "Probability from which a mail is spam.", minimum=0.5, maximum=1)
    ham_threshold: float = setting(
        0.3, "Probability up to which a mail is ham; between the two it is unsure.", minimum=0, maximum=1
    )
    minimum_trained: int = setting(5, "Labels of each kind below which every verdict is unsure.", minimum=0)
    marks_per_hour: int = setting(10_000, "Marks that one user may give in an hour.", minimum=1)
    keep_labels_days: int = setting(
        365, "How long a label teaches; then the filter forgets what it taught.", unit="days", minimum=1
    )
    prior: str = setting(
        "",
        "File made here by `mailhub spam prior build`: it speaks while an account has few marks. Empty: none.",
        restart=True,
    )
    learn_from_closing: bool = setting(
        True,
        "Whether a mail whose ticket an agent closes with their own hands counts as ham while nobody says otherwise.",
    )
    handled_minutes: float = setting(
        60.0,
        "How long after closing a ticket its mail teaches; reopened before, nothing.",
        unit="minutes",
        minimum=0,
    )
    learn_from_answers: bool = setting(
        True, "Whether a mail that an agent answers counts as ham while nobody says otherwise."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """Mail that mailhub itself writes: warnings to owners, links to users and to people who ask about their data."""

    sender: str = setting(
        "",
        "Address it comes from. Answers and bounces are read by nobody. Empty: mailhub writes no mail itself.",
    )
    name: str = setting("mailhub", "Name beside that address.")
    site: str = setting(
        "",
        "Where people reach the pages of the [https] door, such as https://support.example.com:8443: links in letters"
        " begin with it. Empty: no letter holds a link.",
    )
    per_recipient: int = setting(5, "Letters of one kind to one address in a day.", minimum=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The smarthost that takes our replies. Without a host nothing is queued, and the commands say so."""

    host: str = setting("", "Name or address of the smarthost. Empty means that mailhub sends nothing.")
    port: int = setting(587, "Port of the smarthost.", minimum=1, maximum=65_535)
    tls: str = setting("starttls", "How to encrypt.", choices=("starttls", "implicit", "none"))
    user: str = setting("", "Login name. Empty means no login.")
    password_file: str = setting("", "File that holds the login's password and nothing else.")
    timeout_seconds: float = setting(60.0, "How long one conversation may take.", unit="seconds", minimum=1)
    retry_hours: float = setting(
        120.0, "How long a mail that cannot be delivered is tried.", unit="hours", minimum=0.1
    )
    per_recipient: int = setting(10, "Automatic mails to one address in an hour.", minimum=0)
