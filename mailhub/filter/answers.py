"""What an agent answered is ham: a weak word, taken back like a mark and beaten by any. The last line of FLOW 5.

A turn of its own, after the answer is committed: a fault, or a stop in between, costs this word and not the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from mailhub.errors import MailhubError
from mailhub.filter import feedback
from mailhub.filter.models import Models
from mailhub.proof.act import perform
from mailhub.reading.stored import FeaturesOf
from storage.database import Database
from storage.filter import labels, ledger
from storage.writer import Writer

log = structlog.get_logger("mailhub.filter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """What learning from an answer needs of the house."""

    models: Models
    features_of: FeaturesOf


def learn(
    database: Database,
    writer: Writer,
    learning: Learning,
    *,
    actor: str,
    account: int,
    ticket: int,
    user: int,
    now: int,
) -> None:
    """Teach the filter that what the ticket's answers answered is ham. Reads the messages in the caller's thread."""
    with database.read() as connection:
        messages = labels.unspoken_messages(connection, account, ticket, limit=feedback.STEP)
    if not messages:
        return

    try:
        writer.run(
            perform,
            feedback.handled,
            actor,
            account,
            now,
            learning.models,
            messages,
            source=ledger.ANSWER,
            user=user,
            features_of=feedback.prepare(database, account, messages, learning.features_of),
        )
    except MailhubError as error:
        log.warning("nothing learned from an answer", error=type(error).__name__)
