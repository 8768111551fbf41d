"""Rows of the journal, its anchors, and the check of the root key."""
