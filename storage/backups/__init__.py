"""Rows about backups, and reading and writing all rows for one."""
