"""The commands of SMTP (RFC 5321) and LMTP (RFC 2033), on aiosmtpd's protocol class; only this file imports aiosmtpd.

Of aiosmtpd 1.4.6 we keep the frame of ``smtp_*`` commands and the grammar: paths (``_getaddr``) and parameters
(``_getparams``). We replace how bytes get in and replies get out (``Connection``), because its StreamReader cannot be
bounded, its end-of-file cancels a commit, and its exceptions are shown to the peer. Its constructor is never run: it
searches itself for methods at every connection (0.5 ms) and warns; ``_SMTP_COMMANDS`` is that table, written once.
Rejected: a protocol class without it, a little faster still, but then the grammar of strangers' addresses is ours.

A session's only state is its greeting and one transaction. A message is answered 250 after
``Pipeline.deliver`` has committed it. Must not: take a recipient the pipeline does not know (there is no
relay), log an address, show an error.
"""
# ruff: noqa: N802 aiosmtpd's command methods are named smtp_VERB

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiosmtpd.smtp import ALLOWED_BEFORE_STARTTLS, SMTP

from mailhub import clock
from mailhub.envelope import Fate, Outcome, Refusal, Source
from mailhub.intake.smtp import replies
from mailhub.intake.smtp.connection import Connection, DoorState
from mailhub.intake.smtp.data import DataFault, DataReader
from mailhub.intake.smtp.limits import SMALL_MESSAGE_BYTES, Patience
from mailhub.intake.smtp.replies import CommandError
from mailhub.intake.smtp.transaction import MailTransaction
from mailhub.system.logs import new_error_id

_log = structlog.get_logger(__name__)

# An ordinary path and its parameters. 250 us of aiosmtpd's grammar become 1; a test holds the two equal.
_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++)*+"
_LABELS = r"[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*+"
_ORDINARY_PATH = re.compile(rf"<({_ATOMS}@{_LABELS})>(?:[ \t]+([^\s(].*))?", re.DOTALL)
_ODD_PATH_CHARACTERS = 320  # 256 of a path (RFC 5321 4.5.3.1.3) and parameters: 3 ms at worst, 2,000 took 120
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_BEFORE_TLS = {verb.encode() for verb in ALLOWED_BEFORE_STARTTLS} | {b"LHLO"}
_HELLO = {b"EHLO", b"HELO", b"LHLO"}
_HTTP = {b"GET", b"POST", b"PUT", b"HEAD", b"CONNECT", b"OPTIONS"}  # a browser tricked into talking to us
_NAME_CHARACTERS = 255  # RFC 5321 4.5.3.1.2
_OVERSHOOT_RECIPIENTS = 1_000  # Postfix, smtpd_recipient_overshoot_limit: beyond it each is an error


