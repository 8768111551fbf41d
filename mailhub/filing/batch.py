"""What filing works with: its context, and one account's part of a batch while it is decided. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailhub.directory import Directory
from mailhub.envelope import Recipient
from mailhub.filing.flood import FloodCounter, Start
from mailhub.filing.records import Case
from mailhub.filter.models import Models
from mailhub.filter.verdict import FilterSettings
from mailhub.outbound.letters import Post
from mailhub.privacy.privacy_requests import Asked
from mailhub.rules.running import Rules
from storage.mail.filing import (
    Rows,
    View,
)
from storage.writer import Transaction

CHANGES_NO_STATE = frozenset(
    {"auto-reply", "out-of-office", "bounce", "complaint", "receipt", "generated", "reaction"}
)

Routes = list[tuple[str, Recipient]]  # of one message and account: recipient as given, where it leads


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingContext:
    """What filing needs besides the message; one per process."""

    directory: Directory
    models: Models
    filter: FilterSettings
    flood: FloodCounter
    hops: int  # Received headers from which a mail is in a loop (RFC 5321 6.3)
    post: Post | None = None  # what answers people who ask by mail about their data; None: nothing does
    self_service: str = "off"  # ``[privacy] self_service``
    rules: Rules | None = None  # what does things by itself (flow 6); None: nothing does


@dataclass(slots=True)
class AccountBatch:
    """One account's part of a batch, while it is decided."""

    id: int
    transaction: Transaction
    context: FilingContext
    view: View
    trained: tuple[int, int]  # spam and ham that the scores rest on
    rows: Rows = field(default_factory=Rows)
    started: list[Start] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    filed: list[tuple[int, Case]] = field(default_factory=list)  # ticket, and what was filed in it
