"""A person asks about their own data by a link to their address: nobody else can, and it is done once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email import message_from_bytes
from email import policy as mail_policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from mailhub.access import holds as hold_flow
from mailhub.clock import DAY, HOUR, MINUTE
from mailhub.config import Config, Letters, Quotas, Relay
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.message.values import Authentication
from mailhub.outbound.letters import Post
from mailhub.outbound.sealing import open_letter
from mailhub.privacy import consents, persons, privacy_requests
from mailhub.privacy.consents import Given
from mailhub.privacy.erasure import run
from mailhub.privacy.privacy_requests import KEPT, Asked, Proven, RequestContext
from mailhub.privacy.record import make_record
from mailhub.proof import receipts
from storage.accounts import accounts
from storage.accounts.accounts import Account
from storage.mail import mailboxes
from storage.mail import outbox as outbox_rows
from storage.mail.mailboxes import Mailbox
from storage.mail.outbox import find_row
from storage.privacy import consents as consent_rows
from storage.privacy import contacts
from storage.privacy.contacts import find_contact_of
from storage.privacy.privacy_requests import PrivacyRequest, delete_requests, list_requests, old_requests
from storage.proof import journal
from storage.schema import contact, contact_address, erasure, outbox, person_tombstone
from tests.houses.desk import Desk, post_of
from tests.privacy.erasing.scene import parts_of

KIM = "kim@customer.example"
SITE = "https://hub.example"
PROVEN = Authentication(dmarc="pass", policy="reject", domain="customer.example", source="checked")
WRITING = {"letters": Letters(sender="noreply@hub.example", site=SITE), "relay": Relay(host="relay.example")}


def text_of(raw: bytes) -> str:
    return str(message_from_bytes(raw, _class=EmailMessage, policy=mail_policy.default).get_content())


class Counter:
    """The desk with self-service: somebody asks, opens the link, and an agent decides."""

    def __init__(self, desk: Desk, directory: Path, policy: str) -> None:
        self.desk = desk
        self.post: Post = post_of(desk, **WRITING)
        self.context = RequestContext(
            parts=parts_of(desk, directory),
            post=self.post,
            policy=policy,
            record_of=lambda account: make_record(Config(), []),
        )

    def ask(self, kind: str = "erasure", address: str = KIM, *, later: int = HOUR, **more: Any) -> str:
        """Ask, an hour after whatever was asked before."""
        desk = self.desk
        desk.now += later
        asked = Asked(
            account=desk.account, mailbox=desk.mailbox, address=address, kind=kind, at=desk.now, **more
        )
        return desk.do(lambda tx: privacy_requests.ask(tx, self.post, self.context.policy, asked))

    def letters(self) -> list[tuple[str, str, str]]:
        """(kind, recipient, text) of every letter that waits."""
        with self.desk.database.read() as connection:
            ids = connection.execute(
                select(outbox.c.id).where(outbox.c.message_id.is_(None)).order_by(outbox.c.id)
            )
            rows = [find_row(connection, self.desk.account, each) for each in ids.scalars().all()]
        waiting = [row for row in rows if row is not None and row.letter is not None]
        return [(row.kind, row.recipient, text_of(open_letter(self.post.keys, row))) for row in waiting]

    def link(self) -> str:
        """The link in the latest letter."""
        [line] = [line for line in self.letters()[-1][2].splitlines() if line.startswith(SITE)]
        return line.removeprefix(f"{SITE}/privacy/{self.desk.account}/")

    def prove(self, link: str | None = None) -> Proven:
        return privacy_requests.prove(self.context, self.desk.account, link or self.link(), now=self.desk.now)

    def look(self, link: str) -> str:
        return privacy_requests.look(self.context, self.desk.account, link, now=self.desk.now)[0].state

    def requests(self) -> list[PrivacyRequest]:
        with self.desk.database.read() as connection:
            return list(list_requests(connection, self.desk.account))

    def approve(self, request: int) -> PrivacyRequest:
        desk = self.desk
        return privacy_requests.approve(self.context, desk.actor, desk.account, request, now=desk.now)

    def refuse(self, request: int, reason: str = "an invoice is kept for ten years") -> PrivacyRequest:
        desk = self.desk
        return privacy_requests.refuse(self.context, desk.actor, desk.account, request, reason, now=desk.now)

    def contact(self, address: str = KIM) -> int | None:
        with self.desk.database.read() as connection:
            return find_contact_of(connection, self.desk.account, address)


@pytest.fixture
def at(desk: Desk, tmp_path: Path) -> Callable[[str], Counter]:
    """The counter under a policy; kim and leo have written."""
    desk.mail(f"Kim <{KIM}>")
    desk.mail("Leo <leo@other.example>")
    return lambda policy: Counter(desk, tmp_path, policy)


def test_the_letter_goes_to_the_address_and_the_link_works_once(at: Callable[[str], Counter]) -> None:
    """One letter, to exactly the address; the link erases its person, and a second time it is over."""
    counter = at("automatic")
    assert counter.ask() == "queued"
    [(kind, recipient, text)] = counter.letters()
    assert (kind, recipient, "support@example.com" in text) == ("erasure-link", KIM, True)
    link = counter.link()
    assert [counter.look(link), counter.look(link)] == ["asked", "asked"]  # whoever opens it changes nothing
    proven = counter.prove(link)
    assert proven.request.state == "approved"
    with pytest.raises(NotFound):
        counter.prove(link)
    erasure = proven.request.erasure_id
    assert erasure is not None
    done = run(counter.context.parts, counter.desk.account, erasure)
    assert (done.state, counter.contact()) == ("done", None)
    body = receipts.verify(done.receipt or "", receipts.public_key_of(counter.post.keys))
    assert receipts.is_about(body, KIM, proven.commitment_key or b"")
    assert counter.look(link) == "approved"  # the page still tells, and gives the receipt
    assert KIM not in str(counter.requests())
    assert counter.contact("leo@other.example") is not None


def test_of_many_that_press_the_button_one_succeeds(at: Callable[[str], Counter]) -> None:
    """Twenty confirmations of one link at once: one erasure, nineteen refusals, and no key of another is left."""
    counter = at("automatic")
    counter.ask()
    link = counter.link()

    def press(_: int) -> bool:
        try:
            counter.prove(link)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(press, range(20))) == 1
    [request] = counter.requests()
    on, account = f"erasure:{request.erasure_id}", counter.desk.account
    with counter.desk.database.read() as connection:
        acts = [entry.verb for entry in journal.of_object(connection, account, on)]
    assert acts == ["erasure.begin"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("kim@customer.example.evil.example", "unknown"),
        ("kïm@customer.example", "unknown"),
        ("kim+shop@customer.example", "unknown"),
        ("support@example.com", "unknown"),
        ("ana@staff.example", "unknown"),
        (f"{KIM}\r\nBcc: all@evil.example", "unknown"),
        ("%@customer.example", "unknown"),
        (" KIM@customer.example ", "queued"),
    ],
)
def test_the_address_is_exact(at: Callable[[str], Counter], address: str, said: str) -> None:
    """Who is alike, a plus form that never wrote, our own people and forgeries get no letter, and leave no row."""
    counter = at("automatic")
    assert counter.ask(address=address) == said
    assert len(counter.requests()) == len(counter.letters()) == (said == "queued")


def test_asking_is_capped_by_day(at: Callable[[str], Counter]) -> None:
    """The same address gets five letters of a kind a day, whoever asks; the links before stay good."""
    counter = at("automatic")
    assert [counter.ask() for _ in range(6)] == ["queued"] * 5 + ["cap"]
    assert len(counter.requests()) == 5
    counter.desk.now += DAY + 1
    assert counter.ask() == "queued"


def test_one_letter_of_a_kind_an_hour_whatever_account_writes_it(at: Callable[[str], Counter]) -> None:
    """Two accounts that know an address are no two letters to it, however it is written, and each kind has its turn."""
    counter = at("automatic")
    desk = counter.desk
    other = desk.account + 1_000_000
    account = Account(id=other, name="o", stage="active", billing="none", created_at=1, stage_entered_at=1)
    mailbox = Mailbox(account_id=other, id=other, address="help@o.example", name="", created_at=1)

    def settle(transaction: Any) -> None:
        accounts.add_account(transaction.connection, account)
        mailboxes.add_mailbox(transaction.connection, mailbox)
        transaction.connection.execute(
            insert(contact).values(account_id=other, id=other, name="", created_at=1)
        )
        for address in (KIM, KIM.replace("@", "+shop@")):
            row = {"account_id": other, "address": address, "contact_id": other}
            transaction.connection.execute(insert(contact_address).values(row))

    desk.do(settle)
    elsewhere = Asked(account=other, mailbox=other, address=KIM, kind="erasure", at=0)

    def ask_there(**more: Any) -> str:
        asked = replace(elsewhere, at=desk.now, **more)
        return str(desk.do(lambda tx: privacy_requests.ask(tx, counter.post, "automatic", asked)))

    plus = KIM.replace("@", "+shop@")
    asked = [
        counter.ask(),
        ask_there(),
        counter.ask(later=0),
        ask_there(address=KIM.upper()),
        ask_there(address=plus),
    ]
    assert asked == ["queued"] + ["cap"] * 4
    assert [counter.ask("export", later=0), ask_there(kind="withdrawal")] == ["queued"] * 2
    desk.do(
        lambda tx: outbox_rows.delete_letters_to(tx.connection, desk.account, KIM)
    )  # as when a user is deleted
    assert counter.ask(later=59 * MINUTE) == "cap"
    desk.now += MINUTE
    assert [ask_there(), counter.ask(later=0)] == ["queued", "cap"]


def test_a_link_ends(at: Callable[[str], Counter]) -> None:
    """After three days, cut, of another account, or while the account is closed, a link is not there."""
    counter = at("automatic")
    counter.ask()
    link, desk = counter.link(), counter.desk
    for wrong in (link[:-1], link + "x", "mhl_", "", "../../etc", link.swapcase()):
        with pytest.raises(NotFound):
            privacy_requests.prove(counter.context, desk.account, wrong, now=desk.now)
    with pytest.raises(NotFound):
        privacy_requests.look(counter.context, desk.account + 1, link, now=desk.now)
    desk.do(lambda tx: accounts.change_account(tx.connection, desk.account, stage="suspended"))
    desk.directory.refresh()
    with pytest.raises(NotFound):
        counter.prove(link)
    assert counter.ask() == "unknown"
    desk.do(lambda tx: accounts.change_account(tx.connection, desk.account, stage="active"))
    desk.directory.refresh()
    desk.now += 3 * DAY
    with pytest.raises(NotFound):
        counter.prove(link)
    assert counter.contact() is not None


def test_an_agent_decides_where_the_policy_says_so(at: Callable[[str], Counter]) -> None:
    """Proven, it waits; approved, it is carried out with the commitment whose key the person was shown; once."""
    counter = at("confirm")
    counter.ask()
    proven = counter.prove()
    assert (proven.request.state, proven.request.waits_for) == ("proven", "policy")
    done = counter.approve(proven.request.id)
    assert (done.state, done.actor) == ("approved", counter.desk.actor)
    erased = run(counter.context.parts, counter.desk.account, done.erasure_id or 0)
    assert erased.commitment == receipts.commitment(KIM, proven.commitment_key or b"")
    with pytest.raises(Conflict):
        counter.approve(proven.request.id)
    with pytest.raises(Conflict):
        counter.refuse(proven.request.id)


def test_a_refusal_tells_its_reason(at: Callable[[str], Counter]) -> None:
    """The person is told why, by letter; nothing is erased, and the reason is nowhere else."""
    counter = at("confirm")
    counter.ask()
    request = counter.prove().request.id
    with pytest.raises(BadRequest):
        counter.refuse(request, " ")
    assert counter.refuse(request).state == "refused"
    kind, recipient, text = counter.letters()[-1]
    assert (kind, recipient, "an invoice is kept" in text) == ("request-refused", KIM, True)
    assert counter.contact() is not None
    with pytest.raises(Conflict):
        counter.approve(request)


def test_only_what_was_proven_is_decided(at: Callable[[str], Counter]) -> None:
    """A request whose link nobody used can be neither approved nor refused: whoever asked may be anybody."""
    counter = at("confirm")
    counter.ask()
    [request] = counter.requests()
    for decide in (counter.approve, counter.refuse):
        with pytest.raises(Conflict):
            decide(request.id)
    assert counter.contact() is not None


def test_an_address_proves_itself_and_no_other(at: Callable[[str], Counter]) -> None:
    """A contact with further addresses, or a held one, is for an agent, whatever the policy; a plus form is not."""
    counter, desk = at("automatic"), at("automatic").desk
    kim = counter.contact() or 0
    desk.do(lambda tx: contacts.add_address(tx.connection, desk.account, kim, "kim+shop@customer.example"))
    counter.ask("export")
    assert counter.prove().request.state == "approved"
    desk.do(lambda tx: contacts.add_address(tx.connection, desk.account, kim, "kim@work.example"))
    counter.ask("export")
    assert counter.prove().request.waits_for == "further-addresses"
    leo = counter.contact("leo@other.example")

    desk.act(hold_flow.add_hold, kind="contact", named=leo, reason="claim", ends_at=None, quotas=Quotas())
    counter.ask("erasure", "leo@other.example")
    assert counter.prove().request.waits_for == "held"


def test_a_merged_person_is_for_an_agent(at: Callable[[str], Counter]) -> None:
    """Whoever reads the mail of one contact of a merged person gets neither a copy nor an erasure of the other's."""
    counter, desk = at("automatic"), at("automatic").desk
    desk.mail("Leo <leo@customer.example>")
    with desk.database.read() as connection:
        leo = find_contact_of(connection, desk.account, "leo@customer.example") or 0
    desk.act(persons.merge, leo, counter.contact() or 0)
    for kind in ("export", "erasure"):
        counter.ask(kind)
        assert counter.prove().request.waits_for == "further-addresses"


