"""Routes about support addresses and mailboxes at providers."""
