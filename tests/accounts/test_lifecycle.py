"""Stages by date: what the table says, at every step; holds, the clock, and what is left of a deleted account."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from mailhub import clock
from mailhub.access import holds as hold_flow
from mailhub.accounts import lifecycle, mailbox_domains
from mailhub.accounts.lifecycle import LifecycleContext, Swept
from mailhub.accounts.steadiness import AHEAD, BACK, JUMPED, SANE, Steadiness
from mailhub.backups.vault import Vault
from mailhub.clock import DAY, HOUR, MINUTE
from mailhub.config import Config, Lifecycle, Quotas, Relay
from mailhub.config import Letters as LetterSettings
from mailhub.errors import Conflict, Forbidden
from mailhub.keys import Keys
from mailhub.outbound.sealing import open_letter
from mailhub.proof import receipts
from mailhub.proof.act import Act, perform
from storage.accounts import accounts
from storage.accounts.account_rows import CONFIGURATION, PROOF, UNTIL_PURGED, rows_left, tables_of_accounts
from storage.accounts.accounts import Account
from storage.database import Database
from storage.engine.open_files import reading
from storage.mail import mail_domains
from storage.mail.outbox import claim_due, find_row
from storage.people import users
from storage.privacy.holds import Hold
from storage.proof import journal
from storage.schema import outbox
from storage.writer import Transaction
from tests.houses.desk import START, Desk, post_of

KEYS = Keys(bytes(range(32)))
EVERY = 12 * HOUR


@dataclass(kw_only=True)
class Life:
    """The desk's account under the lifecycle, with a clock and a boot time of its own."""

    desk: Desk
    context: LifecycleContext
    now: int = START
    boot: int = 0
    seen: list[str] = field(default_factory=list)

    def pass_time(self, span: int, *, sweeping: bool = True) -> None:
        """Let time pass; with the daemon running it sweeps twice a day."""
        end = self.now + span
        while sweeping and self.now + 12 * HOUR < end:
            self.move(12 * HOUR)
            self.sweep()
        self.move(end - self.now)
        if sweeping:
            self.sweep()

    def move(self, span: int) -> None:
        self.now += span
        self.boot += span

    def sweep(self) -> Swept:
        found = lifecycle.sweep(self.context, now=self.now, boot=self.boot)
        if (stage := self.account.stage) not in self.seen[-1:]:
            self.seen.append(stage)
        return found

    def until(self, stage: str, *, at_most: int) -> int:
        """Sweep every twelve hours until the account is in this stage; how long that took."""
        began = self.now
        while self.account.stage != stage:
            assert self.now - began <= at_most, (self.account, self.now)
            self.move(EVERY)
            self.sweep()
        return self.now - began

    @property
    def account(self) -> Account:
        with self.desk.database.read() as connection:
            found = accounts.find_account(connection, self.desk.account)
        assert found is not None
        return found

    def acts(self) -> list[journal.JournalEntry]:
        with self.desk.database.read() as connection:
            return list(journal.of_object(connection, self.desk.account, f"account:{self.desk.account}"))

    def act(self, function: object, **more: object) -> None:
        self.desk.writer.run(
            lambda tx: function(Act(tx, "operator:0", self.desk.account, self.now), self.context, **more)  # type: ignore[operator]
        )

    def hold(self, ends_at: int | None = None) -> Hold:
        order = partial(hold_flow.add_hold, kind="account", named=None, reason="claim", quotas=Quotas())
        return self.desk.writer.run(
            perform, order, "operator:0", self.desk.account, self.now, ends_at=ends_at
        )


