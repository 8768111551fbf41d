"""One conversation with the smarthost: a mail to one recipient goes in, what became of the try comes out.

Outcomes: 2xx after the final dot is sent; 5xx about the mail itself (MAIL, RCPT, DATA) is failed; everything
else (4xx, no connection, TLS or login refused, timeout, connection lost after DATA) may be tried again. What
concerns our own set-up is never held against a mail. TLS is verified; with tls = "starttls" a host that
offers none gets no mail. Must not: touch the database, log what the relay says in words (it holds addresses).
Sources: RFC 5321 4.2.1, 4.5.4.1; RFC 3463; RFC 4954 6; RFC 6531 3.4.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)
from aiosmtplib.errors import SMTPAuthenticationError, SMTPConnectError, SMTPHeloError

from mailhub.config import Relay as RelaySettings
from mailhub.outbound.compose import wire_address
from storage.mail.outbox import OutboxRow

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_ABOUT_LOGIN = frozenset({530, 534, 535, 538, 454})  # RFC 4954 6: our set-up is wrong, not the mail


class Result(StrEnum):
    """What became of one try."""

    SENT = "sent"
    FAILED = "failed"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. ``reply`` is code and enhanced status, without words: they hold addresses."""

    result: Result
    reason: str
    reply: str | None = None
    no_relay: bool = False  # the mail was not even offered


class RelayConversation:
    """One conversation with the smarthost, opened when it is first needed and again after it was lost."""

    def __init__(self, settings: RelaySettings, hostname: str, tls: Callable[[], ssl.SSLContext]) -> None:
        self.settings = settings
        self._hostname = hostname
        self._tls = tls
        self._client: SMTP | None = None

    async def send(self, row: OutboxRow, raw: bytes) -> Attempt:
        """Try one row; every fault of the other side, and every timeout, is an ``Attempt``."""
        offered = False
        try:
            async with asyncio.timeout(self.settings.timeout_seconds):
                client = await self._connected()
                offered = True
                return await _transact(client, row, raw)
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            self.drop()
            return _without_answer(error, no_relay=not offered)

    async def knock(self, seconds: float) -> Attempt | None:
        """Connect, log in and leave, within so long; None when all went well, else what a mail would have met."""
        try:
            async with asyncio.timeout(seconds):
                await self._connected()
                await self.close()
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            self.drop()
            return _without_answer(error, no_relay=True)
        return None

    async def _connected(self) -> SMTP:
        if self._client is None or not self._client.is_connected:
            self._client = self._make_client(await asyncio.to_thread(self._tls))
            await self._client.connect()
        return self._client

    def _make_client(self, tls: ssl.SSLContext) -> SMTP:
        settings = self.settings
        return SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.user or None,
            password=_password(settings) if settings.user else None,
            local_hostname=self._hostname,
            timeout=settings.timeout_seconds,
            use_tls=settings.tls == "implicit",
            start_tls=settings.tls == "starttls",
            tls_context=None if settings.tls == "none" else tls,
        )

    def drop(self) -> None:
        """Close the connection without a word."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def close(self) -> None:
        """Say goodbye if there is somebody to say it to."""
        if self._client is not None and self._client.is_connected:
            with contextlib.suppress(SMTPException, OSError, TimeoutError):
                await self._client.quit()
        self.drop()


def _password(settings: RelaySettings) -> str:
    return Path(settings.password_file).read_text(encoding="utf-8").rstrip("\r\n")


async def _transact(client: SMTP, row: OutboxRow, raw: bytes) -> Attempt:
    """One mail transaction; what the relay answers to it."""
    recipient = wire_address(row.recipient)
    options = (
        [] if recipient.isascii() and raw.isascii() else ["SMTPUTF8"]
    )  # bodies are 7 bits: only headers can be not

    try:
        _, reply = await client.sendmail(row.mail_from or "", [recipient], raw, mail_options=options)
    except SMTPNotSupported:
        return Attempt(Result.FAILED, "no-smtputf8", "553 5.6.7")  # RFC 6531 3.5: it may be bounced at once
    except SMTPRecipientsRefused as error:
        refused = error.recipients[0]
        return _answered(refused.code, refused.message, "recipient")
    except SMTPSenderRefused as error:
        return _answered(error.code, error.message, "sender")
    except (SMTPAuthenticationError, SMTPConnectError, SMTPHeloError):
        raise
    except SMTPResponseException as error:
        return _answered(error.code, error.message, "message")

    return Attempt(Result.SENT, "accepted", _reply(250, reply))


def _answered(code: int, text: str, about: str) -> Attempt:
    """A refusal. Only 5xx about the mail itself is final (RFC 5321 4.2.1)."""
    final = 500 <= code < 600 and code not in _ABOUT_LOGIN
    return Attempt(Result.FAILED if final else Result.RETRY, f"{about}-refused", _reply(code, text))


def _reply(code: int, text: str) -> str:
    enhanced = _ENHANCED.match(text)
    return f"{code} {enhanced.group(1)}" if enhanced else str(code)


def _without_answer(error: Exception, *, no_relay: bool) -> Attempt:
    """No word about the mail: the connection, our set-up, or time."""
    reply = _reply(error.code, error.message) if isinstance(error, SMTPResponseException) else None
    reason = next(reason for kind, reason in _FAULTS if isinstance(error, kind))
    return Attempt(Result.RETRY, reason, reply, no_relay=no_relay)


_FAULTS: tuple[tuple[type[Exception], str], ...] = (
    (SMTPAuthenticationError, "login-refused"),
    (SMTPResponseException, "relay-refused"),
    (ssl.SSLError, "tls"),
    (TimeoutError, "timeout"),
    (FileNotFoundError, "password-file"),
    (PermissionError, "password-file"),
    (IsADirectoryError, "password-file"),
    (Exception, "connection"),
)
