"""Every queue of the background jobs: a row that cannot be done stops no other, of its own account or of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select, text
from structlog.testing import capture_logs

from classifier.tokens import FEATURES_VERSION
from mailhub import clock, house, keys
from mailhub.config import Authentication, Backup, Config, Retention, Storage
from mailhub.house import House
from mailhub.intake.imap import tokens
from mailhub.service.jobs import jobs
from storage import schema
from storage.accounts.accounts import Account, add_account
from storage.database import Database
from storage.engine import queue_faults
from storage.engine.queue_faults import QueueFault
from storage.filter import ledger
from storage.filter import mark_requests as marks
from storage.mail import mailboxes, raws, watches
from storage.mail.mailboxes import Mailbox
from storage.mail.outbox import OutboxRow, add_to_outbox
from storage.mail.watches import Watch
from storage.privacy import erasures, privacy_requests
from storage.privacy.erasures import Erasure
from storage.privacy.privacy_requests import PrivacyRequest
from storage.sources.oauth_grants import OauthGrant
from storage.writer import Transaction
from tests.houses.inbox import Inbox, file_message

NOW = 1_700_000_000 * clock.SECOND
Row = tuple[int, int]  # account and id
POISONED: Row = (1, 101)
ROWS: tuple[Row, ...] = (POISONED, (1, 102), (2, 103))


@dataclass(frozen=True, kw_only=True)
class Case:
    """One queue: how its rows come about, which of them are left, and what makes one fail."""

    queue: str
    job: str
    fill: Callable[[House], None]
    table: Table
    left: Callable[[Any], bool] = lambda _: True  # whether a row of the table is still to be done
    poison: str = "DELETE"
    id: str = "id"


def _each(house: House, act: Callable[[Transaction, int, int], None]) -> None:
    for account, row in ROWS:
        house.writer.run(act, account, row)


def _tickets(state: str) -> Callable[[House], None]:
    def act(tx: Transaction, account: int, row: int) -> None:
        file_message(tx, row, account=account, state=state)

    return lambda house: _each(house, act)


def _snoozed(house: House) -> None:
    _tickets("snoozed")(house)
    house.writing.run(
        lambda tx: tx.connection.execute(schema.ticket.update().values(snoozed_until=1)) and None
    )


def _labels(house: House) -> None:
    _each(house, lambda tx, account, row: file_message(tx, row, account=account))
    for account in (1, 2):
        inbox = Inbox(
            database=house.database,
            writer=house.writing,
            models=house.models,
            directory=house.config.storage.directory,
            account=account,
        )
        inbox.mark([row for owner, row in ROWS if owner == account], "spam")


def _objections(house: House) -> None:
    _labels(house)

    def act(tx: Transaction, account: int, row: int) -> None:
        values = {"account_id": account, "id": row, "name": "", "created_at": NOW, "objected_at": NOW}
        tx.connection.execute(schema.contact.insert().values(**values))
        for table, id in ((schema.message, schema.message.c.id), (schema.ledger, schema.ledger.c.message_id)):
            own = (table.c.account_id == account, id == row)
            tx.connection.execute(table.update().where(*own).values(contact_id=row))

    _each(house, act)


def _old_features(house: House) -> None:
    _labels(house)
    older = schema.ledger.update().values(features_version=FEATURES_VERSION - 1)
    house.writer.run(lambda tx: tx.connection.execute(older))


def _marks(reason: str) -> Callable[[House], None]:
    def act(tx: Transaction, account: int, row: int) -> None:
        file_message(tx, row, account=account)
        request = marks.Request(
            id=row,
            message_id=row,
            label="spam",
            giver_id=account,
            source=ledger.IMAP,
            state=marks.SUGGESTED if reason else marks.WAITING,
            reason=reason,
            noticed_at=NOW,
            due_at=NOW,
        )
        marks.put_request(tx.connection, account, request)

    return lambda house: _each(house, act)


LETTER = OutboxRow(
    account_id=1,
    id=1,
    message_id=None,
    ticket_id=None,
    kind="login-link",
    mail_from=None,
    recipient="kim@customer.example",
    state="sent",
    reason="",
    attempts=1,
    created_at=NOW,
    next_attempt_at=NOW,
    not_after=NOW,
    done_at=NOW,
)


def _letters(house: House) -> None:
    def act(tx: Transaction, account: int, row: int) -> None:
        add_to_outbox(tx.connection, [replace(LETTER, account_id=account, id=row)])

    _each(house, act)


def _requests(house: House) -> None:
    def act(tx: Transaction, account: int, row: int) -> None:
        request = PrivacyRequest(
            account_id=account,
            id=row,
            kind="export",
            address="kim@customer.example",
            mailbox_id=1,
            state="asked",
            link=bytes([row] * 32),
            created_at=NOW,
            expires_at=NOW,
        )
        privacy_requests.add_request(tx.connection, request)

    _each(house, act)


def _erasures(house: House) -> None:
    def act(tx: Transaction, account: int, row: int) -> None:
        done = Erasure(
            account_id=account,
            id=row,
            node=0,
            state="done",
            step="receipt",
            position=0,
            actor="user:1",
            begun_at=NOW,
            cut_at=NOW,
            person=None,
            commitment="",
            counts={},
            done_at=NOW,
            receipt='{"backups": []}',
        )
        erasures.add_erasure(tx.connection, done)

    _each(house, act)


def _silent(house: House) -> None:
    def act(tx: Transaction, account: int, row: int) -> None:
        _mailbox(tx, account, row)
        watch = Watch(
            account_id=account,
            mailbox_id=row,
            first_at=NOW,
            newest_at=NOW,
            hours=b"\1" + bytes(167),
            alarm_at=NOW,
        )
        watches.put_watch(tx.connection, watch)

    _each(house, act)


def _heard(house: House) -> None:
    _each(house, _mailbox)
    _each(
        house,
        lambda tx, account, row: watches.put_watch(tx.connection, Watch(account_id=account, mailbox_id=row)),
    )
    _each(house, _delivery)
    for account, row in ROWS:
        house.reception.arrivals.note(account, row, NOW)


def _delivery(tx: Transaction, account: int, row: int) -> None:
    values = {
        "account_id": account,
        "id": row,
        "mailbox_id": row,
        "source": "smtp",
        "peer": "",
        "received_at": NOW,
    }
    values |= {"recipient": "", "helo": "", "tls": 0, "fate": "filed", "reason": "", "size_bytes": 1}
    tx.connection.execute(schema.intake.insert().values(**values))


def _mailbox(tx: Transaction, account: int, row: int) -> None:
    box = Mailbox(account_id=account, id=row, address=f"box{row}@example.com", name="", created_at=NOW)
    mailboxes.add_mailbox(tx.connection, box)


def _slices(house: House) -> None:
    _each(house, lambda tx, account, row: raws.write_ahead(tx.connection, account, row, 0, b"slice", at=NOW))


CASES = [
    Case(queue="purges", job="purges", fill=_tickets("purging"), table=schema.ticket),
    Case(
        queue="snoozes",
        job="snoozes",
        fill=_snoozed,
        table=schema.ticket,
        poison="UPDATE",
        left=lambda row: row.state == "snoozed",
    ),
    Case(queue="retention", job="retention", fill=_tickets("trash"), table=schema.ticket),
    Case(queue="labels", job="labels", fill=_labels, table=schema.ledger, id="message_id"),
    Case(queue="objections", job="objections", fill=_objections, table=schema.ledger, id="message_id"),
    Case(
        queue="features",
        job="features",
        fill=_old_features,
        table=schema.ledger,
        id="message_id",
        left=lambda row: row.features_version < FEATURES_VERSION,
    ),
    Case(queue="marks", job="mark-requests", fill=_marks(""), table=schema.mark_request),
    Case(queue="suggestions", job="suggestions", fill=_marks("unread"), table=schema.mark_request),
    Case(queue="letters", job="letters", fill=_letters, table=schema.outbox),
    Case(queue="privacy-requests", job="letters", fill=_requests, table=schema.privacy_request),
    Case(
        queue="second-receipts",
        job="backups",
        fill=_erasures,
        table=schema.erasure,
        poison="UPDATE",
        left=lambda row: row.backups_gone_at is None,
    ),
    Case(
        queue="silence",
        job="silence",
        fill=_silent,
        table=schema.mailbox_watch,
        id="mailbox_id",
        poison="UPDATE",
        left=lambda row: row.silent_at is None,
    ),
    Case(
        queue="rhythms",
        job="silence",
        fill=_heard,
        table=schema.mailbox_watch,
        id="mailbox_id",
        poison="UPDATE",
        left=lambda row: row.newest_at is None,
    ),
    Case(queue="slices", job="slices", fill=_slices, table=schema.raw_pending, id="message_id"),
]


OLD = clock.DAY  # a day after the epoch: over for every sweep
DIGESTS = [bytes([each]) * 32 for each in (1, 2, 3)]


def _person(digest: bytes) -> dict[str, Any]:
    """What sessions and links have in common."""
    ids = {"hash": digest, "id": digest[0], "account_id": 1, "user_id": 1}
    return ids | {"created_at": OLD, "expires_at": OLD}


SWEPT: list[tuple[str, str, Table, str, Callable[[bytes], dict[str, Any]]]] = [
    (
        "logins",
        "logins",
        schema.session,
        "hash",
        lambda digest: _person(digest) | {"peer": "", "last_used_at": OLD},
    ),
    ("logins", "logins", schema.link, "hash", lambda digest: _person(digest) | {"kind": "reset"}),
    (
        "logins",
        "logins",
        schema.login_attempt,
        "digest",
        lambda digest: {"digest": digest, "failures": 1, "last_at": OLD, "next_at": OLD},
    ),
    (
        "letters",
        "letter-rates",
        schema.letter_rate,
        "digest",
        lambda digest: {"digest": digest, "sent_at": OLD},
    ),
    (
        "idempotency",
        "idempotency",
        schema.idempotency,
        "request",
        lambda digest: {
            "account_id": 1,
            "actor": "user:1",
            "route": "POST /",
            "key": digest.hex(),
            "request": digest,
            "created_at": OLD,
        },
    ),
    (
        "faults",
        "faults",
        schema.queue_fault,
        "item",
        lambda digest: {
            "account_id": 1,
            "queue": "purges",
            "item": digest[0],
            "attempts": 1,
            "first_at": OLD,
            "next_attempt_at": OLD,
            "reason": "why",
        },
    ),
    (
        "retention",
        "retention-records",
        schema.refusal,
        "peer",
        lambda digest: {"hour": OLD, "peer": digest.hex(), "reason": "why", "count": 1},
    ),
    (
        "retention",
        "retention-records",
        schema.intake,
        "id",
        lambda digest: {
            "account_id": 1,
            "id": digest[0],
            "mailbox_id": 1,
            "source": "smtp",
            "peer": "",
            "received_at": OLD,
            "recipient": "",
            "helo": "",
            "tls": 0,
            "fate": "filed",
            "reason": "",
            "size_bytes": 1,
        },
    ),
    (
        "labels",
        "label-acts",
        schema.mark,
        "sequence",
        lambda digest: {
            "account_id": 1,
            "sequence": digest[0],
            "message_id": 7,
            "label": "none",
            "user_id": 1,
            "given_at": OLD,
            "source": "mark",
            "verdict_before": "ham",
        },
    ),
    (
        "backups",
        "tombstones",
        schema.tombstone,
        "digest",
        lambda digest: {"account_id": 1, "digest": digest, "erased_at": OLD, "expires_at": OLD},
    ),
    (
        "backups",
        "tombstones",
        schema.person_tombstone,
        "digest",
        lambda digest: {"account_id": 1, "digest": digest, "cut_at": OLD, "expires_at": OLD},
    ),
]


@pytest.mark.parametrize(
    ("job", "queue", "table", "column", "row"), SWEPT, ids=lambda it: getattr(it, "name", None)
)
def test_a_row_that_cannot_go_stops_no_sweep(
    built: House,
    job: str,
    queue: str,
    table: Table,
    column: str,
    row: Callable[[bytes], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What goes by its date goes around a row that the database does not let go; that one is told, and goes later."""
    later = [0]
    real = clock.now()
    monkeypatch.setattr(clock, "now", lambda: real + later[0])
    (work,) = [each.work for each in jobs(built, bool) if each.name == job]
    rows = [row(digest) for digest in DIGESTS]
    built.writer.run(lambda tx: _fill(tx, table, rows))
    first = rows[0][column]
    case = Case(queue=queue, job=job, fill=lambda _: None, table=table, id=column)
    poison(built, case, (0, first))

    with capture_logs():
        work()
    assert _left(built, table, rows, column) == {first}
    assert [fault.attempts for fault in faults(built, case)] == [1]
    cure(built, case)
    later[0] += clock.HOUR
    work()
    assert (_left(built, table, rows, column), list(faults(built, case))) == (set(), [])


