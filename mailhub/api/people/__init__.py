"""Routes about users, their logins and tokens, and from where they may come."""
