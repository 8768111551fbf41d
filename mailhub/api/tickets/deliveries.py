"""POST /v1/deliveries: mail in by pipe (`mailhub deliver`) or from an archive (`mailhub import`), one a request.

The same pipeline as SMTP: the answer comes after the commit. Must not: answer 2xx before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from mailhub import clock, envelope
from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named
from mailhub.callers.caller import Call, Caller, TheHouse, choose_account
from mailhub.envelope import Envelope, Fate, Recipient, Refusal, Source
from mailhub.errors import BadRequest, InsufficientStorage, NoSuchRecipient, NotFound, Unavailable
from mailhub.house import House
from mailhub.message.return_path import return_path
from storage.mail import mailboxes

router = APIRouter(tags=["intake"])


MAILBOXES_LOOKED_AT = 100  # for the first that takes mail


class Outcome(shapes.Named):
    """What became of the delivery to one recipient."""

    recipient: str
    fate: str
    reason: str
    message: int | None
    ticket: int | None


class Filed(shapes.Shape):
    """The fates of one message, a recipient each."""

    outcomes: list[Outcome]

    @staticmethod
    def of(call: Call, outcomes: Sequence[envelope.Outcome]) -> Filed:
        """The pipeline's outcomes as the API writes them."""
        shown = [shapes.made(Outcome, each) for each in outcomes]
        with call.house.database.read() as connection:
            return Filed(outcomes=named(call, connection, shown))


Recipients = Annotated[list[str] | None, Query(description="Default: the account's first mailbox.")]


def the_delivery(
    house: TheHouse,
    actor: Caller,
    recipient: Recipients = None,
    account: Annotated[str | None, Query(include_in_schema=False)] = None,
) -> Call:
    """House, actor and account: for who serves the machine, without a named account, the one that the
    addresses lead to; else as everywhere.
    """
    if recipient and account is None and (actor.account is None or actor.machine):
        served = {_served(house, each).account for each in recipient}
        if len(served) > 1:
            raise BadRequest(
                "the recipients belong to several accounts: deliver to each with a call of its own"
            )
        return Call(house, actor, served.pop())
    return Call(house, actor, choose_account(house, actor, account))


def _served(house: House, address: str) -> Recipient:
    """Where an address leads. Raises ``NoSuchRecipient``."""
    found = house.directory.resolve(address)
    if found is Refusal.UNKNOWN:
        raise NoSuchRecipient("no such mailbox: nobody here is served at this address")
    if isinstance(found, Refusal):
        raise Unavailable("the account that serves this address takes no mail now")
    return found


@router.post(
    "/deliveries",
    openapi_extra={"requestBody": {"content": {"message/rfc822": shapes.ANY_MAIL}, "required": True}},
)
async def deliver(
    request: Request,
    call: Annotated[Call, Depends(the_delivery)],
    recipient: Recipients = None,
    mail_from: Annotated[
        str | None,
        Query(
            description="Reverse path; empty means the null sender, absent what the mail's Return-Path says."
        ),
    ] = None,
    source: Literal["pipe", "import"] = "pipe",
) -> Filed:
    """File one message (the body, as it is). An import is quiet: no automation of any kind.

    What a trusted host says in it (Authentication-Results) is believed of the machine's operator only.
    """
    call.require("mail.import" if source == "import" else "mail.deliver")
    recipients = tuple(recipient or [await run_in_threadpool(_first_mailbox, call)])
    _require_own(call, recipients)
    if source == "pipe" and any(call.house.reception.resolve(each) is Refusal.RETIRED for each in recipients):
        raise NoSuchRecipient("this mailbox is retired: it takes no new mail")
    raw = await request.body()
    if not raw.strip():
        raise BadRequest("there is no message in the body")

    handed = Envelope(
        source=Source(source),
        mail_from=return_path(raw) if mail_from is None else mail_from or None,
        recipients=recipients,
        received_at=clock.now(),
        peer=""
        if call.actor.machine
        else call.actor.name,  # only the operator's pipe stands behind a host of ours
        quiet=source == "import",
    )
    outcomes = await call.house.reception.deliver(handed, raw)
    if any(each.fate is Fate.DEFERRED for each in outcomes):
        full = any(each.no_space for each in outcomes)
        raise (InsufficientStorage if full else Unavailable)(
            "the message could not be filed now; try again later"
        )

    return await run_in_threadpool(Filed.of, call, outcomes)


def _first_mailbox(call: Call) -> str:
    with call.house.database.read() as connection:
        found = mailboxes.list_mailboxes(connection, call.account, limit=MAILBOXES_LOOKED_AT)
    taking = [each for each in found if each.retired_at is None]
    if not taking:
        raise NotFound("the account has no mailbox that takes mail")
    return taking[0].address


def _require_own(call: Call, recipients: tuple[str, ...]) -> None:
    """Every recipient is served, by this account."""
    if any(_served(call.house, each).account != call.account for each in recipients):
        raise NoSuchRecipient("no such mailbox: this account is not served at this address")