class SmtpSession(Connection, SMTP):
    """One client's conversation, by SMTP or LMTP."""

    def __init__(self, state: DoorState) -> None:
        super().__init__(state)
        self._patience = Patience(state.settings)
        self._helo = ""
        self._tls = False
        self._source = Source.LMTP if state.lmtp else Source.SMTP
        self._transaction: MailTransaction | None = None

    async def _handle_client(self) -> None:
        settings = self.state.settings
        if settings.greeting_seconds and not await self._hold_tongue(settings.greeting_seconds):
            self.refuse_and_close("early-talker", replies.EARLY_TALKER)
            return

        await self._send(replies.greeting(settings.hostname, lmtp=self.state.lmtp))
        while (line := await self._next_line()) is not None:
            await self._obey(line)
            if self._patience.exhausted:
                self.refuse_and_close("too-many-errors", replies.TOO_MANY_ERRORS)

        if self.state.draining:
            self.goodbye(replies.DRAINING)

    async def _obey(self, line: bytes) -> None:
        """Run one command; every refusal and every fault of it is answered here."""
        try:
            await self._run_command(line)
        except CommandError as error:
            if error.counts:
                self._patience.error()
            if error.reason:
                self.state.refuse(self.peer, error.reason)
            await self._send(error.reply)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 the boundary of a session: a generic 451 to the peer
            await self._send(self._fault(error))

    async def _run_command(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            self.refuse_and_close("bare-lf", replies.BARE_LF)
            return

        verb, _, rest = line[:-2].partition(b" ")
        verb = verb.upper()
        if b"\r" in line[:-2] or b"\0" in line:
            raise CommandError(replies.BAD_BYTES, reason="bad-bytes")

        command = (_LMTP_COMMANDS if self.state.lmtp else _SMTP_COMMANDS).get(verb)
        if command is None:
            if verb in _HTTP:
                self.refuse_and_close("http", replies.NOT_HTTP)
                return
            raise CommandError(replies.UNKNOWN_COMMAND, reason="unknown-command")

        if self.state.settings.require_tls and not self._tls and verb not in _BEFORE_TLS:
            raise CommandError(replies.NEED_TLS, reason="no-tls")

        await command(self, _text(rest, lenient=verb in _HELLO))

    def _fault(self, error: Exception) -> bytes:
        """Log a fault of ours under an id; the reply that names the id and nothing else."""
        error_id = new_error_id()
        self.state.counters.faults += 1
        _log.error("smtp_fault", error_id=error_id, lmtp=self.state.lmtp, exc_info=error)
        return replies.for_error(error, error_id)

    # Commands that begin and end things

    async def smtp_EHLO(self, arg: str | None) -> None:
        """EHLO and LHLO (RFC 5321 4.1.1.1, RFC 2033 4.1): name the extensions, drop a transaction."""
        self._greet(arg)
        settings = self.state.settings
        offer_tls = settings.tls is not None and not self._tls
        await self._send(replies.capabilities(settings.hostname, settings.message_bytes, start_tls=offer_tls))

    async def smtp_HELO(self, arg: str | None) -> None:
        """HELO: as EHLO, without extensions."""
        self._greet(arg)
        await self._send(b"250 %s\r\n" % self.state.settings.hostname.encode())

    def _greet(self, name: str | None) -> None:
        if not name:
            raise CommandError(replies.NEED_NAME)
        if self._helo:
            self._patience.junk()
        self._helo = _CONTROL.sub("?", name[:_NAME_CHARACTERS])
        self._forget()

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """RFC 3207: after the handshake the client begins anew, and what it said before is forgotten."""
        context = self.state.settings.tls
        if arg:
            raise CommandError(replies.NO_ARGUMENT)
        if self._tls:
            raise CommandError(replies.HAVE_TLS)
        if context is None:
            raise CommandError(replies.NO_TLS)

        await self._send(replies.START_TLS)
        self._helo = ""
        self._forget()
        self._tls = await self._start_tls(context)

    async def smtp_RSET(self, arg: str | None) -> None:
        """Drop the transaction."""
        if arg:
            raise CommandError(replies.NO_ARGUMENT)
        self._patience.junk()
        self._forget()
        await self._send(replies.OK)

    def _forget(self) -> None:
        if self._transaction is not None:
            self._transaction.abandon()
        self._transaction = None

    async def smtp_NOOP(self, arg: str | None) -> None:
        """Nothing."""
        self._patience.junk()
        await self._send(replies.OK)

    async def smtp_HELP(self, arg: str | None) -> None:
        """Where to read."""
        self._patience.junk()
        await self._send(replies.HELP)

    async def smtp_VRFY(self, arg: str | None) -> None:
        """The same answer for every address: no oracle (RFC 5321 7.3)."""
        self._patience.junk()
        await self._send(replies.NO_VERIFY)

    async def smtp_EXPN(self, arg: str | None) -> None:
        """Never."""
        raise CommandError(replies.NOT_OFFERED, reason="expn")

    async def smtp_QUIT(self, arg: str | None) -> None:
        """The last command; what is pipelined after it is not read."""
        if arg:
            raise CommandError(replies.NO_ARGUMENT)
        self.goodbye(replies.BYE)

    # The mail transaction (RFC 5321 3.3)

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a message: the sender, or None for the null sender, and its announced size (RFC 1870)."""
        if not self._helo:
            raise CommandError(replies.NEED_LHLO if self.state.lmtp else replies.NEED_HELLO)
        if self._transaction is not None:
            raise CommandError(replies.NESTED_MAIL)

        path = self._strip_command_keyword("FROM:", arg or "")
        if not path:
            raise CommandError(replies.MAIL_SYNTAX)

        if path[:2] == "<>":
            address = ""
            rest = path[2:]
        else:
            address, rest = self._path(path, replies.BAD_SENDER)

        parameters = self._getparams(rest.upper().split())
        if parameters is None:
            raise CommandError(replies.MAIL_SYNTAX)

        transaction = MailTransaction.begin(address or None, parameters)
        if not address.isascii() and not transaction.smtputf8:
            raise CommandError(replies.NEED_SMTPUTF8)
        if transaction.declared_bytes > self.state.settings.message_bytes:
            raise CommandError(replies.TOO_BIG, reason="message-too-big")
        if not self.state.in_flight.has_room(transaction.declared_bytes, self.peer):
            raise CommandError(replies.NO_ROOM, reason="in-flight-full", counts=False)

        self._transaction = transaction
        await self._send(replies.SENDER_OK)

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Add a recipient the pipeline knows. Foreign and unknown addresses get the same answer: there is no relay."""
        transaction = self._transaction
        if transaction is None:
            raise CommandError(replies.NEED_MAIL)

        path = self._strip_command_keyword("TO:", arg or "")
        if not path:
            raise CommandError(replies.RECIPIENT_SYNTAX)

        address, rest = self._path(path, replies.BAD_RECIPIENT)
        if rest:
            raise CommandError(replies.BAD_PARAMETER)
        if not address.isascii() and not transaction.smtputf8:
            raise CommandError(replies.NEED_SMTPUTF8)
        if len(transaction.recipients) >= self.state.settings.recipients:
            transaction.overshoot += 1
            too_far = transaction.overshoot > _OVERSHOOT_RECIPIENTS
            raise CommandError(replies.TOO_MANY_RECIPIENTS, reason="too-many-recipients", counts=too_far)

        leads_to = self.state.pipeline.resolve(address)
        if isinstance(leads_to, Refusal):
            raise CommandError(replies.for_refusal(leads_to), reason=leads_to.value)

        if not transaction.recipients:
            transaction.check = self.state.pipeline.begin(
                self._source, self.peer, self._helo, transaction.mail_from
            )
        transaction.recipients.append(address)
        await self._send(replies.RECIPIENT_OK)

    def _path(self, path: str, bad: bytes) -> tuple[str, str]:
        """The address in a path and what follows it. Raises ``CommandError`` with ``bad`` when there is none."""
        if path[:12].lower() == "<postmaster>":  # the only one without a domain (RFC 5321 4.1.1.3)
            return path[1:11], path[12:].strip()
        address, rest = self._getaddr(path)
        if not address or rest is None or "@" not in address:  # for <> the grammar gives "<>"
            raise CommandError(bad, reason="bad-address")
        return address, rest

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """aiosmtpd's, with a short way for ordinary paths and a guard for those that make its grammar fail."""
        ordinary = _ORDINARY_PATH.fullmatch(arg)
        if ordinary is not None:
            return ordinary[1], ordinary[2] or ""
        # Comments nest, and the grammar recurses on them; RFC 5321 has none in a path. It is quadratic, too.
        if len(arg) > _ODD_PATH_CHARACTERS or "(" in arg or _CONTROL.search(arg) or arg[:1] != "<":
            return None, None

        try:
            address, rest = super()._getaddr(arg)
        except (IndexError, ValueError, AttributeError, RecursionError):
            return None, None

        closed = rest is not None and arg[: len(arg) - len(rest)].rstrip().endswith(">")
        return (address, rest) if closed else (None, None)

    async def smtp_DATA(self, arg: str | None) -> None:
        """Receive the message and answer for it: once in SMTP, once for each recipient in LMTP (RFC 2033 4.2)."""
        transaction = self._transaction
        if arg:
            raise CommandError(replies.NO_ARGUMENT)
        if transaction is None:
            raise CommandError(replies.NEED_MAIL)
        if not transaction.recipients:
            raise CommandError(replies.NEED_RECIPIENT)
        if not self.state.in_flight.has_room(max(1, transaction.declared_bytes), self.peer):
            raise CommandError(replies.NO_ROOM, reason="in-flight-full", counts=False)

        await self._send(replies.START_DATA)
        message = await self._receive_message()
        if message is None:
            return

        self._transaction = None
        self.committing = True

        try:
            answer = await self._settled(transaction, message)
        finally:
            self.committing = False
            self._settle()

        await self._send(answer)

    async def _settled(self, transaction: MailTransaction, message: DataReader) -> bytes:
        """The whole answer to a message that has ended; in LMTP a fault, too, is owed to every recipient."""
        times = len(transaction.recipients) if self.state.lmtp else 1
        if message.fault is not None:
            if message.fault is not DataFault.NO_ROOM:
                self._patience.error()
            self.state.refuse(self.peer, message.fault.value)
            transaction.abandon()
            return replies.for_data_fault(message.fault) * times

        try:
            raw = await self._joined(message)
            envelope = transaction.envelope(self._source, peer=self.peer, helo=self._helo, tls=self._tls)
            outcomes = await self.state.pipeline.deliver(envelope, raw, transaction.check)
            answer = (replies.for_each if self.state.lmtp else replies.for_all)(
                outcomes, len(transaction.recipients)
            )
            self._count(outcomes, len(raw))
        except Exception as error:  # noqa: BLE001 the boundary of a delivery: the peer keeps the message
            return self._fault(error) * times

        return answer

    async def _joined(self, message: DataReader) -> bytes:
        """The bytes of the message; of large ones that end together, one for each turn of the loop."""
        if message.size <= SMALL_MESSAGE_BYTES:
            return message.take()
        async with self.state.large_turn:
            await asyncio.sleep(0)
            return message.take()

    def _count(self, outcomes: Sequence[Outcome], raw_bytes: int) -> None:
        if all(outcome.fate is Fate.REJECTED for outcome in outcomes):
            self._patience.error()
            return

        if all(outcome.fate in (Fate.DEFERRED, Fate.REJECTED) for outcome in outcomes):
            return

        self._patience.delivered()
        counters = self.state.counters
        counters.messages += 1
        counters.message_bytes += raw_bytes
        counters.last_mail_at = clock.now()


def _text(argument: bytes, *, lenient: bool) -> str:
    """A command's argument. RFC 6531 allows UTF-8; a host name that is neither is only for show."""
    try:
        return argument.decode().strip()
    except UnicodeDecodeError:
        if lenient:
            return argument.decode(errors="replace").strip()
        raise CommandError(replies.NOT_UTF8, reason="bad-bytes") from None


_Command = Callable[[SmtpSession, str | None], Awaitable[None]]
_COMMON_COMMANDS: dict[bytes, _Command] = {
    b"MAIL": SmtpSession.smtp_MAIL,
    b"RCPT": SmtpSession.smtp_RCPT,
    b"DATA": SmtpSession.smtp_DATA,
    b"RSET": SmtpSession.smtp_RSET,
    b"QUIT": SmtpSession.smtp_QUIT,
    b"NOOP": SmtpSession.smtp_NOOP,
    b"HELP": SmtpSession.smtp_HELP,
    b"VRFY": SmtpSession.smtp_VRFY,
    b"EXPN": SmtpSession.smtp_EXPN,
    b"STARTTLS": SmtpSession.smtp_STARTTLS,
}
_SMTP_COMMANDS = _COMMON_COMMANDS | {b"EHLO": SmtpSession.smtp_EHLO, b"HELO": SmtpSession.smtp_HELO}
_LMTP_COMMANDS = _COMMON_COMMANDS | {b"LHLO": SmtpSession.smtp_EHLO}
