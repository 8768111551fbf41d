"""FLOW 4: account stages by date. ``stages`` decides, here it is done; top to bottom in ``sweep``:

    is the clock sane? -> which terms may be over (one index range a stage) -> each account in a turn of its own:
    locked, asked again, held? -> warned, or its next stage entered -> commit

Durable states: account.stage with the instant it was really entered, term_began_at, the warnings of the term. A stage
is entered in the transaction that makes it true (``enter``), so a crash leaves the account in one stage or the other;
``deleted`` is entered after ``accounts.removal`` found nothing left. An account moves one stage a sweep, and no stage
is left out. A hold on anything of the account beats every step (not the warnings). billing = none has no term. Must
not: believe a clock that jumped (``steadiness``); look at a clock itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import structlog

from mailhub.accounts import letters, mailbox_domains, removal, stages
from mailhub.accounts.stages import Due, due, looked_at, trial_is_over
from mailhub.accounts.steadiness import JUMPED, SANE, Steadiness
from mailhub.backups.erasing import backups_holding, rewrite_key_files
from mailhub.backups.vault import Vault
from mailhub.config import Lifecycle
from mailhub.errors import Conflict, Forbidden, NotFound, Unavailable
from mailhub.filter.models import Models
from mailhub.keys import Keys
from mailhub.outbound.letters import Post
from mailhub.proof.act import MACHINE, Act
from mailhub.system.queues import Queue
from storage.accounts import accounts
from storage.accounts import stages as rows
from storage.accounts.accounts import OPEN, Account
from storage.accounts.stages import ClockMark
from storage.database import Connection, Database
from storage.privacy import holds
from storage.proof import journal
from storage.writer import Transaction, Writer

PAGE = 500  # accounts looked up at once
SYSTEM = "system"

log = structlog.get_logger("mailhub.accounts.lifecycle")


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleContext:
    """What the lifecycle needs of the house; ``refresh`` tells the doors after a commit."""

    database: Database
    writer: Writer
    models: Models
    keys: Keys
    vault: Vault
    node: int
    settings: Lifecycle
    steadiness: Steadiness
    refresh: Callable[[], None]
    post: Post


@dataclass(frozen=True, slots=True)
class StageMove:
    """One thing a sweep did, would do, or leaves: ``left`` says why (held, backups, clock, failed)."""

    account: int
    stage: str
    due: Due
    left: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep found. ``clock`` is ``sane``, or why everything waits."""

    clock: str
    acts: tuple[StageMove, ...]


# --- the sweep --------------------------------------------------------------------------------------------------------


def sweep(context: LifecycleContext, *, now: int, boot: int) -> Swept:
    """Do what is due, one stage an account at most; returns after the last commit."""
    state = look_at_clock(context, now=now, boot=boot)
    found = list(plan(context.database, context.settings, now=now))
    if state != SANE:
        return Swept(clock=state, acts=tuple(replace(act, left="clock") for act in found))
    queue = Queue(context.database, context.writer, "stages", now=now)
    done = (act if act.left else _attempted(context, queue, act, now) for act in found)
    return Swept(clock=state, acts=tuple(act for act in done if act is not None))


def _attempted(context: LifecycleContext, queue: Queue, act: StageMove, now: int) -> StageMove | None:
    """An account whose step fails keeps no other from its own; it is tried again, later each time."""
    done = queue.run(act.account, act.account, _act, context, act, now)
    return replace(act, left="failed") if queue.waits(act.account, act.account) else done


def plan(database: Database, settings: Lifecycle, *, now: int) -> Iterator[StageMove]:
    """What a sweep would find due at that time, and what a hold keeps. Reads only."""
    for stage in stages.TRANSITIONS:
        upto = looked_at(stage, now, settings)
        after = (-1, 0)
        while True:
            with database.read() as connection:
                page = accounts.accounts_with_term(connection, stage, upto=upto, after=after, limit=PAGE)
                acts = _all_found(connection, page, now, settings)
            yield from acts
            if len(page) < PAGE:
                break
            after = (page[-1].term_began_at or 0, page[-1].id)


def _all_found(
    connection: Connection, some: Sequence[Account], now: int, settings: Lifecycle
) -> list[StageMove]:
    """What is due for these accounts, and what keeps it back."""
    warned = rows.warnings_given(connection, [each.id for each in some])
    wanted = [(each, due(each, warned[each.id], now, settings)) for each in some]
    return [
        StageMove(each.id, each.stage, it, _kept_back(connection, each, it, now)) for each, it in wanted if it
    ]


def _found(connection: Connection, account: int, now: int, settings: Lifecycle) -> StageMove | None:
    """What is due for one account."""
    found = accounts.find_account(connection, account)
    return next(iter(_all_found(connection, [found], now, settings)), None) if found else None


