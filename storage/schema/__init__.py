"""Every table and column of mailhub, with the catalogue of what each column means.

Job: say what is stored. Each column is made by ``catalogue.column``, which records its meaning, its unit,
what NULL means, whether it is personal data (and of which category) and how long it is kept.

Rules (docs/design.md, "Data"): every tenant's table begins with ``account_id``, and so does every key and index on it.
``DIRECTORY_TABLES`` (they find the account) and ``OPERATOR_TABLES`` are the exceptions, listed here and nowhere else.
Instants are integer microseconds since the Unix epoch, UTC. Words (states, fates, reasons) are stored as they are.
One file per subject; this one joins them, and names the exceptions.
The full-text index is no table here: its DDL differs by engine and lives in ``migrations/``.

Not here: queries (one file per noun), DDL changes (``migrations/``).
"""

from __future__ import annotations

from storage.catalogue import FIRST_ID, metadata
from storage.schema.accounts import (
    account,
    address,
    allow_list,
    api_token,
    billing_event,
    hold,
    mail_domain,
    mailbox,
    stage_warning,
    user,
)
from storage.schema.acts import access_grant, journal, journal_anchor
from storage.schema.answering import draft
from storage.schema.backing import backup, backup_target, half_restored, person_key, recovery_key
from storage.schema.contacts import contact, contact_address
from storage.schema.erasing import erasure, person_tombstone, redaction, tombstone
from storage.schema.learning import ledger, ledger_head, mark, mark_request, sender_rule
from storage.schema.mail import intake, message, message_reference, outbox, raw, raw_pending
from storage.schema.people import link, login_attempt, recovery_code, second_factor, session
from storage.schema.rights import breach, consent, privacy_request
from storage.schema.ruling import rule, rule_set
from storage.schema.service import (
    clock_mark,
    id_block,
    idempotency,
    key_check,
    letter_rate,
    queue_fault,
    refusal,
)
from storage.schema.sources import imap_copy, imap_folder, imap_source, imap_todo, oauth_grant
from storage.schema.tickets import (
    note,
    participant,
    tag,
    ticket,
    ticket_mailbox,
    ticket_seen,
    ticket_tag,
    ticket_watcher,
)
from storage.schema.watching import mailbox_watch

OPERATOR_TABLES = frozenset(
    {
        "id_block",
        "refusal",
        "key_check",
        "account",
        "journal_anchor",
        "letter_rate",
        "login_attempt",
        "clock_mark",
        "backup",
        "backup_target",
        "recovery_key",
        "half_restored",
    }
)
DIRECTORY_TABLES = frozenset({"address", "api_token", "session", "link"})

__all__ = [
    "DIRECTORY_TABLES",
    "FIRST_ID",
    "OPERATOR_TABLES",
    "access_grant",
    "account",
    "address",
    "allow_list",
    "api_token",
    "backup",
    "backup_target",
    "billing_event",
    "breach",
    "clock_mark",
    "consent",
    "contact",
    "contact_address",
    "draft",
    "erasure",
    "half_restored",
    "hold",
    "id_block",
    "idempotency",
    "imap_copy",
    "imap_folder",
    "imap_source",
    "imap_todo",
    "intake",
    "journal",
    "journal_anchor",
    "key_check",
    "ledger",
    "ledger_head",
    "letter_rate",
    "link",
    "login_attempt",
    "mail_domain",
    "mailbox",
    "mailbox_watch",
    "mark",
    "mark_request",
    "message",
    "message_reference",
    "metadata",
    "note",
    "oauth_grant",
    "outbox",
    "participant",
    "person_key",
    "person_tombstone",
    "privacy_request",
    "queue_fault",
    "raw",
    "raw_pending",
    "recovery_code",
    "recovery_key",
    "redaction",
    "refusal",
    "rule",
    "rule_set",
    "second_factor",
    "sender_rule",
    "session",
    "stage_warning",
    "tag",
    "ticket",
    "ticket_mailbox",
    "ticket_seen",
    "ticket_tag",
    "ticket_watcher",
    "tombstone",
    "user",
]
