"""FLOW: an owner mails to ``lifecycle.deletion_address`` to have their account deleted.

    proven?   the mail names one author, and their domain vouches for it (DMARC, or an aligned SPF or DKIM pass)
    owner?    of which accounts this author is an owner
    -> a letter to the owner with a link that works once, for a day; its page asks for login and second factor, and
       then makes the same request as `mailhub account delete`

The mail is answered by that and not kept. Its fate is ``request`` in the account's record of deliveries; of a
mail that proves nothing, or comes from nobody's owner, a count by peer and hour is kept as of any refusal.
The peer hears the same 250 in every case: nothing tells who has an account here. Must not: begin a deletion.
"""

from __future__ import annotations

from mailhub import clock
from mailhub.access.bearers import Kind, new_bearer
from mailhub.directory import NO_ACCOUNT
from mailhub.envelope import Fate, Outcome, Recipient
from mailhub.filing.flood import FloodCounter, Key
from mailhub.filing.records import intake_row
from mailhub.outbound import letters
from mailhub.outbound.letters import Letter, Post
from mailhub.proof.act import Act
from mailhub.reading.prepare import Prepared
from storage.accounts import accounts
from storage.accounts.accounts import OPEN
from storage.mail import refusals
from storage.mail.filing import Rows, write
from storage.people import links, users
from storage.people.links import Link
from storage.people.users import User
from storage.writer import Transaction

LINK = clock.DAY
KIND = "deletion"
LIVING = OPEN | {"suspended"}  # the stages in which an owner can log in, and so confirm


def take(
    transaction: Transaction, post: Post | None, flood: FloodCounter, message: Prepared
) -> dict[str, Outcome]:
    """Answer one mail to the deletion address, once however often it is named there; its outcomes by recipient.

    A domain that sends too many in an hour is looked up no more: that walks the logins of all accounts. What
    is forged in its name is never looked up, and counts for nothing.
    """
    named = (
        [each for each in message.envelope.recipients if each.lower() == post.deletion_address]
        if post
        else []
    )
    reason = _taken(transaction, post, flood, message, named[0]) if post and named else ""
    return {each: Outcome(recipient=each, fate=Fate.REQUEST, reason=reason) for each in named}


def _taken(
    transaction: Transaction, post: Post, flood: FloodCounter, message: Prepared, recipient: str
) -> str:
    now = message.envelope.received_at
    author = message.from_whom[0]
    proven = message.proven != ""
    braked = proven and _is_braked(transaction, flood, author, now)
    owned = _owners(transaction, author) if proven and not braked else []
    reason = "deletion-flood" if braked else "deletion-unknown" if proven else "deletion-unproven"
    if not owned:
        refusals.add(transaction.connection, {(message.envelope.peer, reason): 1}, at=now)
    for owner in owned:
        reason = _answer(transaction, post, message, recipient, owner, now)

    return reason


def _is_braked(transaction: Transaction, flood: FloodCounter, author: str, now: int) -> bool:
    """Whether the author's domain asked too often this hour; this time counts, too."""
    key: Key = (NO_ACCOUNT, 0, author.rpartition("@")[2])
    transaction.after_commit(lambda: flood.count([(key, NO_ACCOUNT, False)]))
    return flood.over(key, now)


def _owners(transaction: Transaction, author: str) -> list[User]:
    """Whom this address names as an owner of an account they can log in to."""
    connection = transaction.connection
    named = [each for each in users.list_users_by_email(connection, author) if each.role == "owner"]
    found = [(each, accounts.find_account(connection, each.account_id)) for each in named]
    return [each for each, account in found if account is not None and account.stage in LIVING]


def _answer(
    transaction: Transaction, post: Post, message: Prepared, recipient: str, owner: User, now: int
) -> str:
    mailed = _send_link(transaction, post, message, owner, now)
    reason = "deletion-asked" if mailed == letters.QUEUED else f"deletion-{mailed}"
    place = Recipient(owner.account_id, 0, recipient)
    row = intake_row(
        owner.account_id,
        message.envelope,
        (recipient, place),
        id=transaction.new_id(),
        fate=Fate.REQUEST,
        reason=reason,
        size_bytes=message.raw_bytes,
    )
    write(transaction.connection, owner.account_id, Rows(intakes=[row]))

    return reason


def _send_link(transaction: Transaction, post: Post, message: Prepared, owner: User, now: int) -> str:
    """A letter with a link, or neither; the machine word of what was done."""
    connection = transaction.connection
    account = owner.account_id
    made = new_bearer(Kind.LINK)
    found = accounts.find_account(connection, account)
    if letters.why_none(post, with_link=True) or found is None:
        return "not-configured"

    letter = Letter(
        account=account,
        kind="deletion-link",
        recipient=owner.email,
        values={
            "account": found.name,
            "link": letters.link(post, f"/deletion/{made.text}"),
            "until": clock.to_iso(now + LINK),
        },
        not_after=now + LINK,
        answers_null_sender=message.envelope.mail_from is None,
        answers_automatic=message.parsed.automatic.kind,
    )

    done = letters.queue(transaction, post, letter, now=now)
    if done == letters.QUEUED:
        row = Link(
            hash=made.hash,
            id=transaction.new_id(),
            account_id=account,
            user_id=owner.id,
            kind=KIND,
            created_at=now,
            expires_at=now + LINK,
        )
        links.add_link(connection, row)
        act = Act(transaction, f"user:{owner.id}", account, now)
        act.record("account.deletion-link", f"account:{account}", link=row.id)

    return done
