"""/v1/mailboxes/{mailbox}/imap/authorize: a person lets mailhub into his mailbox at a provider, by OAuth.

Two calls: the first says what he is to do, the second is made with what came of it (again and again while
there is nothing yet). What is secret in between is in ``handle``, sealed for this mailbox: nothing is kept
here. Endpoints other than the known providers' are the operator's to name.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import StringConstraints

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import instant
from mailhub.api.tickets.tickets import mailbox_id
from mailhub.callers.caller import Call, InAccount
from mailhub.errors import BadRequest, Conflict, Forbidden, NotFound, SealBroken
from mailhub.intake.imap import tokens
from mailhub.intake.imap.faults import ImapFault
from mailhub.oauth import grants
from mailhub.oauth.endpoint import Denied, OauthFault, require_sound
from mailhub.oauth.providers import CLIENT, CODE, DEVICE, PROVIDERS
from storage.proof import journal
from storage.sources import imap_sources, oauth_grants
from storage.sources.imap_sources import ImapSource
from storage.sources.oauth_grants import OauthGrant
from storage.writer import Transaction

router = APIRouter(tags=["mailboxes"])

CONSENT_MINUTES = 60
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
    """What the person is to do: open ``url``; type ``user_code`` in there, or bring the address he ends at."""

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


def new_grant(call: Call, body: NewOauth, source_id: int) -> OauthGrant:
    """The row for a new source. Raises ``BadRequest``, ``Forbidden``."""
    if body.provider == "custom":
        return _custom(call, body, source_id)

    known = PROVIDERS[body.provider]
    usual, *_ = known.consent_urls
    flow: str = body.flow or usual
    if flow not in known.consent_urls:
        raise BadRequest(
            f"{body.provider} gives no access to mail by {flow}: use {', '.join(known.consent_urls)}"
        )
    if body.token_url or body.consent_url:
        raise BadRequest("endpoints are named with provider custom only")

    return OauthGrant(
        account_id=call.account,
        source_id=source_id,
        flow=flow,
        token_url=known.token_url.format(tenant=body.tenant),
        consent_url=known.consent_urls[flow].format(tenant=body.tenant),
        scope=body.scope or known.scopes[flow],
        client_id=body.client_id,
        life_seconds=known.life_days * 86_400 if known.life_days is not None and flow != CLIENT else None,
        ends_at=_end(body),
    )


def _custom(call: Call, body: NewOauth, source_id: int) -> OauthGrant:
    if not call.actor.machine:
        raise Forbidden("only the operator of the machine may name endpoints: the daemon connects to them")

    flow = body.flow or DEVICE
    try:
        for url in (body.token_url, *([body.consent_url] if body.consent_url else [])):
            require_sound(url)
    except OauthFault as fault:
        raise BadRequest(str(fault)) from None

    return OauthGrant(
        account_id=call.account,
        source_id=source_id,
        flow=flow,
        token_url=body.token_url,
        consent_url=body.consent_url,
        scope=body.scope,
        client_id=body.client_id,
        ends_at=_end(body),
    )


def _end(body: NewOauth) -> int | None:
    return None if body.secret_ends_at is None else clock.from_datetime(body.secret_ends_at)


@router.post("/mailboxes/{mailbox}/imap/authorize")
def begin_consent(call: InAccount, mailbox: str) -> Consent:
    """Begin: what the person is to do so that mailhub may fetch his mail."""
    call.require("mailbox.manage")
    source, grant = _find(call, mailbox)
    if not grant.consent_url:
        raise Conflict(f"nobody can consent here: the flow is {grant.flow}, and no endpoint for it is known")

    client = _client(call, source, grant)
    try:
        if grant.flow == DEVICE:
            return _begin_device(call, source, client, grant.consent_url)
        return _begin_code(call, source, client, grant.consent_url)
    except OauthFault as fault:
        raise Conflict(_words(fault)) from None


@router.post("/mailboxes/{mailbox}/imap/authorize/finish")
def finish_consent(call: InAccount, mailbox: str, body: Given) -> Authorised:
    """Go on with what came of it; ``done`` false while the person has not agreed yet."""
    call.require("mailbox.manage")
    source, grant = _find(call, mailbox)
    client = _client(call, source, grant)

    try:
        given = _redeemed(call, source, grant, client, body)
    except OauthFault as fault:
        raise Conflict(_words(fault)) from None

    if given is None:
        return Authorised(done=False)

    _keep(call, source, grant, given)
    return Authorised(done=True)


def _begin_device(call: Call, source: ImapSource, client: grants.Client, url: str) -> Consent:
    begun = grants.begin_device(client, url)
    handle = _sealed(call, source, {"device_code": begun.device_code})
    return Consent(
        flow=DEVICE, url=begun.url, user_code=begun.user_code, interval=begun.interval, handle=handle
    )


def _begin_code(call: Call, source: ImapSource, client: grants.Client, url: str) -> Consent:
    state = secrets.token_urlsafe(24)
    verifier = secrets.token_urlsafe(48)
    shown = grants.consent_url(client, url, login=source.login, state=state, verifier=verifier)
    handle = _sealed(call, source, {"state": state, "verifier": verifier})
    return Consent(flow=CODE, url=shown, user_code=None, interval=0, handle=handle)


def _redeemed(
    call: Call, source: ImapSource, grant: OauthGrant, client: grants.Client, body: Given
) -> grants.Tokens | None:
    if body.refresh_token is not None:
        given = grants.renew(client, body.refresh_token)
        return replace(given, refresh=given.refresh or body.refresh_token)
    held = _unsealed(call, source, body.handle or "")
    if grant.flow == DEVICE and "device_code" in held:
        return grants.finish_device(client, held["device_code"])
    if grant.flow != CODE or "verifier" not in held or not body.answer:
        raise BadRequest("give the address that the browser ended at, or a refresh token")
    return grants.redeem(client, grants.code_of(body.answer, state=held["state"]), verifier=held["verifier"])


def _keep(call: Call, source: ImapSource, grant: OauthGrant, given: grants.Tokens) -> None:
    """The refresh token on record, in place of the one before; the mailbox is opened with it at once."""
    if given.refresh is None:
        raise Conflict("the provider gave no refresh token: check the scope (offline_access) and the client")
    sealed = tokens.seal(call.house.keys, source.id, given.refresh)
    now = clock.now()
    life = grant.life_seconds if given.refresh_seconds is None else given.refresh_seconds
    ends_at = tokens.end_of(grant, given, now=now)

    def keep(transaction: Transaction) -> None:
        if oauth_grants.find_grant(transaction.connection, call.account, source.id) is None:
            raise NotFound("this mailbox was deleted meanwhile")
        oauth_grants.set_authorised(
            transaction.connection, grant, refresh_token=sealed, life_seconds=life, ends_at=ends_at, at=now
        )
        _record(transaction, call, source.id)

    call.house.imap.logins.tokens.forget(source.id)
    call.house.writer.run(keep)
    call.house.imap.restart(call.account, source.id)


def _record(transaction: Transaction, call: Call, source: int) -> None:
    journal.append(
        transaction.connection,
        call.account,
        transaction.node,
        at=clock.now(),
        actor=call.actor.name,
        verb="imap.authorize",
        object_=f"imap:{source}",
        detail={},
    )


def _find(call: Call, mailbox: str) -> tuple[ImapSource, OauthGrant]:
    with call.house.database.read() as connection:
        own = mailbox_id(connection, call.account, mailbox)
        source = imap_sources.find_source_of_mailbox(connection, call.account, own)
        grant = oauth_grants.find_grant(connection, call.account, source.id) if source is not None else None
    if source is None or grant is None:
        raise NotFound(
            "this mailbox is not fetched by OAuth: mailhub mailbox add ADDRESS --imap-host HOST --oauth ..."
        )
    return source, grant


def _client(call: Call, source: ImapSource, grant: OauthGrant) -> grants.Client:
    try:
        return tokens.client_of(source, grant, call.house.keys, call.house.config.imap)
    except ImapFault as fault:
        raise Conflict(str(fault)) from None


def _words(fault: OauthFault) -> str:
    return tokens.in_words(fault) if isinstance(fault, Denied) else str(fault)


def _sealed(call: Call, source: ImapSource, held: dict[str, str]) -> str:
    plain = json.dumps({**held, "ends_at": clock.now() + CONSENT_MINUTES * clock.MINUTE}).encode()
    return urlsafe_b64encode(call.house.keys.seal("secrets", plain, bound_to=_bound(source))).decode()


def _unsealed(call: Call, source: ImapSource, handle: str) -> dict[str, Any]:
    try:
        opened = call.house.keys.open("secrets", urlsafe_b64decode(handle.encode()), bound_to=_bound(source))
    except (SealBroken, ValueError):
        raise BadRequest("this handle is no handle of this mailbox: begin again") from None
    held: dict[str, Any] = json.loads(opened)
    if held["ends_at"] < clock.now():
        raise BadRequest("this took too long: begin again")
    return held


def _bound(source: ImapSource) -> bytes:
    return b"oauth-consent:%d" % source.id
