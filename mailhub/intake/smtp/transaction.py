"""What MAIL and RCPT have said so far: one mail transaction of a session (RFC 5321 3.3). Values only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mailhub import clock
from mailhub.envelope import Check, Envelope, Source
from mailhub.intake.smtp import replies
from mailhub.intake.smtp.replies import CommandError

_SIZE = re.compile(r"[0-9]{1,20}", re.ASCII)  # RFC 1870 4
_BODIES = ("7BIT", "8BITMIME")  # RFC 6152 3


@dataclass(slots=True)
class MailTransaction:
    """A message that has been begun. ``mail_from`` None is the null sender; ``declared_bytes`` 0 is no SIZE."""

    mail_from: str | None
    smtputf8: bool
    declared_bytes: int
    recipients: list[str] = field(default_factory=list)
    overshoot: int = 0  # recipients offered beyond the limit
    check: Check | None = None  # authentication under way, from the first recipient on

    @classmethod
    def begin(cls, mail_from: str | None, parameters: Mapping[str, str | bool]) -> MailTransaction:
        """From MAIL and its parameters in upper case; raises ``CommandError`` for one we do not know or a bad value."""
        left = dict(parameters)
        size = left.pop("SIZE", "0")
        body = left.pop("BODY", "7BIT")
        smtputf8 = left.pop("SMTPUTF8", False)
        if left:
            raise CommandError(replies.BAD_PARAMETER)
        if body not in _BODIES or not isinstance(smtputf8, bool) or not _SIZE.fullmatch(str(size)):
            raise CommandError(replies.MAIL_SYNTAX)
        return cls(mail_from, smtputf8, int(size))

    def abandon(self) -> None:
        """The message is not coming."""
        if self.check is not None:
            self.check.abandon()

    def envelope(self, source: Source, *, peer: str, helo: str, tls: bool) -> Envelope:
        """What the pipeline gets."""
        return Envelope(
            source=source,
            mail_from=self.mail_from,
            recipients=tuple(self.recipients),
            received_at=clock.now(),
            peer=peer,
            helo=helo,
            tls=tls,
            smtputf8=self.smtputf8,
        )