def test_a_copy_is_fetched_behind_its_link_for_some_days(at: Callable[[str], Counter]) -> None:
    """At once where the policy says so; after an agent's yes by a new link, and the first one is over."""
    counter = at("automatic")
    counter.ask("export")
    first = counter.link()
    with pytest.raises(NotFound):
        privacy_requests.collect(counter.context, counter.desk.account, first, now=counter.desk.now)
    counter.prove(first)
    for _ in range(2):
        pieces = privacy_requests.collect(counter.context, counter.desk.account, first, now=counter.desk.now)
        assert b"".join(pieces)[:2] == b"PK"
    counter.desk.now += 7 * DAY
    with pytest.raises(NotFound):
        privacy_requests.collect(counter.context, counter.desk.account, first, now=counter.desk.now)
    slow = at("confirm")
    slow.ask("export")
    asked = slow.link()
    slow.approve(slow.prove(asked).request.id)
    assert slow.letters()[-1][0] == "export-ready"
    assert slow.link() != asked
    with pytest.raises(NotFound):
        slow.look(asked)
    pieces = privacy_requests.collect(slow.context, slow.desk.account, slow.link(), now=slow.desk.now)
    assert b"".join(pieces)[:2] == b"PK"


def test_consent_is_withdrawn_as_easily_as_it_was_given(at: Callable[[str], Counter]) -> None:
    """Every consent in force of the contact ends, and no other's."""
    counter, desk = at("automatic"), at("automatic").desk
    for address in (KIM, "leo@other.example"):
        given = Given(
            contact=counter.contact(address) or 0, purpose="newsletter", text_version="1", text="yes", how="form",
            given_at=desk.now,
        )  # fmt: skip
        desk.act(consents.add_consent, given)
    counter.ask("withdrawal")
    counter.prove()
    with desk.database.read() as connection:
        ended = [
            consent_rows.list_consents(connection, desk.account, counter.contact(address) or 0)[
                0
            ].withdrawn_at
            for address in (KIM, "leo@other.example")
        ]
    assert [each is not None for each in ended] == [True, False]


