"""A house without doors, with one account and its people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mailhub import clock, house, keys
from mailhub.access.actor import Role
from mailhub.access.bearers import Kind, new_bearer
from mailhub.api.frame.app import Api, create_app
from mailhub.config import Admin, Authentication, Config, Limits, Storage
from mailhub.config.live import Live
from mailhub.health.vitals import Vitals
from mailhub.house import House
from storage.accounts.accounts import Account, add_account
from storage.mail.mail_domains import MailDomain, add_domain
from storage.mail.mailboxes import Mailbox, add_mailbox
from storage.people.api_tokens import ApiToken, add_api_token
from storage.people.users import User, add_user
from storage.writer import Transaction

NOW = 1_700_000_000_000_000


@dataclass(frozen=True, kw_only=True)
class Home:
    """A house and the ids in it: account 1 with an owner (11), an agent (12), an admin (13); account 2, owner (21)."""

    house: House

    def mapping(self, **users: str) -> Home:
        """The same with `[admin] users`: uids as keywords, "u1000" for 1000."""
        admin = Admin(users={uid.removeprefix("u"): email for uid, email in users.items()})
        return Home(house=replace(self.house, configuration=Live(replace(self.house.config, admin=admin))))

    def app(self) -> Api:
        """The real app on this house, without a relay."""
        vitals = Vitals(
            directory=self.house.config.storage.directory, started_at=clock.now(), intake=self.house.reception
        )
        return create_app(self.house, vitals)

    def token(self, user: int, *, account: int = 1, scopes: str = "") -> str:
        """A new ApiToken of a user."""
        made = new_bearer(Kind.API_TOKEN)

        def add(transaction: Transaction) -> None:
            row = ApiToken(
                hash=made.hash,
                id=transaction.new_id(),
                account_id=account,
                user_id=user,
                name="test",
                scopes=scopes,
                created_at=NOW,
                expires_at=None,
            )
            add_api_token(transaction.connection, row)

        self.house.writer.run(add)
        return made.text


def _people(transaction: Transaction) -> None:
    connection = transaction.connection
    for number, name in ((1, "first"), (2, "second")):
        row = Account(
            id=number, name=name, stage="active", billing="none", created_at=NOW, stage_entered_at=NOW
        )
        add_account(connection, row)
        address = f"support@{name}.example"
        add_mailbox(
            connection, Mailbox(account_id=number, id=number, address=address, name="", created_at=NOW)
        )
        domain = MailDomain(
            account_id=number, id=number, domain=f"{name}.example", token="t", state="proven", created_at=NOW
        )
        add_domain(connection, domain)
    people = (
        (1, 11, "owner@first.example", Role.OWNER),
        (1, 12, "agent@first.example", Role.AGENT),
        (1, 13, "admin@first.example", Role.ADMIN),
    )
    for account, user, email, role in (
        *people,
        (2, 21, "owner@second.example", Role.OWNER),
        (2, 22, "agent@first.example", Role.ADMIN),
    ):
        add_user(
            connection, User(account_id=account, id=user, email=email, name="", role=role, created_at=NOW)
        )


@pytest.fixture
def home(sqlite_path: Path) -> Iterator[Home]:
    """A house that is started, on a database of its own."""
    keys.create(sqlite_path.parent)
    storage, many = (
        Storage(directory=sqlite_path.parent),
        1_000_000,
    )  # a walk over every route asks more than people do
    limits = Limits(requests_per_user=many, requests_per_address=many)
    config = Config(storage=storage, limits=limits, authentication=Authentication(enabled=False))
    built = house.build(config, keys.load(sqlite_path.parent, {}))
    built.start()
    built.writer.run(_people)
    built.directory.refresh()
    yield Home(house=built)
    built.close()
