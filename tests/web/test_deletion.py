"""An owner's mail asks for the deletion of their account; only their login and second factor begin it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
from sqlalchemy import select

from mailhub import clock
from mailhub.access.actor import Actor, Role
from mailhub.envelope import Envelope, Outcome, Source
from mailhub.filing.batch import FilingContext
from mailhub.filing.pipeline import file_batch
from mailhub.message.values import Authentication
from mailhub.people.enrolment import begin, confirm
from mailhub.proof.act import perform
from mailhub.reading.prepare import prepare
from storage.accounts.accounts import find_account
from storage.people import users
from storage.schema import intake, refusal, session
from tests.houses.gate import PASSWORD
from tests.houses.postroom import mail

if TYPE_CHECKING:
    from tests.web.conftest import Visitor

OWNER = "owner@first.example"
DELETE = "delete@hub.example"
PROVEN = Authentication(spf="pass", dmarc="pass", policy="reject", domain="first.example", source="checked")

Visiting = Callable[..., "Visitor"]


def deliver(
    visitor: Visitor, raw: bytes, *recipients: str, known: Authentication | None = PROVEN, **more: Any
) -> Outcome:
    """Mail to the deletion address, as the SMTP door hands it over."""
    house = visitor.house
    directory = type(house.directory)(house.database, deletion_address=DELETE)
    context = FilingContext(
        directory=directory,
        models=house.models,
        filter=house.reception.context.filter,
        flood=house.reception.context.flood,
        hops=50,
        post=house.post,
        self_service="automatic",
    )
    given = {"mail_from": OWNER, "peer": "192.0.2.1"} | more
    envelope = Envelope(
        source=Source.SMTP, recipients=recipients or (DELETE,), received_at=clock.now(), **given
    )
    prepared = prepare(raw, envelope, house.secrets, directory, authentication=known)
    done: Outcome = house.writer.run(file_batch, context, [prepared])[0][0]
    return done


def vouched(domain: str, **results: Any) -> Authentication:
    """What our own check found for an author at this domain."""
    return Authentication(domain=domain, source="checked", **{"spf_domain": domain, **results})


def asking(sender: str = OWNER, **more: Any) -> bytes:
    return mail("Please delete my account.", sender=sender, to=DELETE, subject="Delete", **more)


def enrol(visitor: Visitor, user: int = 11) -> pyotp.TOTP:
    """The owner's second factor; its next code is good."""
    house = visitor.house
    actor = Actor(role=Role.OWNER, account=1, user=user)
    earlier = clock.now() - 60 * clock.SECOND
    made = house.writer.run(perform, begin, actor.name, 1, earlier, house.keys, caller=actor)
    app = pyotp.TOTP(made.secret)
    code = app.at(earlier // clock.SECOND)
    house.writer.run(perform, confirm, actor.name, 1, earlier, house.keys, code, caller=actor)
    return app


def asked_at(visitor: Visitor) -> int | None:
    with visitor.house.database.read() as connection:
        found = find_account(connection, 1)
    assert found is not None
    return found.deletion_asked_at


def link(visitor: Visitor) -> str:
    assert deliver(visitor, asking()).reason == "deletion-asked"
    return visitor.letters()[-1][2]


def test_an_owner_deletes_his_account_by_mail(visiting: Visiting) -> None:
    """Mail, letter, page, login with second factor: the same request as by the command; the link is over."""
    visitor = visiting()
    code, path = enrol(visitor), link(visitor)
    assert [(kind, to) for kind, to, _ in visitor.letters()] == [("deletion-link", OWNER)]
    assert (visitor.get(path).status, asked_at(visitor)) == (200, None)
    assert visitor.post(path, email=OWNER, password=PASSWORD, code=code.now()).status == 200
    assert asked_at(visitor) is not None
    assert visitor.get(path).status == 404
    with visitor.house.database.read() as connection:
        fates = [tuple(row) for row in connection.execute(select(intake.c.fate, intake.c.reason))]
        open_sessions = connection.execute(select(session.c.id).where(session.c.revoked_at.is_(None))).all()
    assert (fates, open_sessions) == ([("request", "deletion-asked")], [])
    assert visitor.letters()[-1][0] == "deletion-asked"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"password": "wrong password"}, 401),
        ({"code": "000000"}, 401),
        ({"email": "admin@first.example"}, 403),  # they have no second factor themselves
        ({"email": "owner@second.example"}, 401),
        ({"code": ""}, 400),
    ],
)
def test_the_link_alone_deletes_nothing(visiting: Visiting, fields: dict[str, str], status: int) -> None:
    """Whoever reads the owner's mail has no password and no second factor; another's login is none."""
    visitor = visiting()
    code, path = enrol(visitor), link(visitor)
    given = {"email": OWNER, "password": PASSWORD, "code": code.now()} | fields
    assert visitor.post(path, **given).status == status
    assert (asked_at(visitor), visitor.get(path).status) == (None, 200)


def test_an_owner_without_a_second_factor_gets_one_first(visiting: Visiting) -> None:
    """A password alone is not enough; the link waits."""
    visitor = visiting()
    path = link(visitor)
    answer = visitor.post(path, email=OWNER, password=PASSWORD, code="123456")
    assert (answer.status, b"second factor" in answer.body) == (403, True)
    assert (asked_at(visitor), visitor.get(path).status) == (None, 200)


