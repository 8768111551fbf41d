"""When an authorisation of a mailbox is told to end, by its dates alone."""

from __future__ import annotations

import pytest

from mailhub import clock
from mailhub.intake.imap.tokens import end_of, ends_soon
from mailhub.oauth.grants import Tokens
from storage.sources.oauth_grants import OauthGrant

NOW = 2_000_000 * clock.HOUR


def grant(*, ends_at: int | None = None, life_seconds: int | None = None) -> OauthGrant:
    """An authorisation of which only the dates count."""
    return OauthGrant(
        account_id=1,
        source_id=2,
        flow="device",
        token_url="",
        consent_url="",
        scope="",
        client_id="",
        ends_at=ends_at,
        life_seconds=life_seconds,
    )


@pytest.mark.parametrize(
    ("left", "life_days", "soon"),
    [
        (None, 90, False),
        (15, 90, False),
        (13, 90, True),
        (-1, 90, True),
        (3, 7, False),
        (1, 7, True),
        (13, None, True),
    ],
)
def test_an_end_is_soon_by_two_weeks_or_a_quarter_of_the_life(
    left: int | None, life_days: int | None, soon: bool
) -> None:
    """Two weeks before the end, or within the last quarter of a shorter life; where no end is known, never."""
    life = None if life_days is None else life_days * 86_400
    ends_at = None if left is None else NOW + left * clock.DAY
    assert ends_soon(grant(ends_at=ends_at, life_seconds=life), now=NOW) is soon


def test_a_renewal_moves_the_end_where_the_provider_says_so() -> None:
    """The end is what the endpoint says, else the known life from a new refresh token on, else as it was."""
    held = grant(ends_at=NOW, life_seconds=60)
    assert end_of(held, Tokens(access="a", seconds=1, refresh_seconds=30), now=NOW) == NOW + 30 * clock.SECOND
    assert end_of(held, Tokens(access="a", seconds=1, refresh="r"), now=NOW) == NOW + 60 * clock.SECOND
    assert end_of(held, Tokens(access="a", seconds=1), now=NOW) == NOW
