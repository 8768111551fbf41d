"""Consents: recorded by the text agreed to, withdrawn, exported, and gone with the contact."""

from __future__ import annotations

from hashlib import sha256

import pytest

from mailhub.errors import BadRequest, NotFound
from mailhub.privacy import consents
from mailhub.privacy.consents import Given
from mailhub.proof.act import Act
from storage.privacy import consents as rows
from storage.privacy import contacts
from storage.privacy.consents import Consent
from storage.proof import journal
from tests.houses.desk import Desk
from tests.privacy.test_export import KIM, LEE, contact_of, of_person
from tests.privacy.test_export import rows as exported


def agreed(desk: Desk, contact: int, *, at: int = 0) -> Consent:
    given = Given(
        contact=contact,
        purpose="news",
        text_version="3",
        text="Yes, please.",
        how="form",
        given_at=at or desk.now,
    )
    return desk.do(lambda tx: consents.add_consent(Act(tx, desk.actor, desk.account, desk.now), given))


def test_a_consent_keeps_its_text_and_who_recorded_it(desk: Desk) -> None:
    """What art. 7(1) asks to be shown: the text as it was shown, its digest, and by whom it was put on record."""
    desk.mail(f"Kim <{KIM}>")
    row = agreed(desk, contact_of(desk, KIM))
    assert (row.text, row.actor) == ("Yes, please.", desk.actor)
    assert row.text_digest == sha256(b"Yes, please.").hexdigest()
    with desk.database.read() as connection:
        assert rows.list_consents(connection, desk.account, row.contact_id) == [row]


def test_withdrawing_again_keeps_the_first_instant(desk: Desk) -> None:
    """It is withdrawn once, stays on record, and is written into the journal once."""
    desk.mail(f"Kim <{KIM}>")
    row = agreed(desk, contact_of(desk, KIM))
    ends = [
        desk.do(
            lambda tx: consents.withdraw_consent(Act(tx, desk.actor, desk.account, desk.now), row.id)
        ).withdrawn_at
        for _ in range(2)
    ]
    assert ends[0] is not None
    assert ends == [ends[0], ends[0]]
    with desk.database.read() as connection:
        acts = [each.verb for each in journal.of_object(connection, desk.account, f"consent:{row.id}")]
    assert sorted(acts) == ["consent.add", "consent.withdraw"]


def test_nobody_agrees_in_the_future_or_unknown(desk: Desk) -> None:
    """A consent needs a contact of the account, and an instant that has come."""
    desk.mail(f"Kim <{KIM}>")
    with pytest.raises(NotFound):
        agreed(desk, 12345)
    with pytest.raises(BadRequest):
        agreed(desk, contact_of(desk, KIM), at=2**61)


def test_an_export_holds_the_persons_consents_alone(desk: Desk) -> None:
    """Kim's export has Kim's consent, Lee's has none."""
    desk.mail(f"Kim <{KIM}>")
    desk.mail(f"Lee <{LEE}>")
    row = agreed(desk, contact_of(desk, KIM))
    assert [each["id"] for each in exported(of_person(desk, KIM), "consent")] == [row.id]
    assert exported(of_person(desk, LEE), "consent") == []


def test_consents_go_with_their_contact(desk: Desk) -> None:
    """They are counted in the plan of an erasure, and deleted with the contact; another's stay."""
    desk.mail(f"Kim <{KIM}>")
    desk.mail(f"Lee <{LEE}>")
    kim, lee = contact_of(desk, KIM), contact_of(desk, LEE)
    agreed(desk, kim)
    stays = agreed(desk, lee)
    with desk.database.read() as connection:
        assert contacts.count_traces(connection, desk.account, [kim], [KIM])["consents"] == 1
    desk.do(lambda tx: contacts.delete_contacts(tx.connection, desk.account, [kim]))
    with desk.database.read() as connection:
        assert rows.list_consents(connection, desk.account, kim) == []
        assert rows.list_consents(connection, desk.account, lee) == [stays]
