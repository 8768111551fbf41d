"""Rows of mail in and out: raws, derived columns, fates, the index, the outbox, mailboxes."""