@pytest.fixture
def life(desk: Desk, tmp_path: Path) -> Life:
    """The desk's account as a trial that begins now."""
    context = LifecycleContext(
        database=desk.database,
        writer=desk.writer,
        models=desk.filing.models,
        keys=KEYS,
        vault=Vault(
            database=desk.database,
            writer=desk.writer,
            keys=KEYS,
            targets=(tmp_path / "backups",),
            retention=30 * DAY,
        ),
        node=0,
        settings=Lifecycle(),
        steadiness=Steadiness(),
        refresh=desk.directory.refresh,
        post=post_of(desk),
    )
    values = {"stage": "trial", "billing": "external", "term_began_at": START, "created_at": START}
    desk.writer.run(lambda tx: accounts.change_account(tx.connection, desk.account, **values))
    made = Life(desk=desk, context=context)
    made.sweep()
    return made


def test_a_trial_goes_through_every_stage(life: Life) -> None:
    """14, 60, 30 and 30 days, each stage entered after its whole term, none left out, two warnings before
    each step but the last; then no row of the account is left but its own, its name gone, and the journal's,
    with two receipts.
    """
    first = life.desk.mail()
    life.desk.mail("leo@other.example")
    life.desk.do(
        lambda tx: accounts.change_account(
            tx.connection, life.desk.account, term_began_at=START
        )  # time stood still
    )
    took = [life.until(stage, at_most=61 * DAY) for stage in ("suspended", "terminated", "deleted", "purged")]
    for span, days in zip(took, (14, 60, 30, 30), strict=True):
        assert days * DAY < span <= days * DAY + 3 * EVERY
    assert life.seen == ["trial", "suspended", "terminated", "deleted", "purged"]
    warned = [
        (entry.detail["to"], entry.detail["days"]) for entry in life.acts() if entry.verb == "account.warn"
    ]
    assert warned == [(to, days) for to in ("suspended", "terminated", "deleted") for days in (7, 1)]
    with life.desk.database.read() as connection:
        assert set(rows_left(connection, life.desk.account)) == {"journal"}
    assert life.account.name == ""
    texts = [entry.detail["receipt"] for entry in life.acts() if "receipt" in entry.detail]
    bodies = [receipts.verify(text, receipts.public_key_of(life.context.keys)) for text in texts]
    assert [body["kind"] for body in bodies] == ["account-deleted", "account-purged"]
    assert first.message is not None
    assert life.sweep().acts == ()


def test_a_warning_removes_nothing(life: Life) -> None:
    """Until the hour of its deletion a terminated account has every row it had."""
    life.desk.mail()
    life.act(lifecycle.suspend)
    life.act(lifecycle.terminate)
    with life.desk.database.read() as connection:
        before = dict(rows_left(connection, life.desk.account))
    life.pass_time(30 * DAY)
    assert [entry.detail["days"] for entry in life.acts() if entry.verb == "account.warn"] == [7, 1]
    with life.desk.database.read() as connection:
        left = dict(rows_left(connection, life.desk.account))
    assert (before["message"], before["raw"]) == (1, 1)
    assert {name: left.get(name) for name in before if name != "journal"} == {
        name: count for name, count in before.items() if name != "journal"
    }


def test_a_terminated_account_keeps_no_domain(life: Life) -> None:
    """Its addresses are free then, and so is the domain for whoever proves it next."""
    life.desk.act(mailbox_domains.grant, Config(), "customer.example")
    with life.desk.database.read() as connection:
        assert mail_domains.is_settled_for_others(connection, life.desk.account + 1, "customer.example")
    life.act(lifecycle.suspend)
    life.act(lifecycle.terminate)
    with life.desk.database.read() as connection:
        assert not mail_domains.is_settled_for_others(connection, life.desk.account + 1, "customer.example")


def test_every_table_is_configuration_or_data() -> None:
    """A table of accounts is removed with the configuration, with the data, or is named as one that stays."""
    names = {table.name for table in tables_of_accounts()}
    assert set(CONFIGURATION) | PROOF | UNTIL_PURGED <= names
    assert {"message", "ticket", "raw", "ledger", "mark", "user", "contact", "hold", "stage_warning"} <= names


