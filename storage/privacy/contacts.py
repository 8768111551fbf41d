"""The people who write to us: found by exact address, never by name. Functions take the caller's connection.

What a person left elsewhere is counted here too (``count_traces``), for the plan of an erasure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select

from storage.schema import (
    account,
    consent,
    contact,
    contact_address,
    intake,
    ledger,
    mailbox,
    mark,
    message,
    note,
    outbox,
    participant,
    privacy_request,
    ticket,
    user,
)
from storage.tickets.removal import keyed

LAST_ID = 2**62

# kinds of automatic mail that no person wrote; "generated" is left out: people's own programs set that header, too
OF_PROGRAMS = ("bounce", "receipt", "complaint", "auto-reply")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedContact:
    """A contact that is merged into another one, with the addresses it has itself."""

    id: int
    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact, with every address of the person, in order, and what is merged into it."""

    account_id: int
    id: int
    name: str
    created_at: int
    merged_into: int | None
    objected_at: int | None  # the person, by any of their contacts
    addresses: tuple[str, ...]
    merged: tuple[MergedContact, ...]


def list_contacts(
    connection: Connection, account_id: int, *, address: str | None = None, after: int = 0, limit: int = 100
) -> Sequence[Contact]:
    """Persons by id, each by the contact that stands for them, or the one with this address."""
    heads = (contact.c.account_id == account_id, contact.c.merged_into.is_(None), contact.c.id > after)
    query = select(contact).where(*heads)
    if address is not None:
        own = (contact.c.account_id == account_id, contact.c.id.in_(_of_address(account_id, [address])))
        standing = select(func.coalesce(contact.c.merged_into, contact.c.id)).where(*own)
        query = query.where(contact.c.id.in_(standing))
    rows = connection.execute(query.order_by(contact.c.id).limit(limit)).all()
    return _with_addresses(connection, account_id, rows)


def find_contact(connection: Connection, account_id: int, contact_id: int) -> Contact | None:
    """One contact, by id."""
    query = select(contact).where(contact.c.account_id == account_id, contact.c.id == contact_id)
    found = _with_addresses(connection, account_id, connection.execute(query).all())
    return found[0] if found else None


def find_contact_of(connection: Connection, account_id: int, address: str) -> int | None:
    """Whose address this is (lower case)."""
    return connection.execute(_of_address(account_id, [address])).scalar_one_or_none()


def contacts_of(connection: Connection, account_id: int, addresses: Collection[str]) -> Sequence[int]:
    """Ids of the contacts with any of these addresses."""
    return connection.execute(_of_address(account_id, addresses).distinct()).scalars().all()


def addresses_of(connection: Connection, account_id: int, contacts: Collection[int]) -> Sequence[str]:
    """Every address that these contacts have themselves."""
    own = _addresses(connection, account_id, sorted(contacts))
    return [address for each in sorted(own) for address in own[each]]


def plus_forms(connection: Connection, account_id: int, address: str) -> Sequence[str]:
    """Known addresses that differ from this one by their plus part alone (RFC 5233): they reach the same mailbox."""
    local, _, domain = address.rpartition("@")
    base = local.partition("+")[0]
    own = (
        contact_address.c.account_id == account_id,
        contact_address.c.address.like(_like(f"{base}+") + "%", escape="\\"),
    )
    query = select(contact_address.c.address).where(*own).order_by(contact_address.c.address)
    found = [each for each in connection.execute(query).scalars() if each.endswith(f"@{domain}")]
    return [each for each in found if each != address and each.rpartition("@")[0].partition("+")[0] == base]


def add_contact(connection: Connection, account_id: int, contact_id: int, address: str, *, at: int) -> None:
    """Somebody new, of whom no more than an address is known; an IntegrityError when it is somebody's."""
    values = {"account_id": account_id, "id": contact_id, "name": "", "created_at": at}
    connection.execute(insert(contact).values(values))
    add_address(connection, account_id, contact_id, address)


def add_address(connection: Connection, account_id: int, contact_id: int, address: str) -> None:
    """One more address of a contact; an IntegrityError when it is somebody's."""
    row = {"account_id": account_id, "address": address, "contact_id": contact_id}
    connection.execute(insert(contact_address).values(row))


def set_name(connection: Connection, account_id: int, contact_id: int, name: str) -> None:
    """What a contact is called."""
    own = (contact.c.account_id == account_id, contact.c.id == contact_id)
    connection.execute(contact.update().where(*own).values(name=name))


