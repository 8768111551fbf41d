"""What can go wrong with a mailbox at a provider, in words that say what to do.

    ImapFault          the connection cannot be used (any more): thrown away, tried again later with a growing delay
    |- CannotLogIn     the server refuses the login: tried again slowly, since many tries lock an account
    `- Refused         the server answered NO or BAD to one command; the connection is sound

``str(fault)`` is shown to the people of the account in `mailhub mailbox list`, and never logged: a server may put
anything into its answers.
"""

from __future__ import annotations

import ssl
import unicodedata

WORDS = 300  # characters of a fault that are kept


class ImapFault(Exception):
    """Base of all."""


class CannotLogIn(ImapFault):
    """Wrong name, password or token; or a login that must not be tried on this connection."""


class ImapRefused(ImapFault):
    """NO or BAD."""


def said(answer: object) -> str:
    """What a server said, fit to be shown: one line of printable characters, bounded."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
    printable = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in text[: 4 * WORDS])
    return " ".join(printable.split())[:WORDS]


def in_words(error: Exception) -> str:
    """An error of the network or of TLS, and what to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = said(error.verify_message)
        return f"the server's certificate is not trusted ({why}): check the host name, or imap.ca_file"

    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({said(error.reason or error)}): check the port and --imap-tls"
    if isinstance(error, TimeoutError):
        return "the server did not answer in time: it is down, or a firewall is in between"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there: check host and port"
    if isinstance(error, OSError):
        return f"the network failed: {said(error.strerror or error)}"

    return said(error) or type(error).__name__