def test_what_was_erased_meanwhile_is_not_approved(at: Callable[[str], Counter]) -> None:
    """An approval that comes after the person was erased finds nobody, and mails nobody."""
    counter = at("confirm")
    counter.ask("erasure")
    first = counter.prove().request
    counter.ask("export")
    second = counter.prove().request
    run(counter.context.parts, counter.desk.account, counter.approve(first.id).erasure_id or 0)
    with pytest.raises(Conflict):
        counter.approve(second.id)
    assert counter.refuse(second.id).state == "refused"
    assert counter.letters() == []
    with counter.desk.database.read() as connection:
        assert len(connection.execute(select(person_tombstone.c.digest)).all()) == 1


def test_links_of_who_was_erased_since_are_over(at: Callable[[str], Counter]) -> None:
    """Whoever asked twice erases with one link; the other then neither shows nor begins anything, of any kind."""
    counter = at("automatic")
    others = []
    for kind in privacy_requests.KINDS:
        counter.ask(kind)
        others.append(counter.link())
    counter.ask("export")
    counter.prove(copy := counter.link())
    counter.ask("erasure")
    run(counter.context.parts, counter.desk.account, counter.prove().request.erasure_id or 0)
    for link in (*others, copy):
        with pytest.raises(NotFound):
            counter.look(link)
        with pytest.raises(NotFound):
            counter.prove(link)
    with counter.desk.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(erasure)).scalar_one() == 1


