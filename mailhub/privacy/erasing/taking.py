"""What an erasure takes, decided once for the deed and for its plan: which tickets go whole, and which mail of others is
looked into. Reads only. Must not: change anything, or count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass

from mailhub.privacy.erasing.mail import named_messages
from mailhub.privacy.erasing.needles import Needles
from mailhub.privacy.erasing.person import Person
from storage.database import Connection
from storage.mail.raws import Frame
from storage.privacy import contacts
from storage.privacy.contacts import LAST_ID
from storage.tickets import removal


def tickets_asked(
    connection: Connection, account: int, people: Collection[int], *, cut: int = LAST_ID
) -> list[int]:
    """Tickets these contacts asked for up to the cut."""
    return [each for each in contacts.tickets_of(connection, account, people) if each <= cut]


def tickets_that_go(
    connection: Connection, account: int, people: Collection[int], *, cut: int = LAST_ID
) -> set[int]:
    """Those of them in which nobody else wrote; they go as a whole, with what came into them meanwhile."""
    asked = tickets_asked(connection, account, people, cut=cut)
    return {each for each in asked if not contacts.others_in_ticket(connection, account, each, people)}


@dataclass(frozen=True, kw_only=True)
class OthersMail:
    """Which messages of others are looked into, as far as they came up to ``cut``."""

    account: int
    person: Person
    needles: Needles
    going: Collection[int]  # tickets that go as a whole
    quoting: Collection[int]  # tickets in which others may quote the person
    written: Set[str]  # Message-IDs of the person's
    cut: int

    @staticmethod
    def of(
        connection: Connection, account: int, person: Person, needles: Needles, *, cut: int = LAST_ID
    ) -> OthersMail:
        """As the tables are now."""
        return OthersMail(
            account=account,
            person=person,
            needles=needles,
            going=tickets_that_go(connection, account, person.contacts, cut=cut),
            quoting=set(contacts.tickets_written_in(connection, account, person.contacts, person.addresses)),
            written=contacts.message_ids_of(connection, account, person.contacts),
            cut=cut,
        )

    def places(self, connection: Connection, page: Sequence[tuple[int, Frame]]) -> dict[int, int]:
        """The messages of a page that are others' and stay, each with its ticket."""
        where = removal.tickets_of_messages(connection, self.account, [message for message, _ in page])
        own = set(contacts.of_contacts(connection, self.account, list(where), self.person.contacts))
        return {
            message: ticket
            for message, ticket in where.items()
            if message <= self.cut and message not in own and ticket not in self.going
        }

    def chosen(
        self, page: Sequence[tuple[int, Frame]], places: dict[int, int]
    ) -> Iterator[tuple[int, bytes, bool]]:
        """(message, raw, whether it may quote the person) of those that are looked into, one raw at a time."""
        for message, frame in page:
            if message not in places:
                continue
            raw = frame.read()
            near = places[message] in self.quoting or not self.written.isdisjoint(named_messages(raw))
            if near or self.needles.may_be_in(raw):
                yield message, raw, near
