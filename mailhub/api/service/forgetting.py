"""What routes that remove messages hand to the flow: take back what the messages taught the filter."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.filter import feedback
from mailhub.filter.models import Models
from storage.writer import Transaction


def forget(models: Models, transaction: Transaction, account: int, messages: Sequence[int]) -> None:
    """``removal.Forget`` once the models are given."""
    feedback.forget(transaction, models, account, messages)
