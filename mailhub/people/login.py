"""FLOW: somebody logs in. Top to bottom in ``login``:

    counted as a failure, or told to wait (access.attempts) -> looked up -> password verified -> code compared
    -> in ONE transaction: the code used up, the session opened, the failure taken back, the journal's row -> commit

A name that nobody has, a wrong password and a wrong code get the same answer after the same work: the same
two transactions, one verification of the same parameters, one comparison of codes. No answer tells that the
password was right and the code was not. The attempt is counted before it is made, so that parallel ones
cannot share a free try. Errors: ``NotAuthenticated``, ``TooManyRequests``, ``Forbidden`` (not from this
network); nothing is left but the count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial

from mailhub import clock
from mailhub.access import attempts
from mailhub.access.actor import Actor
from mailhub.access.bearers import Kind, NewBearer, new_bearer
from mailhub.access.freshness import FRESH
from mailhub.access.passwords import Passwords
from mailhub.access.quotas import require_room
from mailhub.access.second_factors import matching_timecode, new_secret, recovery_hash
from mailhub.config import Login as LoginSettings
from mailhub.config import Quotas
from mailhub.errors import Conflict, NotAuthenticated, TooManyRequests
from mailhub.keys import Keys
from mailhub.proof.act import Act, perform
from storage.database import Connection, Database
from storage.people import login_attempts, second_factors, sessions, users
from storage.people.logins import Candidate, find_candidate
from storage.people.sessions import Session
from storage.writer import Transaction, Writer

WRONG = "wrong login, password or code. With a second factor send the code too; with several accounts name the account"

NOBODY = b"totp:nobody"  # whose the secret is that stands in where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginContext:
    """What logging in needs besides the claim; one per process."""

    database: Database
    writer: Writer
    keys: Keys
    passwords: Passwords
    settings: LoginSettings
    quotas: Quotas = field(default_factory=Quotas)
    limits: attempts.AttemptLimits = field(default_factory=attempts.AttemptLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What somebody says who wants in. ``account`` None: whichever has the login; ``peer`` "": on this machine."""

    login: str
    password: str
    code: str
    account: int | None
    peer: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What the code was: a step's, a recovery code's hash, or nothing where there is no second factor."""

    word: str  # totp, recovery-code or password, as the journal says it
    timecode: int = 0
    recovery: bytes = b""


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session, and what opens it at the only moment its text is known."""

    session: Session
    bearer: NewBearer


def login(
    context: LoginContext, claim: Claim, *, admit: Callable[[Connection, int, str], None], now: int
) -> Opened:
    """Open a session; returns after the commit. ``admit`` raises for (account, role) that may not come from here."""
    counted = _count(context, claim.login, claim.peer, now)
    with context.database.read() as connection:
        candidate = find_candidate(
            connection, claim.login, account_id=claim.account, recovery_hash=recovery_hash(claim.code)
        )

    fits = context.passwords.verify(candidate.password_hash, claim.password)
    proof = prove(context.keys, candidate, claim.code, now)
    if not fits or proof is None:
        raise NotAuthenticated(WRONG)

    encoded = candidate.password_hash or ""
    anew = context.passwords.hash(claim.password) if context.passwords.is_outdated(encoded) else None
    work = partial(
        _open, context=context, claim=claim, candidate=candidate, proof=proof, counted=counted, anew=anew
    )

    return context.writer.run(work, admit=admit, now=now)


