"""The grants of OAuth 2.0 that a daemon can use, as values in and out; each is one request to an endpoint.

    renew          a refresh token for an access token (RFC 6749 6)
    by_client      the client's own secret for one (RFC 6749 4.4)
    begin_device   a code that a person types in at another machine, then finish_device until they have (RFC 8628)
    consent_url    a page where a person agrees, then redeem with the code that they bring (RFC 6749 4.1, PKCE: RFC 7636)

An expiry is a number of seconds from now on, as the endpoint says it: no clock but ours is looked at.
Must not: keep anything.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from mailhub.oauth.endpoint import TOKEN_BYTES, Denied, OauthFault, Reach, ask, require_sound

REDIRECT = (
    "http://localhost"  # nothing listens there: the person copies the address that their browser ends at
)
_DEFAULT_SECONDS = 300  # where the endpoint does not say how long (RFC 6749 5.1 only recommends it)
_LONGEST_SECONDS = 20 * 366 * 86_400
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class OauthClient:
    """Who asks, and where."""

    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scope: str
    reach: Reach = field(default_factory=Reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What an endpoint gave. Seconds from now."""

    access: str = field(repr=False)
    seconds: int
    refresh: str | None = field(default=None, repr=False)  # None: the one we have stays
    refresh_seconds: int | None = None  # None: the endpoint does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCode:
    """What a person is to do, and what to ask with until they have."""

    url: str
    user_code: str
    device_code: str = field(repr=False)
    seconds: int
    interval: int


def renew(client: OauthClient, refresh_token: str) -> Tokens:
    """A new access token. Raises ``Denied`` (``invalid_grant``: revoked or expired) and ``OauthFault``."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "scope": client.scope}
    return _tokens(_ask(client, form))


def by_client(client: OauthClient) -> Tokens:
    """An access token for the client itself. Raises as ``renew``."""
    return _tokens(_ask(client, {"grant_type": "client_credentials", "scope": client.scope}))


def begin_device(client: OauthClient, url: str) -> DeviceCode:
    """Ask for a code that a person types in. Raises as ``renew``."""
    answer = ask(url, {"client_id": client.client_id, "scope": client.scope}, client.reach)
    shown = _text(answer, "verification_uri")
    if urlsplit(shown).scheme not in ("https", "http"):
        raise OauthFault("the device endpoint answers without an address to go to")

    return DeviceCode(
        url=shown,
        user_code=_text(answer, "user_code"),
        device_code=_text(answer, "device_code"),
        seconds=_seconds(answer.get("expires_in")) or _DEFAULT_SECONDS,
        interval=min(60, _seconds(answer.get("interval")) or 5),
    )


def finish_device(client: OauthClient, device_code: str) -> Tokens | None:
    """The tokens once the person has agreed; None while they have not. Raises as ``renew``."""
    try:
        return _tokens(_ask(client, {"grant_type": _DEVICE, "device_code": device_code}))
    except Denied as denied:
        if denied.code in ("authorization_pending", "slow_down"):
            return None
        raise


def consent_url(client: OauthClient, url: str, *, login: str, state: str, verifier: str) -> str:
    """The page where a person agrees. ``state`` and ``verifier`` are secrets of this one consent."""
    require_sound(url)
    digest = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": REDIRECT,
        "scope": client.scope,
        "state": state,
        "login_hint": login,
        "code_challenge": digest,
        "code_challenge_method": "S256",
    }

    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"


def code_of(answer: str, *, state: str) -> str:
    """The code in what a person brought: the address that their browser ended at, or the code alone."""
    if "://" not in answer:
        return answer.strip()
    query = parse_qs(urlsplit(answer.strip()).query)
    if query.get("state") != [state]:
        raise OauthFault("this address belongs to another consent: begin again")
    if len(query.get("code", ())) != 1:
        raise OauthFault("there is no code in this address: the consent was not given")
    return query["code"][0]


def redeem(client: OauthClient, code: str, *, verifier: str) -> Tokens:
    """The tokens for a code. Raises as ``renew``."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": verifier,
    }
    return _tokens(_ask(client, form))


def _ask(client: OauthClient, form: Mapping[str, str]) -> Mapping[str, Any]:
    secret = {"client_secret": client.client_secret} if client.client_secret else {}
    return ask(client.token_url, {**form, "client_id": client.client_id, **secret}, client.reach)


def _tokens(answer: Mapping[str, Any]) -> Tokens:
    return Tokens(
        access=_text(answer, "access_token"),
        seconds=_seconds(answer.get("expires_in")) or _DEFAULT_SECONDS,
        refresh=_text(answer, "refresh_token") if answer.get("refresh_token") else None,
        refresh_seconds=_seconds(answer.get("refresh_token_expires_in") or answer.get("refresh_expires_in")),
    )


def _text(answer: Mapping[str, Any], name: str) -> str:
    """A token as it goes into a command or a form: visible ASCII, bounded."""
    found = answer.get(name)
    if (
        not isinstance(found, str)
        or not 0 < len(found) <= TOKEN_BYTES
        or not (found.isascii() and found.isprintable())
    ):
        raise OauthFault(f"the token endpoint answers without a usable {name}")
    return found


def _seconds(value: object) -> int | None:
    """A number of seconds, which some endpoints write as text; None for what is none."""
    try:
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return None
    return min(number, _LONGEST_SECONDS) if number > 0 else None
