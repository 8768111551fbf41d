"""What a stage means at the API: whom it lets in, what it shows; billing's signed events; sweeps by the operator."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mailhub import config as settings
from mailhub.accounts import billing
from mailhub.callers.caller import OWNERS_WAY_BACK
from mailhub.config.live import Live
from storage.accounts.accounts import change_account
from tests.api.test_matrix import operations
from tests.api.test_routes import OPEN, WAYS_IN
from tests.houses.asking import Answered, Asker

if TYPE_CHECKING:
    from tests.api.conftest import Home

SECRET = b"a-secret-of-both-sides"


def stage(home: Home, **values: Any) -> None:
    """Give the first account these columns, and let the doors know."""
    home.house.writer.run(lambda tx: change_account(tx.connection, 1, **values))
    home.house.directory.refresh()


@pytest.mark.parametrize("entered", ["suspended", "terminated"])
def test_every_route_is_closed_to_the_people_of_a_closed_account(home: Home, entered: str) -> None:
    """Each route answers 403 to everybody of the account, but for an owner's way to lift a suspension; the
    people of another account notice nothing.
    """
    app = home.app()
    people = {user: Asker(app=app, token=home.token(user), peer=f"192.0.2.{user}") for user in (11, 12)}
    other = Asker(app=app, token=home.token(21, account=2), peer="192.0.2.21")
    stage(home, stage=entered)
    closed = 0
    for method, target, body in operations(home):
        path = target.partition("?")[0]
        for user, caller in people.items():
            if entered == "suspended" and user == 11 and path in OWNERS_WAY_BACK:
                continue
            assert (caller(method, target, body).status, method, target, user) == (403, method, target, user)
            closed += 1
    assert closed > 150
    assert other("GET", "/v1/tickets").status == 200
    assert not OWNERS_WAY_BACK & (OPEN | WAYS_IN - {"/v1/login"})


def test_the_operator_still_runs_the_account_but_nobody_reads_it(home: Home) -> None:
    """The operator sees the account and its stage; what people wrote is sealed, also for a mapped owner."""
    stage(home, stage="suspended", stage_before="active")
    operator = Asker(app=home.app(), uid=0)
    assert operator("GET", "/v1/accounts/current?account=1").json["stage"] == "suspended"
    assert operator("GET", "/v1/tickets?account=1").json["detail"].endswith("sealed")
    mapped = Asker(app=home.mapping(u0="owner@first.example").app(), uid=0)
    assert mapped("GET", "/v1/tickets").status == 403
    assert mapped("GET", "/v1/accounts/current").status == 200


def test_the_owner_lifts_a_suspension(home: Home) -> None:
    """By the API, at once, as the owner; an agent cannot."""
    stage(home, stage="suspended", stage_before="active", stage_reason="payment-failed")
    agent, owner = (Asker(app=home.app(), token=home.token(user)) for user in (12, 11))
    assert agent("POST", "/v1/accounts/current/resume").status == 403
    answer = owner("POST", "/v1/accounts/current/resume")
    assert (answer.status, answer.json["stage"]) == (200, "active")
    assert agent("GET", "/v1/tickets").status == 200


def test_deletion_is_asked_for_with_the_id_repeated_and_a_fresh_second_factor(home: Home) -> None:
    """An ApiToken is never fresh; a mapped uid is, and must repeat the id."""
    owner = Asker(app=home.app(), token=home.token(11))
    assert owner("POST", "/v1/accounts/current/deletion?confirm=1").status == 403
    mapped = Asker(app=home.mapping(u4000="owner@first.example").app(), uid=4000)
    assert mapped("POST", "/v1/accounts/current/deletion").status == 400
    answer = mapped("POST", "/v1/accounts/current/deletion?confirm=1")
    following = answer.json["next"]
    assert (answer.status, following["to"], following["reason"]) == (200, "suspended", "owner-asked")


def test_an_account_is_made_with_its_owner(home: Home) -> None:
    """The operator makes a trial; its owner gets a link; its stage has a next step and no warning yet."""
    operator = Asker(app=home.app(), uid=0)
    made = operator("POST", "/v1/accounts", {"name": "Third", "owner": "Cy@third.example"})
    assert (made.status, made.json["stage"], made.json["link"][:4]) == (201, "trial", "mhl_")
    shown = operator("GET", f"/v1/accounts/current?account={made.json['id']}").json
    assert (shown["next"]["to"], shown["warnings"], shown["receipts"]) == ("suspended", {}, [])
    free = operator(
        "POST", "/v1/accounts", {"name": "Fourth", "owner": "d@fourth.example", "billing": "none"}
    ).json
    assert free["stage"] == "active"
    assert operator("GET", f"/v1/accounts/current?account={free['id']}").json["next"] is None


# --- billing ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def signed(home: Home, tmp_path: Path) -> Home:
    """A house that shares a secret with billing; its first account is billed."""
    (tmp_path / "billing").write_bytes(SECRET + b"\n")
    lifecycle = settings.Lifecycle(billing_secret_file=str(tmp_path / "billing"))
    stage(home, billing="external")
    return replace(
        home, house=replace(home.house, configuration=Live(replace(home.house.config, lifecycle=lifecycle)))
    )


def send(home: Home, *, at: int = 0, secret: bytes = SECRET, changed: bytes = b"", **event: Any) -> Answered:
    """An event as billing sends it, ``at`` seconds from now."""
    body = json.dumps({"account": 1, "kind": "payment-failed", "event": "e1", **event}).encode()
    header = billing.sign(secret, body, int(time.time()) + at)
    return Asker(app=home.app())(
        "POST", "/v1/billing", raw=body + changed, headers={"mailhub-signature": header}
    )


def test_a_signed_event_is_taken_once(signed: Home) -> None:
    """It begins the term; sent again it is a conflict, and changes nothing."""
    body = json.dumps({"account": 1, "kind": "payment-failed", "event": "e1"}).encode()
    headers = {"mailhub-signature": billing.sign(SECRET, body, int(time.time()))}
    stranger = Asker(app=signed.app())
    assert stranger("POST", "/v1/billing", raw=body, headers=headers).status == 200
    assert stranger("POST", "/v1/billing", raw=body, headers=headers).status == 409
    operator = Asker(app=signed.app(), uid=0)
    assert operator("GET", "/v1/accounts/current?account=1").json["term_began_at"]
    assert send(signed, kind="payment-ok", event="e2").status == 200
    assert operator("GET", "/v1/accounts/current?account=1").json["term_began_at"] is None


def test_what_billing_did_not_sign_now_is_refused(signed: Home, home: Home) -> None:
    """Another secret, a changed body, an old or future instant, none: 403; no event: 400; no secret here: 403."""
    assert [send(signed, secret=b"x" * 16).status, send(signed, changed=b" ").status] == [403, 403]
    assert [send(signed, at=-600).status, send(signed, at=600).status] == [403, 403]
    assert Asker(app=signed.app())("POST", "/v1/billing", raw=b"{}").status == 403
    assert send(signed, kind="refund").status == 400
    assert send(home).status == 403
    assert send(signed, account=12345).status == 404


# --- sweeps -----------------------------------------------------------------------------------------------------------


def test_another_time_is_for_a_dry_run(home: Home) -> None:
    """`--now` moves nothing but on a machine for trials; a dry run there tells what would be due."""
    stage(home, stage="trial", billing="external", term_began_at=1)
    operator = Asker(app=home.app(), uid=0)
    later = "2099-01-01T00:00:00Z"
    assert operator("POST", "/v1/sweep", {"now": later}).status == 400
    (step,) = operator("POST", "/v1/sweep", {"now": later, "dry_run": True}).json["steps"]
    assert (step["account"], step["to"], step["warn_days"]) == (1, "suspended", 7)
    assert operator("GET", "/v1/accounts/current?account=1").json["warnings"] == {}
    config = replace(home.house.config, testing=settings.Testing(clock=True))
    trial = Asker(app=replace(home, house=replace(home.house, configuration=Live(config))).app(), uid=0)
    assert trial("POST", "/v1/sweep", {"now": later}).json["steps"] == [step]
    assert list(operator("GET", "/v1/accounts/current?account=1").json["warnings"]) == ["7"]
    owner = Asker(app=home.app(), token=home.token(11))
    assert owner("POST", "/v1/sweep", {"dry_run": True}).status == 403


def test_nobody_hears_of_another_accounts_stage(home: Home) -> None:
    """A suspended account is as little there for others as one that never was."""
    other = Asker(app=home.app(), token=home.token(21, account=2))
    stage(home, stage="suspended")
    answers = [other("GET", f"/v1/tickets?account={account}") for account in (1, 99)]
    assert [(each.status, each.json["detail"]) for each in answers] == [(404, "no such account")] * 2
