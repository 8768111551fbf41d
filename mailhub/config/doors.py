"""Settings of the doors: where mail and requests come in, and how much of them is taken."""

from __future__ import annotations

from dataclasses import dataclass

from .setting import KIB, MIB, port, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """The SMTP door, for other mail servers."""

    enabled: bool = setting(True, "Whether this door is open.", restart=True)
    address: str = setting(
        "127.0.0.1", "Address to listen on. A socket that systemd hands in wins.", restart=True
    )
    port: int = port(8025, "Port to listen on; 0 takes a free one.")
    hostname: str = setting("", "Name in the greeting. Empty takes the machine's name.")
    tls_certificate: str = setting("", "PEM file with the certificate chain for STARTTLS. Empty offers none.")
    tls_key: str = setting("", "PEM file with the certificate's private key.")
    tls_required: bool = setting(False, "Refuse MAIL before STARTTLS (RFC 3207).")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lmtp:
    """The LMTP door, for a mail server on the same machine."""

    enabled: bool = setting(True, "Whether this door is open.", restart=True)
    address: str = setting(
        "127.0.0.1", "Address to listen on. A socket that systemd hands in wins.", restart=True
    )
    port: int = port(8024, "Port to listen on; 0 takes a free one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imap:
    """Mailboxes at providers: how patient mailhub is there. Which ones there are: `mailhub mailbox add --imap-host`."""

    enabled: bool = setting(True, "Whether this process fetches mail.", restart=True)
    ca_file: str = setting(
        "", "PEM file of certificate authorities to trust. Empty: those of the system.", restart=True
    )
    mailboxes: int = setting(
        200,
        "Mailboxes that this process fetches from, of all accounts: a thread each. With more, raise TasksMax= of the"
        " unit, which wants two for each and 100 besides.",
        minimum=0,
        restart=True,
    )
    local_servers: str = setting(
        "",
        "Servers on this machine or in private networks that mailboxes may be fetched from and tokens be got from, with"
        " spaces between: HOST:PORT as the mailbox names it, or HOST:FIRST-LAST. The operator adds mailboxes there.",
        restart=True,
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
    retry_limit_seconds: float = setting(
        600.0, "The longest such delay.", unit="seconds", minimum=0.1, restart=True
    )
    moves_per_hour: int = setting(
        100,
        "Marks by moving mail that one mailbox gives in an hour. Where more is moved, all of it is only suggested.",
        minimum=0,
        restart=True,
    )
    batch_bytes: int = setting(
        2 * MIB,
        "Mail held in memory for one mailbox while it is filed.",
        unit="bytes",
        minimum=64 * KIB,
        restart=True,
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
    port: int = port(8080, "Port to listen on; 0 takes a free one.")
    metrics: bool = setting(
        False,
        "Whether /metrics answers here, to whoever reaches this door: it tells when mail came to which mailbox.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Https:
    """The API over TLS 1.2 or newer, for agents and programs elsewhere."""

    enabled: bool = setting(False, "Whether the API listens with TLS.", restart=True)
    address: str = setting(
        "0.0.0.0",  # noqa: S104 this door is for others
        "Address to listen on. A socket that systemd hands in (named https) wins.",
        restart=True,
    )
    port: int = port(8443, "Port to listen on; 0 takes a free one.")
    certificate: str = setting(
        "", "PEM file with the certificate chain. A renewed one is used after a reload."
    )
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
class Limits:
    """Bounds on what strangers send. Defaults are Postfix's own where it has one."""

    message_bytes: int = setting(
        50 * MIB, "Largest message (SIZE, RFC 1870).", unit="bytes", minimum=64 * KIB
    )
    line_bytes: int = setting(MIB, "Longest line within a message.", unit="bytes", minimum=1000)
    command_bytes: int = setting(2048, "Longest command line.", unit="bytes", minimum=512)
    in_flight_bytes: int = setting(
        96 * MIB,
        "Bytes of mail held in memory by all doors together: messages received, large ones fetched (small ones by"
        " imap.batch_bytes a mailbox besides), bodies of requests, mails and files being read. One caller has a"
        " quarter, the API half, or one message; what does not fit is 452, or 503. The whole process needs two to"
        " three times as much, and 150 MiB.",
        unit="bytes",
        minimum=64 * KIB,
    )
    copies_at_once: int = setting(
        2,
        "Exports, and copies that people fetch of their own data, that are sent at once; each only once.",
        minimum=1,
    )
    recipients: int = setting(1000, "Recipients of one message.", minimum=100)
    connections: int = setting(1000, "Connections of one door at once.", minimum=1)
    connections_per_address: int = setting(50, "Connections of one client address at once.", minimum=1)
    errors: int = setting(20, "Errors after which a session is closed.", minimum=1)
    junk_commands: int = setting(100, "NOOP, RSET, VRFY and the like in a session without mail.", minimum=1)
    hops: int = setting(
        50, "Received headers after which a mail is in a loop (554).", minimum=10, restart=True
    )
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
        600,
        "Requests of one address in a minute (IPv6 by /64), those of people who are signed in and of ApiTokens not"
        " counted after their first; not on the admin socket.",
        minimum=10,
    )
    requests_per_user: int = setting(
        600, "API requests of one user in a minute; not on the admin socket.", minimum=10
    )
    requests_at_once: int = setting(
        3,
        "API requests of one account that are worked on at once; its others wait, and nobody else's do. Six run for all"
        " accounts together, and who waits is served by turns.",
        minimum=1,
        maximum=6,
    )
    requests_waiting: int = setting(
        64, "API requests of one account that may wait; more are refused (429).", minimum=1
    )
    read_seconds: float = setting(
        10.0,
        "How long one question to the database may take for an API request; then it is cut off (503).",
        unit="seconds",
        minimum=0.1,
    )
    flood_messages: int = setting(
        100,
        "Mails of one sender to one mailbox in an hour that get tickets of their own; more join one.",
        minimum=1,
        restart=True,
    )
