"""Acts of administration leave a row in the account's journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.proof import journal
from tests.houses.asking import Asker

if TYPE_CHECKING:
    from tests.api.conftest import Home


def acts(home: Home, account: int) -> list[tuple[str, str, str]]:
    """(actor, verb, object) of a chain, oldest first."""
    with home.house.database.read() as connection:
        rows = journal.list_chain(connection, after=(-1, -1, -1), account_id=account, limit=100)
    return [(row.actor, row.verb, row.object) for row in rows]


def test_mailboxes_are_on_record(home: Home) -> None:
    """Adding and deleting one names who did it and the mailbox's id, never its address."""
    owner = Asker(app=home.app(), token=home.token(11))
    made = owner("POST", "/v1/mailboxes", {"address": "sales@first.example"}).json["id"]
    assert owner("DELETE", f"/v1/mailboxes/{made}").status == 204
    on = f"mailbox:{made}"
    assert acts(home, 1) == [("user:11", "mailbox.add", on), ("user:11", "mailbox.delete", on)]


def test_a_refused_mailbox_is_not_on_record(home: Home) -> None:
    """The row is written with the act or not at all."""
    owner = Asker(app=home.app(), token=home.token(11))
    assert owner("POST", "/v1/mailboxes", {"address": "support@first.example"}).status == 409
    assert acts(home, 1) == []