def delete_contacts(connection: Connection, account_id: int, contacts: Sequence[int]) -> int:
    """Delete contacts, their addresses and consents; how many rows went. Nothing else may name them any more.

    What was merged into one of them stands for itself.
    """
    merged = (contact.c.account_id == account_id, contact.c.merged_into.in_(contacts))
    connection.execute(contact.update().where(*merged).values(merged_into=None))
    own = (consent.c.account_id == account_id, consent.c.contact_id.in_(contacts))
    consents = connection.execute(delete(consent).where(*own)).rowcount
    own = (contact_address.c.account_id == account_id, contact_address.c.contact_id.in_(contacts))
    gone = connection.execute(delete(contact_address).where(*own)).rowcount
    own = (contact.c.account_id == account_id, contact.c.id.in_(contacts))
    return int(consents + gone + connection.execute(delete(contact).where(*own)).rowcount)


def succeed(connection: Connection, account_id: int, old: int, new: int) -> None:
    """A new contact in the place of one that goes: of what is left of it, its messages and tickets, and of these alone.

    Name and addresses are those it wrote with there. The old contact keeps what else it had, to be deleted.
    """
    wrote = (message.c.account_id == account_id, message.c.contact_id == old)
    query = select(message.c.from_address, message.c.from_name, message.c.received_at).where(*wrote)
    rows = connection.execute(query.order_by(message.c.id)).all()
    first = rows[0].received_at if rows else 0
    name = rows[-1].from_name if rows else ""
    values = {"account_id": account_id, "id": new, "name": name, "created_at": first}
    connection.execute(insert(contact).values(values))

    for table in (message, ticket, ledger):
        theirs = (table.c.account_id == account_id, table.c.contact_id == old)
        connection.execute(table.update().where(*theirs).values(contact_id=new))
    for address in {row.from_address.lower() for row in rows}:
        known = (
            contact_address.c.account_id == account_id,
            contact_address.c.contact_id == old,
            contact_address.c.address == address,
        )
        connection.execute(contact_address.update().where(*known).values(contact_id=new))


def participations_of(
    connection: Connection, account_id: int, addresses: Collection[str], *, limit: int
) -> Sequence[tuple[int, str]]:
    """(ticket, address) where these addresses take part. Walks the account's participants: not in a writer's turn."""
    own = (participant.c.account_id == account_id, participant.c.address.in_(addresses))
    query = select(participant.c.ticket_id, participant.c.address).where(*own).limit(limit)
    return [(row.ticket_id, row.address) for row in connection.execute(query)]


def delete_participations(connection: Connection, account_id: int, which: Collection[tuple[int, str]]) -> int:
    """Take addresses out of tickets; how many rows went."""
    gone = 0
    for ticket_id, address in which:
        key = (participant.c.ticket_id == ticket_id, participant.c.address == address)
        gone += connection.execute(
            delete(participant).where(participant.c.account_id == account_id, *key)
        ).rowcount
    return gone


def names_of(connection: Connection, account_id: int, contacts: Collection[int]) -> Sequence[str]:
    """Every name these contacts were seen with."""
    own = select(contact.c.name).where(contact.c.account_id == account_id, contact.c.id.in_(contacts))
    seen = select(message.c.from_name).where(
        message.c.account_id == account_id, message.c.contact_id.in_(contacts)
    )
    return sorted({name for name in connection.execute(own.union(seen)).scalars() if name.strip()})


def names_by_address(
    connection: Connection, account_id: int, contacts: Collection[int]
) -> Mapping[str, set[str]]:
    """The names under which mail came from each address in From, in lower case, of these contacts."""
    own = (message.c.account_id == account_id, message.c.contact_id.in_(contacts))
    query = select(message.c.from_address, message.c.from_name).where(*own).distinct()
    found: dict[str, set[str]] = {}
    for row in connection.execute(query):
        if row.from_name.strip():
            found.setdefault(row.from_address.lower(), set()).add(row.from_name)
    return found


def names_of_others(connection: Connection, account_id: int, contacts: Collection[int]) -> Iterator[str]:
    """Names of everybody and everything else in the account: other contacts, also as they signed, users, mailboxes.

    Walks the account's messages: not in a writer's turn.
    """
    not_theirs = or_(message.c.contact_id.is_(None), message.c.contact_id.not_in(contacts))
    queries = (
        select(account.c.name).where(account.c.id == account_id),
        select(user.c.name).where(user.c.account_id == account_id),
        select(mailbox.c.name).where(mailbox.c.account_id == account_id),
        select(contact.c.name).where(contact.c.account_id == account_id, contact.c.id.not_in(contacts)),
        select(message.c.from_name).where(message.c.account_id == account_id, not_theirs).distinct(),
    )
    for query in queries:
        yield from (name for name in connection.execute(query).scalars() if name and name.strip())


