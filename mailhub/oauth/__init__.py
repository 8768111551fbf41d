"""OAuth 2.0 as a client: getting tokens for a mailbox at a provider. Knows no rows, no IMAP and no mailbox of ours."""
