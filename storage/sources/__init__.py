"""Rows of mailboxes at providers."""