def _fill(tx: Transaction, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if table is schema.mark:
        tx.connection.execute(
            schema.ledger_head.insert().values(account_id=1, next_sequence=9, stamp=1, rewritten=0)
        )
    for each in rows:
        tx.connection.execute(table.insert().values(**each))


def _left(house: House, table: Table, rows: Sequence[dict[str, Any]], column: str) -> set[Any]:
    with house.database.read() as connection:
        found = set(connection.execute(select(table.c[column])).scalars())
    return found & {each[column] for each in rows}  # faults of the sweep itself stand in one of the tables


@pytest.fixture(params=["sqlite", "postgresql"])
def built(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A house with two accounts, on each engine."""
    database: Database = request.getfixturevalue(f"{request.param}_database")
    url = database.url.render_as_string(hide_password=False) if request.param == "postgresql" else ""
    keys.create(tmp_path)
    config = Config(
        storage=Storage(directory=tmp_path, url=url),
        authentication=Authentication(enabled=False),
        retention=Retention(trash_days=1),
        backup=Backup(targets=str(tmp_path)),
    )
    made = house.build(config, keys.load(tmp_path, {}))
    made.start()
    for number in (1, 2):
        row = Account(
            id=number, name="", stage="active", billing="none", created_at=NOW, stage_entered_at=NOW
        )
        made.writer.run(lambda tx, row=row: add_account(tx.connection, row))  # type: ignore[misc]
    yield made
    made.close()


def poison(house: House, case: Case, row: Row) -> None:
    """From now on the database refuses this row what its queue would do to it."""
    where = f"BEFORE {case.poison} ON {case.table.name}"
    key: Any = row[1]
    written = f"{key}" if isinstance(key, int) else f"'{key}'"
    if isinstance(key, bytes):
        written = f"X'{key.hex()}'" if house.database.is_sqlite else f"'\\x{key.hex()}'::bytea"
    when = f"OLD.{case.id} = {written}"
    if house.database.is_sqlite:
        made = [f"CREATE TRIGGER poison {where} WHEN {when} BEGIN SELECT RAISE(ABORT, 'poisoned'); END"]
    else:
        made = [
            "CREATE OR REPLACE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'poisoned'; END $$",
            f"CREATE OR REPLACE TRIGGER poison {where} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION poison()",
        ]
    for statement in made:
        house.writer.run(lambda tx, each=statement: tx.connection.execute(text(each)))  # type: ignore[misc]


def cure(house: House, case: Case) -> None:
    """It refuses nothing any more."""
    on = "" if house.database.is_sqlite else f" ON {case.table.name}"
    house.writer.run(lambda tx: tx.connection.execute(text(f"DROP TRIGGER poison{on}")))
    if on:
        house.writer.run(lambda tx: tx.connection.execute(text("DROP FUNCTION poison() CASCADE")))


def left(house: House, case: Case) -> set[Row]:
    """The rows that are still to be done."""
    with house.database.read() as connection:
        rows = connection.execute(select(case.table)).all()
    return {(row.account_id, getattr(row, case.id)) for row in rows if case.left(row)}


def faults(house: House, case: Case) -> Sequence[QueueFault]:
    """What is on record of the queue."""
    with house.database.read() as connection:
        return queue_faults.list_faults(connection, case.queue)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.queue)
def test_a_row_that_fails_stops_no_other(built: House, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others of its account and of another are done at once; it is on record, waits longer each time, and
    is done when it can be.
    """
    later = [0]
    real = clock.now()
    monkeypatch.setattr(clock, "now", lambda: real + later[0])
    (job,) = [each for each in jobs(built, bool) if each.name == case.job]
    later[0] = 2 * clock.HOUR  # behind the hour in which a fresh process tells of no silence
    case.fill(built)
    assert left(built, case) == set(ROWS)
    poison(built, case, POISONED)

    with capture_logs() as told:
        job.work()
    (failure,) = [each for each in told if each.get("queue") == case.queue]
    assert (failure["account"], failure["item"], len(failure["error_id"])) == (*POISONED, 12)
    assert left(built, case) == {POISONED}
    (fault,) = faults(built, case)
    assert ((fault.account_id, fault.item), fault.attempts) == (POISONED, 1)
    assert "poisoned" not in fault.reason  # a text of the database may quote a mail
    later[0] += clock.MINUTE
    with capture_logs():
        job.work()
    (again,) = faults(built, case)
    assert (again.attempts, again.first_at) == (2, fault.first_at)
    assert again.next_attempt_at - clock.now() > fault.next_attempt_at - fault.first_at

    cure(built, case)
    job.work()
    assert left(built, case) == {POISONED}  # not before its time
    later[0] += clock.HOUR
    job.work()
    assert (left(built, case), list(faults(built, case))) == (set(), [])


def test_status_tells_what_fails(built: House) -> None:
    """`/v1/status` lists the rows of every queue that failed: an account's own to its people, all to the operator."""
    fault = QueueFault(
        account_id=1, queue="purges", item=7, attempts=2, first_at=NOW, next_attempt_at=NOW, reason="why"
    )
    others = replace(fault, account_id=2, item=8)
    for each in (fault, others):
        built.writer.run(lambda tx, row=each: queue_faults.put_fault(tx.connection, row))  # type: ignore[misc]
    letter = replace(LETTER, account_id=1, id=9, state="queued", done_at=None, reply="451 4.2.1")
    built.writer.run(lambda tx: add_to_outbox(tx.connection, [letter]))
    with built.database.read() as connection:
        own = queue_faults.list_failing(connection, 1, limit=10)
        every = queue_faults.list_failing(connection, None, limit=1)
    assert [(each.queue, each.item, each.reason) for each in own] == [
        ("purges", 7, "why"),
        ("outbox", 9, "451 4.2.1"),
    ]
    assert [(each.account_id, each.item) for each in every] == [(1, 7)]


def test_a_fault_whose_row_went_is_forgotten(built: House) -> None:
    """What was not tried for a week is no row of its queue any more."""
    fault = QueueFault(
        account_id=1, queue="purges", item=7, attempts=2, first_at=NOW, next_attempt_at=NOW, reason="why"
    )
    fresh = replace(fault, item=8, next_attempt_at=clock.now())
    for each in (fault, fresh):
        built.writer.run(lambda tx, row=each: queue_faults.put_fault(tx.connection, row))  # type: ignore[misc]
    (job,) = [each for each in jobs(built, bool) if each.name == "faults"]
    job.work()
    with built.database.read() as connection:
        assert [each.item for each in queue_faults.list_faults(connection, "purges")] == [8]


def test_a_provider_that_fails_stops_no_other_authorisation(
    built: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Authorisations are renewed each alone, whatever one of them fails with."""
    found = [
        OauthGrant(
            account_id=account,
            source_id=row,
            flow="code",
            token_url="https://provider.example/token",
            consent_url="",
            scope="",
            client_id="",
            state="valid",
        )
        for account, row in ROWS
    ]
    kept: list[int] = []

    def keep(_: object, grant: OauthGrant, __: object) -> None:
        if grant.source_id == POISONED[1]:
            raise RuntimeError("poisoned")
        kept.append(grant.source_id)

    monkeypatch.setattr("storage.sources.oauth_grants.grants_of_node", lambda *_: found)
    monkeypatch.setattr(tokens, "_is_due", lambda *_, **__: True)
    monkeypatch.setattr(tokens.AccessTokens, "_keep", keep)
    with capture_logs():
        built.imap.logins.tokens.keep_alive(0, built.config.imap)
    assert kept == [103, 102]
    with built.database.read() as connection:
        (fault,) = queue_faults.list_faults(connection, "authorisations")
    assert (fault.account_id, fault.item) == POISONED


def test_a_checkpoint_that_cannot_be_written_stops_no_other(built: House) -> None:
    """Each account's model is written alone; one in whose way something stands is written later."""
    _labels(built)
    models = built.config.storage.directory / "models"
    blocked = models / "1.model"
    blocked.mkdir(parents=True)
    with capture_logs():
        built.models.keep_up(built.writer, now=clock.now())
        built.models.keep_up(built.writer, now=clock.now() + clock.DAY)
    assert (models / "2.model").is_file()
    with built.database.read() as connection:
        (fault,) = queue_faults.list_faults(connection, "checkpoints")
    assert fault.account_id == 1
    blocked.rmdir()
    built.models.keep_up(built.writer, now=clock.now() + 2 * clock.DAY)
    assert blocked.is_file()
