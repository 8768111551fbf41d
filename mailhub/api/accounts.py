"""/v1/accounts: the tenants. The operator sees all, a user his own. Stages change with the lifecycle."""

from __future__ import annotations

from fastapi import APIRouter

from mailhub.access.actor import Role
from mailhub.access.roles import require
from mailhub.api import shapes
from mailhub.api.caller import Caller, InAccount, TheHouse
from mailhub.api.shapes import After, Limit, Page, made, page
from mailhub.errors import NotFound
from storage import accounts

router = APIRouter(tags=["accounts"])


class Account(shapes.Shape):
    """One tenant."""

    id: int
    name: str
    stage: str
    billing: str
    created_at: str
    stage_entered_at: str


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


@router.get("/accounts/current")
def show_account(call: InAccount) -> Account:
    """The account chosen with `?account=`, or the caller's own."""
    call.require("account.read")
    with call.house.database.read() as connection:
        row = accounts.find_account(connection, call.account)
    if row is None:
        raise NotFound("no such account")
    return _shape(row)
