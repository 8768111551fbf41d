"""What was filed is told to the account's rules (flow 6), in the batch's transaction and after its rows are written."""

from __future__ import annotations

from functools import cache, partial

from mailhub.filing.batch import AccountBatch
from mailhub.filing.records import Case
from mailhub.proof.act import Act
from mailhub.rules.facts import Facts, folded, recipients_of
from mailhub.rules.form import On
from mailhub.rules.running import asking, follow


def follow_filed(account: AccountBatch) -> None:
    """Ask the rules about every message that was filed, in order; archives that are brought in set nothing off."""
    parts = account.context.rules
    if parts is None or not account.filed:
        return
    known = parts.book.of(account.transaction.connection, account.id)
    if not known.asks(On.FILED):
        return

    begun = {row["id"] for row in account.rows.tickets}
    for ticket, case in account.filed:
        if case.message.envelope.quiet:
            continue
        act = Act(account.transaction, "system", account.id, case.message.envelope.received_at)
        facts = _facts(account, act, ticket, case, new=ticket in begun)
        known = follow(act, parts, known, On.FILED, ticket, facts)
        begun.discard(ticket)


def _facts(account: AccountBatch, act: Act, ticket: int, case: Case, *, new: bool) -> Facts:
    message = case.message
    mailbox = account.context.directory.find_mailbox(case.mailbox)
    known = message.authentication
    return folded(
        Facts(
            at=act.now,
            mailbox=mailbox.address if mailbox else "",
            sender=message.author,
            subject=message.parsed.subject,
            verdict=case.verdict,
            files=bool(message.parsed.attachments),
            ticket=asking(act, ticket),
            recipients=partial(recipients_of, message.parsed),
            words=cache(lambda: frozenset(message.words)),
            dmarc=known.dmarc if known else "none",
            kind=message.parsed.automatic.kind or "person",
            new=new,
        )
    )
