"""Somebody who wants in: a database with people, cheap hashes, and a clock that the test sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Concatenate, ParamSpec, TypeVar

import pyotp
from argon2 import PasswordHasher

from mailhub import clock
from mailhub.access import attempts
from mailhub.access.actor import Actor, Role
from mailhub.access.passwords import Passwords
from mailhub.config import Login as LoginSettings
from mailhub.keys import Keys
from mailhub.people import enrolment, login
from mailhub.proof.act import Act, perform
from storage.accounts.accounts import Account, add_account
from storage.database import Connection, Database
from storage.people.users import User, add_user
from storage.writer import Transaction, WritingThread

P = ParamSpec("P")
T = TypeVar("T")
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
NOW = 1_800_000_000 * clock.SECOND  # a step of 30 s begins here
PASSWORD = "correct horse battery"
PEOPLE = {
    11: ("owner@first.example", Role.OWNER),
    12: ("ana@first.example", Role.AGENT),
    13: ("leo@first.example", Role.ADMIN),
}
UNLIMITED = attempts.AttemptLimits(pair=10**9, name=10**9, address=10**9)


@dataclass(kw_only=True)
class Gate:
    """The way in to account 1."""

    database: Database
    writer: WritingThread
    now: int = NOW
    passwords: Passwords = field(default_factory=lambda: Passwords(CHEAP))
    limits: attempts.AttemptLimits = field(default_factory=attempts.AttemptLimits)
    keys: Keys = field(default_factory=lambda: Keys(bytes(range(32))))

    def __post_init__(self) -> None:
        encoded = self.passwords.hash(PASSWORD)
        self.writer.run(_people, encoded)

    @property
    def context(self) -> login.LoginContext:
        """What the flow is given."""
        return login.LoginContext(
            database=self.database,
            writer=self.writer,
            keys=self.keys,
            passwords=self.passwords,
            settings=LoginSettings(),
            limits=self.limits,
        )

    def login(
        self,
        email: str = "ana@first.example",
        password: str = PASSWORD,
        code: str = "",
        peer: str = "192.0.2.1",
    ) -> login.Opened:
        """Log in, or raise as the flow does."""
        claim = login.Claim(login=email, password=password, code=code, account=None, peer=peer)
        return login.login(self.context, claim, admit=_everybody, now=self.now)

    def act(
        self, function: Callable[Concatenate[Act, P], T], who: Actor, /, *args: P.args, **named: P.kwargs
    ) -> T:
        """Let somebody do something to account 1, now."""
        return self.writer.run(perform, function, who.name, 1, self.now, *args, **named)

    def actor(self, user: int = 12, **more: int) -> Actor:
        """One of the people, as a caller."""
        return replace(Actor(role=PEOPLE[user][1], account=1, user=user), **more)  # type: ignore[arg-type]

    def enrol(self, user: int = 12) -> tuple[pyotp.TOTP, list[str]]:
        """Give a user a second factor, an hour ago: their app, and their recovery codes."""
        caller = self.actor(user)
        before = self.now - clock.HOUR
        begun = self.writer.run(perform, enrolment.begin, caller.name, 1, before, self.keys, caller=caller)
        app = pyotp.TOTP(begun.secret)
        code = app.at(before // clock.SECOND)
        confirmed = self.writer.run(
            perform, enrolment.confirm, caller.name, 1, before, self.keys, code, caller=caller
        )
        return app, confirmed

    def code(self, app: pyotp.TOTP, steps: int = 0) -> str:
        """What the app shows so many steps from now."""
        return app.at(self.now // clock.SECOND + 30 * steps)


def _everybody(_connection: Connection, _account: int, _role: str) -> None:
    """May come from anywhere."""


def _people(transaction: Transaction, encoded: str) -> None:
    row = Account(id=1, name="first", stage="active", billing="none", created_at=NOW, stage_entered_at=NOW)
    add_account(transaction.connection, row)
    for user, (email, role) in PEOPLE.items():
        person = User(
            account_id=1, id=user, email=email, name="", role=role, password_hash=encoded, created_at=NOW
        )
        add_user(transaction.connection, person)
