"""A mailbox opened by OAuth: a real Dovecot that asks a stand-in for the provider what a token is worth."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mailhub.cli.client import ApiError
from tests.houses.dovecot import PASSWORD, Dovecot, dovecot, is_installed
from tests.houses.token_endpoint import CLIENT, SECRET, Endpoint, token_endpoint
from tests.intake.imap.conftest import Fetcher, letters

ADDRESS = "support@example.com"
AUTHORIZE = f"/v1/mailboxes/{ADDRESS}/imap/authorize"
_PASSDB = """
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {settings}
}}
"""
_SETTINGS = """
introspection_mode = post
introspection_url = {url}/introspect
force_introspection = yes
username_attribute = email
active_attribute = active
active_value = true
"""


@pytest.fixture(scope="module")
def provider(
    require_service: Callable[[bool, str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Dovecot, Endpoint]]:
    """A Dovecot that takes tokens, and the endpoint that gives them."""
    require_service(is_installed(), "Dovecot is not installed (Debian: dovecot-imapd)")
    with token_endpoint() as endpoint:
        settings = tmp_path_factory.mktemp("dovecot") / "oauth2.conf"
        settings.write_text(_SETTINGS.format(url=endpoint.url), encoding="utf-8")
        with dovecot(_PASSDB.format(settings=settings)) as server:
            yield server, endpoint


@pytest.fixture
def server(provider: tuple[Dovecot, Endpoint]) -> Dovecot:
    """The Dovecot."""
    return provider[0]


@pytest.fixture
def endpoint(provider: tuple[Dovecot, Endpoint], user: str) -> Endpoint:
    """The endpoint, as if new: everything it gives is this user's."""
    fresh = Endpoint(url=provider[1].url, user=user)
    vars(provider[1]).update(vars(fresh))
    return provider[1]


def add(
    fetcher: Fetcher, server: Dovecot, endpoint: Endpoint, user: str, flow: str = "device", **more: Any
) -> Any:
    """The mailbox, with the endpoint as its provider."""
    oauth = {"provider": "custom", "client_id": CLIENT, "flow": flow, "token_url": f"{endpoint.url}/token"}
    oauth |= {"consent_url": f"{endpoint.url}/device", "scope": "imap"} | more.pop("oauth", {})
    body = {"host": "127.0.0.1", "port": server.port, "tls": "none", "login": user, "poll_seconds": 1}
    return fetcher.hub.call("POST", f"/v1/mailboxes/{ADDRESS}/imap", body=body | more | {"oauth": oauth})


def state(fetcher: Fetcher) -> str:
    """Of the authorisation."""
    return str(fetcher.source()["authorisation"]["state"])


def kick(server: Dovecot, fetcher: Fetcher) -> None:
    """The provider ends the session, as they do when a token expires; back when the next one waits."""
    before = fetcher.source()["connected_at"]
    command = ["doveadm", "-c", str(server.directory / "dovecot.conf"), "kick", "*"]
    subprocess.run(command, check=False, capture_output=True)
    fetcher.hub.wait_until(
        lambda: fetcher.source()["state"] != "waiting" or fetcher.source()["connected_at"] != before
    )


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
def test_a_consent_by_device_opens_the_mailbox(
    server: Dovecot, endpoint: Endpoint, user: str, fetcher: Fetcher, mechanism: str
) -> None:
    """Nothing is fetched before somebody agreed; then it is, at once, and no secret is seen in list or log."""
    server.append(user, *letters(2))
    add(fetcher, server, endpoint, user, oauth={"mechanism": mechanism})
    fetcher.hub.wait_until(lambda: "nobody has authorised" in fetcher.source()["fault"])
    begun = fetcher.hub.call("POST", AUTHORIZE)
    assert (begun["user_code"], begun["url"]) == ("AB-CD", f"{endpoint.url}/go")
    finish = f"{AUTHORIZE}/finish"
    assert fetcher.hub.call("POST", finish, body={"handle": begun["handle"]}) == {"done": False}
    endpoint.agreed = True
    assert fetcher.hub.call("POST", finish, body={"handle": begun["handle"]}) == {"done": True}
    fetcher.wait(2)
    secrets = [*endpoint.refresh, *endpoint.access]
    shown = fetcher.hub.log + str(fetcher.source())
    assert [each for each in secrets if each in shown] == []
    assert all(each["ok"] for each in fetcher.hub.json("mailbox", "test", ADDRESS)["steps"])


