"""Rows of mailboxes at providers, as tests of the IMAP door and of what follows from it need them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from storage.sources.imap_sources import ImapSource

_PLAIN = ImapSource(
    account_id=0,
    id=0,
    mailbox_id=0,
    node=1,
    host="127.0.0.1",
    port=1,
    tls="none",
    login="any",
    auth="password",
    secret=None,
    secret_from="file:none",
    local=1,
    after_filing="nothing",
    after_argument="",
    since=None,
    poll_seconds=1,
    idle=0,
    created_at=1,
)


def source_row(*, account: int, source: int, mailbox: int, **settings: Any) -> ImapSource:
    """A mailbox on this machine, read without a trace and without IDLE, but for ``settings``."""
    return replace(_PLAIN, account_id=account, id=source, mailbox_id=mailbox, **settings)
