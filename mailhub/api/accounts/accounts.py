"""/v1/accounts: the tenants and their stages. The operator sees all, a user their own."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from mailhub import clock
from mailhub.access.actor import Role
from mailhub.access.roles import require
from mailhub.accounts import lifecycle
from mailhub.accounts.lifecycle import LifecycleAct
from mailhub.accounts.opening import open_account
from mailhub.accounts.stages import next_step
from mailhub.accounts.steadiness import boot_time
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Limit, Page, instant, made, page
from mailhub.api.people.users import Email
from mailhub.callers.caller import Call, Caller, InAccount, TheHouse
from mailhub.errors import BadRequest, NotFound
from mailhub.people.people import LinkTerms
from mailhub.proof.act import MACHINE, perform
from storage.accounts import accounts, stages
from storage.privacy import holds

router = APIRouter(tags=["accounts"])


class Account(shapes.Shape):
    """One tenant."""

    id: int
    name: str
    stage: str
    billing: str
    created_at: str
    stage_entered_at: str


class NextStep(shapes.Shape):
    """Where the stage leads by itself, and when at the earliest; ``held`` names a hold that beats it."""

    to: str
    reason: str
    at: str | None
    held: int | None


class AccountInFull(Account):
    """A tenant with what comes next, the warnings its owner got, and the receipts of its deletion."""

    stage_reason: str
    term_began_at: str | None  # where the owner asked to go, when that was
    deletion_asked_at: str | None
    next: NextStep | None
    warnings: dict[int, str]  # days before the step: when it was given
    receipts: list[str]


class NewAccount(shapes.Shape):
    """A tenant to make, with its owner, who gets a link. ``billing`` none: no stage ends by itself.

    The link is mailed where letters can be written; ``show_link`` shows it instead.
    """

    name: Annotated[shapes.Name, Field(min_length=1)]
    billing: Literal["none", "external"] = "external"
    owner: Email
    owner_name: shapes.Name = ""
    show_link: bool = False


class MadeAccount(Account):
    """The new tenant; ``link`` invites its owner: shown only now, or null where it was mailed to them."""

    owner: int
    link: str | None
    mailed: bool


def _shape(row: accounts.Account) -> Account:
    return made(Account, row)


@router.get("/accounts")
def list_accounts(house: TheHouse, actor: Caller, limit: Limit = 50, after: After = None) -> Page[Account]:
    """Accounts the caller may see."""
    require(actor, "account.read", actor.account)
    with house.database.read() as connection:
        if actor.role is Role.OPERATOR or actor.machine:
            rows = list(accounts.list_accounts(connection, after=after or 0, limit=limit))
        else:
            own = accounts.find_account(connection, actor.account or 0)
            rows = [own] if own else []
    return page(rows, _shape, limit)


@router.post("/accounts", status_code=201)
def create_account(house: TheHouse, actor: Caller, body: NewAccount) -> MadeAccount:
    """Make an account with its owner: a trial with `billing` external, else active."""
    require(actor, "account.manage", None)
    now = clock.now()
    expires_at = now + int(house.config.login.link_hours * clock.HOUR)
    terms = LinkTerms(post=house.post, expires_at=expires_at, show=body.show_link)
    opened = house.writer.run(
        perform,
        open_account,
        actor.name,
        MACHINE,
        now,
        name=body.name,
        billing=body.billing,
        owner=body.owner,
        owner_name=body.owner_name,
        caller=actor,
        terms=terms,
    )

    return MadeAccount(
        **_shape(opened.account).model_dump(),
        owner=opened.owner.id,
        link=opened.handed.shown,
        mailed=opened.handed.mailed,
    )


@router.get("/accounts/current")
def show_account(call: InAccount) -> AccountInFull:
    """The account chosen with `?account=`, or the caller's own: its stage and what comes next."""
    call.require("account.read")
    return _in_full(call)


def _in_full(call: Call) -> AccountInFull:
    now = clock.now()
    with call.house.database.read() as connection:
        row = accounts.find_account(connection, call.account)
        warned = stages.warnings_given(connection, [call.account])[call.account]
        held = holds.any_hold(connection, call.account, now)
        receipts = lifecycle.receipts(connection, call.account)

    if row is None:
        raise NotFound("no such account")

    step = next_step(row, warned, now, call.house.config.lifecycle)
    following = step and NextStep(
        to=step.to, reason=step.reason, at=instant(step.step_at), held=held.id if held else None
    )

    return made(
        AccountInFull,
        row,
        term_began_at=instant(row.term_began_at or row.deletion_asked_at),
        next=following,
        warnings={days: clock.to_iso(at) for days, at in warned.items()},
        receipts=receipts,
    )


@router.post("/accounts/current/resume")
def resume(call: InAccount) -> AccountInFull:
    """Lift a suspension: the stage before it, with a whole new term. An owner's request to delete is taken back."""
    call.require("account.lift")
    by_owner = call.actor.role is Role.OWNER and not call.actor.machine

    return _do(call, partial(lifecycle.resume, by_owner=by_owner))


@router.post("/accounts/current/deletion")
def ask_deletion(call: InAccount, confirm: str = "") -> AccountInFull:
    """Ask for the account's deletion: the next sweeps take it through every stage without waiting.

    `confirm` repeats the account's id, as a guard. Needs a fresh second factor.
    """
    call.require("account.delete")
    call.require_fresh()
    if confirm != str(call.account):
        raise BadRequest(
            f"this ends in the deletion of everything: repeat the account's id, ?confirm={call.account}"
        )
    return _do(call, lifecycle.ask_deletion)


@router.post("/accounts/current/activate")
def activate(call: InAccount) -> AccountInFull:
    """Make a trial active."""
    call.require("account.manage")
    return _do(call, lifecycle.activate)


@router.post("/accounts/current/suspend")
def suspend(call: InAccount) -> AccountInFull:
    """Suspend a trial or active account: nobody of it can log in or read, and its mail is held."""
    call.require("account.manage")
    return _do(call, lifecycle.suspend)


@router.post("/accounts/current/terminate")
def terminate(call: InAccount) -> AccountInFull:
    """End a suspended account before its term: its routes, ApiTokens and rules go. Needs a fresh second factor."""
    call.require("account.manage")
    call.require_fresh()
    return _do(call, lifecycle.terminate)


@router.post("/accounts/current/payment-failed")
def payment_failed(call: InAccount) -> AccountInFull:
    """Billing could not collect. The first failure since the last success begins the term."""
    call.require("account.manage")
    return _do(call, lifecycle.payment_failed)


@router.post("/accounts/current/payment-ok")
def payment_ok(call: InAccount) -> AccountInFull:
    """Billing collected: a trial, or a suspension for money, becomes active."""
    call.require("account.manage")
    return _do(call, lifecycle.payment_ok)


def _do(call: Call, function: LifecycleAct) -> AccountInFull:
    call.house.writer.run(
        lifecycle.perform_now,
        function,
        call.house.lifecycle(),
        actor=call.actor.name,
        account=call.account,
        now=clock.now(),
        boot=boot_time(),
    )
    return _in_full(call)