def test_a_consent_by_a_page_is_bound_to_whom_it_was_asked_by(
    server: Dovecot, endpoint: Endpoint, user: str, fetcher: Fetcher
) -> None:
    """The address that the browser ends at is taken with its own handle alone; the verifier of PKCE goes with it."""
    add(
        fetcher,
        server,
        endpoint,
        user,
        flow="code",
        oauth={"consent_url": f"{endpoint.url}/page?prompt=consent"},
    )
    first, second = (fetcher.hub.call("POST", AUTHORIZE) for _ in range(2))
    answer = endpoint.agree(first["url"])
    with pytest.raises(ApiError, match="another consent"):
        fetcher.hub.call("POST", f"{AUTHORIZE}/finish", body={"handle": second["handle"], "answer": answer})
    with pytest.raises(ApiError, match="no handle of this mailbox"):
        fetcher.hub.call("POST", f"{AUTHORIZE}/finish", body={"handle": "AAAA", "answer": answer})
    fetcher.hub.call("POST", f"{AUTHORIZE}/finish", body={"handle": first["handle"], "answer": answer})
    fetcher.hub.wait_until(lambda: fetcher.source()["state"] == "waiting")


def test_the_clients_own_secret_opens_the_mailbox(
    server: Dovecot, endpoint: Endpoint, user: str, fetcher: Fetcher
) -> None:
    """Client credentials: no consent; a wrong secret is said to be wrong."""
    server.append(user, *letters(1))
    add(fetcher, server, endpoint, user, flow="client-credentials", password=SECRET)
    fetcher.wait(1)
    fetcher.hub.run("mailbox", "delete", ADDRESS, "--imap")
    add(fetcher, server, endpoint, user, flow="client-credentials", password="wrong")
    fetcher.hub.wait_until(lambda: "the client's id or its secret is wrong" in fetcher.source()["fault"])


def authorised(fetcher: Fetcher, server: Dovecot, endpoint: Endpoint, user: str) -> None:
    """A mailbox that is open and waits."""
    add(fetcher, server, endpoint, user)
    fetcher.hub.call("POST", f"{AUTHORIZE}/finish", body={"refresh_token": endpoint.new_refresh()})
    fetcher.hub.wait_until(lambda: fetcher.source()["state"] == "waiting")


def test_a_token_that_expires_in_mid_session_is_renewed(
    server: Dovecot, endpoint: Endpoint, user: str, fetcher: Fetcher
) -> None:
    """The provider forgets every token and ends the session: the next login has a new one, and nothing is missed."""
    authorised(fetcher, server, endpoint, user)
    for round_ in range(3):
        endpoint.access.clear()  # the one that mailhub holds is refused from now on
        kick(server, fetcher)
        server.append(user, *letters(2))
        assert fetcher.wait(2 * round_ + 2)["duplicate"] == 0
    used = [form["refresh_token"] for form in endpoint.forms if form["grant_type"] == "refresh_token"]
    assert len(used) == len(set(used)) >= 4  # rotated: each was of use once, and the next one was on record


def test_a_revoked_authorisation_is_an_alarm_until_somebody_agrees(
    server: Dovecot, endpoint: Endpoint, user: str, fetcher: Fetcher
) -> None:
    """Revoked: list, status, metric and log say so and what to do; a new consent lets the mailbox go on at once."""
    authorised(fetcher, server, endpoint, user)
    endpoint.access.clear()
    endpoint.refresh.clear()
    kick(server, fetcher)
    fetcher.hub.wait_until(lambda: state(fetcher) == "failing")
    fetcher.hub.wait_until(lambda: "revoked or has expired" in fetcher.source()["fault"])
    assert "invalid_grant (AADSTS700082)" in fetcher.source()["authorisation"]["fault"]
    assert "mailhub mailbox authorize" in fetcher.hub.call("GET", "/v1/status")["imap"][ADDRESS]
    assert 'mailhub_imap_authorisations{state="failing"} 1.0' in fetcher.hub.text("/metrics")
    assert "authorisation fails" in fetcher.hub.log
    server.append(user, *letters(1))
    fetcher.hub.call("POST", f"{AUTHORIZE}/finish", body={"refresh_token": endpoint.new_refresh()})
    fetcher.wait(1)
    assert state(fetcher) == "valid"


