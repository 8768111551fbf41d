"""A town of people who write to one support, for erasures: whoever is erased, everybody else keeps their own words.

Random, by a seed: names drawn from common words, namesakes and many scripts; quotes in the forms of twelve
clients, in text and HTML; templates that several write; names in other people's sentences; words pasted
without marks; agents who answer and note. Each thing somebody says is a sentence of words that nobody else
has, so that whose it is, and where it may stand afterwards, is known without looking at the product.
"""

from __future__ import annotations

import html
import random
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from mailhub.errors import Conflict
from mailhub.privacy import erasure
from mailhub.privacy.erasing.plan import Plan, make_plan
from mailhub.privacy.erasing.work import Parts
from mailhub.proof import receipts
from mailhub.proof.act import Act
from mailhub.tickets import acts
from storage.mail import raws
from storage.privacy.erasures import Erasure
from storage.tickets.notes import list_notes
from tests.houses.desk import Desk

NAMES = (
    "team", "offer", "Best regards", "The Support Team", "José García", "JOSE GARCIA", "Jose Garcia",
    "Zélie Dúpont", "Ze\u0301lie Du\u0301pont", "Yu Li", "Björk", "山田花子", "김민수", "Владимир Орлов", "Kim Quillon",
    "Ana Rose", "Ana Ros\u00e9", "Jan Nov", "Jan Novák", "O'Neil Abernathy", "ana", "Example Support", "Will May",
)  # fmt: skip
TEMPLATES = (
    "By ordering you agree that the goods stay ours until they are paid in full.",
    "This message is confidential and meant only for the one it is addressed to.",
    "Please have your customer number ready whenever you call our service line.",
)
FORMS = (
    "{own}\n\nOn Mon, 3 Mar 2025 at 10:11, {name} <{address}> wrote:\n\n{quoted}\n",
    "{own}\n\nOn Mon, 3 Mar 2025 at 10:11, {name}\n<{address}> wrote:\n\n{quoted}\n",
    "{own}\n\n> On 3. Mar 2025, at 10:11, {name} <{address}> wrote:\n> \n{quoted}\n",
    "On 03.03.25 10:11, {name} wrote:\n{quoted}\n\n{own}\n",
    "Am 03.03.25 um 10:11 schrieb {name}:\n{quoted}\n\n{own}\n",
    "Le 3 mars 2025 à 10:11, {name} <{address}> a écrit :\n\n{quoted}\n\n{own}\n",
    "2025年3月3日(月) 10:11 {name} <{address}>:\n\n{quoted}\n\n{own}\n",
    "{own}\n\nFrom: {name} <{address}>\nSent: Monday, March 3, 2025 10:11\nTo: Us\nSubject: Help\n\n{bare}\n",
    "{own}\n\nVon: {name} <{address}>\nGesendet: Montag, 3. März 2025 10:11\nAn: Uns\nBetreff: Help\n\n{bare}\n",
    "{own}\n\n-----Original Message-----\nFrom: {name} [mailto:{address}]\nSent: Monday, March 3, 2025 10:11\n"
    "To: Us\nSubject: Help\n\n{bare}\n",
    "{own}\n\n---------- Forwarded message ---------\nFrom: {name} <{address}>\nDate: Mon, 3 Mar 2025 at 10:11\n"
    "Subject: Help\nTo: Us\n\n{bare}\n",
    "{quoted}\n\n{own}\n",
)  # fmt: skip
HTML = (
    '<div>{own}</div><div class="gmail_quote"><div>On Mon, 3 Mar 2025 at 10:11, {name} &lt;<a href="mailto:{address}">'
    "{address}</a>&gt; wrote:<br></div><blockquote>{bare}</blockquote></div>",
    "<p>{own}</p><div><b>From:</b> {name} &lt;{address}&gt;<br><b>Sent:</b> Monday, March 3, 2025 10:11<br><b>To:</b> Us"
    "<br><b>Subject:</b> Help</div><p>{bare}</p>",
    '<div>{own}</div><blockquote type="cite">{bare}</blockquote>',
)  # fmt: skip
PASTED = "{own}\n\n{bare}\n"  # no form: nothing says that it is a quote


@dataclass(frozen=True)
class Citizen:
    """Somebody who writes: their name is their own choice."""

    number: int
    name: str

    @property
    def address(self) -> str:
        return f"p{self.number}zq@home{self.number}.example"


@dataclass
class Said:
    """A mail or note: who said what in it, whom it quotes, and whose names stand in its author's own sentences."""

    author: Citizen | None  # None: an agent
    own: list[str]
    message: int = 0
    note: int = 0
    ticket: int = 0
    quotes: Said | None = None
    pasted: bool = False
    named: list[Citizen] = field(default_factory=list)


@dataclass
class Town:
    """The house with its people, and everything that was said in it."""

    desk: Desk
    parts: Parts
    random: random.Random
    people: list[Citizen] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    erased: list[Citizen] = field(default_factory=list)
    agreed: list[str] = field(default_factory=list)
    words: int = 0

    def sentence(self) -> str:
        """Eight words that nobody said before."""
        self.words += 8
        return " ".join(f"wo{each}rd" for each in range(self.words - 8, self.words)) + "."


