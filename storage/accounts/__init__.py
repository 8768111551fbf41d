"""Rows of accounts and their stages."""
