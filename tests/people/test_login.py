"""Logging in: who gets in, who does not, and that nobody learns why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlalchemy import func, select

from mailhub import clock
from mailhub.access.passwords import Passwords
from mailhub.errors import Conflict, Forbidden, NotAuthenticated, TooManyRequests
from mailhub.people import enrolment, login
from storage.database import Database
from storage.people import sessions, users
from storage.proof import journal
from storage.schema import login_attempt, session
from storage.writer import WritingThread
from tests.houses.gate import CHEAP, PASSWORD, UNLIMITED, Gate


@pytest.fixture
def gate(database: Database, writer: WritingThread) -> Gate:
    """The way in, on each engine."""
    return Gate(database=database, writer=writer)


def count(gate: Gate, table: Any) -> int:
    with gate.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_password_opens_a_session(gate: Gate) -> None:
    """Without a second factor the password is enough: the session is the user's, not fresh, and on record."""
    opened = gate.login()
    with gate.database.read() as connection:
        found = sessions.find_session(connection, opened.bearer.hash)
        (entry,) = journal.of_object(connection, 1, f"session:{opened.session.id}")
    assert found == opened.session
    assert (found.user_id, found.fresh_until, found.peer) == (12, None, "192.0.2.1")
    assert (entry.actor, entry.verb, dict(entry.detail)) == ("user:12", "login.open", {"by": "password"})


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ana@first.example", "wrong horse battery"),
        ("nobody@first.example", PASSWORD),
        ("", ""),
        ("ana", PASSWORD),
    ],
)
def test_whatever_is_wrong_gets_one_answer(gate: Gate, email: str, password: str) -> None:
    """A wrong password and a name that nobody has are told apart by nobody, and open nothing."""
    with pytest.raises(NotAuthenticated) as refused:
        gate.login(email, password)
    assert str(refused.value) == login.WRONG
    assert count(gate, session) == 0


def test_a_login_in_two_accounts_names_the_account(gate: Gate) -> None:
    """Where several accounts have the login, it fails like any other until the account is named."""
    other = users.User(account_id=2, id=21, email="ana@first.example", name="", role="agent", created_at=1)
    gate.writer.run(lambda tx: users.add_user(tx.connection, other))
    with pytest.raises(NotAuthenticated, match="name the account"):
        gate.login()
    claim = login.Claim(login="ana@first.example", password=PASSWORD, code="", account=1, peer="")
    assert login.login(gate.context, claim, admit=lambda *_: None, now=gate.now).session.user_id == 12


def test_a_second_factor_is_needed_where_there_is_one(gate: Gate) -> None:
    """The password alone opens nothing any more, in the words of a wrong one; with the code it opens, and is fresh."""
    app, _ = gate.enrol()
    with pytest.raises(NotAuthenticated, match="wrong login"):
        gate.login()
    opened = gate.login(code=f" {gate.code(app)[:3]} {gate.code(app)[3:]} ")
    assert opened.session.fresh_until == gate.now + 5 * clock.MINUTE