def found(desk: Desk, parts: Parts, seed: int, *, people: int, mails: int) -> Town:
    """A town in which this many people wrote this many mails."""
    dice = random.Random(seed)
    town = Town(desk, parts, dice)
    town.people = [Citizen(number, dice.choice(NAMES)) for number in range(people)]
    for _ in range(mails):
        _write(town)
    _work(town, random.Random(seed + 1))
    return town


def _work(town: Town, dice: random.Random) -> None:
    """What an office adds: answers, of which some name others, and robots that report on them."""
    desk = town.desk
    for ticket in sorted({said.ticket for said in town.said}):
        if dice.random() < 0.4:
            other = dice.choice(town.people)
            asks = f"Write to {other.address}, please." if dice.random() < 0.5 else "Please try again."
            answer = desk.answer(ticket, asks)
            robot = EmailMessage(policy=policy.SMTP)
            robot["From"], robot["To"] = "MAILER-DAEMON <mailer-daemon@mx.example>", "support@example.com"
            robot["Subject"], robot["Auto-Submitted"] = "Undelivered Mail", "auto-replied"
            robot["In-Reply-To"] = f"<{answer.message_id}>"
            robot.set_content(f"It did not reach {other.address}.")
            if dice.random() < 0.5:
                desk.receive(robot.as_bytes(), mail_from=None)


def _write(town: Town) -> None:
    dice = town.random
    author = dice.choice(town.people)
    living = [each for each in town.said if each.message and each.author is not None]
    quoted = dice.choice(living) if living and dice.random() < 0.7 else None
    said = Said(author, [town.sentence()], quotes=quoted)
    if dice.random() < 0.3:
        said.own.append(dice.choice(TEMPLATES))
    if dice.random() < 0.4:
        other = dice.choice(town.people)
        said.named.append(other)
        said.own.append(f"I met {other.name} there, {town.sentence()}")
    if dice.random() < 0.2:
        other = dice.choice(town.people)
        said.own.append(f"Write to {other.address} then, {town.sentence()}")

    made = _mail(town, author, said)
    outcome = town.desk.receive(made.as_bytes(policy=policy.SMTP), mail_from=author.address)
    said.message = town.desk.message_of(outcome)
    said.ticket = town.desk.ticket_of(outcome)
    town.said.append(said)
    if dice.random() < 0.2:
        _note(town, said)


def _mail(town: Town, author: Citizen, said: Said) -> EmailMessage:
    dice = town.random
    made = EmailMessage(policy=policy.SMTP)
    made["From"] = f'"{author.name}" <{author.address}>'
    made["To"], made["Subject"] = "support@example.com", "Help"
    made["Message-ID"] = f"<m{len(town.said)}@home{author.number}.example>"
    own = "\n".join(said.own)
    if said.quotes is None or said.quotes.author is None:
        made.set_content(own)
        return made

    quoted = said.quotes
    writer = said.quotes.author
    made["In-Reply-To"] = f"<m{town.said.index(quoted)}@home{writer.number}.example>"
    bare = "\n".join(quoted.own)
    values = {"own": own, "name": writer.name, "address": writer.address, "bare": bare}
    said.pasted = dice.random() < 0.15
    if not said.pasted and dice.random() < 0.3:
        escaped = {name: html.escape(value, quote=False) for name, value in values.items()}
        escaped = {name: value.replace("\n", "<br>\n") for name, value in escaped.items()}
        made.set_content(dice.choice(HTML).format(**escaped), subtype="html")
        return made
    form = PASTED if said.pasted else dice.choice(FORMS)
    lines = "\n".join(f"> {line}" for line in bare.split("\n"))
    made.set_content(form.format(**values, quoted=lines))
    return made


def _note(town: Town, said: Said) -> None:
    desk = town.desk
    other = town.random.choice(town.people)
    text = f"{town.sentence()} {other.name} called."

    def act(transaction):  # type: ignore[no-untyped-def]
        return acts.note(
            Act(transaction, desk.actor, desk.account, desk.now), said.ticket, user=desk.ana, text=text
        )

    note = desk.do(act)
    town.said.append(Said(None, [text], note=note.id, ticket=said.ticket, named=[other]))


# --- erasing, and what must be true then ------------------------------------------------------------------------------


