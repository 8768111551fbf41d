"""Rows of contacts and of what became of people's data."""