@pytest.mark.parametrize(("steps", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(gate: Gate, steps: int, counts: bool) -> None:
    """The code of the step before and after counts, no other."""
    app, _ = gate.enrol()
    if counts:
        assert gate.login(code=gate.code(app, steps))
    else:
        with pytest.raises(NotAuthenticated):
            gate.login(code=gate.code(app, steps))


def test_a_code_counts_once_and_none_before_it(gate: Gate) -> None:
    """A code that was used, and one of an earlier step, are wrong; the next one counts."""
    app, _ = gate.enrol()
    gate.login(code=gate.code(app))
    for steps in (0, -1):
        with pytest.raises(NotAuthenticated):
            gate.login(code=gate.code(app, steps))
    assert gate.login(code=gate.code(app, 1))


def test_one_code_in_fifty_parallel_logins_opens_one_session(gate: Gate) -> None:
    """Replay in parallel: fifty threads show the same code at once, one gets in."""
    app, _ = gate.enrol()
    gate.limits, code = UNLIMITED, gate.code(app)

    def attempt(_number: int) -> bool:
        try:
            gate.login(code=code)
        except NotAuthenticated:
            return False
        return True

    gate.passwords = Passwords(CHEAP, waiting=50)
    with ThreadPoolExecutor(50) as pool:
        assert sum(pool.map(attempt, range(50))) == 1
    assert count(gate, session) == 1


def test_a_recovery_code_counts_once(gate: Gate) -> None:
    """Each of the ten opens one session, however it is written, and is used up."""
    _, codes = gate.enrol()
    assert len(set(codes)) == 10
    gate.login(code=codes[3].upper().replace("-", " "))
    with pytest.raises(NotAuthenticated):
        gate.login(code=codes[3])
    assert gate.login(code=codes[4])


def test_somebody_elses_recovery_code_is_wrong(gate: Gate) -> None:
    """A recovery code opens its own user's door only."""
    gate.enrol()
    _, codes = gate.enrol(13)
    with pytest.raises(NotAuthenticated):
        gate.login(code=codes[0])


class Counting(PasswordHasher):
    """Counts what is verified, and of which parameters."""

    def __init__(self) -> None:
        super().__init__(time_cost=2, memory_cost=16, parallelism=2)
        self.verified: list[Any] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
        self.verified.append(extract_parameters(str(hash)))
        return super().verify(hash, password)


def test_unknown_names_cost_one_verification_of_the_same_parameters(
    database: Database, writer: WritingThread
) -> None:
    """Known, unknown, and known without a password: one verification each, of equal parameters, and two look-ups."""
    hasher = Counting()
    gate = Gate(database=database, writer=writer, passwords=Passwords(hasher), limits=UNLIMITED)
    gate.enrol(13)
    invited = users.User(account_id=1, id=14, email="new@first.example", name="", role="agent", created_at=1)
    gate.writer.run(lambda tx: users.add_user(tx.connection, invited))
    turns = []
    for email in ("ana@first.example", "leo@first.example", "nobody@first.example", "new@first.example"):
        before = gate.writer.turns
        with pytest.raises(NotAuthenticated):
            gate.login(email, "wrong horse battery", code="123456")
        turns.append(gate.writer.turns - before)
    assert len(hasher.verified) == 4
    assert len({repr(each) for each in hasher.verified}) == 1
    assert turns == [1, 1, 1, 1]


def test_a_hash_of_old_parameters_is_made_anew(gate: Gate) -> None:
    """After a login the password is stored under today's parameters, and still fits."""
    gate.passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    gate.login()
    with gate.database.read() as connection:
        found = users.find_user(connection, 1, 12)
    assert found is not None
    assert "m=16,t=2,p=1" in (found.password_hash or "")
    gate.login()


def test_not_from_this_network(gate: Gate) -> None:
    """Whoever may not come from here gets no session though all is right."""

    def nobody(*_: Any) -> None:
        raise Forbidden("not from this network")

    claim = login.Claim(login="ana@first.example", password=PASSWORD, code="", account=None, peer="")
    with pytest.raises(Forbidden):
        login.login(gate.context, claim, admit=nobody, now=gate.now)
    assert count(gate, session) == 0


def guess(gate: Gate, email: str = "ana@first.example", peer: str = "192.0.2.66") -> int:
    """One wrong guess; how many seconds it has to wait, 0 when it was looked at."""
    try:
        gate.login(email, "wrong horse battery", peer=peer)
    except TooManyRequests as slower:
        return slower.after_seconds
    except NotAuthenticated:
        return 0
    raise AssertionError("a guess got in")


def test_ten_thousand_guesses_are_slowed_down_and_lock_out_nobody_else(sqlite_database: Database) -> None:
    """Ten guesses a second from one address: 15 of 10,000 are looked at; the real user and others are not held up."""
    writer = WritingThread(sqlite_database)
    writer.start()
    gate = Gate(database=sqlite_database, writer=writer)
    gate.login(peer="198.51.100.7")  # where she works
    looked_at = 0
    for _ in range(10_000):
        looked_at += guess(gate) == 0
        gate.now += clock.SECOND // 10
    assert looked_at == 15  # 5 free, then after 1, 2, 4, ... 512 s: the next would come after 1,023 s
    assert guess(gate) > 0
    gate.login(peer="198.51.100.7")  # the user themselves, from where they were
    gate.login("leo@first.example", peer="198.51.100.7")  # another user
    gate.login("owner@first.example", peer="203.0.113.9")  # from elsewhere
    writer.close()


def test_a_guesser_with_many_addresses_is_slowed_down_and_the_user_is_not(gate: Gate) -> None:
    """Guesses at one name from ever new addresses wait for each other; where the user was before, they get in."""
    gate.login(peer="198.51.100.7")
    answers = [guess(gate, peer=f"10.0.{number // 250}.{number % 250}") for number in range(100)]
    assert answers.count(0) == 21
    with pytest.raises(TooManyRequests):
        gate.login(peer="203.0.113.50")  # an address they never was at: for a quarter of an hour at most
    assert gate.login(peer="198.51.100.7")
    gate.now += 15 * clock.MINUTE
    assert gate.login(peer="203.0.113.50")


def test_one_address_that_tries_many_names_is_slowed_down(gate: Gate) -> None:
    """Spraying names from one address waits, even with a login of one's own in between."""
    answers = []
    for number in range(80):
        answers.append(guess(gate, f"name{number}@first.example"))
        if number == 40:
            gate.login(peer="192.0.2.66")  # the guesser's own login does not begin anew
    assert answers.count(0) == 51
    with pytest.raises(TooManyRequests):
        gate.login("leo@first.example", peer="192.0.2.66")
    assert gate.login("leo@first.example", peer="192.0.2.67")


def test_waits_double_up_to_a_quarter_of_an_hour_and_are_forgotten(gate: Gate) -> None:
    """1, 2, 4, ... seconds, at most 900; a day without a try begins anew."""
    waits = list[int]()
    while len(waits) < 12:
        if wait := guess(gate):
            waits.append(wait)
            gate.now += wait * clock.SECOND
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    gate.now += 25 * clock.HOUR
    assert [guess(gate) for _ in range(5)] == [0] * 5


def test_parallel_guesses_share_no_free_try(gate: Gate) -> None:
    """Of fifty guesses at once no more are looked at than one after the other."""
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: guess(gate), range(50)))
    assert answers.count(0) == 6


