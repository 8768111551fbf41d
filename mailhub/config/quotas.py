"""Settings of how much one account may have of what costs a thread, a connection, a file, a job or a row."""

from __future__ import annotations

from dataclasses import dataclass

from .setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """How much one account may have. More is refused; what is there already stays when a quota is lowered."""

    imap_sources: int = setting(
        20,
        "Mailboxes at providers of one account: a thread and a connection each. [imap] mailboxes bounds all.",
        minimum=0,
    )
    imap_folders: int = setting(200, "Folders that they are fetched from, together.", minimum=0)
    mailboxes: int = setting(500, "Support addresses of one account.", minimum=1)
    users: int = setting(1000, "Users of one account, without those deleted.", minimum=1)
    api_tokens: int = setting(500, "ApiTokens of one account that are in force.", minimum=0)
    sessions: int = setting(50, "Open sessions of one user.", minimum=1)
    drafts: int = setting(1000, "Drafts of one user.", minimum=1)
    allowed_networks: int = setting(
        200, "Rules in the allow-list of one account: every request walks them.", minimum=0, maximum=10_000
    )
    sender_rules: int = setting(
        20_000, "Rules in the allow and deny list of senders of one account.", minimum=0
    )
    contact_addresses: int = setting(50, "Addresses of one contact that people added to it.", minimum=1)
    grants: int = setting(50, "Permissions for operators of one account that are in force.", minimum=1)
    holds: int = setting(5000, "Holds of one account that are in force.", minimum=1)
    breaches: int = setting(100, "Breaches of one account that are open.", minimum=1)
    rules: int = setting(
        1000, "Rules of one account: every mail walks those that are on.", minimum=0, maximum=10_000
    )
    tags: int = setting(500, "Tags of one account.", minimum=0)
    erasures: int = setting(50, "Erasures of one account that are under way.", minimum=1)
    exports: int = setting(1, "Exports of one account that run at once.", minimum=1)
    backtests: int = setting(1, "Backtests of the filter of one account that run at once.", minimum=1)
