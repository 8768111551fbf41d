"""Support addresses: nobody takes one in another account's domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailhub.access.actor import Actor, Role, operator
from mailhub.api.caller import Call
from mailhub.api.mailboxes import NewMailbox, add_mailbox
from mailhub.errors import Forbidden

if TYPE_CHECKING:
    from tests.api.conftest import Home

OWNER = Actor(role=Role.OWNER, account=1, user=11)


@pytest.mark.parametrize("local", ["postmaster", "abuse", "sales"])
def test_an_address_in_a_domain_of_others_is_the_operators(home: Home, local: str) -> None:
    """A tenant cannot take postmaster@, abuse@ or any address where another account is served; the operator can."""
    wanted = NewMailbox(address=f"{local}@second.example")
    with pytest.raises(Forbidden, match=r"second\.example"):
        add_mailbox(Call(home.house, OWNER, 1), wanted)
    assert add_mailbox(Call(home.house, operator(0), 1), wanted).address == f"{local}@second.example"


@pytest.mark.parametrize("address", ["sales@first.example", "support@third.example", "support@sub.second.example"])
def test_an_address_elsewhere_is_anybodys(home: Home, address: str) -> None:
    """In his own domain, and in one that nobody serves, a tenant adds addresses himself."""
    assert add_mailbox(Call(home.house, OWNER, 1), NewMailbox(address=address)).address == address