def test_who_stands_in_a_held_ticket_is_for_an_agent(at: Callable[[str], Counter]) -> None:
    """A hold on a ticket of the person keeps an erasure back as it would keep the erasure itself."""
    counter, desk = at("automatic"), at("automatic").desk
    kim = counter.contact() or 0
    with desk.database.read() as connection:
        [ticket] = contacts.tickets_of(connection, desk.account, [kim])

    desk.act(hold_flow.add_hold, kind="ticket", named=ticket, reason="claim", ends_at=None, quotas=Quotas())
    counter.ask()
    assert counter.prove().request.waits_for == "held"


@pytest.mark.parametrize("policy", ["off", "automatic"])
def test_where_it_is_off_or_no_letter_can_be_written_nothing_is_taken(
    at: Callable[[str], Counter], policy: str
) -> None:
    """Off, or without a site for links: no request, no letter."""
    counter = at(policy)
    if policy != "off":
        counter.post = post_of(
            counter.desk, letters=Letters(sender="noreply@hub.example"), relay=Relay(host="r")
        )
    assert (counter.ask(), counter.requests()) == ("off", [])


def test_requests_go_a_month_after_their_end(at: Callable[[str], Counter]) -> None:
    """Decided ones, and those whose link nobody used; one that waits for an agent stays."""
    counter = at("confirm")
    counter.ask()
    waiting = counter.prove().request.id
    counter.ask()
    counter.ask("export")
    counter.refuse(counter.prove().request.id)
    later = counter.desk.now + 4 * DAY + KEPT
    with counter.desk.database.read() as connection:
        old = old_requests(connection, before=later - KEPT, after=(0, 0), limit=10)
    ids = [row for _, row in old]
    gone = counter.desk.do(lambda tx: delete_requests(tx.connection, counter.desk.account, ids))
    assert (gone, [each.id for each in counter.requests()]) == (2, [waiting])


