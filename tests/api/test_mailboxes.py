"""Support addresses: nobody takes one in another account's domain."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import delete

from mailhub import clock
from mailhub.access.actor import Actor, Role, operator
from mailhub.accounts import lifecycle
from mailhub.api.mailboxes.mailboxes import NewMailbox, add_mailbox
from mailhub.callers.caller import Call
from mailhub.clock import DAY, HOUR
from mailhub.config import Letters
from mailhub.config.live import Live
from mailhub.envelope import Recipient
from mailhub.errors import BadRequest, Forbidden
from mailhub.message.dns_questions import DnsAnswer, Question
from mailhub.proof.act import MACHINE, perform
from storage.mail import watches
from storage.mail.watches import Watch
from storage.schema import account as account_table
from storage.schema import address as address_table
from storage.schema import mail_domain, user
from storage.schema import mailbox as mailbox_table
from storage.writer import Transaction
from tests.api.conftest import Home
from tests.houses.asking import Asker

OWNER = Actor(role=Role.OWNER, account=1, user=11)


@pytest.mark.parametrize("local", ["postmaster", "abuse", "sales"])
def test_an_address_in_a_domain_of_others_is_the_operators(home: Home, local: str) -> None:
    """A tenant cannot take postmaster@, abuse@ or any address where another account is served; the operator can."""
    wanted = NewMailbox(address=f"{local}@second.example")
    with pytest.raises(Forbidden, match=r"second\.example"):
        add_mailbox(Call(home.house, OWNER, 1), wanted)
    assert add_mailbox(Call(home.house, operator(0), 1), wanted).address == f"{local}@second.example"


TAKEN = [
    "x@second.example",
    "x@second.example.",
    "x@SECOND.example",
    "x@sub.second.example",
    "x@example",
    "x@third.example",
    "x@ｓｅｃｏｎｄ.example",
    "admin@hub.example",
    "postmaster@hub.example",
    "noreply@hub.example",
    "noreply@hub.example.",
    '"noreply"@hub.example',
    "delete@hub.example",
    "x@sub.hub.example",
    "x@pages.example",
    "x@mx.example.net",
    "x@example.net",
]


@pytest.fixture
def hub(home: Home) -> Home:
    """The home with an operator's addresses, hosts and a name server that knows what ``ZONE`` holds."""
    config = replace(
        home.house.config,
        letters=Letters(sender="Noreply@hub.example", site="https://pages.example:8443"),
        lifecycle=replace(home.house.config.lifecycle, deletion_address="delete@hub.example"),
        smtp=replace(home.house.config.smtp, hostname="mx.example.net"),
    )
    ZONE.clear()
    return Home(house=replace(home.house, configuration=Live(config), ask=from_zone))


ZONE: dict[Question, DnsAnswer] = {}


async def from_zone(question: Question) -> tuple[DnsAnswer, float]:
    """A name server."""
    return ZONE.get(question, DnsAnswer()), 0.0


@pytest.mark.parametrize("address", TAKEN)
def test_an_address_of_others_is_added_by_the_operator_alone(hub: Home, address: str) -> None:
    """What another account, the operator or nobody has proven is no tenant's, however it is written."""
    with pytest.raises((Forbidden, BadRequest)):
        add_mailbox(Call(hub.house, OWNER, 1), NewMailbox(address=address))


@pytest.mark.parametrize("address", ["sales@first.example", "SALES@First.example.", '"sales"@first.example'])
def test_an_address_in_ones_own_domain_is_added(hub: Home, address: str) -> None:
    """In a domain of its own an account adds addresses itself, and they are kept in one spelling."""
    assert (
        add_mailbox(Call(hub.house, OWNER, 1), NewMailbox(address=address)).address == "sales@first.example"
    )
    for written in (address, "sales@first.example", "sales+x@FIRST.example."):
        found = hub.house.directory.resolve(written)
        assert isinstance(found, Recipient)
        assert found.account == 1


def test_one_account_alone_proves_nothing(hub: Home) -> None:
    """While there is one account its owner adds any address but those that mailhub itself uses; what it used
    is kept when a second account comes.
    """
    delete_second(hub)
    call = Call(hub.house, OWNER, 1)
    for address in ("a@third.example", "a@bücher.example", "help@hub.example"):
        add_mailbox(call, NewMailbox(address=address))
    with pytest.raises(Forbidden):
        add_mailbox(call, NewMailbox(address="noreply@hub.example"))
    opening = partial(lifecycle.new_account, name="n", billing="none")
    hub.house.writer.run(perform, opening, "operator:0", MACHINE, clock.now())
    assert add_mailbox(call, NewMailbox(address="b@third.example")).address == "b@third.example"
    assert (
        add_mailbox(call, NewMailbox(address="b@xn--bcher-kva.example")).address == "b@xn--bcher-kva.example"
    )
    for address in ("b@fourth.example", "b@sub.third.example", "b@hub.example"):
        with pytest.raises(Forbidden):
            add_mailbox(call, NewMailbox(address=address))


def delete_second(hub: Home) -> None:
    """Leave one account."""

    def delete_all(transaction: Transaction) -> None:
        for table in (user, mail_domain, mailbox_table, address_table):
            transaction.connection.execute(delete(table).where(table.c.account_id == 2))
        transaction.connection.execute(delete(account_table).where(account_table.c.id == 2))

    hub.house.writer.run(delete_all)
    hub.house.directory.refresh()