def test_an_admin_with_the_owners_link_deletes_nothing(visiting: Visiting) -> None:
    """The link is the owner's: another user's own login and second factor do not fit it."""
    visitor = visiting()
    code, path = enrol(visitor, 13), link(visitor)
    assert visitor.post(path, email="admin@first.example", password=PASSWORD, code=code.now()).status == 404
    assert (asked_at(visitor), visitor.get(path).status) == (None, 200)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"known": None}, "deletion-unproven"),
        ({"known": vouched("first.example", spf="fail", dmarc="fail")}, "deletion-unproven"),
        ({"known": vouched("first.example", spf="pass", spf_domain="evil.example")}, "deletion-unproven"),
        ({"known": vouched("first.example", dkim="pass", dkim_domains=("evil.example",))}, "deletion-unproven"),
        ({"known": vouched("first.example", dmarc="temperror", spf="pass")}, "deletion-unproven"),
        ({"known": vouched("evil.example", dmarc="pass")}, "deletion-unproven"),
        ({"sender": f"{OWNER}, other@first.example"}, "deletion-unproven"),
        ({"sender": "agent@first.example"}, "deletion-unknown"),
        ({"sender": "nobody@first.example"}, "deletion-unknown"),
        ({"known": vouched("first.example", spf="pass", spf_domain="mail.first.example")}, "deletion-asked"),
        ({"known": vouched("first.example", dkim="pass", dkim_domains=("first.example",))}, "deletion-asked"),
        ({"headers": [("Auto-Submitted", "auto-replied")]}, "deletion-automatic"),
        ({"mail_from": None}, "deletion-null-sender"),
    ],
)  # fmt: skip
def test_only_a_mail_that_its_domain_vouches_for_is_answered(
    visiting: Visiting, change: dict[str, Any], reason: str
) -> None:
    """Every forgery hears 250 like the rest and gets no letter; what became of it is on record."""
    visitor = visiting()
    how = {name: change[name] for name in ("known", "mail_from") if name in change}
    written = {name: change[name] for name in ("sender", "headers") if name in change}
    done = deliver(visitor, asking(**written), **how)
    assert (done.fate.value, done.reason, done.message) == ("request", reason, None)
    assert len(visitor.letters()) == (reason == "deletion-asked")
    with visitor.house.database.read() as connection:
        counted = connection.execute(select(refusal.c.reason, refusal.c.count)).all()
        recorded = connection.execute(select(intake.c.reason)).scalars().all()
    assert [row.reason for row in counted] + list(recorded) == [reason]


def test_the_deletion_address_answers_no_loop(visiting: Visiting) -> None:
    """Mail in its own name, or in that of letters, is answered by nothing; and a flood of one domain is braked."""
    visitor = visiting()
    for sender in (DELETE, "noreply@hub.example"):
        known = Authentication(spf="pass", dmarc="pass", domain="hub.example")
        assert deliver(visitor, asking(sender), known=known).reason == "deletion-unknown"
    said = [deliver(visitor, asking(id=f"{number}@first.example")).reason for number in range(7)]
    assert said == ["deletion-asked"] * 5 + ["deletion-cap"] * 2
    assert len(visitor.letters()) == 5


def test_one_link_of_twenty_presses_asks_once(visiting: Visiting) -> None:
    """Twenty confirmations with the same code at once: one is let in, and the deletion is asked for once."""
    visitor = visiting()
    code, path = enrol(visitor), link(visitor)
    now = code.now()

    def press(number: int) -> int:
        other = type(visitor)(house=visitor.house, app=visitor.app, peer=f"198.51.100.{number}")
        return other.post(path, email=OWNER, password=PASSWORD, code=now).status

    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(press, range(20)))
    assert said.count(200) == 1
    assert set(said) <= {200, 401, 404, 429}


def test_mail_to_a_mailbox_and_the_deletion_address_is_both(visiting: Visiting) -> None:
    """The mailbox's copy is filed as any mail; the other is answered."""
    visitor = visiting()
    assert deliver(visitor, asking(), "support@first.example", DELETE).fate.value == "filed"
    assert [kind for kind, _, _ in visitor.letters()] == ["deletion-link"]


def test_who_is_no_owner_any_more_deletes_nothing(visiting: Visiting) -> None:
    """A link that was mailed to an owner is worth nothing once another made an agent of them."""
    visitor = visiting()
    code, path = enrol(visitor), link(visitor)
    visitor.house.writer.run(lambda tx: users.set_role(tx.connection, 1, 11, "agent"))
    assert visitor.post(path, email=OWNER, password=PASSWORD, code=code.now()).status == 403
    assert asked_at(visitor) is None


def test_forgeries_keep_no_owner_from_his_deletion(visiting: Visiting) -> None:
    """Only mail that its domain vouches for counts for the brake: others' forgeries in its name do not."""
    visitor = visiting()
    for number in range(100):
        assert deliver(visitor, asking(id=f"{number}@evil.example"), known=None).reason == "deletion-unproven"
    assert deliver(visitor, asking()).reason == "deletion-asked"
