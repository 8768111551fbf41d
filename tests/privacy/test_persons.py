"""One person with several contacts: merged and parted, and what that means for whatever is done to the person."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import select

from mailhub.access import holds
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.privacy import aliases, consents, export, persons
from mailhub.privacy.consents import Given
from storage.privacy import consents as consent_rows
from storage.privacy import contacts
from storage.privacy import persons as person_rows
from storage.privacy.contacts import Contact
from storage.privacy.holds import find_holds, find_holds_on_tickets
from storage.proof import journal
from storage.schema import contact, outbox
from storage.tickets.ticket_lists import TicketFilter, list_tickets
from tests.houses.desk import Desk
from tests.privacy.test_export import NOW, everything, opened, rows

WORK, HOME, CLUB = "kim@work.example", "kim@home.example", "kim@club.example"


def contact_of(desk: Desk, address: str) -> int:
    with desk.database.read() as connection:
        found = contacts.find_contact_of(connection, desk.account, address)
    assert found is not None
    return found


def written(desk: Desk, *addresses: str) -> list[int]:
    """A mail from each of these addresses; the contacts."""
    for address in addresses:
        desk.mail(f"Kim <{address}>")
    return [contact_of(desk, address) for address in addresses]


def of_person(desk: Desk, contact_id: int) -> list[int]:
    with desk.database.read() as connection:
        return list(person_rows.contacts_of_persons(connection, desk.account, [contact_id]))


def listed(desk: Desk, address: str | None = None) -> list[Contact]:
    with desk.database.read() as connection:
        return list(contacts.list_contacts(connection, desk.account, address=address))


def test_two_contacts_become_one_person_and_two_again(desk: Desk) -> None:
    """Whoever is merged is found under either address as one person; unmerged, each is itself."""
    work, home = written(desk, WORK, HOME)

    found = desk.act(persons.merge, home, work)

    assert (found.id, found.addresses) == (work, (HOME, WORK))
    assert [(each.id, each.addresses) for each in found.merged] == [(home, (HOME,))]
    assert [each.id for each in listed(desk)] == [work]
    assert [each.id for each in listed(desk, HOME)] == [work]
    assert of_person(desk, home) == of_person(desk, work) == sorted([work, home])

    alone = desk.act(persons.unmerge, home)

    assert (alone.id, alone.addresses, alone.merged_into) == (home, (HOME,), None)
    assert [each.id for each in listed(desk)] == [work, home]
    assert of_person(desk, work) == [work]


def test_a_merge_is_one_level_however_it_came_about(desk: Desk) -> None:
    """Into a merged contact means into the one that stands for it, and what was merged before comes along; no cycle."""
    work, home, club = written(desk, WORK, HOME, CLUB)
    desk.act(persons.merge, home, work)

    assert desk.act(persons.merge, club, home).id == work
    with pytest.raises(Conflict, match="already"):
        desk.act(persons.merge, work, club)
    with pytest.raises(Conflict, match="unmerge it first"):
        desk.act(persons.merge, home, written(desk, "kim@new.example")[0])
    with pytest.raises(BadRequest):
        desk.act(persons.merge, work, work)
    with pytest.raises(NotFound):
        desk.act(persons.merge, work, 7)

    with desk.database.read() as connection:
        links = select(contact.c.merged_into).where(contact.c.merged_into.is_not(None))
        assert set(connection.execute(links).scalars()) == {work}


def test_a_merge_brings_along_and_its_undo_takes_back(desk: Desk) -> None:
    """What was merged into a contact goes with it and comes back with it, but for what was merged anew meanwhile."""
    work, home, club = written(desk, WORK, HOME, CLUB)
    desk.act(persons.merge, home, work)
    desk.act(persons.merge, work, club)
    assert of_person(desk, club) == sorted([work, home, club])

    desk.act(persons.unmerge, work)
    assert (of_person(desk, club), of_person(desk, work)) == ([club], sorted([work, home]))

    desk.act(persons.merge, work, club)
    desk.act(persons.unmerge, home)
    desk.act(persons.merge, home, club)
    desk.act(persons.unmerge, work)
    assert of_person(desk, work) == [work]
    assert of_person(desk, club) == sorted([home, club])


def test_merging_again_is_told_once(desk: Desk) -> None:
    """The same merge twice changes nothing and writes the journal once; what is not merged cannot be parted."""
    work, home = written(desk, WORK, HOME)
    first = desk.act(persons.merge, home, work)

    assert desk.act(persons.merge, home, work) == first
    with desk.database.read() as connection:
        told = journal.list_chain(connection, after=(-1, -1, -1), account_id=desk.account, limit=99)
    assert [row.verb for row in told if row.verb == "contact.merge"] == ["contact.merge"]
    with pytest.raises(Conflict, match="not merged"):
        desk.act(persons.unmerge, work)


def test_a_person_has_so_many_contacts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person of too many contacts is refused, counting what a merge would bring along."""
    monkeypatch.setattr(persons, "CONTACTS_OF_ONE", 2)
    work, home, club = written(desk, WORK, HOME, CLUB)
    desk.act(persons.merge, home, work)
    with pytest.raises(Conflict, match="at most 2"):
        desk.act(persons.merge, work, club)


