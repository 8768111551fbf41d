"""The page beside the data of a copy: what a person is told by GDPR art. 15(1), and what the copy holds. Pure; HTML.

What it says of purposes, terms and recipients is the record of processing (``record``), so it cannot fall behind it.
Must not: hold a word of anybody's mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from mailhub import clock
from mailhub.privacy.record import CONTACTS, NAMED, Record

STYLE = "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}"
HELD = {  # of the files of a copy, what a person calls their rows
    "contact": "records of your person",
    "contact_address": "addresses of yours",
    "consent": "consents you gave",
    "ticket": "tickets you opened",
    "participant": "tickets you take part in",
    "message": "messages you wrote, or that were sent to you",
    "intake": "records of mail that came from you",
    "outbox": "letters and answers to you",
    "note": "notes of the staff on your tickets",
    "ledger": "messages of yours that teach the spam filter",
    "mark": "marks on your messages",
    "privacy_request": "requests about your data",
    "sender_rule": "rules about your address",
    "hold": "holds that keep your data",
}
RIGHTS = (
    "to have wrong data corrected (art. 16), and your data erased (art. 17) or restricted (art. 18)",
    "to get your data in a form that a machine can read: that is what this copy is (art. 20)",
    "to object to its use, also to your mail teaching the spam filter (art. 21)",
    "to withdraw a consent at any time, for the time from then on (art. 7(3))",
    "to complain to a supervisory authority, where you live, work, or where it happened (art. 77)",
)
DECISIONS = (
    "Mail is sorted by a filter that counts words and features of messages people marked as spam or not. It decides in"
    " which list a message is shown, and nothing else; people read both lists. No profile of you is made, and no decision"
    " with legal effect is taken by a machine (art. 22)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    """How many messages of others name the person; ``bounded``: there may be more."""

    messages: int
    bounded: bool


def copy_page(
    record: Record, *, addresses: Sequence[str], counts: Mapping[str, int], mentions: Mentions, now: int
) -> str:
    """The whole page; ``counts`` are rows by table."""
    title = "Your data"
    body = "\n".join(_parts(record, addresses, counts, mentions, now))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>'
        f"\n<body><main><h1>{title}</h1>\n{body}\n</main></body></html>\n"
    )


def _parts(
    record: Record, addresses: Sequence[str], counts: Mapping[str, int], mentions: Mentions, now: int
) -> Iterator[str]:
    yield _said(f"As of {clock.to_iso(now)}, of whoever has the address {', '.join(addresses)}.")
    yield _heading("What is held about you")
    held = [f"{text}: {counts[table]}" for table, text in HELD.items() if counts.get(table)]
    yield _listed(held or ["nothing is stored under this address itself"])
    yield _said(_mentioned(mentions))
    yield _said(
        "The folders data/, messages/ and attachments/ hold all of it; schema.json says what it means."
    )

    yield _heading("Who is responsible")
    yield _listed(
        [
            f"Controller: {record.controller or 'not named in the configuration'}",
            f"Whom to ask: {record.data_protection_contact or 'not named in the configuration'}",
            f"Where the data is: {record.locations or 'not named in the configuration'}",
        ]
    )

    yield _heading("Why, on what basis, and how long")
    for each in record.processing:
        if {CONTACTS, NAMED}.intersection(each.subjects):
            yield f"<h3>{escape(each.purpose)}</h3>"
            yield _listed(
                [
                    f"basis (art. 6(1)): {each.basis}",
                    f"what: {'; '.join(each.categories)}",
                    f"how long: {'; '.join(each.retention)}",
                ]
            )

    yield _heading("Who gets it")
    yield _listed([*record.recipients, *(f"{name}: {what}" for name, what in record.subprocessors.items())])
    transfers = [f"{name}: {what}" for name, what in record.transfers.items()]
    yield _said("To other countries, and under which safeguards:")
    yield _listed(transfers or ["none is named in the configuration"])

    yield _heading("Where it comes from")
    yield _said(
        "From mail you wrote, mail in which others named or copied you, and what the support noted on it."
    )
    yield _heading("Your rights")
    yield _listed(RIGHTS)
    yield _heading("Decisions by machine")
    yield _said(DECISIONS)


def _mentioned(mentions: Mentions) -> str:
    """What others wrote is theirs, so it is counted and not shown."""
    if not mentions.messages:
        return "No message of anybody else that was looked at names your address."
    some = "At least " if mentions.bounded else ""
    named = f"{some}{mentions.messages} messages of others name your address."
    return f"{named} What others wrote is theirs and not in this copy."


def _heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def _said(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _listed(texts: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"
