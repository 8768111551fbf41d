"""Support addresses: nobody takes one in another account's domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailhub import clock
from mailhub.access.actor import Actor, Role, operator
from mailhub.api.caller import Call
from mailhub.api.mailboxes import NewMailbox, add_mailbox
from mailhub.clock import DAY, HOUR
from mailhub.errors import Forbidden
from storage import watches
from storage.watches import Watch
from tests.asking import Asker

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


def test_a_silent_mailbox_is_shown_where_one_looks(home: Home) -> None:
    """The list, the status and the metrics tell of a mailbox whose silence was told; a limit of 0 ends that."""
    now, operator_ = clock.now(), Asker(app=home.app(), uid=0)
    (mailbox,) = operator_("GET", "/v1/mailboxes?account=1").json["items"]
    watch = Watch(
        account_id=1, mailbox_id=mailbox["id"], first_at=now - 90 * DAY, newest_at=now - 50 * HOUR, silent_at=now
    )
    home.house.writer.run(lambda tx: watches.put_watch(tx.connection, watch))
    (shown,) = operator_("GET", "/v1/mailboxes?account=1").json["items"]
    words = shown["silence"]["words"]
    assert words.startswith("no mail for 50 h")
    assert operator_("GET", "/v1/status?account=1").json["silent"] == {mailbox["address"]: words}
    assert f'mailhub_mailbox_silent{{mailbox="{mailbox["id"]}"}} 1.0' in operator_("GET", "/metrics").body.decode()
    path = f"/v1/mailboxes/{mailbox['address']}/silence?account=1"
    ended = operator_("PUT", path, {"limit_hours": 0}).json
    assert (ended["limit_hours"], ended["silent_at"], ended["words"]) == (0, None, "")
