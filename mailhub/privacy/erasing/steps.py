"""The steps of an erasure, in their order. Each is a series of short turns of the writer and may run again at any time.

    hold           nothing in force forbids it; else it waits, and goes on by itself when that is lifted
    gather         the cut time moves to now; whose contacts, addresses and names are meant; the model's digest before
    redact-mail    others' messages: name, address and quoted words replaced, in the raw and in all that is derived
    outbox         what is or was to be sent to the person; letters to others that wait go without them
    own-mail       the person's messages: unlearned, removed with raw, index and deliveries' senders; tombstones stay;
                   what is to be deleted at providers is asked for
    own-tickets    the person's tickets with our answers and notes; one in which others wrote stays, without requester
    participations the person's addresses in others' tickets
    contacts       the contact, its name and addresses
    rows           every other text column that names the person, by the catalogue: notes, subjects, deliveries
    index          the index's pages are written anew without the words of what was removed
    model          the model is the fold of what is left, byte for byte, and its checkpoint is written anew
    log            the write-ahead log is emptied (SQLite), dead rows go (PostgreSQL); an open reader makes it pending
    search         every byte and every value; what is found begins a new round at ``gather``
    witness        a second search, of other code: what it still finds stands on the receipt as an exception
    tombstone      restored rows of the person that are older than the cut go again
    backups        the person's keys are in no key file of the backups any more; a target that fails makes it pending
    key            the key under which the person was known here is destroyed
    receipt        the receipt, signed; only now the state is done

Must not: decide who may ask for it, or keep the person anywhere but sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailhub import clock, keys
from mailhub.backups.erasing import destroy_person_keys, rewrite_key_files
from mailhub.privacy.erasing import copies, mail
from mailhub.privacy.erasing.first_receipt import issue_receipt
from mailhub.privacy.erasing.names import folded, why_refused
from mailhub.privacy.erasing.needles import Needles
from mailhub.privacy.erasing.person import Person
from mailhub.privacy.erasing.quotes import Quotes
from mailhub.privacy.erasing.scan import RAW_SLICES, Scanner, rows_of
from mailhub.privacy.erasing.taking import OthersMail, tickets_asked, tickets_that_go
from mailhub.privacy.erasing.testimony import hear_witness
from mailhub.privacy.erasing.work import Held, Pending, Work, key_path, seal
from mailhub.tickets.removal import remove_messages, remove_tickets
from storage.database import Connection
from storage.mail import raws
from storage.mail import search as search_index
from storage.people.idempotency import forget_answers
from storage.privacy import contacts, cuts, personal, tombstones
from storage.privacy.holds import Hold, find_holds
from storage.privacy.personal import Table
from storage.privacy.persons import whole_person
from storage.rules.rules import outdate
from storage.tickets import removal as removed_rows
from storage.writer import Transaction

MESSAGES_A_TURN = 4  # removed: some 5 ms each
TICKETS_A_TURN = 8
ROWS_A_TURN = 50
PARTICIPATIONS = 100_000  # that are looked at


class RoundNeeded(Exception):
    """The search found something: a new round is needed. ``str`` says where, in opaque words."""


@dataclass(frozen=True)
class Step:
    """One step by its name."""

    name: str
    run: Callable[[Work], None]


def ask_holds(work: Work) -> None:
    """A hold on the person, on the account, or on any ticket the person is in keeps everything as it is."""
    with work.parts.database.read() as connection:
        found = holds_on(connection, work.account, who(connection, work.account, work.person), clock.now())
    if found:
        raise Held("hold " + ", ".join(str(each.id) for each in found[:5]))


def holds_on(connection: Connection, account: int, person: Person, now: int) -> Sequence[Hold]:
    """Holds in force on the account, on the person, or on a ticket in which the person asked, wrote or takes part."""
    tickets = contacts.tickets_written_in(connection, account, person.contacts, person.addresses)
    return find_holds(connection, account, contacts=person.contacts, tickets=tickets, now=now)


def gather(work: Work) -> None:
    """Whose rows there are now: what comes after this instant stays, as a new contact's, unless a new round
    is needed.
    """
    account = work.account
    now = clock.now()
    with work.parts.database.read() as connection:
        cut = cuts.highest_id(connection, account)
        person = who(connection, account, work.person)
    if "model_before" not in work.row.counts:
        work.set_counts(model_before=work.parts.models.verify(work.parts.writer, account).digest)
    left = {folded(name) for name in person.names} - {folded(name) for name in person.agreed}
    taken = len(work.person.agreed) - len(person.agreed)
    work.set_counts(
        names_left=len(left), names_taken=taken, quotes_left=0, cut_id=cut
    )  # each round counts anew
    sealed = seal(work.parts, work.row.id, person)
    work.do(lambda tx: work.change(tx, person=sealed, cut_at=now))
    work.person = person
    work.reread()


def who(connection: Connection, account: int, known: Person) -> Person:
    """The person as the tables know them now: plus forms, contacts and what they are merged with, and every name
    they were seen with.

    Of the names that were agreed to, those stay that are nobody else's by now.
    """
    whole = whole_person(connection, account, addresses=known.addresses)
    ids = whole.contacts
    seen = dict.fromkeys([*known.names, *contacts.names_of(connection, account, ids)])
    turned = [f"{last}, {first}" for first, _, last in (name.rpartition(" ") for name in seen) if first]
    others = list(contacts.names_of_others(connection, account, ids)) if known.agreed else []

    return Person(
        addresses=whole.addresses,
        contacts=tuple(sorted({*known.contacts, *ids})),
        names=tuple(dict.fromkeys([*seen, *turned])),
        agreed=tuple(name for name in known.agreed if not why_refused(name, others)),
    )


def redact_mail(work: Work) -> None:
    """Every message of the account is read once, from where the last turn was."""
    parts = work.parts
    account = work.account
    person = work.person
    needles = Needles(person)
    quotes = mail.quotes_of(parts, account, person)
    work.set_counts(words_unknown=int(not quotes.complete))

    with parts.database.read() as connection:
        others = OthersMail.of(connection, account, person, needles, cut=work.cut)

    after = work.row.position
    while after < work.cut:
        with parts.database.read() as connection:
            page = raws.list_raws(connection, account, after, RAW_SLICES)
            places = others.places(connection, page)
        if not page:
            return
        for message, _, near in others.chosen(page, places):
            _redact(work, message, needles, quotes.in_message(message, near=near))
        after = page[-1][0]
        work.do(lambda tx, at=after: work.change(tx, position=at))  # type: ignore[misc]


def _redact(work: Work, message: int, needles: Needles, quotes: Quotes) -> None:
    revision = mail.revise(work.parts, work.account, message, needles, quotes)
    if revision is not None:
        mail.store(work, [revision])
    if mail.holds_words(work.parts, work.account, message, quotes):
        work.do(lambda tx: work.add_counts(tx, quotes_left=1))
    if revision is not None:
        return
    with work.parts.database.read() as connection:
        raw = raws.read(connection, work.account, message)
    if raw is not None and needles.in_message(raw):  # what could not be read cannot be mended either
        _remove_mail(work, [message])


def empty_outbox(work: Work) -> None:
    while True:
        with work.parts.database.read() as connection:
            found = contacts.sendings_to(
                connection, work.account, work.person.addresses, limit=ROWS_A_TURN, until=work.cut
            )
        if not found:
            return mail.redact_letters(work, Needles(work.person))

        def act(transaction: Transaction, found: Sequence[int] = found) -> None:
            work.add_counts(
                transaction, outbox=contacts.delete_sendings(transaction.connection, work.account, found)
            )

        work.do(act)


def remove_own_mail(work: Work) -> None:
    while True:
        with work.parts.database.read() as connection:
            found = contacts.messages_of(
                connection, work.account, work.person.contacts, limit=MESSAGES_A_TURN, until=work.cut
            )
        if not found:
            return
        _remove_mail(work, found)


def _remove_mail(work: Work, messages: Sequence[int]) -> None:
    def act(transaction: Transaction) -> None:
        contacts.deliveries_of(transaction.connection, work.account, messages)
        copies.ask(work, transaction, messages)
        gone = remove_messages(
            transaction, work.account, messages, forget=work.forget, tombstones=work.tombstones
        )
        work.add_counts(transaction, messages=len(gone.messages), raws=gone.rows.get("raw", 0))

    work.do(act)


def remove_own_tickets(work: Work) -> None:
    with work.parts.database.read() as connection:
        found = tickets_asked(connection, work.account, work.person.contacts, cut=work.cut)
        going = tickets_that_go(connection, work.account, work.person.contacts, cut=work.cut)
    for ticket in found:
        if ticket not in going:
            work.do(lambda tx, it=ticket: contacts.release_ticket(tx.connection, work.account, it))  # type: ignore[misc]
    whole = sorted(going)
    for start in range(0, len(whole), TICKETS_A_TURN):
        _remove_tickets(work, whole[start : start + TICKETS_A_TURN])


def _remove_tickets(work: Work, tickets: Sequence[int]) -> None:
    """Our answers in them first, some a turn; then the tickets, empty but for what came this moment."""
    with work.parts.database.read() as connection:
        messages = removed_rows.messages_of_tickets(connection, work.account, tickets)
    for start in range(0, len(messages), MESSAGES_A_TURN):
        _remove_mail(work, messages[start : start + MESSAGES_A_TURN])

    def act(transaction: Transaction) -> None:
        copies.ask(
            work, transaction, removed_rows.messages_of_tickets(transaction.connection, work.account, tickets)
        )
        gone = remove_tickets(
            transaction, work.account, tickets, forget=work.forget, tombstones=work.tombstones
        )
        notes = gone.rows.get("note", 0)
        work.add_counts(transaction, tickets=len(gone.tickets), messages=len(gone.messages), notes=notes)

    work.do(act)


def remove_participations(work: Work) -> None:
    while True:
        with work.parts.database.read() as connection:
            every = contacts.participations_of(
                connection, work.account, work.person.addresses, limit=PARTICIPATIONS
            )
            found = [
                each for each in every if not cuts.has_later_mail(connection, work.account, each[0], work.cut)
            ][:ROWS_A_TURN]
        if not found:
            return

        def act(transaction: Transaction, found: Sequence[tuple[int, str]] = found) -> None:
            gone = contacts.delete_participations(transaction.connection, work.account, found)
            work.add_counts(transaction, participations=gone)

        work.do(act)


def remove_contacts(work: Work) -> None:
    """Who wrote again since the cut is a new contact, of what they wrote since."""

    def act(transaction: Transaction) -> None:
        connection = transaction.connection
        people = work.person.contacts
        for each in people:
            if contacts.is_used(connection, work.account, each):
                contacts.succeed(connection, work.account, each, transaction.new_id())
        gone = contacts.delete_contacts(connection, work.account, people)
        destroy_person_keys(connection, work.account, people)
        work.add_counts(transaction, contacts=gone)
        forget_answers(connection, work.account)

    work.do(act)


def redact_rows(work: Work) -> None:
    for table, columns in personal.spoken_of():
        changes = []
        for row in rows_of(work.parts.database, table, columns, work.account):
            named = {name: value for name, value in row.values.items() if work.person.names_him(value)}
            if named and not _is_later(work, table, row.key):
                changes.append((row.key, named))
            if len(changes) == ROWS_A_TURN:
                _change_rows(work, table, changes)
                changes = []
        _change_rows(work, table, changes)


def _is_later(work: Work, table: Table, key: personal.Key) -> bool:
    with work.parts.database.read() as connection:
        return cuts.is_later(connection, work.account, table, key, work.cut)


def _change_rows(work: Work, table: Table, changes: list[tuple[personal.Key, dict[str, str]]]) -> None:
    def act(transaction: Transaction) -> None:
        for key, named in changes:
            # What a row is found by cannot become the same word in two: a rule about who is gone says
            # nothing.
            if any(personal.identifies(table, column) for column in named):
                personal.delete_row(transaction.connection, table, key)
            else:
                values = {column: work.person.replaced(value) for column, value in named.items()}
                personal.change_row(transaction.connection, table, key, values)
        if table.name == "rule":
            outdate(transaction.connection, work.account)  # nobody goes on with the words that are gone
        work.add_counts(transaction, **{f"rows_{table.name}": len(changes)})

    if changes:
        work.do(act)


def rewrite_index(work: Work) -> None:
    begin = True
    while work.do(lambda tx, first=begin: search_index.rewrite_index(tx.connection, begin=first)):  # type: ignore[misc]
        begin = False


def settle_model(work: Work) -> None:
    said = work.parts.models.verify(work.parts.writer, work.account)
    if said.state != "exact":
        raise Pending("the model is not the fold of its ledger: it is folded anew")
    work.parts.models.checkpoint(work.parts.writer, work.account)
    work.set_counts(model_after=said.digest, model_replay=said.ledger_digest)


def empty_log(work: Work) -> None:
    if not work.parts.database.empty_log():
        raise Pending("an open reader keeps the write-ahead log")
    if not work.parts.database.vacuum():
        raise Pending("an open transaction keeps dead rows")


def search(work: Work) -> None:
    told = clock.now()

    def progress(done: int, of: int) -> None:
        nonlocal told
        work.look_up()
        if clock.now() - told > clock.SECOND:
            told = clock.now()
            work.do(lambda tx: work.change(tx, position=min(1000, 1000 * done // max(1, of))))

    found = Scanner(
        database=work.parts.database,
        directory=work.parts.data,
        account=work.account,
        needles=Needles(work.person),
        secret=work.parts.secrets.features,
        keys=work.parts.keys,
        since=work.row.begun_at,
        cut=work.cut,
        progress=progress,
    ).run()
    looked = {"messages": found.messages, "rows": found.rows, "files": found.files, "bytes": found.bytes}
    work.set_counts(search={**looked, "hits": len(found.hits)})
    if found.hits:
        raise RoundNeeded(", ".join(found.hits[:5]))


def leave_tombstone(work: Work) -> None:
    """Of addresses, and of names that were agreed to, so that a restore knows what to replace again."""
    buried = [*work.person.addresses, *map(name_to_bury, work.person.agreed)]
    digests = [tombstones.of_address(each, work.parts.secrets.tombstone) for each in buried]
    cut = work.row.cut_at
    work.do(lambda tx: tombstones.bury_people(tx.connection, work.account, digests, cut_at=cut))


def name_to_bury(name: str) -> str:
    """What stands for a name among the tombstones; no address looks like it."""
    return f"name {folded(name)}"


def rewrite_keys_of_backups(work: Work) -> None:
    """From here on the person's part of every backup is unreadable, and a restore knows the tombstone."""
    if failed := rewrite_key_files(work.parts.vault):
        raise Pending(
            f"the key file of the backups at {failed[0]} cannot be rewritten: mount it, or where it is gone for good"
            " answer for it: `mailhub backup lost PATH --reason TEXT`"
        )


def destroy_key(work: Work) -> None:
    """From here on nobody knows who it was. A process stopped behind it goes on without."""
    keys.destroy(key_path(work.parts.data, work.row.id))
    work.do(lambda tx: work.change(tx, person=None))


STEPS: tuple[Step, ...] = (
    Step("hold", ask_holds),
    Step("gather", gather),
    Step("redact-mail", redact_mail),
    Step("outbox", empty_outbox),
    Step("own-mail", remove_own_mail),
    Step("own-tickets", remove_own_tickets),
    Step("participations", remove_participations),
    Step("contacts", remove_contacts),
    Step("rows", redact_rows),
    Step("index", rewrite_index),
    Step("model", settle_model),
    Step("log", empty_log),
    Step("search", search),
    Step("witness", hear_witness),
    Step("tombstone", leave_tombstone),
    Step("backups", rewrite_keys_of_backups),
    Step("key", destroy_key),
    Step("receipt", issue_receipt),
)
NEEDS_PERSON = tuple(step.name for step in STEPS[: [step.name for step in STEPS].index("key")])
