"""`mailhub mailbox test`: the way to a mailbox at a provider, step by step, and what to do about the step that fails.

Reads only (EXAMINE), files nothing, and uses a connection of its own beside the one that fetches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailhub import clock
from mailhub.config import Imap
from mailhub.intake.imap.conversation import Conversation
from mailhub.intake.imap.dialling import dial, look_up
from mailhub.intake.imap.faults import ImapFault
from mailhub.intake.imap.login import Logins
from mailhub.intake.imap.mailbox import way_of
from storage.sources.imap_sources import ImapFolder, ImapSource

_SHOWN = ("IDLE", "UIDPLUS", "MOVE", "AUTH=PLAIN", "AUTH=XOAUTH2", "AUTH=OAUTHBEARER")
_SHOWN_FOLDERS = 20
_PORTS = "993 mostly speaks TLS at once (--imap-tls implicit), 143 in the clear first (starttls)"
_HINTS = {
    "greeting": f"Is it an IMAP server, and its port one without TLS? {_PORTS}",
    "encryption": f"Do the port and --imap-tls belong together? {_PORTS}",
    "login by password": "Check name and password; many providers want an app password, or OAuth (mailbox add --oauth)",
}


@dataclass(frozen=True, slots=True)
class TrialStep:
    """One step: what it was, whether it went well, and what was found, or what to do."""

    name: str
    ok: bool
    text: str


class _Trial:
    """The steps gone so far, and the connection that came of them."""

    def __init__(
        self, source: ImapSource, folders: Sequence[ImapFolder], settings: Imap, logins: Logins
    ) -> None:
        self._source = source
        self._folders = folders
        self._settings = settings
        self._logins = logins
        self._way = way_of(source, settings)
        self._conversation: Conversation | None = None
        self.at = ""  # the step under way

    def steps(self) -> Iterator[TrialStep]:
        """Go them, one by one. Raises ``ImapFault`` in the one that fails."""
        self.at = "name"
        addresses = look_up(self._way)
        yield TrialStep(self.at, True, ", ".join(addresses))
        self.at = "connection"
        connected = dial(self._way, addresses)
        yield TrialStep(self.at, True, f"{connected.getpeername()[0]} port {self._way.port}")
        self.at = "encryption" if self._way.tls != "none" else "greeting"
        self._conversation = Conversation.greet(self._way, connected)
        yield TrialStep(
            self.at, True, self._conversation.encryption() or "none: only for this machine itself"
        )
        self.at = "login"
        self._logins.log_in(self._conversation, self._source, self._settings)
        yield TrialStep(self.at, True, f"by {self._source.auth}")
        self.at = "capabilities"
        able = [name for name in _SHOWN if self._conversation.can(name)]
        yield TrialStep(
            self.at, True, " ".join(able) + ("" if "IDLE" in able else "; no IDLE: folders are polled")
        )

        for folder in self._folders:
            self.at = f"folder {folder.name}"
            yield TrialStep(self.at, True, self._folder(self._conversation, folder.name))

    def advice(self, fault: ImapFault) -> str:
        """The fault in words, and what to look at; the folders there are, when it was a folder's."""
        if self.at.startswith("folder ") and self._conversation is not None:
            there = ", ".join(self._conversation.folders()[:_SHOWN_FOLDERS])
            return f"{fault}. The folders there: {there}"
        step = f"login by {self._source.auth}" if self.at == "login" else self.at
        is_told = step not in _HINTS or "certificate" in str(fault)
        return str(fault) if is_told else f"{fault}. {_HINTS[step]}"

    def end(self) -> None:
        """Leave the server."""
        if self._conversation is not None:
            self._conversation.log_out()

    @staticmethod
    def _folder(conversation: Conversation, name: str) -> str:
        opened = conversation.open(name, read_only=True)
        newest = conversation.uids(max(1, (opened.uidnext or 1) - 1), None)[-1:] if opened.messages else []
        came = (
            [mail.came_at for mail in conversation.describe(newest).values() if mail.came_at]
            if newest
            else []
        )
        when = f", the newest came {clock.to_iso(came[0])}" if came else ""
        return f"{opened.messages} mails{when}"


def try_out(
    source: ImapSource, folders: Sequence[ImapFolder], settings: Imap, logins: Logins
) -> list[TrialStep]:
    """All steps up to the first that fails."""
    trial = _Trial(source, folders, settings, logins)
    done = list[TrialStep]()

    try:
        for step in trial.steps():
            done.append(step)  # what went well before a fault stays in the list
    except ImapFault as fault:
        done.append(TrialStep(trial.at, False, _told(trial, fault)))
    finally:
        trial.end()

    return done


def _told(trial: _Trial, fault: ImapFault) -> str:
    try:
        return trial.advice(fault)
    except ImapFault:
        return str(fault)
