"""What agents write before it is sent: drafts, one for each user, ticket and kind."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, PrimaryKeyConstraint, SmallInteger, Table, Text, text

from storage.catalogue import account_id, column, instant, metadata, reference, word

draft = Table(
    "draft",
    metadata,
    account_id(),
    reference("id", "the draft"),
    reference("user_id", "who writes it"),
    reference("ticket_id", "the ticket it is about", null="a new mail: it opens one when it is sent"),
    reference("mailbox_id", "the mailbox a new mail is sent from", null="that of the ticket"),
    word("kind", "answer, note, forward or new"),
    column("to_addresses", Text, "whom it goes to, an address a line", personal="email"),
    column("cc_addresses", Text, "who gets a copy, an address a line", personal="email"),
    column("bcc_addresses", Text, "who gets a copy unseen, an address a line", personal="email"),
    column("subject", Text, "subject of a forward or a new mail, '' for the ticket's", personal="content"),
    column("text", Text, "what was written so far", personal="content"),
    reference("quoted_id", "the message that is quoted or passed on", null="none"),
    reference("seen_id", "the newest message or note that its writer had seen, 0 for none"),
    column("version", BigInteger, "counts the saves: who saves names the one they changed", unit="saves"),
    instant("created_at", "when it was begun"),
    instant("updated_at", "when it was last saved"),
    instant("send_at", "when it is sent, unless it is undone", null="it is being written"),
    column("scheduled", SmallInteger, "1 when a mail of the customer stops it", unit="0 or 1"),
    column("closes", SmallInteger, "1 when sending it closes the ticket", unit="0 or 1"),
    column(
        "fault", Text, "why it was not sent when it was due, in words", null="nothing failed", unit="text"
    ),
    PrimaryKeyConstraint("account_id", "id"),
    Index("draft_of_user", "account_id", "user_id", "ticket_id", "kind", unique=True),
    Index("draft_of_ticket", "account_id", "ticket_id"),
    Index(
        "draft_due",
        "account_id",
        "send_at",
        sqlite_where=text("send_at IS NOT NULL"),
        postgresql_where=text("send_at IS NOT NULL"),
    ),
)
