"""Every error mailhub raises on purpose. Job: say once whether one is temporary; doors derive their reply from that.

    MailhubError              temporary = True: unknown means temporary, the peer keeps the mail (principle 9)
    |- Unavailable            a dependency is slow, locked, full or down; try again              451 / 503 / exit 75
    |  |- InsufficientStorage no room for the message                                            452 / 507 / exit 75
    |  `- TooManyRequests     one client asks too often; ``after_seconds`` says when it may again      429 / exit 75
    |- Refused                permanent: asking again changes nothing                            5xx / 4xx
    |  |- BadRequest          the caller's input is wrong; the text says how to mend it          501 / 400 / exit 65
    |  |  `- AccountNeeded    there are several accounts and none was named                       400 / exit 64
    |  |- NotFound            no such object in this account                                     550 / 404 / exit 65
    |  |  `- NoSuchRecipient  the address is not served here                                     550 / 404 / exit 67
    |  |- NotAuthenticated    nobody known asks, or what they show is wrong                            401 / exit 77
    |  |- Conflict            the object is not in a state that allows this                      554 / 409 / exit 65
    |  |  `- Stale            the object is not what the caller saw last                                412 / exit 65
    |  `- Forbidden           the actor may not do this                                          550 / 403 / exit 77
    `- ConfigurationError     permanent until someone edits the configuration                      exit 78
       `- SealBroken          a stored secret does not open with this root key                     500 / exit 78

What must not be here: replies of one protocol (intake/, api/ and cli/ each map these classes in one place).
"""

from __future__ import annotations


class MailhubError(Exception):
    """Base of all. ``str(error)`` is fit for the operator and holds no personal data."""

    temporary: bool = True


class Unavailable(MailhubError):
    """Something we need did not answer; the same request may work later."""


class InsufficientStorage(Unavailable):
    """The disk or a cap of bytes in flight is full."""


class TooManyRequests(Unavailable):
    """A client, or a user, asks too often."""

    def __init__(self, text: str, *, after_seconds: int) -> None:
        super().__init__(text)
        self.after_seconds = after_seconds


class Refused(MailhubError):
    """Known to be permanent."""

    temporary = False


class BadRequest(Refused):
    """The input is wrong; the text says what to do about it."""


class AccountNeeded(BadRequest):
    """There are several accounts and the caller named none."""


class NotFound(Refused):
    """No such object for this actor (also said where one exists in another account)."""


class NoSuchRecipient(NotFound):
    """The address of a mail handed in is not served: it may bounce, which no other "not found" allows."""


class NotAuthenticated(Refused):
    """Nobody known asks: what opens the door is missing, wrong, expired or revoked."""


class Conflict(Refused):
    """The object's state does not allow the act."""


class Stale(Conflict):
    """The object was changed since the caller looked; nothing was done."""


class Forbidden(Refused):
    """The actor lacks the right; nothing was changed."""


class ConfigurationError(MailhubError):
    """The configuration cannot be used. ``where`` is ``file:line`` when known."""

    temporary = False

    def __init__(self, text: str, *, where: str | None = None) -> None:
        super().__init__(f"{where}: {text}" if where else text)
        self.where = where


class SealBroken(ConfigurationError):
    """A sealed value was changed, is another's, or belongs to another root key; it is still there."""