def test_a_copy_holds_the_whole_person(desk: Desk) -> None:
    """Asked for under either contact, an export holds mail, tickets and consents of both, and plus forms of each."""
    work, home = written(desk, WORK, HOME)
    desk.receive(desk.written("Kim <kim+shop@home.example>", text="from the shop"))
    desk.mail("Leo <leo@other.example>", Subject="canaryleo")
    for each in (work, home):
        given = Given(contact=each, purpose="news", text_version="1", text="yes", how="form", given_at=1)
        desk.act(consents.add_consent, given)
    desk.act(persons.merge, home, work)

    for each in (work, home):
        copy = opened(export.of_person(desk.database, desk.account, each, now=NOW))
        assert {row["address"] for row in rows(copy, "contact_address")} == {
            WORK,
            HOME,
            "kim+shop@home.example",
        }
        assert len(rows(copy, "message")) == len(rows(copy, "ticket")) == 3
        assert len(rows(copy, "consent")) == 2
        assert b"canaryleo" not in everything(copy)
    with desk.database.read() as connection:
        assert len(consent_rows.list_consents(connection, desk.account, home)) == 2


def test_a_hold_on_one_holds_the_person(desk: Desk) -> None:
    """A hold on a contact keeps and restricts what was written from every address of the person."""
    work, home = written(desk, WORK, HOME)
    desk.act(holds.add_hold, kind="contact", named=home, reason="claim", ends_at=None, quotas=Quotas())
    desk.act(persons.merge, home, work)

    with desk.database.read() as connection:
        ticket = list_tickets(connection, desk.account, TicketFilter(contacts=(work,)))[0]
        held = find_holds_on_tickets(connection, desk.account, [ticket.id], desk.now)
        assert [each.object_id for each in held] == [home]
        assert find_holds(connection, desk.account, contacts=[work], now=desk.now) == held


def test_mail_from_either_address_joins_the_persons_ticket(desk: Desk) -> None:
    """An answer from the other address of a merged person joins, and is answered there; a stranger's does not."""
    first = desk.mail(f"Kim <{WORK}>", Message_ID="<first@work.example>")
    desk.mail(f"Kim <{HOME}>")

    def answered() -> int | None:
        return desk.mail(f"Kim <{HOME}>", In_Reply_To="<first@work.example>").ticket

    assert answered() != first.ticket
    desk.act(persons.merge, contact_of(desk, HOME), contact_of(desk, WORK))
    assert answered() == first.ticket
    sent = desk.answer(desk.ticket_of(first))
    with desk.database.read() as connection:
        query = select(outbox.c.recipient).where(outbox.c.message_id == sent.message)
        assert connection.execute(query).scalars().all() == [HOME]
    desk.act(persons.unmerge, contact_of(desk, HOME))
    assert answered() != first.ticket


