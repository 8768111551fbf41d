"""Mail handed in through the API: whose it is, and what a caller may bounce."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailhub.access.actor import Actor, Role, operator
from mailhub.api.deliveries import the_delivery
from mailhub.errors import AccountNeeded, BadRequest, NoSuchRecipient

if TYPE_CHECKING:
    from tests.api.conftest import Home


@pytest.mark.parametrize(("recipient", "account"), [("support@first.example", 1), ("support@second.example", 2)])
def test_the_account_is_the_one_of_the_address(home: Home, recipient: str, account: int) -> None:
    """The operator of several accounts names none: the address says which; a mapped user of the machine likewise."""
    mapped = Actor(role=Role.OWNER, account=1, user=11, uid=0, machine=True)
    for actor in (operator(0), mapped):
        assert the_delivery(home.house, actor, [recipient]).account == account


def test_a_user_stays_in_his_account(home: Home) -> None:
    """Who is no operator hands mail in to his own account, whatever the address."""
    owner = Actor(role=Role.OWNER, account=1, user=11)
    assert the_delivery(home.house, owner, ["support@second.example"]).account == 1


def test_only_an_unknown_address_is_no_such_recipient(home: Home) -> None:
    """An unserved address may bounce; no address, and addresses of two accounts, are faults of the call."""
    with pytest.raises(NoSuchRecipient):
        the_delivery(home.house, operator(0), ["nobody@first.example"])
    with pytest.raises(AccountNeeded):
        the_delivery(home.house, operator(0), None)
    with pytest.raises(BadRequest):
        the_delivery(home.house, operator(0), ["support@first.example", "support@second.example"])
