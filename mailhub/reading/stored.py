"""What a stored message teaches and is scored by: the same document as at the intake, by what is kept of it."""

from __future__ import annotations

from typing import Protocol

from classifier.tokens import Document, Features, features
from mailhub.reading.prepare import Secrets, read_document
from storage.mail.derived import Received


class FeaturesOf(Protocol):
    """How a flow that teaches the filter reads a stored message. Slow (it parses): never in the writer's turn."""

    def __call__(self, received: Received) -> Features: ...


def unknown(raw: bytes) -> Received:
    """A message of which nothing is known but its bytes."""
    return Received(raw=raw, authentication="", mail_from_null=False)


def document_of(received: Received) -> Document:
    """The document the filter sees."""
    return read_document(received.raw, received.authentication, mail_from_null=received.mail_from_null)


def features_of(received: Received, secrets: Secrets) -> Features:
    """What the filter learns from the message, and scores it by."""
    return features(document_of(received), secret=secrets.features)
