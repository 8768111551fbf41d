"""Mail handed in through the API: whose it is, and what a caller may bounce."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from mailhub.access.actor import Actor, Role, operator
from mailhub.api.tickets.deliveries import the_delivery
from mailhub.config.live import Live
from mailhub.envelope import Source, is_from_elsewhere
from mailhub.errors import AccountNeeded, BadRequest, NoSuchRecipient
from mailhub.message.values import Trust
from storage.mail.derived import find_received
from storage.schema import intake, message
from tests.houses.asking import Asker

if TYPE_CHECKING:
    from tests.api.conftest import Home


@pytest.mark.parametrize(
    ("recipient", "account"), [("support@first.example", 1), ("support@second.example", 2)]
)
def test_the_account_is_the_one_of_the_address(home: Home, recipient: str, account: int) -> None:
    """The operator of several accounts names none: the address says which; a mapped user of the machine likewise."""
    mapped = Actor(role=Role.OWNER, account=1, user=11, uid=0, machine=True)
    for actor in (operator(0), mapped):
        assert the_delivery(home.house, actor, [recipient]).account == account


def test_a_user_stays_in_his_account(home: Home) -> None:
    """Who is no operator hands mail in to their own account, whatever the address."""
    owner = Actor(role=Role.OWNER, account=1, user=11)
    assert the_delivery(home.house, owner, ["support@second.example"]).account == 1


@pytest.mark.parametrize("source", ["pipe", "import"])
def test_no_user_speaks_with_a_trusted_hosts_voice(home: Home, source: str) -> None:
    """What Authentication-Results say is believed of the machine's operator, and not of a token that hands
    mail in, neither then nor when such a mail is read again.
    """
    home.house.reception._trust = Live(Trust.of("mx.example.com"))
    said = "Authentication-Results: mx.example.com; dmarc=pass header.from=customer.example\r\n"
    believed = {}
    scope = "mail.deliver" if source == "pipe" else "mail.import"
    for who, token in (("operator", None), ("token", home.token(11, scopes=scope))):
        mail = f"{said}From: kim@customer.example\r\nSubject: {who}\r\n\r\n{who}".encode()
        asker = Asker(app=home.app(), token=token, uid=None if token else os.geteuid())
        path = f"/v1/deliveries?recipient=support@first.example&source={source}"
        outcome = asker("POST", path, raw=mail).json["outcomes"][0]
        with home.house.database.read() as connection:
            kept = find_received(connection, 1, outcome["message"])
            (row,) = connection.execute(
                select(intake.c.source, intake.c.peer).where(intake.c.message_id == outcome["message"])
            )
        believed[who] = (
            "dmarc=pass" in (kept.authentication if kept else ""),
            is_from_elsewhere(Source(row.source), row.peer),
        )
    assert believed == {"operator": (True, False), "token": (False, True)}


def test_only_an_unknown_address_is_no_such_recipient(home: Home) -> None:
    """An unserved address may bounce; no address, and addresses of two accounts, are faults of the call."""
    with pytest.raises(NoSuchRecipient):
        the_delivery(home.house, operator(0), ["nobody@first.example"])
    with pytest.raises(AccountNeeded):
        the_delivery(home.house, operator(0), None)
    with pytest.raises(BadRequest):
        the_delivery(home.house, operator(0), ["support@first.example", "support@second.example"])


@pytest.mark.parametrize(
    ("given", "head", "automatic"),
    [("", "", ""), ("&mail_from=", "", "bounce"), ("", "Return-Path: <>\r\n", "bounce")],
)
def test_a_mail_without_an_envelope_is_a_persons(home: Home, given: str, head: str, automatic: str) -> None:
    """A pipe that says no reverse path hands in no bounce: only an empty one, or the mail's own, is the null sender."""
    asker = Asker(app=home.app(), token=None, uid=os.geteuid())
    mail = f"{head}From: kim@customer.example\r\nSubject: Help\r\n\r\nIt does not work.\r\n".encode()
    path = f"/v1/deliveries?recipient=support@first.example{given}"
    outcome = asker("POST", path, raw=mail).json["outcomes"][0]
    with home.house.database.read() as connection:
        row = connection.execute(
            select(message.c.automatic, message.c.awaits).where(message.c.id == outcome["message"])
        ).one()
    assert (row.automatic, row.awaits) == (automatic, 0 if automatic else 1)