def _kept_back(connection: Connection, account: Account, wanted: Due, now: int) -> str:
    """Why a step that is due is not taken: something is held, or a backup still holds a deleted account."""
    if wanted.warn_days is not None:
        return ""
    if holds.any_hold(connection, account.id, now):
        return "held"
    waits = wanted.to == "purged" and backups_holding(connection, before=account.stage_entered_at)
    return "backups" if waits else ""


def _act(context: LifecycleContext, act: StageMove, now: int) -> StageMove | None:
    """Warn, or enter the next stage, in a turn that asks again; None when it is due no more."""
    if act.due.warn_days is None:
        return _step(context, act, now)
    return context.writer.run(lambda tx: _warn(context, tx, act, now))


def _step(context: LifecycleContext, act: StageMove, now: int) -> StageMove | None:
    """Remove what goes with the next stage, in turns of their own, then enter it."""
    still = partial(_still, context, act, now)
    if act.due.to == "deleted":
        removal.remove_rows(context.writer, context.models, act.account, require=still)
        context.writer.run(
            partial(_forget_name, act.account, still)
        )  # ahead of the scrub: pages hold it, too
        removal.scrub(context.database, context.writer)
        _rewrite_key_files(context)
    elif act.due.to == "purged":
        removal.remove_tombstones(context.writer, act.account, require=still)

    done = context.writer.run(lambda tx: _enter_due(context, tx, act, now))
    if done is not None and act.due.to in removal.FINAL:
        _rewrite_key_files(
            context
        )  # the stage is in them: a restored backup opens no routes and brings nothing back

    return done


def _forget_name(account: int, still: removal.Require, transaction: Transaction) -> None:
    if still(transaction):
        accounts.change_account(transaction.connection, account, name="")


def _rewrite_key_files(context: LifecycleContext) -> None:
    if rewrite_key_files(context.vault):
        raise Unavailable(
            "a key file of the backups could not be rewritten: see the log; the next sweep tries again"
        )


def _still(context: LifecycleContext, act: StageMove, now: int, transaction: Transaction) -> bool:
    """Whether the same step is due still, the account locked: asked in every turn that removes."""
    accounts.lock_account(transaction.connection, act.account)
    return _found(transaction.connection, act.account, now, context.settings) == act


def _warn(context: LifecycleContext, transaction: Transaction, act: StageMove, now: int) -> StageMove | None:
    if act.due.warn_days is None or not _still(context, act, now, transaction):
        return None
    rows.add_warning(transaction.connection, act.account, days=act.due.warn_days, given_at=now)
    detail = {"days": act.due.warn_days, "to": act.due.to, "step_at": act.due.step_at}
    account = _locked(transaction, act.account)
    detail["mailed"] = letters.warn_of_step(transaction, context.post, account, act.due, now=now)
    _record(Act(transaction, SYSTEM, act.account, now), "account.warn", detail)
    return act


def _enter_due(
    context: LifecycleContext, transaction: Transaction, act: StageMove, now: int
) -> StageMove | None:
    if not _still(context, act, now, transaction):
        return None
    enter(Act(transaction, SYSTEM, act.account, now), context, act.due.to, act.due.reason)
    return act


# --- the clock --------------------------------------------------------------------------------------------------------


def look_at_clock(context: LifecycleContext, *, now: int, boot: int) -> str:
    """Judge the clock and remember what was found."""
    with context.database.read() as connection:
        mark = rows.find_clock_mark(connection, context.node)
    state = context.steadiness.judge(mark, now, boot, context.settings)
    seen = now if state == SANE or mark is None else mark.seen_at
    if state == JUMPED:
        seen = max(seen, context.steadiness.trusted(now, boot, mark, context.settings))
    made = ClockMark(seen, state)
    context.writer.run(lambda tx: rows.set_clock_mark(tx.connection, tx.node, made))
    return state


def clock_state(context: LifecycleContext, *, now: int, boot: int) -> str:
    """What is to be thought of the clock, for whoever is about to delete by date; nothing is remembered."""
    with context.database.read() as connection:
        mark = rows.find_clock_mark(connection, context.node)
    return context.steadiness.look(mark, now, boot, context.settings)


def confirm_clock(context: LifecycleContext, actor: str, *, now: int, boot: int) -> None:
    """The operator vouches for the clock: stages go on from here."""

    def confirm(transaction: Transaction) -> None:
        rows.set_clock_mark(transaction.connection, transaction.node, ClockMark(now, SANE))
        _record(Act(transaction, actor, MACHINE, now), "clock.confirm", {})

    context.writer.run(confirm)
    context.steadiness.confirm(now, boot)