# --- by mail ----------------------------------------------------------------------------------------------------------


def by_mail(desk: Desk, raw: bytes, to: str, **more: Any) -> Any:
    """File a mail with the post at hand."""
    desk.filing = replace(desk.filing, post=post_of(desk, **WRITING), self_service="automatic")
    return desk.receive(raw, recipient=to, **more)


def test_a_mail_to_the_plus_address_is_filed_and_answered(desk: Desk, tmp_path: Path) -> None:
    """It becomes a ticket as any mail, and its proven author gets the link; the same mail again gets no second one."""
    desk.mail("new@customer.example")
    raw = desk.written("new@customer.example", to="support+erase@example.com")
    first = by_mail(desk, raw, "support+erase@example.com", authentication=PROVEN)
    again = by_mail(desk, raw, "support+erase@example.com", authentication=PROVEN)
    assert [first.fate.value, again.fate.value] == ["filed", "duplicate"]
    counter = Counter(desk, tmp_path, "automatic")
    assert [(kind, to) for kind, to, _ in counter.letters()] == [("erasure-link", "new@customer.example")]


UNPROVEN = [
    None,
    Authentication(
        spf="fail", dmarc="none", domain="customer.example", spf_domain="customer.example", source="checked"
    ),
    Authentication(
        spf="pass", dmarc="none", domain="customer.example", spf_domain="evil.example", source="checked"
    ),
    Authentication(dmarc="fail", policy="none", domain="customer.example", source="checked"),
    Authentication(dmarc="temperror", domain="customer.example", source="checked"),
    Authentication(dmarc="pass", policy="reject", domain="evil.example", source="checked"),
    Authentication(dmarc="none", domain="", source="mx.example.com"),
]


