"""Backups: made under load, encrypted with a key for each person, listed, expired. Restoring is
``mailhub.backups.restoring``.

vault       what the room works with
key_file    the rolling key file: all that a restore needs and no backup may hold
erasing     what erasure, lifecycle and plans ask: destroy keys, rewrite key files, which backups hold something
"""
