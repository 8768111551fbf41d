"""Every reply of the SMTP and LMTP doors, and the one place that turns an Outcome, a Refusal or an error into one.

Codes follow RFC 5321 4.2 with the enhanced codes of RFC 3463 (RFC 2034: in every reply but the greeting's and
EHLO's). Must not: name an address, say whether an account exists beyond what RCPT says anyway, or quote an
exception.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.envelope import Fate, Outcome, Refusal
from mailhub.errors import InsufficientStorage, Refused
from mailhub.intake.smtp.data import DataFault

OK = b"250 2.0.0 Ok\r\n"
SENDER_OK = b"250 2.1.0 Ok\r\n"
RECIPIENT_OK = b"250 2.1.5 Ok\r\n"
START_DATA = b"354 End data with <CR><LF>.<CR><LF>\r\n"
START_TLS = b"220 2.0.0 Ready to start TLS\r\n"
BYE = b"221 2.0.0 Bye\r\n"
HELP = b"214 2.0.0 https://www.rfc-editor.org/rfc/rfc5321\r\n"
NO_VERIFY = b"252 2.0.0 Cannot verify; send the message and see\r\n"

DRAINING = b"421 4.3.2 Service is shutting down, try again\r\n"
TOO_MANY_CONNECTIONS = b"421 4.7.0 Too many connections, try again later\r\n"
TOO_MANY_ERRORS = b"421 4.7.0 Too many errors\r\n"
COMMAND_TIMEOUT = b"421 4.4.2 Timeout, closing the connection\r\n"
DATA_TIMEOUT = b"421 4.4.2 Message arrives too slowly, closing the connection\r\n"
NOT_HTTP = b"421 4.7.0 This is a mail server\r\n"
EARLY_TALKER = b"554 5.5.1 You spoke before the greeting\r\n"
BARE_LF = b"521 5.5.2 A command ends with <CR><LF>; bare <LF> received\r\n"
COMMAND_TOO_LONG = b"500 5.5.2 Command line too long\r\n"

BAD_BYTES = b"500 5.5.2 NUL or bare <CR> in a command\r\n"
NOT_UTF8 = b"500 5.5.2 Command is neither ASCII nor UTF-8\r\n"
UNKNOWN_COMMAND = b"500 5.5.1 Command not recognised\r\n"
NOT_OFFERED = b"502 5.5.1 Command not offered\r\n"
NO_ARGUMENT = b"501 5.5.4 This command takes no argument\r\n"
NEED_NAME = b"501 5.5.4 Say your host name\r\n"
NEED_HELLO = b"503 5.5.1 Say EHLO or HELO first\r\n"
NEED_LHLO = b"503 5.5.1 Say LHLO first\r\n"
NEED_MAIL = b"503 5.5.1 MAIL comes first\r\n"
NEED_RECIPIENT = b"503 5.5.1 No valid recipient\r\n"
NESTED_MAIL = b"503 5.5.1 A message has been begun already\r\n"
MAIL_SYNTAX = b"501 5.5.4 Syntax: MAIL FROM:<address> [parameters]\r\n"
RECIPIENT_SYNTAX = b"501 5.5.4 Syntax: RCPT TO:<address>\r\n"
BAD_SENDER = b"553 5.1.7 Malformed sender address\r\n"
BAD_RECIPIENT = b"553 5.1.3 Malformed recipient address\r\n"
NEED_SMTPUTF8 = b"553 5.6.7 A non-ASCII address needs SMTPUTF8\r\n"
BAD_PARAMETER = b"555 5.5.4 Parameter not recognised\r\n"
TOO_BIG = b"552 5.3.4 Message is larger than the limit\r\n"
NO_ROOM = b"452 4.3.1 Not enough room now, try again\r\n"
TOO_MANY_RECIPIENTS = b"452 4.5.3 Too many recipients, send the rest in another message\r\n"
NEED_TLS = b"530 5.7.0 Say STARTTLS first\r\n"
NO_TLS = b"454 4.7.0 TLS is not available\r\n"
HAVE_TLS = b"503 5.5.1 TLS is on already\r\n"

_UNKNOWN_RECIPIENT = b"550 5.1.1 No such recipient\r\n"
_SUSPENDED = b"450 4.2.1 Recipient cannot take mail now, try again\r\n"
_REFUSALS = {
    Refusal.UNKNOWN: _UNKNOWN_RECIPIENT,
    Refusal.SUSPENDED: _SUSPENDED,
    Refusal.RETIRED: b"550 5.2.1 This address takes no new mail\r\n",
    Refusal.NOBODY_SERVED: b"450 4.3.5 No mailbox is set up here yet, try again later\r\n",
}

_LINE_TOO_LONG = b"554 5.6.0 The message has a line that is too long\r\n"
_DATA_FAULTS = {
    DataFault.TOO_BIG: TOO_BIG,
    DataFault.LINE_TOO_LONG: _LINE_TOO_LONG,
    DataFault.NO_ROOM: NO_ROOM,
}

_REJECTED = {"hop-count": b"554 5.4.6 Too many hops, the message is in a loop\r\n"}
_DEFERRED = b"451 4.3.0 Temporary failure, try again\r\n"


class CommandError(Exception):
    """A command is refused: ``reply`` to the peer, ``reason`` for the house's count ("" is not counted there).

    ``counts`` is False where an honest client may get many of them in a row.
    """

    def __init__(self, reply: bytes, *, reason: str = "", counts: bool = True) -> None:
        super().__init__(reply)
        self.reply = reply
        self.reason = reason
        self.counts = counts


def for_refusal(refusal: Refusal) -> bytes:
    """The reply to a RCPT that leads nowhere."""
    return _REFUSALS[refusal]


def for_data_fault(fault: DataFault) -> bytes:
    """The reply after the end of a message that was swallowed."""
    return _DATA_FAULTS[fault]


def for_error(error: Exception, error_id: str) -> bytes:
    """The reply to a fault of ours; the log line has the same id. Unknown means temporary (docs/design.md,
    principle 9).
    """
    if isinstance(error, InsufficientStorage):
        return NO_ROOM
    if isinstance(error, Refused):
        return b"554 5.3.0 Refused, error %s\r\n" % error_id.encode()
    return b"451 4.3.0 Temporary failure, try again; error %s\r\n" % error_id.encode()


def for_outcome(outcome: Outcome) -> bytes:
    """The reply for one recipient (LMTP, RFC 2033 4.2)."""
    if outcome.fate is Fate.DEFERRED:
        return NO_ROOM if outcome.no_space else _DEFERRED
    if outcome.fate is Fate.REJECTED:
        other = b"554 5.7.1 Message refused: %s\r\n" % (
            outcome.reason.encode("ascii", "replace") or b"policy"
        )
        return _REJECTED.get(outcome.reason, other)
    return OK if outcome.message is None else b"250 2.0.0 Ok: message %d\r\n" % outcome.message


def for_each(outcomes: Sequence[Outcome], recipients: int) -> bytes:
    """The replies to a message in LMTP, one for each recipient in the order of RCPT; ``ValueError`` if one has none."""
    _require_every(outcomes, recipients)
    return b"".join(for_outcome(outcome) for outcome in outcomes)


def for_all(outcomes: Sequence[Outcome], recipients: int) -> bytes:
    """The one reply for all recipients (SMTP): if any must come again all do, and the others are then duplicates."""
    _require_every(outcomes, recipients)
    deferred = [outcome for outcome in outcomes if outcome.fate is Fate.DEFERRED]
    if deferred:
        return next((NO_ROOM for outcome in deferred if outcome.no_space), _DEFERRED)
    taken = [outcome for outcome in outcomes if outcome.fate is not Fate.REJECTED]
    return for_outcome((taken or outcomes)[0])


def _require_every(outcomes: Sequence[Outcome], recipients: int) -> None:
    if len(outcomes) != recipients:
        raise ValueError("the pipeline did not decide on every recipient")


def greeting(hostname: str, *, lmtp: bool) -> bytes:
    """The first reply. The only words that need no enhanced code (RFC 2034 4)."""
    return f"220 {hostname} {'LMTP' if lmtp else 'ESMTP'} mailhub\r\n".encode()


def capabilities(hostname: str, message_bytes: int, *, start_tls: bool) -> bytes:
    """The reply to EHLO and LHLO. No CHUNKING: BDAT is not implemented; no AUTH: nobody sends through us."""
    words = ["PIPELINING", f"SIZE {message_bytes}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
    if start_tls:
        words.append("STARTTLS")
    lines = [hostname, *words]
    return b"".join(f"250{'-' if line is not lines[-1] else ' '}{line}\r\n".encode() for line in lines)