def test_downtime_lengthens_a_stage(life: Life) -> None:
    """After 40 days without a sweep the owner is warned first, and the whole warning time passes before the step."""
    life.pass_time(40 * DAY, sweeping=False)
    assert life.sweep().clock == SANE, "the process slept; its boot time went on"
    assert (life.account.stage, len(life.acts())) == ("trial", 1)
    life.pass_time(7 * DAY)
    assert life.account.stage == "trial"
    life.pass_time(DAY)
    assert life.account.stage == "suspended"
    entered = life.account.stage_entered_at
    life.until("terminated", at_most=62 * DAY)
    assert life.account.stage_entered_at - entered > 60 * DAY, (
        "its term counts from when it was really entered"
    )


def test_failing_payments_count_from_the_first_since_the_last_success(life: Life) -> None:
    """More than seven consecutive days suspend an active account; a success in between begins anew."""
    life.act(lifecycle.payment_ok)
    assert (life.account.stage, life.account.term_began_at) == ("active", None)
    life.pass_time(20 * DAY)
    life.act(lifecycle.payment_failed)
    began = life.now
    life.pass_time(6 * DAY)
    life.act(lifecycle.payment_failed)
    life.act(lifecycle.payment_ok)
    life.pass_time(6 * DAY)
    assert life.account.stage == "active"
    life.act(lifecycle.payment_failed)
    began = life.now
    life.until("suspended", at_most=8 * DAY)
    assert life.account.stage_entered_at - began > 7 * DAY
    life.act(lifecycle.payment_ok)
    assert (life.account.stage, life.account.term_began_at) == ("active", None)


def test_a_lifted_suspension_gives_a_whole_new_term(life: Life) -> None:
    """The operator lifts a trial's suspension; the owner not the operator's."""
    life.until("suspended", at_most=15 * DAY)
    life.act(lifecycle.resume, by_owner=False)
    assert (life.account.stage, life.account.term_began_at) == ("trial", life.now)
    life.act(lifecycle.suspend)
    with pytest.raises(Forbidden):
        life.act(lifecycle.resume, by_owner=True)
    life.act(lifecycle.resume, by_owner=False)
    with pytest.raises(Conflict):
        life.act(lifecycle.terminate)


def test_an_owners_request_waits_for_nothing_but_skips_no_stage(life: Life) -> None:
    """Asked for, three sweeps delete the account, also one without billing; its backups' term stays."""
    values = {"stage": "active", "billing": "none", "term_began_at": None}
    life.desk.writer.run(lambda tx: accounts.change_account(tx.connection, life.desk.account, **values))
    life.pass_time(30 * DAY)
    assert life.account.stage == "active", "billing none is never touched"
    life.act(lifecycle.ask_deletion)
    life.act(lifecycle.ask_deletion)
    for stage in ("suspended", "terminated", "deleted", "deleted"):
        life.pass_time(MINUTE)
        assert life.account.stage == stage
    assert life.until("purged", at_most=31 * DAY) > 29 * DAY


def test_a_request_is_taken_back_by_lifting(life: Life) -> None:
    """While suspended the owner may change their mind."""
    life.act(lifecycle.ask_deletion)
    life.pass_time(MINUTE)
    life.act(lifecycle.resume, by_owner=True)
    assert (life.account.stage, life.account.deletion_asked_at) == ("trial", None)
    life.pass_time(MINUTE)
    assert life.account.stage == "trial"


def test_no_owner_makes_a_trial_longer(life: Life) -> None:
    """Over it is lifted by no owner; asking for deletion and lifting that again and again ends with its term, too."""
    began = life.now
    while life.account.stage == "trial":
        assert life.now - began < 22 * DAY, "the trial's term, and its warnings given anew once"
        life.act(lifecycle.ask_deletion)
        life.pass_time(MINUTE)
        assert life.account.stage == "suspended"
        life.act(lifecycle.resume, by_owner=True)
        assert life.account.deletion_asked_at is None
        life.pass_time(2 * DAY)
    assert (life.account.stage, life.account.stage_reason) == ("suspended", "trial-ended")
    with pytest.raises(Forbidden, match="the trial is over"):
        life.act(lifecycle.resume, by_owner=True)

    life.act(lifecycle.ask_deletion)
    life.act(lifecycle.resume, by_owner=True)
    assert (life.account.stage, life.account.deletion_asked_at, life.account.term_began_at) == (
        "suspended",
        None,
        life.now,
    )
    life.act(lifecycle.payment_ok)
    assert life.account.stage == "active"


