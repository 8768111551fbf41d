"""Whose second factor counts as fresh."""

from __future__ import annotations

import pytest

from mailhub.access.actor import Actor, Role, operator
from mailhub.access.freshness import FRESH, is_fresh, require_fresh
from mailhub.errors import Forbidden

NOW = 1_000_000_000


def test_the_admin_socket_is_fresh() -> None:
    """The operator and a mapped uid need no code: they can read the database."""
    assert is_fresh(operator(0), NOW)
    assert is_fresh(Actor(role=Role.AGENT, account=1, user=2, uid=1000), NOW)


def test_a_session_is_fresh_for_five_minutes() -> None:
    """From a code on for five minutes, and not a moment longer; a session without a code never."""
    shown = Actor(role=Role.OWNER, account=1, user=2, session=3, fresh_until=NOW + FRESH)
    require_fresh(shown, NOW + FRESH - 1)
    with pytest.raises(Forbidden, match="mailhub login --fresh"):
        require_fresh(shown, NOW + FRESH)
    with pytest.raises(Forbidden, match="login --fresh"):
        require_fresh(Actor(role=Role.OWNER, account=1, user=2, session=3), NOW)


def test_an_api_token_is_never_fresh() -> None:
    """A program cannot show a second factor, whatever its user's sessions can."""
    with pytest.raises(Forbidden, match="ApiToken"):
        require_fresh(Actor(role=Role.OWNER, account=1, user=2, token=3), NOW)
