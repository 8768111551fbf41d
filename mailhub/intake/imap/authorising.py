"""FLOW: a person lets mailhub into their mailbox at a provider, by OAuth.

    begin (what they are to do, and a handle) -> they agree there -> finish (again and again while there is nothing yet)
    -> the refresh token sealed and on record, in one commit -> the mailbox is opened with it at once

What is secret in between is in the handle, sealed for this mailbox: nothing is kept here. Endpoints other
than the known providers' are the operator's to name. Must not: show a token.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from typing import Any

from mailhub import clock
from mailhub.config import Imap
from mailhub.errors import BadRequest, Conflict, Forbidden, NotFound, SealBroken
from mailhub.intake.imap import tokens
from mailhub.intake.imap.door import ImapDoor
from mailhub.intake.imap.faults import ImapFault
from mailhub.keys import Keys
from mailhub.oauth import grants
from mailhub.oauth.endpoint import Denied, OauthFault, require_sound
from mailhub.oauth.providers import CLIENT, CODE, DEVICE, PROVIDERS
from mailhub.proof.act import Act, perform
from storage.database import Connection
from storage.sources import imap_sources, oauth_grants
from storage.sources.imap_sources import ImapSource
from storage.sources.oauth_grants import OauthGrant
from storage.writer import Writer

CONSENT_MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorising:
    """What the flow needs of the house."""

    writer: Writer
    keys: Keys
    settings: Imap
    door: ImapDoor


@dataclass(frozen=True, slots=True, kw_only=True)
class OauthWanted:
    """How to get tokens: a provider's own way, or with provider custom everything named."""

    provider: str
    client_id: str
    flow: str | None
    tenant: str
    token_url: str
    consent_url: str
    scope: str
    secret_ends_at: int | None  # when the client's secret or certificate expires


