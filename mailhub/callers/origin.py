"""Where a request comes from, and whether its caller may come from there. Job: allow-lists at the doors.

The admin socket has no address and no allow-lists: whoever may open it is on this machine. At the TCP doors
every request of a user is asked for, their login too; nobody is told which networks there are.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache

from fastapi import Request

from mailhub.access.actor import Actor
from mailhub.access.allow_lists import WayBack
from mailhub.access.networks import Address, Network, admits, client_address, parse_rules, within
from mailhub.callers.rates import Rates
from mailhub.config import Config
from mailhub.errors import Forbidden, TooManyRequests
from mailhub.house import House
from mailhub.intake.smtp.limits import address_group, is_loopback
from storage.database import Connection
from storage.people.allow_lists import networks_by_role
from storage.people.api_tokens import networks_of

HTTP = "http"  # the door in the clear, for this machine alone
ADMIN = "admin"  # the door that has no address; the others are named after their section: http, https
Headers = Sequence[tuple[bytes, bytes]]

parsed_rules = lru_cache(maxsize=64)(parse_rules)


def proxies(config: Config) -> tuple[Network, ...]:
    """The networks of ``proxy.networks``. Raises ``BadRequest``."""
    return parsed_rules(config.proxy.networks)


def address_of(config: Config, peer: str, headers: Headers) -> Address | None:
    """The client's address: the peer's, or what a configured proxy says; None where nobody can tell."""
    header = config.proxy.header
    values = [value.decode("latin-1") for name, value in headers if name == header.encode()]
    return client_address(peer, values, header, proxies(config))


def require_admitted(request: Request, connection: Connection, account: int, role: str) -> None:
    """Raise ``Forbidden`` unless the account's allow-lists let this role in from where the request comes."""
    if request.state.door != ADMIN and not admits(
        networks_by_role(connection, account), role, request.state.address
    ):
        raise Forbidden("not from this network")


def may_enter(request: Request, house: House, actor: Actor) -> None:
    """Raise ``Forbidden`` for a user from elsewhere, ``TooManyRequests`` for one who asks too often."""
    if request.state.door == ADMIN or actor.account is None:
        return

    user = f"{actor.account}:{actor.user}"
    rates: Rates = request.app.state.rates
    wait = rates.wait_seconds(user, house.config.limits.requests_per_user, time.monotonic())
    if wait:
        raise TooManyRequests("too many requests by this user", after_seconds=wait)

    with house.database.read() as connection:
        require_admitted(request, connection, actor.account, actor.role)
        own = "" if actor.token is None else networks_of(connection, actor.account, actor.token)

    if own and not within(request.state.address, parsed_rules(own)):
        raise Forbidden("not from this network")

    request.state.user = user


def way_back_of(request: Request, role: str) -> WayBack | None:
    """Where the caller, of this role, must be able to come from again; None at the door that has no allow-lists."""
    return None if request.state.door == ADMIN else WayBack(role, request.state.address)


def peer_of(request: Request) -> str:
    """What counts as one client; "" on this machine, where a proxy that is not configured brings everybody."""
    address = str(request.state.address or "")
    return "" if request.state.door == ADMIN or is_loopback(address) else address_group(address)
