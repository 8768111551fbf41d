"""/v1/mailbox-domains: in which domains an account may serve addresses, and how it proves that they are its own."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from pydantic import Field

from mailhub.access.roles import require
from mailhub.accounts import mailbox_domains
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Limit, Page, instant, page
from mailhub.callers.caller import InAccount
from mailhub.intake.resolver import SECONDS
from mailhub.message.dns_questions import NO_ANSWER, DnsAnswer, Question
from storage.mail import mail_domains
from storage.mail.mail_domains import MailDomain

router = APIRouter(tags=["mailboxes"])

Name = Annotated[str, Field(min_length=1, max_length=253)]
Named = Annotated[str, Path(description="The domain, such as example.com.", max_length=253)]


class Domain(shapes.Shape):
    """A domain of an account. While it is asked for, ``record`` is to be published as TXT record of that name."""

    domain: str
    state: Literal["asked", "proven", "granted", "kept"]
    record_name: str
    record: str
    created_at: str
    settled_at: str | None


class NewDomain(shapes.Shape):
    """A domain that the account wants to have addresses in."""

    domain: Name


def _shape(row: MailDomain) -> Domain:
    name, text = mailbox_domains.record_of(row)
    return Domain(
        domain=row.domain,
        state=row.state,  # type: ignore[arg-type]  # the catalogue's words
        record_name=name,
        record=text,
        created_at=instant(row.created_at) or "",
        settled_at=instant(row.settled_at),
    )


@router.get("/mailbox-domains")
def list_domains(call: InAccount, limit: Limit = 50, after: After = None) -> Page[Domain]:
    """The domains of the account, and why it may use them."""
    call.require("mailbox.read")
    with call.house.database.read() as connection:
        rows = mail_domains.list_domains(connection, call.account, after=after or 0, limit=limit)
    return page(rows, _shape, limit)


@router.post("/mailbox-domains", status_code=201)
def add_domain(call: InAccount, body: NewDomain) -> Domain:
    """Ask for a domain: the answer says which TXT record proves it. The same again changes nothing."""
    call.require("mailbox.manage")
    return _shape(call.act(mailbox_domains.add, call.house.config, body.domain))


@router.post("/mailbox-domains/{domain}/check")
def check_domain(call: InAccount, domain: Named) -> Domain:
    """Ask DNS for the record, now; once it is there the domain is the account's."""
    call.require("mailbox.manage")
    with call.house.database.read() as connection:
        row = mailbox_domains.get(connection, call.account, domain)
    answer = asyncio.run(_answer(call, mailbox_domains.question_of(row)))
    return _shape(call.act(mailbox_domains.prove, call.house.config, row.domain, answer))


@router.post("/mailbox-domain-grants", status_code=201)
def grant_domain(call: InAccount, body: NewDomain) -> Domain:
    """The operator gives the account a domain without proof."""
    require(call.actor, "account.manage", None)
    return _shape(call.act(mailbox_domains.grant, call.house.config, body.domain))


@router.delete("/mailbox-domains/{domain}", status_code=204, response_class=Response)
def delete_domain(call: InAccount, domain: Named) -> None:
    """Give a domain up in which the account serves no address any more."""
    call.require("mailbox.manage")
    call.act(mailbox_domains.delete, domain)


async def _answer(call: InAccount, question: Question) -> DnsAnswer:
    """What DNS says, not from a cache of ours: whoever asks has just published it."""
    try:
        async with asyncio.timeout(SECONDS):
            return (await call.house.ask(question))[0]
    except (TimeoutError, OSError):
        return NO_ANSWER