def test_clocks_that_differ_keep_no_mailbox_shut(
    server: Dovecot, endpoint: Endpoint, user: str, fetcher: Fetcher
) -> None:
    """A server ahead refuses a token that we take for good, one behind a token that is new: both let us in soon."""
    authorised(fetcher, server, endpoint, user)
    endpoint.access.clear()  # ahead: our token, good for an hour by our clock, is over there
    kick(server, fetcher)
    server.append(user, *letters(1))
    fetcher.wait(1)
    given = endpoint.answer

    def from_later_on(path: str, form: dict[str, str]) -> tuple[int, Any]:
        status, found = given(path, form)
        if (
            isinstance(found, dict) and "access_token" in found
        ):  # behind: what is given now is good there later
            endpoint.access[found["access_token"]] = (user, time.monotonic() + 0.5)
        return status, found

    endpoint.answer = from_later_on  # type: ignore[method-assign]
    try:
        endpoint.access.clear()
        kick(server, fetcher)
        server.append(user, *letters(1))
        fetcher.wait(2)
    finally:
        del endpoint.answer


def test_an_endpoint_that_is_down_is_no_revocation(
    server: Dovecot, endpoint: Endpoint, user: str, fetcher: Fetcher
) -> None:
    """503 is tried again; the authorisation stays valid."""
    authorised(fetcher, server, endpoint, user)
    endpoint.fails = 2
    endpoint.access.clear()
    kick(server, fetcher)
    server.append(user, *letters(1))
    fetcher.wait(1)
    assert (endpoint.fails, state(fetcher)) == (0, "valid")


def test_an_end_in_sight_is_told(server: Dovecot, endpoint: Endpoint, user: str, fetcher: Fetcher) -> None:
    """An authorisation that ends in two weeks is told of in list and status, and its end is a metric."""
    add(fetcher, server, endpoint, user, "client-credentials", password=SECRET)
    assert not fetcher.source()["authorisation"]["ends_soon"]
    fetcher.hub.run("mailbox", "delete", ADDRESS, "--imap")
    soon = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 10 * 86_400))
    add(
        fetcher, server, endpoint, user, "client-credentials", password=SECRET, oauth={"secret_ends_at": soon}
    )
    assert fetcher.source()["authorisation"]["ends_soon"]
    assert "the authorisation ends at" in fetcher.hub.call("GET", "/v1/status")["imap"][ADDRESS]
    assert "mailhub_imap_authorisation_end_timestamp_seconds{" in fetcher.hub.text("/metrics")


def test_the_command_takes_a_refresh_token(
    server: Dovecot, endpoint: Endpoint, user: str, fetcher: Fetcher
) -> None:
    """`mailbox add --oauth` and `mailbox authorize --refresh-token-stdin` open it; a bad token is told of."""
    where = (
        "--imap-host",
        "127.0.0.1",
        "--imap-port",
        str(server.port),
        "--imap-tls",
        "none",
        "--imap-user",
        user,
    )
    url = ("--oauth-token-url", f"{endpoint.url}/token")
    added = fetcher.hub.run(
        "mailbox", "add", ADDRESS, *where, "--oauth", "custom", "--oauth-client-id", CLIENT, *url
    )
    assert added.returncode == 0, added.stderr
    command = ("mailbox", "authorize", ADDRESS, "--refresh-token-stdin")
    bad = fetcher.hub.run(*command, stdin=b"unknown\n")
    assert bad.returncode == 65
    assert b"revoked or has expired" in bad.stderr
    assert fetcher.hub.run(*command, stdin=endpoint.new_refresh().encode()).returncode == 0
    fetcher.hub.wait_until(lambda: fetcher.source()["state"] == "waiting")
    assert PASSWORD not in fetcher.hub.log
