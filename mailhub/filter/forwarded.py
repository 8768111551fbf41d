"""Mail to a feedback address (spam@, ham@): what is attached to it is marked by the user who sent it. Part of FLOW 1.

The sender must be a user of the account by a single From that is proven (``Prepared.proven``); where nobody
has looked nothing is proven. Attached mail is known by its identity, as duplicates are; what we do not have
teaches nothing. The mail itself is not kept: its delivery has the fate ``feedback`` and a reason, and its
sender hears the same 250 whatever came of it, so that nobody learns by it who is a user or what we have.

Durable states: ``mark_request`` rows, made in the transaction of the delivery's fate.
"""

from __future__ import annotations

from classifier.model import HAM, SPAM
from mailhub.filter.mark_requests import ask
from mailhub.reading.prepare import Prepared
from storage.filter import ledger
from storage.mail.filing import View
from storage.mail.mailboxes import SPAM_FEEDBACK
from storage.writer import Transaction

ASKED = "marks-asked"
UNKNOWN = "nothing-known"
NOTHING = "nothing-attached"
NOT_PROVEN = "not-proven"
NO_USER = "not-a-user"


def take(
    transaction: Transaction, account: int, view: View, message: Prepared, purpose: str
) -> tuple[str, str]:
    """Ask for the marks; why or why not, and how many of the attached mails are known, in words.

    ``view`` has the account's users by address, and its messages by the identities attached.
    """
    user = view.users.get(message.from_whom[0])
    if user is None:
        return NO_USER, ""
    if not message.proven:
        return NOT_PROVEN, ""
    if not message.attached:
        return NOTHING, ""

    known = [view.messages[each].id for each in message.attached if each in view.messages]
    label = SPAM if purpose == SPAM_FEEDBACK else HAM
    now = message.envelope.received_at
    for each in known:
        ask(transaction, account, each, label, giver=user, source=ledger.FORWARD, now=now)

    return ASKED if known else UNKNOWN, f"{len(known)} of {len(message.attached)} attached mails are known"
