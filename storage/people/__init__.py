"""Rows of users, their logins, factors, tokens and limits."""