def namesakes_of(
    connection: Connection, account_id: int, contacts: Collection[int], folded: Callable[[str], str]
) -> Sequence[int]:
    """Other contacts whose name, as ``folded`` compares names, is one of these contacts'. Walks the contacts."""
    rows = connection.execute(select(contact.c.id, contact.c.name).where(contact.c.account_id == account_id))
    names = [(row.id, folded(row.name)) for row in rows]
    theirs = {name for which, name in names if which in contacts and name}
    return sorted(which for which, name in names if name in theirs and which not in contacts)


def messages_of(
    connection: Connection, account_id: int, contacts: Collection[int], *, limit: int, until: int = LAST_ID
) -> Sequence[int]:
    """Ids of messages these contacts wrote, up to ``until``, the oldest first."""
    own = (message.c.account_id == account_id, message.c.contact_id.in_(contacts), message.c.id <= until)
    return (
        connection.execute(select(message.c.id).where(*own).order_by(message.c.id).limit(limit))
        .scalars()
        .all()
    )


def message_ids_of(connection: Connection, account_id: int, contacts: Collection[int]) -> set[str]:
    """The Message-IDs of what these contacts wrote, without their brackets: who names one replies to it."""
    own = (message.c.account_id == account_id, message.c.contact_id.in_(contacts))
    found = connection.execute(select(message.c.message_id).where(*own)).scalars()
    return {each.strip("<> ") for each in found if each and each.strip("<> ")}


def of_contacts(
    connection: Connection, account_id: int, messages: Collection[int], contacts: Collection[int]
) -> Sequence[int]:
    """Those of these messages that these contacts wrote."""
    own = (keyed(message, "id", account_id, messages), message.c.contact_id.in_(contacts))
    return connection.execute(select(message.c.id).where(*own)).scalars().all()


def is_used(connection: Connection, account_id: int, contact_id: int) -> bool:
    """Whether a message or ticket still names the contact."""
    wrote = select(message.c.id).where(message.c.account_id == account_id, message.c.contact_id == contact_id)
    asked = select(ticket.c.id).where(ticket.c.account_id == account_id, ticket.c.contact_id == contact_id)
    return any(connection.execute(query.limit(1)).first() is not None for query in (wrote, asked))


def tickets_of(connection: Connection, account_id: int, contacts: Collection[int]) -> Sequence[int]:
    """Ids of tickets these contacts asked for."""
    own = (ticket.c.account_id == account_id, ticket.c.contact_id.in_(contacts))
    return connection.execute(select(ticket.c.id).where(*own).order_by(ticket.c.id)).scalars().all()


def tickets_written_in(
    connection: Connection, account_id: int, contacts: Collection[int], addresses: Collection[str]
) -> Sequence[int]:
    """Ids of tickets in which these people asked, wrote, or take part: where others may quote them."""
    wrote = select(message.c.ticket_id).where(
        message.c.account_id == account_id, message.c.contact_id.in_(contacts)
    )
    asked = select(ticket.c.id).where(ticket.c.account_id == account_id, ticket.c.contact_id.in_(contacts))
    own = (participant.c.account_id == account_id, participant.c.address.in_(addresses))
    return sorted(
        connection.execute(wrote.union(asked, select(participant.c.ticket_id).where(*own))).scalars()
    )


def others_in_ticket(
    connection: Connection, account_id: int, ticket_id: int, contacts: Collection[int]
) -> bool:
    """Whether somebody else than these contacts, and than our own people, wrote in this ticket.

    What a program reported or answered by itself is nobody's words: a bounce is about the mail that came back.
    """
    own = (
        message.c.account_id == account_id,
        message.c.ticket_id == ticket_id,
        message.c.contact_id.is_not(None),
        message.c.automatic.not_in(OF_PROGRAMS),
    )
    query = select(message.c.id).where(*own, message.c.contact_id.not_in(contacts)).limit(1)
    return connection.execute(query).first() is not None


def release_ticket(connection: Connection, account_id: int, ticket_id: int) -> None:
    """The ticket has no requester any more."""
    own = (ticket.c.account_id == account_id, ticket.c.id == ticket_id)
    connection.execute(ticket.update().where(*own).values(contact_id=None))


def deliveries_of(connection: Connection, account_id: int, messages: Collection[int]) -> None:
    """The deliveries of these messages say no more who brought them."""
    own = (intake.c.account_id == account_id, intake.c.message_id.in_(messages))
    connection.execute(intake.update().where(*own).values(mail_from="", peer="", helo="", trace=None))