def test_a_domain_is_proven_by_its_record(hub: Home) -> None:
    """Only the account's own token at the domain's own name counts; then its addresses are served, and no other's."""
    asker, other = (
        Asker(app=hub.app(), token=hub.token(11)),
        Asker(app=hub.app(), token=hub.token(21, account=2)),
    )
    asked = asker("POST", "/v1/mailbox-domains", {"domain": "New.Example."}).json
    assert (asked["domain"], asked["state"], asked["record_name"]) == (
        "new.example",
        "asked",
        "_mailhub.new.example",
    )
    assert asker("POST", "/v1/mailbox-domains", {"domain": "new.example"}).json == asked
    theirs = other("POST", "/v1/mailbox-domains", {"domain": "new.example"}).json
    assert theirs["record"] != asked["record"]

    path, name = "/v1/mailbox-domains/new.example/check", ("_mailhub.new.example", "TXT")
    wrong = [
        DnsAnswer(),
        DnsAnswer((theirs["record"],)),
        DnsAnswer((asked["record"] + "0",)),
        DnsAnswer(("x" + asked["record"],)),
    ]
    for answer in wrong:
        ZONE[name] = answer
        assert asker("POST", path).status == 409
    ZONE[name] = DnsAnswer(failed=True)
    assert asker("POST", path).status == 503
    assert asker("POST", "/v1/mailboxes", {"address": "help@new.example"}).status == 403

    ZONE[name] = DnsAnswer(("v=other", asked["record"], theirs["record"]))
    assert asker("POST", path).json["state"] == "proven"
    assert other("POST", path).status == 403
    assert asker("POST", "/v1/mailboxes", {"address": "help@new.example"}).status == 201
    assert asker("POST", "/v1/mailboxes", {"address": "help@sub.new.example"}).status == 403
    assert asker("DELETE", "/v1/mailbox-domains/new.example").status == 409


def test_the_operators_domains_are_proven_and_granted_to_nobody(hub: Home) -> None:
    """Neither DNS nor a grant makes the operator's domains a tenant's; another domain can be granted."""
    owner, machine = Asker(app=hub.app(), token=hub.token(11)), Asker(app=hub.app(), uid=0)
    for domain in ("hub.example", "sub.hub.example", "pages.example", "example.net", "second.example"):
        assert owner("POST", "/v1/mailbox-domains", {"domain": domain}).status == 403
        assert machine("POST", "/v1/mailbox-domain-grants?account=1", {"domain": domain}).status == 403
    assert owner("POST", "/v1/mailbox-domain-grants", {"domain": "given.example"}).status == 403
    assert (
        machine("POST", "/v1/mailbox-domain-grants?account=1", {"domain": "given.example"}).json["state"]
        == "granted"
    )
    assert owner("POST", "/v1/mailboxes", {"address": "help@given.example"}).status == 201
    assert machine("POST", "/v1/mailboxes?account=1", {"address": "help@hub.example"}).status == 201
    assert owner("POST", "/v1/mailboxes", {"address": "admin@hub.example"}).status == 403
    for wrong in ("example", "a b.example", "*.given.example", "co.uk", "a..example", "x@given.example"):
        assert owner("POST", "/v1/mailbox-domains", {"domain": wrong}).status == 400


def test_a_silent_mailbox_is_shown_where_one_looks(home: Home) -> None:
    """The list, the status and the metrics tell of a mailbox whose silence was told; a limit of 0 ends that."""
    now, operator_ = clock.now(), Asker(app=home.app(), uid=0)
    (mailbox,) = operator_("GET", "/v1/mailboxes?account=1").json["items"]
    watch = Watch(
        account_id=1,
        mailbox_id=mailbox["id"],
        first_at=now - 90 * DAY,
        newest_at=now - 50 * HOUR,
        silent_at=now,
    )
    home.house.writer.run(lambda tx: watches.put_watch(tx.connection, watch))
    (shown,) = operator_("GET", "/v1/mailboxes?account=1").json["items"]
    words = shown["silence"]["words"]
    assert words.startswith("no mail for 50 h")
    assert operator_("GET", "/v1/status?account=1").json["silent"] == {mailbox["address"]: words}
    assert (
        f'mailhub_mailbox_silent{{mailbox="{mailbox["id"]}"}} 1.0'
        in operator_("GET", "/metrics").body.decode()
    )
    path = f"/v1/mailboxes/{mailbox['address']}/silence?account=1"
    ended = operator_("PUT", path, {"limit_hours": 0}).json
    assert (ended["limit_hours"], ended["silent_at"], ended["words"]) == (0, None, "")


@pytest.mark.parametrize("address", ["help@192.0.2.7", "help@mail.192", "help@192.0.2.7."])
def test_no_mailbox_is_made_at_a_number(home: Home, address: str) -> None:
    """A number without brackets is no host that mail could be sent to (RFC 5321 4.1.3), for whoever adds it."""
    for who in (OWNER, operator(0)):
        with pytest.raises(BadRequest, match="no address"):
            add_mailbox(Call(home.house, who, 1), NewMailbox(address=address))
