"""Who objected (GDPR art. 21): their mail teaches nothing, and what it had taught is taken back exactly."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import select

from mailhub.filter import feedback, objections
from mailhub.filter.feedback import Marked
from mailhub.filter.labelling import LabelOutcome
from mailhub.filter.models import Models
from mailhub.privacy import persons
from mailhub.privacy.objections import object_to_learning, withdraw_objection
from storage.filter import ledger
from storage.privacy import contacts
from storage.schema import message
from tests.houses.desk import Desk
from tests.privacy.erasing.scene import extract

KIM, HOME, LEO = "kim@customer.example", "kim@home.example", "leo@other.example"


@pytest.fixture
def models(desk: Desk) -> Models:
    return desk.filing.models


def mails(desk: Desk, *senders: str) -> list[int]:
    """A mail from each; the messages."""
    return [desk.message_of(desk.mail(f"X <{each}>", Subject=f"canary{n}")) for n, each in enumerate(senders)]


def contact_of(desk: Desk, address: str) -> int:
    with desk.database.read() as connection:
        found = contacts.find_contact_of(connection, desk.account, address)
    assert found is not None
    return found


def marked(desk: Desk, messages: list[int], label: str) -> list[Marked]:
    known = feedback.prepare(desk.database, desk.account, messages, extract)
    mark = partial(feedback.mark, user=desk.ana, features_of=known)
    return desk.act(mark, desk.filing.models, messages, label)


def labelled(desk: Desk) -> set[int]:
    with desk.database.read() as connection:
        every = connection.execute(select(message.c.id)).scalars().all()
        return set(ledger.entries_of(connection, desk.account, every))


def digest(desk: Desk) -> str:
    found = desk.filing.models.verify(desk.writer, desk.account)
    assert found.state == "exact"
    return found.digest


def taken_back(desk: Desk, address: str) -> int:
    return objections.take_back_all(
        desk.database, desk.writer, desk.filing.models, desk.account, contact_of(desk, address)
    )


def test_what_was_taught_is_taken_back_exactly(desk: Desk) -> None:
    """The model is, to the byte, the one that never learnt of them; others' labels stay, and their mail its place."""
    leo, *kims = mails(desk, LEO, *[KIM] * 20)
    marked(desk, [leo], "ham")
    before = digest(desk)
    marked(desk, kims, "spam")
    assert digest(desk) != before

    told = desk.act(object_to_learning, contact_of(desk, KIM))
    assert told.objected_at is not None
    assert taken_back(desk, KIM) == 20

    assert digest(desk) == before
    assert labelled(desk) == {leo}
    with desk.database.read() as connection:
        query = select(message.c.verdict, message.c.verdict_reason).where(message.c.id.in_(kims)).distinct()
        assert connection.execute(query).all() == [("spam", "label")]
        assert ledger.latest_marks(connection, desk.account, kims) == {}
    assert taken_back(desk, KIM) == 0


def test_nothing_new_is_learnt_by_any_way(desk: Desk) -> None:
    """Marks and answers say that the sender objected; an act revoked brings no older one back; unmark goes on."""
    leo, kim = mails(desk, LEO, KIM)
    marked(desk, [kim], "spam")
    second = marked(desk, [kim], "ham")
    assert second[0].outcome is LabelOutcome.RELABELLED
    desk.act(object_to_learning, contact_of(desk, KIM))  # and killed here: its labels are still in force
    with desk.database.read() as connection:
        latest = ledger.latest_marks(connection, desk.account, [kim])[kim].sequence
    desk.act(partial(feedback.revoke, features_of=lambda _: None), desk.filing.models, [latest])
    assert labelled(desk) == set()

    outcomes = [each.outcome for each in marked(desk, [kim, leo], "ham")]
    assert outcomes == [LabelOutcome.OBJECTED, LabelOutcome.MARKED]
    [later] = mails(desk, KIM)
    known = feedback.prepare(desk.database, desk.account, [later], extract)
    handled = partial(feedback.handled, source=ledger.ANSWER, user=desk.ana, features_of=known)
    assert desk.act(handled, desk.filing.models, [later])[0].outcome is LabelOutcome.OBJECTED
    assert labelled(desk) == {leo}


def test_a_job_takes_back_what_a_stop_left(desk: Desk, models: Models) -> None:
    """Killed between the record and the taking back, or merged with who objected: the job finds it by the tables."""
    due = partial(objections.take_back_due, desk.database, desk.writer, models, stopping=bool)
    leo, kim, home = mails(desk, LEO, KIM, HOME)
    marked(desk, [leo, kim, home], "spam")
    desk.act(object_to_learning, contact_of(desk, KIM))
    assert due(now=desk.now) == 1
    assert labelled(desk) == {leo, home}

    desk.act(persons.merge, contact_of(desk, KIM), contact_of(desk, HOME))
    assert due(now=desk.now) == 1
    assert labelled(desk) == {leo}
    assert marked(desk, [home], "spam")[0].outcome is LabelOutcome.OBJECTED
    assert due(now=desk.now) == 0


def test_an_objection_is_withdrawn_for_the_person(desk: Desk) -> None:
    """By whichever contact: labels teach again from then on, and twice changes nothing."""
    kim, home = mails(desk, KIM, HOME)
    desk.act(object_to_learning, contact_of(desk, KIM))
    desk.act(persons.merge, contact_of(desk, KIM), contact_of(desk, HOME))
    assert desk.act(withdraw_objection, contact_of(desk, HOME)).objected_at is None
    assert desk.act(withdraw_objection, contact_of(desk, KIM)).objected_at is None
    assert {each.outcome for each in marked(desk, [kim, home], "ham")} == {LabelOutcome.MARKED}
