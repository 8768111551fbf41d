"""What a ticket's page shows of a message."""

from __future__ import annotations

import pytest

from mailhub.message.parse import parse
from mailhub.reading import shown
from tests.houses.postroom import mail


@pytest.mark.parametrize(
    ("asked", "elsewhere"),
    [
        ("kim@customer.example", False),
        ("Kim <kim@Customer.Example.>, help@customer.example", False),
        ("kim@customer.example, kim@home.example", True),
        ("kim@customer-example.test", True),
        ("", False),
    ],
)
def test_a_reply_to_of_another_domain_is_told(asked: str, elsewhere: bool) -> None:
    """Whoever answers is warned where the mail asks for answers in a domain that is not From's, in any spelling."""
    parsed = parse(mail(headers=[("Reply-To", asked)] if asked else []))
    assert shown.is_elsewhere(parsed) is elsewhere
