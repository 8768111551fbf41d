"""A support address is changed, and retired while tickets name it: no new mail, and everything else as before."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from mailhub import clock
from mailhub.envelope import Recipient, Refusal
from mailhub.intake.smtp import replies
from mailhub.reading import reply_token
from storage.mail import watches
from storage.mail.watches import Watch
from tests.houses.asking import Asker

if TYPE_CHECKING:
    from tests.api.conftest import Home

ADDRESS = "support@first.example"
MAIL = b"From: Kim <kim@customer.example>\r\nSubject: The oven\r\nMessage-ID: <a@b>\r\n\r\nIt smokes.\r\n"


def owner_of(home: Home) -> Asker:
    """The owner of account 1."""
    return Asker(app=home.app(), token=home.token(11))


def leads_to(home: Home, address: str) -> Recipient | Refusal:
    """What a door would hear."""
    return home.house.reception.resolve(address)


def test_a_mailboxs_name_and_policy_are_changed(home: Home) -> None:
    """The next reply to a closed ticket goes by the new policy; what is not named stays."""
    owner = owner_of(home)
    changed = owner(
        "PATCH", f"/v1/mailboxes/{ADDRESS}", {"name": "First", "on_reply_to_closed": "new-ticket"}
    )
    assert (changed.json["name"], changed.json["on_reply_to_closed"]) == ("First", "new-ticket")
    found = home.house.directory.find_mailbox(changed.json["id"])
    assert found is not None
    assert found.on_reply_to_closed == "new-ticket"
    again = owner("PATCH", f"/v1/mailboxes/{ADDRESS}", {"name": ""}).json
    assert (again["name"], again["on_reply_to_closed"]) == ("", "new-ticket")
    acts = [act for act in owner("GET", "/v1/journal").json["items"] if act["verb"] == "mailbox.change"]
    assert [act["detail"]["changed"] for act in acts] == [["name"], ["name", "on_reply_to_closed"]]
    assert "First" not in str(acts)


def test_a_retired_mailbox_takes_no_new_mail(home: Home) -> None:
    """Its address, its plus forms and its domain's role addresses are refused for good, by every door."""
    owner = owner_of(home)
    assert isinstance(leads_to(home, ADDRESS), Recipient)
    assert owner("POST", f"/v1/mailboxes/{ADDRESS}/retire").json["retired_at"] is not None
    refused = [ADDRESS, "support+x@first.example", f"support+{'a' * 26}@first.example"]
    assert {leads_to(home, each) for each in refused} == {Refusal.RETIRED}
    assert leads_to(home, "postmaster@first.example") is Refusal.UNKNOWN
    assert replies.for_refusal(Refusal.RETIRED).startswith(b"550 5.2.1 ")
    delivered = owner("POST", f"/v1/deliveries?recipient={ADDRESS}", raw=MAIL)
    assert delivered.status == 404
    assert isinstance(leads_to(home, "support@second.example"), Recipient)


def test_its_tickets_stay_and_answers_to_them_come_in(home: Home) -> None:
    """A ticket of a retired mailbox is read and worked on; mail to the reply address of an answer is taken and joins."""
    owner = owner_of(home)
    ticket = owner("POST", "/v1/deliveries", raw=MAIL).json["outcomes"][0]["ticket"]
    assert owner("DELETE", f"/v1/mailboxes/{ADDRESS}").status == 409
    owner("POST", f"/v1/mailboxes/{ADDRESS}/retire")
    shown = owner("GET", f"/v1/tickets/{ticket}").json
    assert shown["mailbox"] == ADDRESS
    assert owner("POST", f"/v1/tickets/{ticket}/close").json["state"] == "closed"

    token = reply_token.make(ticket, shown["contact_id"], home.house.secrets.reply_token)
    address = quote(reply_token.reply_address(ADDRESS, token))
    again = MAIL.replace(b"<a@b>", b"<c@d>").replace(b"smokes", b"still smokes")
    path = f"/v1/deliveries?recipient={address}&mail_from=kim@customer.example"
    (outcome,) = owner("POST", path, raw=again).json["outcomes"]
    assert outcome["ticket"] == ticket
    assert owner("GET", f"/v1/tickets/{ticket}").json["state"] == "open"


def test_reinstated_it_takes_mail_again(home: Home) -> None:
    """Both acts change nothing the second time; an address that is retired is told from one that is served."""
    owner = owner_of(home)
    first = owner("POST", f"/v1/mailboxes/{ADDRESS}/retire").json
    assert owner("POST", f"/v1/mailboxes/{ADDRESS}/retire").json == first
    refused = owner("POST", "/v1/mailboxes", {"address": ADDRESS})
    assert (refused.status, "reinstate" in refused.json["detail"]) == (409, True)
    assert owner("POST", f"/v1/mailboxes/{ADDRESS}/reinstate").json["retired_at"] is None
    assert owner("POST", f"/v1/mailboxes/{ADDRESS}/reinstate").json["retired_at"] is None
    assert isinstance(leads_to(home, ADDRESS), Recipient)
    assert isinstance(leads_to(home, "postmaster@first.example"), Recipient)
    verbs = [act["verb"] for act in owner("GET", "/v1/journal").json["items"]]
    assert verbs == ["mailbox.reinstate", "mailbox.retire"]


def test_only_its_account_retires_a_mailbox(home: Home) -> None:
    """An agent may not, and another account's owner finds nothing."""
    app = home.app()
    agent, other = Asker(app=app, token=home.token(12)), Asker(app=app, token=home.token(21, account=2))
    assert agent("POST", f"/v1/mailboxes/{ADDRESS}/retire").status == 403
    assert other("POST", f"/v1/mailboxes/{ADDRESS}/retire").status == 404
    assert other("PATCH", "/v1/mailboxes/1", {"name": "taken"}).status == 404


def test_a_retired_mailbox_is_not_called_silent(home: Home) -> None:
    """No alarm comes of a mailbox that takes no mail, and one that was on ends."""
    now = clock.now()
    watch = Watch(account_id=1, mailbox_id=1, first_at=1, newest_at=1, alarm_at=now - 2, silent_at=now - 1)
    home.house.writer.run(lambda tx: watches.put_watch(tx.connection, watch))
    owner_of(home)("POST", f"/v1/mailboxes/{ADDRESS}/retire")
    with home.house.database.read() as connection:
        known = watches.find_watch(connection, 1, 1)
        due = watches.due_watches(connection, now=now)
    assert known is not None
    assert (known.silent_at, due) == (None, [])