def test_a_hold_beats_every_stage_and_lifted_lets_it_go_on(life: Life) -> None:
    """While anything is held no step is taken; afterwards the held work goes on by itself."""
    hold = life.hold()
    life.pass_time(30 * DAY)
    assert life.account.stage == "trial"
    assert [act.left for act in life.sweep().acts] == ["held"]
    life.desk.writer.run(perform, hold_flow.lift_hold, "operator:0", life.desk.account, life.now, hold.id)
    life.pass_time(MINUTE)
    assert life.account.stage == "suspended"
    life.hold(ends_at=life.now + 90 * DAY)
    life.pass_time(89 * DAY)
    assert life.account.stage == "suspended"
    life.pass_time(2 * DAY)
    assert life.account.stage == "terminated"


def test_a_clock_that_jumps_moves_no_account(life: Life) -> None:
    """A year ahead, or back, nothing is warned or moved; back in step, or confirmed, it goes on."""
    life.now += 365 * DAY
    assert (life.sweep().clock, life.account.stage, len(life.acts())) == (JUMPED, "trial", 0)
    life.move(30 * DAY)
    assert life.sweep().clock == JUMPED
    life.now -= 365 * DAY
    assert life.sweep().clock == SANE
    life.now -= 5 * DAY
    assert life.sweep().clock == JUMPED
    lifecycle.confirm_clock(life.context, "operator:0", now=life.now, boot=life.boot)
    assert life.sweep().clock == SANE


def test_a_date_written_under_a_jumped_clock_is_what_it_should_be(life: Life) -> None:
    """A payment that fails while the clock is a year ahead begins its term now, not next year."""
    true = life.now + HOUR
    life.now, life.boot = true + 365 * DAY, life.boot + HOUR
    with life.desk.database.read() as connection:
        assert lifecycle.present(life.context, connection, now=life.now, boot=life.boot) == true


@pytest.mark.parametrize(
    ("gap", "state"), [(2 * DAY, SANE), (40 * DAY, AHEAD), (-HOUR, BACK), (-MINUTE, SANE)], ids=str
)
def test_after_a_start_the_newest_row_judges_the_clock(life: Life, gap: int, state: str) -> None:
    """A restart far ahead is doubted until it ran steadily for a day; one behind is doubted until it has caught up."""
    life.now, life.boot = life.now + gap, 0
    fresh = replace(life.context, steadiness=Steadiness())
    again = Life(desk=life.desk, context=fresh, now=life.now)
    assert again.sweep().clock == state
    again.move(25 * HOUR)
    assert again.sweep().clock == SANE


def test_suspended_mail_is_taken_and_nothing_is_sent(life: Life) -> None:
    """What is queued waits while the account is suspended, and goes when that is lifted."""
    life.desk.answer(life.desk.ticket_of(life.desk.mail()))
    life.act(lifecycle.suspend)
    claim = partial(_claim, now=life.desk.now + DAY)
    assert life.desk.writer.run(claim) is None
    assert life.desk.mail("leo@other.example").fate == "filed"
    life.act(lifecycle.resume, by_owner=False)
    assert life.desk.writer.run(claim) is not None


def _claim(transaction: Transaction, *, now: int) -> object:
    return claim_due(transaction.connection, now, until=now + HOUR)


def test_terminated_addresses_are_unknown(life: Life) -> None:
    """With the configuration the routes go: RCPT answers 550, also where no other mailbox is served."""
    life.act(lifecycle.suspend)
    life.act(lifecycle.terminate)
    assert life.desk.directory.resolve("support@example.com") == "unknown-recipient"
    assert life.desk.directory.resolve("postmaster@example.com") == "unknown-recipient"
    with life.desk.database.read() as connection:
        assert not set(rows_left(connection, life.desk.account)) & set(CONFIGURATION)


