"""The texts of all letters (``letters``), in one place: what to translate or reword is here and nowhere else.

A text is filled with values of ``string.Template``; each value is one line, whatever was in it, so that no
name can write a paragraph of its own. Pure. Must not: hold personal data but what the values bring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

from mailhub.outbound.compose import clean

VALUE_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Text:
    """Subject and body of one kind of letter."""

    subject: str
    body: str


IGNORE = """\
If you did not ask for this, you need not do anything: without this link nothing happens, and it ends by itself.
"""
NO_CONTACT = "This letter was written by a program. Answers to it are read by nobody."
CONTACT = "Questions about personal data: $contact"

TEXTS: Mapping[str, Text] = {
    "stage-warning": Text(
        "Your account $account: $to at $step_at",
        """\
Your account "$account" is $stage now. At $step_at it will be $to ($reason).

$meaning

What you can do: $way_out
""",
    ),
    "stage-notice": Text(
        "Your account $account is $to",
        """\
Your account "$account" is $to since $at ($reason).

$meaning

What you can do: $way_out
""",
    ),
    "deletion-asked": Text(
        "The deletion of your account $account was asked for",
        """\
An owner of the account "$account" asked for its deletion at $at. It is carried out within the hour, and everything in
it goes for good. No further letter comes: this address is deleted with the account.

Was it a mistake? Log in at once and lift it: mailhub account resume
""",
    ),
    "deletion-link": Text(
        "Delete your account $account?",
        """\
A mail from your address asked for the deletion of the account "$account". To go on, open this page and log in there
with your second factor. It works once, until $until:

$link

"""
        + IGNORE,
    ),
    "invitation": Text(
        "You are invited to $account",
        """\
You have a login at "$account". Set your password on this page. It works once, until $until:

$link
""",
    ),
    "reset": Text(
        "Set a new password for $account",
        """\
Set a new password for your login at "$account" on this page. It works once, until $until:

$link

"""
        + IGNORE,
    ),
    "forgotten": Text(
        "Set a new password",
        """\
Set a new password for your login. Each page works once, until $until:

$links

"""
        + IGNORE,
    ),
    "erasure-link": Text(
        "Erase your data at $mailbox?",
        """\
Somebody asked at $mailbox that all data about your address be erased. If it was you, open this page; it says what
will happen, and nothing happens before you confirm it there. It works once, until $until:

$link

"""
        + IGNORE,
    ),
    "export-link": Text(
        "A copy of your data at $mailbox?",
        """\
Somebody asked at $mailbox for a copy of all data about your address. If it was you, open this page and confirm it
there. It works until $until:

$link

"""
        + IGNORE,
    ),
    "withdrawal-link": Text(
        "Withdraw your consent at $mailbox?",
        """\
Somebody asked at $mailbox that all consent given under your address be withdrawn. If it was you, open this page and
confirm it there. It works once, until $until:

$link

"""
        + IGNORE,
    ),
    "export-ready": Text(
        "The copy of your data at $mailbox is ready",
        """\
The copy of your data at $mailbox that you asked for is ready. Fetch it on this page until $until:

$link
""",
    ),
    "request-refused": Text(
        "Your request at $mailbox",
        """\
Your request at $mailbox about your data was looked at and not carried out. The reason given:

$reason

You may object, complain to a supervisory authority, or go to court (GDPR art. 12(4)).
""",
    ),
}

MEANINGS = {
    "suspended": "Nobody of the account, nor its customers, can log in or read. Mail that comes is kept, unread.",
    "terminated": "Its addresses take no mail any more, and what it was set up with is gone. Its data is kept, sealed.",
    "deleted": "Everything in it is gone for good then. This is the last letter about it: this address goes, too.",
}
REASONS = {
    "trial-ended": "the trial is over",
    "payment-failed": "its payment has failed for too long",
    "not-lifted": "nobody lifted the suspension",
    "by-operator": "the operator of this service decided so",
    "owner-asked": "an owner asked for its deletion",
    "term-ended": "its term is over",
}
WAYS_OUT = {
    "trial-ended": "choose a paid plan.",
    "payment-failed": "have a look at your payment; as soon as it succeeds the account is active.",
    "not-lifted": "log in and lift the suspension: mailhub account resume",
    "by-operator": "ask whoever runs this service.",
    "owner-asked": "log in while it is suspended and take the request back: mailhub account resume",
    "term-ended": "ask whoever runs this service, while there is time.",
}


Value = str | tuple[str, ...]  # one line of a letter, or several


def written(kind: str, values: Mapping[str, Value], *, contact: str) -> tuple[str, str]:
    """Subject and body of a letter. KeyError for a kind, or a value of its text, that is missing."""
    text = TEXTS[kind]
    lines = {name: (value,) if isinstance(value, str) else value for name, value in values.items()}
    known = {name: "\n".join(clean(line, VALUE_CHARACTERS) for line in each) for name, each in lines.items()}
    footer = Template(CONTACT).substitute(contact=clean(contact, VALUE_CHARACTERS)) + "\n" if contact else ""
    body = Template(text.body).substitute(known)
    return Template(text.subject).substitute(known), f"{body}\n-- \n{NO_CONTACT}\n{footer}"
