"""Logging in at a provider: by password, or by an access token of its OAuth endpoint.

A secret is asked for at every connect, so that a changed one is used at the next. Must not: log or keep it.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.config import Imap
from mailhub.intake.imap.conversation import Conversation
from mailhub.intake.imap.faults import CannotLogIn
from mailhub.intake.imap.secrets import secret_of
from mailhub.intake.imap.tokens import AccessTokens
from mailhub.keys import Keys
from storage.sources.imap_sources import ImapSource


@dataclass(frozen=True, slots=True)
class Logins:
    """What every login of the process needs."""

    keys: Keys
    tokens: AccessTokens

    def log_in(self, conversation: Conversation, source: ImapSource, settings: Imap) -> None:
        """Log in with the source's own secret. Raises ``CannotLogIn``, ``ImapFault``.

        A token that we held and the server refuses is thrown away, and a new one tried at once: it was
        revoked, or the server's clock is ahead. A new one that is refused is held: with the server's clock
        behind, it is good later.
        """
        if source.auth == "password":
            conversation.log_in(source.login, secret_of(source, self.keys))
            return

        held = self.tokens.find_held(source.id)
        if held is not None:
            try:
                conversation.log_in_by_token(source.login, held, source.auth)
            except CannotLogIn:
                self.tokens.forget(source.id)
            else:
                return

        conversation.log_in_by_token(source.login, self.tokens.get(source, settings), source.auth)