# --- letters to owners ------------------------------------------------------------------------------------------------


def with_post(life: Life) -> Life:
    """The same, with an owner, and letters that can be sent."""
    writing = post_of(
        life.desk, letters=LetterSettings(sender="noreply@hub.example"), relay=Relay(host="relay.example")
    )
    life.context = replace(life.context, post=writing)
    life.desk.writer.run(lambda tx: users.set_role(tx.connection, life.desk.account, life.desk.ana, "owner"))
    return life


def mailed(life: Life) -> list[tuple[str, str, str]]:
    """(kind, recipient, state) of every letter, in order."""
    query = select(outbox.c.kind, outbox.c.recipient, outbox.c.state).order_by(outbox.c.id)
    with life.desk.database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_owners_are_written_to_before_and_at_every_step(life: Life) -> None:
    """Two warnings, then the notice, at each step to the last that has an address; the journal counts the letters."""
    with_post(life)
    life.until("deleted", at_most=120 * DAY)
    told = [
        act for act in life.acts() if act.verb in ("account.warn", "account.suspend", "account.terminate")
    ]
    assert [(act.verb, act.detail["mailed"]) for act in told] == [
        ("account.warn", 1), ("account.warn", 1), ("account.suspend", 1),
        ("account.warn", 1), ("account.warn", 1), ("account.terminate", 1),
        ("account.warn", 1), ("account.warn", 1),
    ]  # fmt: skip


def test_a_warning_and_its_letter_are_one_transaction(life: Life) -> None:
    """What the letter says is what the row says, to each owner and to nobody else."""
    with_post(life)
    life.pass_time(8 * DAY)
    assert mailed(life) == [("stage-warning", "ana@staff.example", "queued")]
    with life.desk.database.read() as connection:
        row = find_row(connection, life.desk.account, connection.execute(select(outbox.c.id)).scalar_one())
    assert row is not None
    text = open_letter(life.context.post.keys, row).decode()
    warned = next(act for act in life.acts() if act.verb == "account.warn")
    assert clock.to_iso(warned.detail["step_at"]) in text
    assert row.not_after == warned.detail["step_at"]  # afterwards it would say nothing any more


def test_an_owner_who_asks_for_deletion_gets_one_letter(life: Life) -> None:
    """They are told at once, and not of every stage on the way."""
    with_post(life)
    life.act(lifecycle.ask_deletion)
    life.sweep()
    life.sweep()
    assert life.account.stage == "terminated"
    assert mailed(life) == [("deletion-asked", "ana@staff.example", "queued")]


def test_without_a_sender_a_warning_is_still_given(life: Life) -> None:
    """Warnings are rows, mailed or not: the step waits for them in either case."""
    life.pass_time(8 * DAY)
    [warned] = [act for act in life.acts() if act.verb == "account.warn"]
    assert (warned.detail["mailed"], mailed(life)) == (0, [])


def test_a_deleted_account_leaves_no_name_in_any_file(life: Life) -> None:
    """From `deleted` on its name is in no byte of the database's files, the log among them."""
    name = "Zanzibarian Kestrel Traders"
    database = life.desk.database
    life.desk.writer.run(lambda tx: accounts.change_account(tx.connection, life.desk.account, name=name))
    assert _files_with(database, name) or not database.is_sqlite
    life.act(lifecycle.ask_deletion)
    life.until("deleted", at_most=5 * DAY)
    assert _files_with(database, name) == []


def _files_with(database: Database, name: str) -> list[str]:
    """By the engine's own descriptors: nobody else opens and closes its files."""
    found = []
    for path in database.file_paths():
        with reading(path) as read_at:
            if name.encode() in read_at(path.stat().st_size, 0):
                found.append(path.name)
    return found
