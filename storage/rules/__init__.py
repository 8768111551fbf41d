"""Rows of rules: what an account wants done by itself."""