def erase_one(town: Town) -> list[str]:
    """Erase somebody, in half of the cases by an agent who agrees to the name; what is not as it must be."""
    person = town.random.choice([each for each in town.people if each not in town.erased])
    names: tuple[str, ...] = ()
    if town.random.random() < 0.5:
        try:
            names = erasure.agreeable(town.parts, town.desk.account, [person.address], [person.name])
        except Conflict:
            town.tally["names refused"] += 1

    wrote = any(said.author is person and _text_of(town, said) is not None for said in town.said)
    planned = make_plan(town.parts, town.desk.account, [person.address], names=names)
    begun = erasure.begin(
        town.parts, "user:1", town.desk.account, [person.address], names=names, now=town.desk.now
    )
    done = erasure.run(town.parts, town.desk.account, begun.erasure)
    town.erased.append(person)
    town.agreed += names
    town.tally["erasures"] += 1
    town.tally["names agreed"] += len(names)
    if done.state != "done" or done.receipt is None:
        return [f"the erasure of {person.address} is {done.state}: {done.reason}"]

    faults = list(_faults(town, person))
    faults += _unplanned(planned, done)
    told = {
        each["what"]
        for each in receipts.verify(done.receipt, receipts.public_key_of(town.parts.keys))["exceptions"]
    }
    if wrote and not names and not any("nobody agreed" in each for each in told):
        faults.append("the receipt does not say that the name was not looked for")
    if _pasted(town, person) and not any("not provably quoted" in each for each in told):
        faults.append("the receipt does not say that pasted words stay")
    return faults


# what a plan counts, and what the erasure calls it
DEEDS = {
    "tickets": "tickets",
    "messages": "messages",
    "notes": "notes",
    "outbox": "outbox",
    "participations": "participations",
    "mentions": "redacted",
}


def _unplanned(planned: Plan, done: Erasure) -> list[str]:
    """Where the plan's numbers are not those of the deed."""
    if planned.bounded:
        return ["the plan says that there is more than it counts"]
    return [
        f"planned {planned.counts[name]} {name}, done {done.counts.get(deed, 0)}"
        for name, deed in DEEDS.items()
        if planned.counts[name] != done.counts.get(deed, 0)
    ]


def _faults(town: Town, person: Citizen):  # type: ignore[no-untyped-def]
    for said in town.said:
        text = _text_of(town, said)
        if said.author in town.erased:
            if text is not None:
                yield f"a mail of the erased {said.author} is there"
            continue
        if text is None:
            if not _went_with_a_ticket(town, said):
                yield f"message {said.message or said.note} of another is gone"
            continue
        yield from _own_words(town, said, text)
        yield from _traces(town, person, said, text)


def _own_words(town: Town, said: Said, text: str):  # type: ignore[no-untyped-def]
    """Each sentence of the author's stands there as it was, but for addresses of the erased and names agreed to."""
    for sentence in said.own:
        wanted = sentence
        for each in town.erased:
            wanted = wanted.replace(each.address, "erased@erased.invalid")
        for name in town.agreed:
            for form in ("NFC", "NFD"):  # an agent agreed to the name, however it is spelled
                spelled = re.escape(unicodedata.normalize(form, name))
                wanted = re.sub(rf"{spelled}(?![\w\u0301])", "[erased]", wanted, flags=re.IGNORECASE)
        town.tally["own sentences"] += 1
        if wanted not in text:
            yield f"{said.message or said.note}: {wanted!r} is not in {text!r}"
    quoted = said.quotes
    if quoted is not None and quoted.author not in town.erased and quoted.own[0] not in text:
        yield f"{said.message}: the quote of another, {quoted.own[0]!r}, is not in {text!r}"
    town.tally["quotes of others"] += quoted is not None and quoted.author not in town.erased


def _traces(town: Town, person: Citizen, said: Said, text: str):  # type: ignore[no-untyped-def]
    if person.address in text:
        yield f"{said.message or said.note}: the address stands in {text!r}"
    quoted = said.quotes
    if quoted is None or quoted.author is not person or said.pasted:
        return
    town.tally["quotes of the erased"] += 1
    words = [word for sentence in quoted.own for word in re.findall(r"wo\d+rd", sentence)]
    if left := [word for word in words if word in text]:
        yield f"{said.message}: quoted words {left} stand in {text!r}"
    around = text
    for sentence in [*said.own, *(quoted.own)]:
        around = around.replace(sentence, "")
    if re.search(rf"(?:at|,) {re.escape(person.name)}[\s<]", around) or f"From: {person.name}" in around:
        yield f"{said.message}: the name stands above the quote in {text!r}"


def _pasted(town: Town, person: Citizen) -> bool:
    return any(
        said.pasted
        and said.quotes is not None
        and said.quotes.author is person
        and said.author is not person
        and _text_of(town, said) is not None
        for said in town.said
    )


def _went_with_a_ticket(town: Town, said: Said) -> bool:
    """Notes and answers go with a ticket of the erased in which nobody else wrote."""
    return said.author is None and not any(
        each.ticket == said.ticket and each.author not in (None, *town.erased) for each in town.said
    )


def _text_of(town: Town, said: Said) -> str | None:
    """What a mail or note says now, HTML without its tags' escapes; None when it is gone."""
    with town.desk.database.read() as connection:
        if said.note:
            notes = list_notes(connection, town.desk.account, said.ticket)
            return next((each.text for each in notes if each.id == said.note), None)
        raw = raws.read(connection, town.desk.account, said.message)
    if raw is None:
        return None
    made = message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
    body = made.get_body(preferencelist=("plain", "html"))
    text = "" if body is None else body.get_content().replace("\r\n", "\n")
    if body is not None and body.get_content_subtype() == "html":
        text = html.unescape(text.replace("<br>\n", "\n"))
    return f"{made['From']}\n{text}"