def _count(context: LoginContext, login: str, peer: str, now: int) -> attempts.Counted:
    """Count a failure ahead. Raises ``TooManyRequests`` for whoever has to wait: that try is not even looked at."""
    counted = attempts.counted_under(context.keys.derive("attempts"), login, peer)

    def count(transaction: Transaction) -> int:
        rows = login_attempts.lock_attempts(transaction.connection, counted.all)
        if wait := attempts.wait(rows, counted, now):
            return wait
        for digest, row in attempts.counted_failure(rows, counted, context.limits, now).items():
            login_attempts.put_attempts(transaction.connection, row, known=digest in rows)
        return 0

    if wait := context.writer.run(count):
        seconds = -(-wait // clock.SECOND)
        raise TooManyRequests(
            f"too many failed logins: wait {clock.in_seconds(seconds)}", after_seconds=seconds
        )
    return counted


def prove(keys: Keys, candidate: Candidate, code: str, now: int) -> Proof | None:
    """What the code proves; None when it is wrong, or was used. The same work where there is no second factor."""
    sealed = candidate.secret
    whose = bound(candidate.account_id or 0, candidate.user_id or 0) if sealed else NOBODY
    secret = keys.open("secrets", sealed or _nobodys_secret(keys), bound_to=whose)
    timecode = matching_timecode(secret.decode("ascii"), code, now)
    if sealed is None:
        return Proof("password")
    if timecode is not None and timecode > (candidate.last_timecode or 0):
        return Proof("totp", timecode=timecode)
    return Proof("recovery-code", recovery=recovery_hash(code)) if candidate.has_recovery_code else None


@cache
def _nobodys_secret(keys: Keys) -> bytes:
    """What is opened for somebody without a second factor, to compare the code with: it never counts."""
    return keys.seal("secrets", new_secret().encode("ascii"), bound_to=NOBODY)


def bound(account: int, user: int) -> bytes:
    """Whose a sealed TOTP secret is (``Keys.seal``)."""
    return b"totp:%d:%d" % (account, user)


def _open(
    transaction: Transaction,
    *,
    context: LoginContext,
    claim: Claim,
    candidate: Candidate,
    proof: Proof,
    counted: attempts.Counted,
    anew: str | None,
    admit: Callable[[Connection, int, str], None],
    now: int,
) -> Opened:
    connection = transaction.connection
    account = candidate.account_id or 0
    user = candidate.user_id or 0
    found = users.lock_user(connection, account, user)
    if found is None or found.password_hash != candidate.password_hash:
        raise NotAuthenticated(WRONG)  # deleted, or another password, since it was looked up

    admit(connection, account, found.role)
    use_up(connection, account, user, candidate.secret, proof, now=now)
    if anew is not None:
        users.set_password(connection, account, user, anew)
    act = Act(transaction, f"user:{user}", account, now)
    require_room(act, context.quotas, "sessions", user_id=user)
    made = new_bearer(Kind.SESSION)
    row = Session(
        hash=made.hash,
        id=transaction.new_id(),
        account_id=account,
        user_id=user,
        peer=claim.peer,
        created_at=now,
        last_used_at=now,
        expires_at=now + int(context.settings.session_hours * clock.HOUR),
        fresh_until=None if proof.word == "password" else now + FRESH,
    )
    sessions.add_session(connection, row)
    _take_back(connection, counted, now)
    act.record("login.open", f"session:{row.id}", by=proof.word)

    return Opened(row, made)


def use_up(
    connection: Connection, account: int, user: int, sealed: bytes | None, proof: Proof, *, now: int
) -> None:
    """Use up what proved it. Raises ``NotAuthenticated`` when it is used already: of parallel tries one succeeds."""
    if proof.word == "totp":
        used = second_factors.use_timecode(connection, account, user, sealed or b"", proof.timecode)
    elif proof.word == "recovery-code":
        used = second_factors.use_recovery_code(connection, account, user, proof.recovery, now)
    else:
        factor = second_factors.find_second_factor(connection, account, user)
        used = factor is None or factor.secret is None
    if not used:
        raise NotAuthenticated(WRONG)


def _take_back(connection: Connection, counted: attempts.Counted, now: int) -> None:
    rows = login_attempts.lock_attempts(connection, counted.all)
    for digest, row in attempts.counted_success(rows, counted, now).items():
        login_attempts.put_attempts(connection, row, known=digest in rows)


def confirm_password(
    context: LoginContext, login: str, encoded: str | None, password: str, *, peer: str, now: int
) -> None:
    """Ask a user who is logged in for their password again; counted as a login is. Raises as ``login``."""
    counted = _count(context, login, peer, now)
    if not context.passwords.verify(encoded, password):
        raise NotAuthenticated("wrong password")
    context.writer.run(lambda tx: _take_back(tx.connection, counted, now))


def refresh(context: LoginContext, actor: Actor, code: str, *, peer: str, now: int) -> int:
    """The second factor again, in a session: until when it counts as fresh. Raises as ``login``."""
    if actor.session is None or actor.account is None or actor.user is None:
        raise Conflict("only a session can be made fresh: log in (mailhub login EMAIL)")
    account = actor.account
    user = actor.user
    session = actor.session
    with context.database.read() as connection:
        found = users.find_user(connection, account, user)
    login_name = found.email if found else ""
    counted = _count(context, login_name, peer, now)
    with context.database.read() as connection:
        candidate = find_candidate(
            connection, login_name, account_id=account, recovery_hash=recovery_hash(code)
        )
    if candidate.secret is None:
        raise Conflict("there is no second factor yet: mailhub user totp")
    proof = prove(context.keys, candidate, code, now)
    if proof is None:
        raise NotAuthenticated("wrong code, or one that was used: wait for the next")

    return context.writer.run(perform, _fresh, actor.name, account, now, session, candidate, proof, counted)


def _fresh(act: Act, session: int, candidate: Candidate, proof: Proof, counted: attempts.Counted) -> int:
    """The code is used up, the session fresh for a while; until when."""
    connection = act.transaction.connection
    user = candidate.user_id or 0
    until = act.now + FRESH
    use_up(connection, act.account, user, candidate.secret, proof, now=act.now)
    sessions.refresh_session(connection, act.account, session, user_id=user, until=until)
    _take_back(connection, counted, act.now)
    act.record("login.fresh", f"session:{session}", by=proof.word)

    return until
