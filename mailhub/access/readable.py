"""Random characters for people to read and type: passwords, recovery codes."""

from __future__ import annotations

import secrets

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is misread: no i, l, o, 0, 1


def group() -> str:
    """Four of them: 19.8 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(4))
