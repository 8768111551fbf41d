"""What a person reads before they have everything about them erased, and the receipt after it, in words.

Before: what goes, what is replaced in others' words, what stays and why, with numbers of a plan that looks at less than
an agent's. After: what the receipt says, its exceptions with it, and what it proves. Pure: plans and receipts in, HTML
out. Must not: show another address than the one that was proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mailhub.privacy.erasing.plan import Plan
from mailhub.web import html
from mailhub.web.languages import say

GOES = {  # of a plan's counts, what a person calls them
    "messages": "messages you wrote",
    "attachments": "files in them",
    "tickets": "tickets you opened, with our answers",
    "notes": "notes of the staff on these tickets",
    "participations": "tickets of others you take part in: you are taken out",
    "outbox": "letters and answers to you",
    "consents": "records of what you agreed to",
    "requests": "earlier requests about your data",
    "marks": "marks on your mail, with what the spam filter learnt from them",
    "imap_copies_asked": "copies at the mail provider that are to be deleted there",
}
STAYS = (
    "what other people wrote in words of their own, and their quotes of you where no mail program marked them as quotes",
    "the record that a mail came, without your address: it shows that none was lost",
    "a keyed hash of your address, until the last backup is gone: it keeps a restored backup from bringing you back",
    "the record that this erasure was done, and its receipt: it names nobody",
)
DONE = {  # of a receipt's counts
    "messages": "messages deleted",
    "tickets": "tickets deleted",
    "notes": "notes of the staff deleted",
    "redacted": "messages of others in which you were replaced",
    "participations": "tickets of others you were taken out of",
    "outbox": "letters and answers to you deleted",
    "contacts": "records of your person deleted",
}
WITNESSED = {  # of an exception that the second search found
    "address": "your address, in a form that could not be taken out",
    "plus form": "a form of your address with a plus part",
    "digest of the address": "a code made of your address",
    "name": "your name, in words of others",
    "not read": "something that could not be read: it is encrypted or too large",
}


def before(language: str, plan: Plan, address: str, *, backups: int) -> Iterator[str]:
    """What the button would do: paragraphs and lists of HTML."""
    if plan.holds:
        yield html.paragraph(
            say(
                language,
                "A legal hold keeps your data for now (GDPR art. 17(3)). It is erased by itself when that is lifted.",
            )
        )
    if names := plan.shared.get(address):
        yield html.paragraph(
            say(
                language,
                "Several people write from this address: {names}. What each of them wrote from it goes.",
                names=", ".join(names),
            )
        )
    if len(plan.contacts) > 1 or len(plan.addresses) > 1:
        yield html.paragraph(
            say(
                language,
                "The support knows {count} addresses as yours. The erasure takes what belongs to any of them.",
                count=len(plan.addresses),
            )
        )

    yield html.heading(say(language, "What goes"))
    goes = _counted(language, GOES, plan.counts)
    yield html.items(goes or [say(language, "your address; nothing else is held about you")])

    yield html.heading(say(language, "What is replaced where others wrote it"))
    yield from _replaced(language, plan)

    yield html.heading(say(language, "What stays, and why"))
    yield html.items([*_stays(language, plan, backups)])
    if plan.bounded:
        yield html.paragraph(
            say(language, "There is more than was counted for this page: the numbers are at least these.")
        )


def _replaced(language: str, plan: Plan) -> Iterator[str]:
    shown = [
        say(language, "“{text}”: {count} times", text=text, count=count)
        for text, count in sorted(plan.strings.items())
    ]
    yield html.items(shown or [say(language, "nothing: nobody else wrote your address")])
    if plan.counts.get("may_quote"):
        yield html.paragraph(
            say(
                language,
                "{count} messages of others are compared with yours: what they quote of you goes.",
                count=plan.counts["may_quote"],
            )
        )


def _stays(language: str, plan: Plan, backups: int) -> Iterator[str]:
    for name in plan.names:
        if name.occurrences:
            yield say(
                language,
                "“{name}” stands {count} times in words of others, and stays there unless the support looks at these "
                "places and agrees: write to them if you want that",
                name=name.name,
                count=name.occurrences,
            )
    yield from (say(language, text) for text in STAYS)
    if backups:
        yield say(
            language,
            "{count} backups hold you: your part of them cannot be read from the end of the erasure on, and they go by "
            "their date",
            count=backups,
        )
    if plan.counts.get("imap_copies_left"):
        yield say(
            language,
            "{count} copies of your mail in the mailbox at the provider, which the support has to delete there",
            count=plan.counts["imap_copies_left"],
        )


def after(language: str, receipt: Mapping[str, Any]) -> Iterator[str]:
    """The receipt in words; ``receipt`` is its body."""
    yield html.paragraph(
        say(
            language,
            "The erasure began at {begun} and was done at {done}. What came after {cut} is not part of it.",
            begun=receipt["begun_at"],
            done=receipt["done_at"],
            cut=receipt["cut_at"],
        )
    )
    counts = {str(name): number for name, number in receipt["counts"].items() if isinstance(number, int)}
    yield html.heading(say(language, "What was done"))
    done = _counted(language, DONE, counts)
    rows = sum(number for name, number in counts.items() if name.startswith("rows_"))
    if rows:
        done.append(f"{say(language, 'other records in which you were replaced')}: {rows}")
    yield html.items(done or [say(language, "your address was taken out")])
    searched = receipt["search"]
    yield html.paragraph(
        say(
            language,
            "Then everything was searched: {messages} messages, {rows} records, {files} files. Your address was found "
            "nowhere.",
            messages=searched.get("messages", 0),
            rows=searched.get("rows", 0),
            files=searched.get("files", 0),
        )
    )

    yield html.heading(say(language, "What was not done, and why"))
    yield html.items(_exceptions(language, receipt) or [say(language, "nothing: there is no exception")])
    yield html.heading(say(language, "Where the erasure does not reach"))
    yield html.items([say(language, text) for text in receipt["not_reached"]])

    yield html.heading(say(language, "What this receipt proves"))
    yield html.paragraph(
        say(
            language,
            "The receipt is signed. Whoever has the public key can check that it comes from this service and was not "
            "changed. It names nobody: only with your address and the key that was shown to you once can it be shown "
            "that it is about you. It proves what was done, by counts, and lists what was not.",
        )
    )
    yield html.code(say(language, "To check it"), "mailhub erasure verify receipt.json --public-key KEY")


def _exceptions(language: str, receipt: Mapping[str, Any]) -> list[str]:
    """Exceptions of one kind together, however many places there are; backups and copies that are left."""
    told: Counter[str] = Counter()
    for each in receipt["exceptions"]:
        told[WITNESSED.get(each["what"], each["what"])] += each["count"]
    shown = [f"{say(language, what)}: {count}" for what, count in told.items()]

    backups: Sequence[Mapping[str, str]] = receipt["backups"]
    if backups:
        shown.append(
            say(
                language,
                "{count} backups made before: your part of them cannot be read any more; the last one goes at {until}",
                count=len(backups),
                until=max(each["expires_at"] for each in backups),
            )
        )
    copies = receipt["imap_copies"]
    if left := copies["left"] + copies["owed"] + copies["unknown"]:
        shown.append(
            say(
                language,
                "{count} copies of your mail at the mail provider that are, or may be, still there",
                count=left,
            )
        )
    return shown


def _counted(language: str, words: Mapping[str, str], counts: Mapping[str, int]) -> list[str]:
    return [f"{say(language, text)}: {counts[name]}" for name, text in words.items() if counts.get(name)]