@dataclass(frozen=True, slots=True, kw_only=True)
class ToConsent:
    """What the person is to do: open ``url``; type ``user_code`` in there, or bring the address they end at."""

    flow: str
    url: str
    user_code: str | None
    interval: int
    handle: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What came of it."""

    handle: str | None = field(default=None, repr=False)
    answer: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)


# --- a grant that nobody gave yet -------------------------------------------------------------------------------------


def new_grant(account: int, wanted: OauthWanted, *, operator: bool) -> OauthGrant:
    """The row for a source that has no id yet. Raises ``BadRequest``, ``Forbidden``."""
    if wanted.provider == "custom":
        return _custom(account, wanted, operator=operator)

    known = PROVIDERS[wanted.provider]
    usual, *_ = known.consent_urls
    flow: str = wanted.flow or usual
    if flow not in known.consent_urls:
        raise BadRequest(
            f"{wanted.provider} gives no access to mail by {flow}: use {', '.join(known.consent_urls)}"
        )
    if wanted.token_url or wanted.consent_url:
        raise BadRequest("endpoints are named with provider custom only")

    return OauthGrant(
        account_id=account,
        source_id=0,
        flow=flow,
        token_url=known.token_url.format(tenant=wanted.tenant),
        consent_url=known.consent_urls[flow].format(tenant=wanted.tenant),
        scope=wanted.scope or known.scopes[flow],
        client_id=wanted.client_id,
        life_seconds=known.life_days * 86_400 if known.life_days is not None and flow != CLIENT else None,
        ends_at=wanted.secret_ends_at,
    )


def _custom(account: int, wanted: OauthWanted, *, operator: bool) -> OauthGrant:
    if not operator:
        raise Forbidden("only the operator of the machine may name endpoints: the daemon connects to them")

    try:
        for url in (wanted.token_url, *([wanted.consent_url] if wanted.consent_url else [])):
            require_sound(url)
    except OauthFault as fault:
        raise BadRequest(str(fault)) from None

    return OauthGrant(
        account_id=account,
        source_id=0,
        flow=wanted.flow or DEVICE,
        token_url=wanted.token_url,
        consent_url=wanted.consent_url,
        scope=wanted.scope,
        client_id=wanted.client_id,
        ends_at=wanted.secret_ends_at,
    )


# --- the person agrees ------------------------------------------------------------------------------------------------


def get(connection: Connection, account: int, mailbox: int) -> tuple[ImapSource, OauthGrant]:
    """The source of a mailbox that is opened by OAuth, and its grant. Raises ``NotFound``."""
    source = imap_sources.find_source_of_mailbox(connection, account, mailbox)
    grant = oauth_grants.find_grant(connection, account, source.id) if source is not None else None
    if source is None or grant is None:
        raise NotFound(
            "this mailbox is not fetched by OAuth: mailhub mailbox add ADDRESS --imap-host HOST --oauth ..."
        )
    return source, grant


def begin(context: Authorising, source: ImapSource, grant: OauthGrant, *, now: int) -> ToConsent:
    """What the person is to do so that mailhub may fetch their mail. Asks the provider; nothing is written."""
    if not grant.consent_url:
        raise Conflict(f"nobody can consent here: the flow is {grant.flow}, and no endpoint for it is known")

    client = _client(context, source, grant)
    try:
        if grant.flow == DEVICE:
            return _begin_device(context, source, client, grant.consent_url, now)
        return _begin_code(context, source, client, grant.consent_url, now)
    except OauthFault as fault:
        raise Conflict(_words(fault)) from None


def finish(
    context: Authorising, source: ImapSource, grant: OauthGrant, brought: Brought, *, actor: str, now: int
) -> bool:
    """Go on with what came of it; False while the person has not agreed yet. Returns after the commit."""
    client = _client(context, source, grant)
    try:
        given = _redeemed(context, source, grant, client, brought, now)
    except OauthFault as fault:
        raise Conflict(_words(fault)) from None

    if given is None:
        return False
    if given.refresh is None:
        raise Conflict("the provider gave no refresh token: check the scope (offline_access) and the client")

    sealed = tokens.seal(context.keys, source.id, given.refresh)
    # an access token under the grant before must not open the mailbox any more
    context.door.logins.tokens.forget(source.id)
    context.writer.run(perform, _keep, actor, source.account_id, now, grant, given, sealed)
    context.door.restart(source.account_id, source.id)

    return True


def _keep(act: Act, grant: OauthGrant, given: grants.Tokens, sealed: bytes) -> None:
    """The refresh token in place of the one before, on record."""
    connection = act.transaction.connection
    if oauth_grants.find_grant(connection, act.account, grant.source_id) is None:
        raise NotFound("this mailbox was deleted meanwhile")

    life = grant.life_seconds if given.refresh_seconds is None else given.refresh_seconds
    ends_at = tokens.end_of(grant, given, now=act.now)
    oauth_grants.set_authorised(
        connection, grant, refresh_token=sealed, life_seconds=life, ends_at=ends_at, at=act.now
    )
    act.record("imap.authorize", f"imap:{grant.source_id}")


def _begin_device(
    context: Authorising, source: ImapSource, client: grants.OauthClient, url: str, now: int
) -> ToConsent:
    begun = grants.begin_device(client, url)
    handle = _sealed(context.keys, source, {"device_code": begun.device_code}, now)
    return ToConsent(
        flow=DEVICE, url=begun.url, user_code=begun.user_code, interval=begun.interval, handle=handle
    )


def _begin_code(
    context: Authorising, source: ImapSource, client: grants.OauthClient, url: str, now: int
) -> ToConsent:
    state = secrets.token_urlsafe(24)
    verifier = secrets.token_urlsafe(48)
    shown = grants.consent_url(client, url, login=source.login, state=state, verifier=verifier)
    handle = _sealed(context.keys, source, {"state": state, "verifier": verifier}, now)
    return ToConsent(flow=CODE, url=shown, user_code=None, interval=0, handle=handle)


def _redeemed(
    context: Authorising,
    source: ImapSource,
    grant: OauthGrant,
    client: grants.OauthClient,
    brought: Brought,
    now: int,
) -> grants.Tokens | None:
    if brought.refresh_token is not None:
        given = grants.renew(client, brought.refresh_token)
        return replace(given, refresh=given.refresh or brought.refresh_token)

    held = _unsealed(context.keys, source, brought.handle or "", now)
    if grant.flow == DEVICE and "device_code" in held:
        return grants.finish_device(client, held["device_code"])
    if grant.flow != CODE or "verifier" not in held or not brought.answer:
        raise BadRequest("give the address that the browser ended at, or a refresh token")

    code = grants.code_of(brought.answer, state=held["state"])
    return grants.redeem(client, code, verifier=held["verifier"])


def _client(context: Authorising, source: ImapSource, grant: OauthGrant) -> grants.OauthClient:
    try:
        return tokens.client_of(source, grant, context.keys, context.settings)
    except ImapFault as fault:
        raise Conflict(str(fault)) from None


def _words(fault: OauthFault) -> str:
    return tokens.in_words(fault) if isinstance(fault, Denied) else str(fault)


# --- the handle -------------------------------------------------------------------------------------------------------


def _sealed(keys: Keys, source: ImapSource, held: dict[str, str], now: int) -> str:
    plain = json.dumps({**held, "ends_at": now + CONSENT_MINUTES * clock.MINUTE}).encode()
    return urlsafe_b64encode(keys.seal("secrets", plain, bound_to=_bound(source))).decode()


def _unsealed(keys: Keys, source: ImapSource, handle: str, now: int) -> dict[str, Any]:
    try:
        opened = keys.open("secrets", urlsafe_b64decode(handle.encode()), bound_to=_bound(source))
    except (SealBroken, ValueError):
        raise BadRequest("this handle is no handle of this mailbox: begin again") from None

    held: dict[str, Any] = json.loads(opened)
    if held["ends_at"] < now:
        raise BadRequest("this took too long: begin again")
    return held


def _bound(source: ImapSource) -> bytes:
    return b"oauth-consent:%d" % source.id