def sendings_to(
    connection: Connection, account_id: int, addresses: Collection[str], *, limit: int, until: int = LAST_ID
) -> Sequence[int]:
    """Ids, up to ``until``, of what is or was to be sent to these addresses. Walks the outbox: not in a
    writer's turn.
    """
    to_them = func.lower(outbox.c.recipient).in_(addresses)
    own = (outbox.c.account_id == account_id, to_them, outbox.c.id <= until)
    return connection.execute(select(outbox.c.id).where(*own).limit(limit)).scalars().all()


def delete_sendings(connection: Connection, account_id: int, ids: Collection[int]) -> int:
    """Delete rows of the outbox; how many went."""
    own = (outbox.c.account_id == account_id, outbox.c.id.in_(ids))
    return connection.execute(delete(outbox).where(*own)).rowcount


def count_traces(
    connection: Connection, account_id: int, contacts: Collection[int], addresses: Collection[str]
) -> Mapping[str, int]:
    """What these people left, by kind. Reads by index, but for deliveries and answers, which it walks."""
    wrote = (message.c.account_id == account_id, message.c.contact_id.in_(contacts))
    asked = select(ticket.c.id).where(ticket.c.account_id == account_id, ticket.c.contact_id.in_(contacts))
    wanted = {
        "messages": select(func.count()).select_from(message).where(*wrote),
        "tickets": select(func.count()).select_from(asked.subquery()),
        "notes": select(func.count())
        .select_from(note)
        .where(note.c.account_id == account_id, note.c.ticket_id.in_(asked)),
        "participations": select(func.count())
        .select_from(participant)
        .where(participant.c.account_id == account_id, participant.c.address.in_(addresses)),
        "outbox": select(func.count())
        .select_from(outbox)
        .where(outbox.c.account_id == account_id, func.lower(outbox.c.recipient).in_(addresses)),
        "requests": select(func.count())
        .select_from(privacy_request)
        .where(privacy_request.c.account_id == account_id, privacy_request.c.address.in_(addresses)),
        "ledger": select(func.count())
        .select_from(ledger)
        .where(ledger.c.account_id == account_id, ledger.c.contact_id.in_(contacts)),
        "marks": select(func.count())
        .select_from(mark)
        .where(mark.c.account_id == account_id, mark.c.message_id.in_(select(message.c.id).where(*wrote))),
        "consents": select(func.count())
        .select_from(consent)
        .where(consent.c.account_id == account_id, consent.c.contact_id.in_(contacts)),
        "quarantine": select(func.count()).select_from(message).where(*wrote, message.c.unreadable == 1),
        "deliveries": select(func.count())
        .select_from(intake)
        .where(intake.c.account_id == account_id, func.lower(intake.c.mail_from).in_(addresses)),
    }

    return {name: connection.execute(query).scalar_one() for name, query in wanted.items()}


def _of_address(account_id: int, addresses: Collection[str]):  # type: ignore[no-untyped-def]
    own = (contact_address.c.account_id == account_id, contact_address.c.address.in_(addresses))
    return select(contact_address.c.contact_id).where(*own)


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _with_addresses(connection: Connection, account_id: int, rows: Sequence[Any]) -> list[Contact]:
    """Contacts of these rows; two statements, however many there are."""
    heads = sorted({row.merged_into or row.id for row in rows})
    of_persons = or_(contact.c.id.in_(heads), contact.c.merged_into.in_(heads))
    query = select(contact).where(contact.c.account_id == account_id, of_persons).order_by(contact.c.id)
    people = connection.execute(query).all()
    addresses = _addresses(connection, account_id, [each.id for each in people])

    persons: dict[int, list[Any]] = {}
    for each in people:
        persons.setdefault(each.merged_into or each.id, []).append(each)

    found = []
    for row in rows:
        of_person = persons[row.merged_into or row.id]
        every = (address for each in of_person for address in addresses.get(each.id, ()))
        merged = (
            MergedContact(id=each.id, name=each.name, addresses=tuple(addresses.get(each.id, ())))
            for each in of_person
            if each.merged_into == row.id
        )
        instants = [each.objected_at for each in of_person if each.objected_at is not None]
        values = {**row._mapping, "objected_at": min(instants, default=None)}
        found.append(Contact(**values, addresses=tuple(sorted(every)), merged=tuple(merged)))

    return found


def _addresses(connection: Connection, account_id: int, contacts: Sequence[int]) -> Mapping[int, list[str]]:
    own = (contact_address.c.account_id == account_id, contact_address.c.contact_id.in_(contacts))
    query = (
        select(contact_address.c.contact_id, contact_address.c.address)
        .where(*own)
        .order_by(contact_address.c.address)
    )
    found: dict[int, list[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.contact_id, []).append(row.address)
    return found