@pytest.mark.parametrize("known", UNPROVEN)
def test_who_is_not_proven_is_not_written_to(
    desk: Desk, tmp_path: Path, known: Authentication | None
) -> None:
    """A mail in a known person's name that nothing vouches for is filed, and asks nothing."""
    desk.mail("kim@customer.example")
    raw = desk.written("kim@customer.example", to="support+erase@example.com")
    assert by_mail(desk, raw, "support+erase@example.com", authentication=known).fate.value == "filed"
    assert Counter(desk, tmp_path, "automatic").letters() == []


def test_who_was_not_known_before_is_not_written_to(desk: Desk, tmp_path: Path) -> None:
    """The first mail of somebody asks nothing, nor do people in its copy; the second asks for its author alone."""
    for number, kinds in enumerate(([], ["export-link"])):
        raw = desk.written(
            "new@customer.example", to="support+export@example.com", Cc=f"victim{number}@other.example"
        )
        by_mail(desk, raw, "support+export@example.com", authentication=PROVEN)
        counter = Counter(desk, tmp_path, "automatic")
        assert [(kind, to) for kind, to, _ in counter.letters()] == [
            (kind, "new@customer.example") for kind in kinds
        ]


@pytest.mark.parametrize(
    ("headers", "mail_from"),
    [
        ({"Auto-Submitted": "auto-replied"}, "new@customer.example"),
        ({"Precedence": "bulk"}, "new@customer.example"),
        ({"List_Id": "<news.customer.example>"}, "new@customer.example"),
        ({}, None),
    ],
)
def test_no_machine_is_answered(
    desk: Desk, tmp_path: Path, headers: dict[str, str], mail_from: str | None
) -> None:
    """An auto-reply, a list or a bounce at the plus address gets no letter: two robots cannot keep each other busy."""
    desk.mail("new@customer.example")
    raw = desk.written("new@customer.example", to="support+export@example.com", **headers)
    by_mail(desk, raw, "support+export@example.com", mail_from=mail_from, authentication=PROVEN)
    assert Counter(desk, tmp_path, "automatic").letters() == []


def test_another_accounts_request_is_not_ours(at: Callable[[str], Counter]) -> None:
    """A link opens nothing in another account, whose rows are not touched."""
    counter = at("automatic")
    desk = counter.desk
    other = desk.account + 1_000_000
    row = Account(id=other, name="o", stage="active", billing="none", created_at=1, stage_entered_at=1)
    desk.do(lambda tx: accounts.add_account(tx.connection, row))
    counter.ask()
    with pytest.raises(NotFound):
        privacy_requests.prove(counter.context, other, counter.link(), now=desk.now)
    with pytest.raises(NotFound):
        privacy_requests.approve(counter.context, desk.actor, other, counter.requests()[0].id, now=desk.now)
