"""Moved to mailhub.envelope (flows must not import a door's room); kept until the doors follow."""

from mailhub.envelope import Envelope, Fate, Outcome, Pipeline, Recipient, Refusal, Source

__all__ = ["Envelope", "Fate", "Outcome", "Pipeline", "Recipient", "Refusal", "Source"]