def test_spellings_of_one_address_are_one_contact(desk: Desk) -> None:
    """U-label, A-label, a dot at the end and capitals: one contact, also as a further address, and for a search."""
    spelled = ["kim@bücher.example", "KIM@xn--bcher-kva.example", "kim@BÜCHER.example."]
    found = {desk.ticket_of(desk.mail(f"Kim <{each}>")) for each in spelled}
    assert len(found) == 3
    assert [each.addresses for each in listed(desk)] == [("kim@xn--bcher-kva.example",)]

    [kim] = [each.id for each in listed(desk)]
    again = desk.act(aliases.add_alias, desk.directory, kim, spelled[0], quotas=Quotas())
    assert again.addresses == ("kim@xn--bcher-kva.example",)


# --- what is known of a contact, set right (GDPR art. 16) ------------------------------------------------------------


def test_a_name_set_by_hand_stays(desk: Desk) -> None:
    """A renamed contact keeps the name, whatever name later mail comes under; the mail keeps its own."""
    [work] = written(desk, WORK)
    assert desk.act(aliases.rename, work, "  Kim \t Zanzibari ").name == "Kim Zanzibari"
    desk.mail(f"Wrong Name <{WORK}>")
    assert [each.name for each in listed(desk)] == ["Kim Zanzibari"]
    with desk.database.read() as connection:
        assert set(contacts.names_of(connection, desk.account, [work])) == {
            "Kim",
            "Kim Zanzibari",
            "Wrong Name",
        }
    for wrong in ("", " \t", "a\0b", "a\u202eb"):
        with pytest.raises(BadRequest):
            desk.act(aliases.rename, work, wrong)


def test_an_address_added_by_mistake_is_taken_away_with_what_came_from_it(desk: Desk) -> None:
    """Mail, tickets and labels from it are a new contact's; merged again they are one person, and nothing is lost."""
    [work] = written(desk, WORK)
    desk.act(aliases.add_alias, desk.directory, work, HOME, quotas=Quotas())
    mistaken = desk.mail(f"Lee <{HOME}>")
    shared = desk.mail(f"Kim <{WORK}>", Message_ID="<both@work.example>")
    desk.mail(f"Lee <{HOME}>", In_Reply_To="<both@work.example>")

    lee = desk.act(aliases.take_address, work, HOME.upper())

    assert (lee.name, lee.addresses) == ("Lee", (HOME,))
    assert lee.id != work
    with desk.database.read() as connection:
        tickets = {row.id: row.contact_id for row in list_tickets(connection, desk.account, TicketFilter())}
        wrote = {
            each: len(contacts.messages_of(connection, desk.account, [each], limit=9))
            for each in (work, lee.id)
        }
    assert (tickets[desk.ticket_of(mistaken)], tickets[desk.ticket_of(shared)]) == (lee.id, work)
    assert wrote == {work: 2, lee.id: 2}
    assert desk.act(persons.merge, lee.id, work).addresses == (HOME, WORK)


def test_an_address_nobody_wrote_from_is_nobodys(desk: Desk) -> None:
    """It can be given to somebody else at once; the only address, another's, and one under a hold cannot be taken."""
    work, home = written(desk, WORK, HOME)
    desk.act(aliases.add_alias, desk.directory, work, CLUB, quotas=Quotas())
    assert desk.act(aliases.take_address, work, CLUB).addresses == (WORK,)
    assert desk.act(aliases.add_alias, desk.directory, home, CLUB, quotas=Quotas()).addresses == (CLUB, HOME)

    with pytest.raises(Conflict, match="only address"):
        desk.act(aliases.take_address, work, WORK)
    desk.act(persons.merge, home, work)
    with pytest.raises(NotFound):
        desk.act(aliases.take_address, work, CLUB)
    desk.act(holds.add_hold, kind="contact", named=work, reason="claim", ends_at=None, quotas=Quotas())
    for act in (partial(aliases.take_address, address=CLUB), persons.unmerge):
        with pytest.raises(Conflict, match="held"):
            desk.act(act, home)
