"""How much one account may have: one table of what is counted, and what to do when there is no room.

``require_room`` is asked in the act that adds the row. What runs and has no row (exports, backtests) is counted
by the API (``callers/slots.py``). Must not: remove anything. A quota that was lowered refuses what is new.
"""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.config import Quotas
from mailhub.errors import Conflict
from mailhub.proof.act import Act
from storage.accounts import quotas

CURES: Mapping[str, tuple[str, str]] = {  # by setting: what they are, and how to make room
    "imap_sources": (
        "mailboxes at providers",
        "fetch no more from one: mailhub mailbox delete ADDRESS --imap",
    ),
    "imap_folders": ("folders at providers", "name fewer folders, or fetch no more from a mailbox"),
    "mailboxes": ("support addresses", "delete one: mailhub mailbox delete ADDRESS"),
    "users": ("users", "delete one: mailhub user delete"),
    "api_tokens": ("ApiTokens in force", "revoke one: mailhub token revoke"),
    "sessions": (
        "open sessions of this user",
        "log out elsewhere, or let an admin end them: mailhub session end",
    ),
    "drafts": ("drafts of this user", "send one, or throw one away: mailhub draft discard"),
    "allowed_networks": ("rules in the allow-list", "write larger networks, or remove one"),
    "sender_rules": ("rules for senders", "name whole domains, or remove one"),
    "contact_addresses": (
        "addresses of this contact",
        "these are more than one person has: make another contact",
    ),
    "grants": ("grants in force", "revoke one: mailhub grant revoke"),
    "holds": ("holds in force", "lift one: mailhub hold lift"),
    "breaches": ("open breaches", "close one: mailhub breach close"),
    "rules": ("rules", "delete one: mailhub rule delete"),
    "tags": ("tags", "delete one that no ticket has: mailhub ticket tag-delete"),
    "erasures": ("erasures under way", "wait until some are done: mailhub erasure list"),
}


def require_room(act: Act, allowed: Quotas, what: str, *, more: int = 1, **scope: int) -> None:
    """Raise ``Conflict`` where ``more`` of something are too many for the account. In the act that adds them."""
    limit = int(getattr(allowed, what))
    there = quotas.count_rows(
        act.transaction.connection, act.account, what, limit=limit, now=act.now, **scope
    )
    if there + more > limit:
        name, cure = CURES[what]
        raise Conflict(f"at most {limit} {name} (quotas.{what}, the operator's setting): {cure}")
