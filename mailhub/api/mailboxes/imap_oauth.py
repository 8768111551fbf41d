"""/v1/mailboxes/{mailbox}/imap/authorize: a person lets mailhub into their mailbox at a provider, by OAuth.

Two calls: the first says what they are to do, the second is made with what came of it (again and again while
there is nothing yet). The flow is ``intake.imap.authorising``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import StringConstraints

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import instant, made
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.named import mailbox_id
from mailhub.intake.imap import authorising, tokens
from mailhub.intake.imap.authorising import Brought, OauthWanted
from storage.sources.imap_sources import ImapSource
from storage.sources.oauth_grants import OauthGrant

router = APIRouter(tags=["mailboxes"])

_Url = Annotated[str, StringConstraints(max_length=500, pattern=r"^(https?://[\x21-\x7e]+)?$")]


class NewOauth(shapes.Shape):
    """How to get tokens: a provider's own way, or with provider custom everything named."""

    provider: Literal["microsoft", "google", "custom"]
    client_id: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,255}$")]
    mechanism: Literal["xoauth2", "oauthbearer"] = "xoauth2"
    flow: Literal["device", "code", "client-credentials"] | None = None
    tenant: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,255}$")] = "organizations"
    token_url: _Url = ""
    consent_url: _Url = ""
    scope: Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,1000}$")] = ""
    secret_ends_at: datetime | None = None  # when the client's secret or certificate expires


class Authorisation(shapes.Shape):
    """How an authorisation is doing."""

    flow: str
    state: str
    fault: str
    ends_at: str | None
    ends_soon: bool
    authorised_at: str | None


class Consent(shapes.Shape):
    """What the person is to do: open ``url``; type ``user_code`` in there, or bring the address they end at."""

    flow: str
    url: str
    user_code: str | None
    interval: int
    handle: str


class Given(shapes.Shape):
    """What came of it. Nothing besides the handle while a device's code is not typed in yet."""

    handle: Annotated[str, StringConstraints(max_length=100_000)] | None = None
    answer: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    refresh_token: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,32768}$")] | None = None


class Authorised(shapes.Shape):
    """Whether it is done; if not, ask again in some seconds."""

    done: bool


def shape(grant: OauthGrant | None) -> Authorisation | None:
    """An authorisation as the API shows it: without its tokens."""
    if grant is None:
        return None

    return Authorisation(
        flow=grant.flow,
        state=grant.state,
        fault=grant.fault,
        ends_at=instant(grant.ends_at),
        ends_soon=tokens.ends_soon(grant, now=clock.now()),
        authorised_at=instant(grant.authorised_at),
    )


def new_grant(call: Call, body: NewOauth) -> OauthGrant:
    """The row for a new source. Raises ``BadRequest``, ``Forbidden``."""
    wanted = OauthWanted(
        provider=body.provider,
        client_id=body.client_id,
        flow=body.flow,
        tenant=body.tenant,
        token_url=body.token_url,
        consent_url=body.consent_url,
        scope=body.scope,
        secret_ends_at=None if body.secret_ends_at is None else clock.from_datetime(body.secret_ends_at),
    )
    return authorising.new_grant(call.account, wanted, operator=call.actor.machine)


@router.post("/mailboxes/{mailbox}/imap/authorize")
def begin_consent(call: InAccount, mailbox: str) -> Consent:
    """Begin: what the person is to do so that mailhub may fetch their mail."""
    call.require("mailbox.manage")
    source, grant = _find(call, mailbox)
    consent = authorising.begin(call.house.authorising(), source, grant, now=clock.now())
    return made(Consent, consent)


@router.post("/mailboxes/{mailbox}/imap/authorize/finish")
def finish_consent(call: InAccount, mailbox: str, body: Given) -> Authorised:
    """Go on with what came of it; ``done`` false while the person has not agreed yet."""
    call.require("mailbox.manage")
    source, grant = _find(call, mailbox)
    brought = Brought(handle=body.handle, answer=body.answer, refresh_token=body.refresh_token)
    done = authorising.finish(
        call.house.authorising(), source, grant, brought, actor=call.actor.name, now=clock.now()
    )
    return Authorised(done=done)


def _find(call: Call, mailbox: str) -> tuple[ImapSource, OauthGrant]:
    with call.house.database.read() as connection:
        return authorising.get(connection, call.account, mailbox_id(connection, call.account, mailbox))