def test_names_and_addresses_are_counted_under_keyed_hashes(gate: Gate) -> None:
    """What was tried leaves no name and no address in the table of attempts."""
    guess(gate, "Ana@first.example")
    with gate.database.read() as connection:
        rows = connection.execute(select(login_attempt)).all()
    assert len(rows) == 3
    assert all(len(row.digest) == 32 for row in rows)


def test_the_second_factor_again_makes_the_session_fresh(gate: Gate) -> None:
    """Five minutes from a new code on; a code of the login does not count again, a wrong one leaves it stale."""
    app, _ = gate.enrol()
    opened = gate.login(code=gate.code(app))
    actor = gate.actor(session=opened.session.id)
    with pytest.raises(NotAuthenticated):
        login.refresh(gate.context, actor, gate.code(app), peer="", now=gate.now)
    gate.now += clock.HOUR
    until = login.refresh(gate.context, actor, gate.code(app), peer="", now=gate.now)
    with gate.database.read() as connection:
        found = sessions.find_session(connection, opened.bearer.hash)
    assert found is not None
    assert found.fresh_until == until == gate.now + 5 * clock.MINUTE


def test_only_a_session_with_a_second_factor_gets_fresh(gate: Gate) -> None:
    """An ApiToken cannot, and without a second factor there is nothing to show."""
    with pytest.raises(Conflict, match="session"):
        login.refresh(gate.context, gate.actor(token=5), "123456", peer="", now=gate.now)
    opened = gate.login()
    with pytest.raises(Conflict, match="no second factor"):
        login.refresh(gate.context, gate.actor(session=opened.session.id), "1", peer="", now=gate.now)


def test_replacing_a_second_factor_needs_a_code_of_the_new_one(gate: Gate) -> None:
    """A secret that was shown but not confirmed changes nothing; confirmed, the old app's codes are wrong."""
    old, _ = gate.enrol()
    gate.act(enrolment.begin, gate.actor(12), gate.keys, caller=gate.actor(12))
    assert gate.login(code=gate.code(old))
    new, _ = gate.enrol()
    gate.now += clock.MINUTE
    with pytest.raises(NotAuthenticated):
        gate.login(code=gate.code(old))
    assert gate.login(code=gate.code(new))
