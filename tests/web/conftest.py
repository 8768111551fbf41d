"""The house of tests/api with letters and the pages: what somebody at the HTTPS door meets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email import policy as mail_policy
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from mailhub.access.passwords import Passwords
from mailhub.config import Letters, Lifecycle, Privacy, Relay
from mailhub.config.live import Live
from mailhub.house import House
from mailhub.outbound.sealing import open_letter
from mailhub.web.pages import install
from storage.mail.filing import Rows, write
from storage.mail.outbox import find_row
from storage.people import users
from storage.schema import outbox
from tests.api.conftest import NOW
from tests.api.conftest import home as home  # the fixture
from tests.houses.asking import Answered, Asker
from tests.houses.gate import CHEAP, PASSWORD

if TYPE_CHECKING:
    from tests.api.conftest import Home

SITE = "https://hub.example"
KIM = "kim@customer.example"
OWNER = "owner@first.example"


@dataclass
class Visitor:
    """Somebody with a browser."""

    house: House
    app: FastAPI
    peer: str = "203.0.113.5"
    seen: list[Answered] = field(default_factory=list)

    def get(self, path: str, *, language: str = "") -> Answered:
        return self.ask("GET", path, language=language)

    def post(self, path: str, **fields: str) -> Answered:
        return self.ask("POST", path, raw=urlencode(fields).encode())

    def ask(self, method: str, path: str, raw: bytes = b"", *, language: str = "") -> Answered:
        headers = {"Accept-Language": language} if language else {}
        answer = Asker(app=self.app, peer=self.peer)(method, path, raw=raw, headers=headers)
        self.seen.append(answer)
        return answer

    def settle(self) -> None:
        """Wait for what was handed to the writer."""
        self.house.writer.run(lambda tx: None)

    def letters(self, account: int = 1) -> list[tuple[str, str, str]]:
        """(kind, recipient, link) of every letter that waits, in order."""
        self.settle()
        with self.house.database.read() as connection:
            query = select(outbox.c.id).where(outbox.c.account_id == account, outbox.c.message_id.is_(None))
            ids = connection.execute(query.order_by(outbox.c.id)).scalars().all()
            rows = [find_row(connection, account, each) for each in ids]
        return [
            (row.kind, row.recipient, _link(self.house, row))
            for row in rows
            if row is not None and row.letter
        ]

    def links(self) -> list[str]:
        """Every link in the latest letter of account 1."""
        with self.house.database.read() as connection:
            query = select(outbox.c.id).where(outbox.c.account_id == 1, outbox.c.message_id.is_(None))
            row = find_row(
                connection, 1, connection.execute(query.order_by(outbox.c.id.desc())).scalars().first() or 0
            )
        return _links(self.house, row)


def _link(house: House, row: object) -> str:
    return next(iter(_links(house, row)), "")


def _links(house: House, row: object) -> list[str]:
    raw = open_letter(house.keys, row)  # type: ignore[arg-type]
    text = message_from_bytes(raw, _class=EmailMessage, policy=mail_policy.default).get_content()
    return [line.removeprefix(SITE) for line in text.splitlines() if line.startswith(SITE)]


@pytest.fixture
def visiting(home: Home) -> Iterator[Callable[..., Visitor]]:
    """Makes a visitor of the house under a policy; kim is a contact of the first account, its people have passwords."""
    cheap = Passwords(CHEAP)
    for user in (11, 12, 13):
        encoded = cheap.hash(PASSWORD)
        home.house.writer.run(lambda tx, who=user, it=encoded: users.set_password(tx.connection, 1, who, it))  # type: ignore[misc]
    rows = Rows(
        contacts=[
            {
                "account_id": 1,
                "id": 101,
                "name": "Kim",
                "created_at": NOW,
                "merged_into": None,
                "objected_at": None,
            }
        ],
        contact_addresses=[{"account_id": 1, "address": KIM, "contact_id": 101}],
    )
    home.house.writer.run(lambda tx: write(tx.connection, 1, rows))

    def visit(self_service: str = "automatic", **letters: Any) -> Visitor:
        config = replace(
            home.house.config,
            letters=replace(Letters(sender="noreply@hub.example", site=SITE), **letters),
            relay=Relay(host="relay.example"),
            privacy=Privacy(self_service=self_service, data_protection_contact="privacy@hub.example"),
            lifecycle=Lifecycle(deletion_address="delete@hub.example"),
        )
        made = replace(home, house=replace(home.house, configuration=Live(config), passwords=cheap))
        return Visitor(house=made.house, app=install(made.app()))

    yield visit