def present(context: LifecycleContext, connection: Connection, *, now: int, boot: int) -> int:
    """The instant to write down for an act of now: not what a clock that jumped says."""
    mark = rows.find_clock_mark(connection, context.node)
    return context.steadiness.trusted(now, boot, mark, context.settings)


# --- stages -----------------------------------------------------------------------------------------------------------


def enter(act: Act, context: LifecycleContext, to: str, reason: str) -> None:
    """Enter a stage: its rows, what it removes, its journal row, its receipt. The doors hear of it after the commit."""
    connection = act.transaction.connection
    found = _locked(act.transaction, act.account)
    detail: dict[str, Any] = {"from": found.stage, "reason": reason}
    values: dict[str, Any] = {
        "stage": to,
        "stage_reason": reason,
        "stage_entered_at": act.now,
        "stage_before": None,
    }
    values["term_began_at"] = _term_of(found, to, act.now)
    rows.clear_warnings(connection, act.account)

    if to == "suspended":
        values["stage_before"] = found.stage
    elif to == "terminated":
        detail["removed"] = removal.remove_configuration(connection, act.account)
    elif to in ("deleted", "purged"):
        detail |= removal.proof(connection, context.keys, found, to, now=act.now)
        values["name"] = ""

    accounts.change_account(connection, act.account, **values)
    if to in letters.TOLD_OF and reason != stages.ASKED:  # who asked was told then
        detail["mailed"] = letters.tell_of_stage(
            act.transaction, context.post, found, to, reason, now=act.now
        )
    _record(act, f"account.{VERBS[to]}", detail)
    act.transaction.after_commit(context.refresh)


VERBS = {
    "trial": "resume",
    "active": "activate",
    "suspended": "suspend",
    "terminated": "terminate",
    "deleted": "delete",
    "purged": "purge",
}


def _term_of(account: Account, to: str, now: int) -> int | None:
    """From when the term of the stage that is entered counts."""
    if account.deletion_asked_at is not None and to in ("suspended", "terminated"):
        return 0
    if to in ("active", "purged"):
        return None
    if account.billing == "none" and to != "deleted":
        return None
    return now


def new_account(act: Act, *, name: str, billing: str) -> Account:
    """Make an account: a trial, or without billing an active one whose stage never ends by itself."""
    transaction = act.transaction
    trial = billing == "external"
    row = Account(
        id=transaction.new_id(),
        name=name,
        stage="trial" if trial else "active",
        billing=billing,
        created_at=act.now,
        stage_entered_at=act.now,
        term_began_at=act.now if trial else None,
    )
    mailbox_domains.keep_in_use(transaction, now=act.now)
    accounts.add_account(transaction.connection, row)
    act.of(row.id).record("account.create", f"account:{row.id}", billing=billing)

    return row


# --- acts of people and billing ---------------------------------------------------------------------------------------


def receipts(connection: Connection, account: int) -> list[str]:
    """The receipts of an account's deletion, from its journal."""
    acts = journal.of_object(connection, account, f"account:{account}")
    return [entry.detail["receipt"] for entry in acts if "receipt" in entry.detail]


class LifecycleAct(Protocol):
    """What people and billing do to an account: one of the functions below."""

    def __call__(self, act: Act, context: LifecycleContext, /) -> Account:
        """Do it; the account afterwards."""


def perform_now(
    transaction: Transaction,
    function: LifecycleAct,
    context: LifecycleContext,
    *,
    actor: str,
    account: int,
    now: int,
    boot: int,
) -> Account:
    """Do one of these acts at the instant that can be written down now, which a clock that jumped does not say."""
    at = present(context, transaction.connection, now=now, boot=boot)
    return function(Act(transaction, actor, account, at), context)


def payment_failed(act: Act, context: LifecycleContext) -> Account:
    """Billing could not collect: in ``active`` the term begins with the first failure since the last success."""
    found = _billed(act.transaction, act.account)
    if found.stage == "active" and found.term_began_at is None:
        accounts.change_account(act.transaction.connection, act.account, term_began_at=act.now)
    _record(act, "account.payment-failed", {"stage": found.stage})
    return _locked(act.transaction, act.account)


def payment_ok(act: Act, context: LifecycleContext) -> Account:
    """Billing collected: a trial or a suspension for money becomes active, failures are forgotten."""
    found = _billed(act.transaction, act.account)
    _record(act, "account.payment-ok", {"stage": found.stage})
    if found.deletion_asked_at is not None or (
        found.stage == "suspended" and found.stage_reason == "by-operator"
    ):
        return found

    if found.stage in ("trial", "suspended"):
        enter(act, context, "active", "paid")
    elif found.stage == "active" and found.term_began_at is not None:
        rows.clear_warnings(act.transaction.connection, act.account)
        accounts.change_account(act.transaction.connection, act.account, term_began_at=None)

    return _locked(act.transaction, act.account)


def activate(act: Act, context: LifecycleContext) -> Account:
    """The operator makes a trial active."""
    if _alive(act.transaction, act.account).stage != "trial":
        raise Conflict("only a trial is activated; a suspension is lifted (mailhub account resume)")
    enter(act, context, "active", "by-operator")
    return _locked(act.transaction, act.account)


def suspend(act: Act, context: LifecycleContext) -> Account:
    """The operator suspends a trial or active account. Its owner cannot lift that."""
    if _alive(act.transaction, act.account).stage not in OPEN:
        raise Conflict("only a trial or an active account is suspended")
    enter(act, context, "suspended", "by-operator")
    return _locked(act.transaction, act.account)


def resume(act: Act, context: LifecycleContext, *, by_owner: bool) -> Account:
    """Lift a suspension: the stage before it, with a whole new term. An owner's deletion request is taken back.

    A trial that its owner lifts ends when it would have ended: asking and lifting make it no longer. One that is over is
    lifted by a payment or the operator; its owner can still take their request for deletion back.
    """
    found = _locked(act.transaction, act.account)
    if found.stage != "suspended":
        raise Conflict(f"the account is {found.stage}: only a suspension can be lifted")
    if by_owner and found.stage_reason == "by-operator":
        raise Forbidden("the operator suspended this account, and alone can lift that")

    of_trial = by_owner and found.stage_before == "trial"
    if of_trial and trial_is_over(found, act.now, context.settings):
        return _stay_suspended(act, found)

    accounts.change_account(act.transaction.connection, act.account, deletion_asked_at=None)
    enter(act, context, found.stage_before or "active", "lifted")
    if of_trial:
        accounts.change_account(act.transaction.connection, act.account, term_began_at=found.created_at)
    if found.stage_reason == "payment-failed" and found.stage_before == "active":
        accounts.change_account(
            act.transaction.connection, act.account, term_began_at=act.now
        )  # billing fails still

    return _locked(act.transaction, act.account)


def _stay_suspended(act: Act, found: Account) -> Account:
    """The trial is over: only the owner's request for deletion can be taken back, and the suspension's term begins anew."""
    if found.deletion_asked_at is None:
        raise Forbidden("the trial is over: a payment makes the account active, or the operator lifts this")

    connection = act.transaction.connection
    rows.clear_warnings(connection, act.account)
    values = {"deletion_asked_at": None, "stage_reason": "trial-ended", "term_began_at": act.now}
    accounts.change_account(connection, act.account, **values)
    _record(act, "account.keep", {"stage": found.stage})
    return _locked(act.transaction, act.account)


def terminate(act: Act, context: LifecycleContext) -> Account:
    """The operator terminates a suspended account before its term is over."""
    if _locked(act.transaction, act.account).stage != "suspended":
        raise Conflict("only a suspended account is terminated: suspend it first")
    holds_allow(act.transaction, act.account, act.now)
    enter(act, context, "terminated", "by-operator")
    return _locked(act.transaction, act.account)


def ask_deletion(act: Act, context: LifecycleContext) -> Account:
    """The owner wants the account gone: the next sweeps take it through every stage to ``deleted``, without waiting."""
    found = _locked(act.transaction, act.account)
    if found.stage in ("deleted", "purged"):
        raise Conflict("the account is deleted already")
    if found.deletion_asked_at is None:
        accounts.change_account(
            act.transaction.connection, act.account, deletion_asked_at=act.now, term_began_at=0
        )
        mailed = letters.tell_of_request(act.transaction, context.post, found, now=act.now)
        _record(act, "account.ask-deletion", {"stage": found.stage, "mailed": mailed})
    return _locked(act.transaction, act.account)


def holds_allow(transaction: Transaction, account: int, now: int) -> None:
    """Raise ``Conflict`` while anything of the account is held."""
    if held := holds.any_hold(transaction.connection, account, now):
        raise Conflict(f"hold {held.id} on the {held.kind} keeps the account as it is: lift it first")


def _locked(transaction: Transaction, account: int) -> Account:
    found = accounts.lock_account(transaction.connection, account)
    if found is None:
        raise NotFound("no such account")
    return found


def _alive(transaction: Transaction, account: int) -> Account:
    found = _locked(transaction, account)
    if found.deletion_asked_at is not None:
        raise Conflict("its owner asked for its deletion: he can take that back by lifting the suspension")
    return found


def _billed(transaction: Transaction, account: int) -> Account:
    found = _locked(transaction, account)
    if found.billing != "external":
        raise Conflict("billing does not concern this account (billing = none)")
    return found


def _record(act: Act, verb: str, detail: dict[str, Any]) -> None:
    act.record(verb, f"account:{act.account}", **detail)
