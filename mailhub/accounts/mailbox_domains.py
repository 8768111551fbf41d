"""In which domains an account may serve addresses: its own, proven by DNS, or given by the operator.

    add     (owner or admin) -> a token, to be published as TXT record of _mailhub.DOMAIN
    check   the record is there -> ``proven``
    grant   (operator) -> ``granted``
    keep    a second account is made: what the first one uses is ``kept``

A domain is meant exactly, without those below it. While there is one account it needs no proof. The operator's domains
(those of letters, of the deletion address, of this host and its pages, with all of their organisation) are nobody's to
prove, and the addresses that mailhub writes from and is written to are no mailbox: a letter of ours must not be what a
tenant can write or read. The operator adds an address anywhere, one by one. What is served already stays served.

Durable state: ``mail_domain`` rows, and what is done on record. Must not: ask DNS (the caller does).
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from mailhub.config import Config
from mailhub.errors import BadRequest, Conflict, Forbidden, NotFound, Unavailable
from mailhub.message.addresses import served_form
from mailhub.message.dmarc import organisation, public_suffix
from mailhub.message.dns_questions import DnsAnswer, Question, ascii_name
from mailhub.outbound.gate import valid_address
from mailhub.proof.act import Act
from storage.accounts import accounts
from storage.database import Connection
from storage.mail import mail_domains, mailboxes
from storage.mail.mail_domains import MailDomain
from storage.writer import Transaction

ASKED = "asked"
PROVEN = "proven"
GRANTED = "granted"
KEPT = "kept"
DOMAINS = 100  # of an account
KEPT_AT_MOST = 10_000


def canonical_domain(text: str) -> str:
    """A domain as DNS writes it. Raises ``BadRequest`` for what is none, or anybody's."""
    domain = ascii_name(text)
    if not domain or any(not label.replace("-", "").isalnum() for label in domain.split(".")):
        raise BadRequest("give a domain, such as example.com")
    if _is_number(domain):
        raise BadRequest(f"{domain} is a number of a machine, no domain: give one such as example.com")
    if public_suffix(domain):
        raise BadRequest(f"{domain} is no one's: everybody can have a name under it")
    return domain


def _is_number(domain: str) -> bool:
    """Whether it is an IP address, whole or in part: no top-level domain is all digits (RFC 1123 2.1, RFC 3696 2)."""
    return domain.rpartition(".")[2].isdigit()


def record_of(row: MailDomain) -> tuple[str, str]:
    """Name and text of the TXT record that proves a domain."""
    return f"_mailhub.{row.domain}", f"mailhub-domain={row.token}"


def question_of(row: MailDomain) -> Question:
    """What DNS is asked for it."""
    return record_of(row)[0], "TXT"


def require_address(
    connection: Connection, config: Config, account: int, address: str, *, operator: bool
) -> str:
    """The address as it is served. Raises ``BadRequest`` for one that cannot be, ``Forbidden`` for one that
    is not this account's to serve.
    """
    served = served_form(address)
    if not valid_address(served) or _is_number(served.rpartition("@")[2]):
        raise BadRequest("this is no address that mail can be sent to")
    if operator:
        return served
    if served in _own_addresses(config):
        raise Forbidden("mailhub itself writes from or is written to at this address: it is nobody's mailbox")

    if accounts.are_several(connection):
        _require_domain(connection, config, account, served.rpartition("@")[2])

    return served


def _require_domain(connection: Connection, config: Config, account: int, domain: str) -> None:
    _require_nobodys(connection, config, account, domain)
    row = mail_domains.find_domain(connection, account, domain)
    if row is None or row.state == ASKED:
        cure = f"mailhub mailbox domain add {domain}"
        raise Forbidden(
            f"that {domain} is this account's is not proven: {cure}, or ask the operator to grant it"
        )


def _require_nobodys(connection: Connection, config: Config, account: int, domain: str) -> None:
    """Raise ``Forbidden`` for a domain of the operator's, or one where another account is or may be served."""
    if organisation(domain) in {organisation(each) for each in _own_domains(config)}:
        raise Forbidden(f"{domain} is the operator's: only the operator may add an address there")
    others = mailboxes.is_domain_of_others(connection, account, domain)
    if others or mail_domains.is_settled_for_others(connection, account, domain):
        raise Forbidden(f"another account serves addresses in {domain}: only the operator may add one there")


def _own_addresses(config: Config) -> set[str]:
    return {served_form(each) for each in (config.letters.sender, config.lifecycle.deletion_address) if each}


def _own_domains(config: Config) -> set[str]:
    hosts = {config.smtp.hostname, urlsplit(config.letters.site).hostname or ""}
    domains = {each.rpartition("@")[2] for each in _own_addresses(config)}
    return {name for each in hosts | domains if (name := ascii_name(each))}


def add(act: Act, config: Config, text: str) -> MailDomain:
    """Ask for a domain: the row with the token to publish; the same again when it was asked for before."""
    domain = canonical_domain(text)
    connection = act.transaction.connection
    if found := mail_domains.find_domain(connection, act.account, domain):
        return found

    _require_nobodys(connection, config, act.account, domain)
    if mail_domains.count_domains(connection, act.account) >= DOMAINS:
        raise Conflict(f"an account has at most {DOMAINS} domains: delete one that it does not need")

    row = _new(act.transaction, act.account, domain, act.now)
    mail_domains.add_domain(connection, row)
    act.record("mailbox-domain.add", f"account:{act.account}", domain=row.domain)

    return row


def prove(act: Act, config: Config, domain: str, answer: DnsAnswer) -> MailDomain:
    """Settle a domain by what DNS answered. ``Unavailable``, or ``Conflict`` with what is missing, leave it asked."""
    row = get(act.transaction.connection, act.account, domain)
    if row.state != ASKED:
        return row

    name, wanted = record_of(row)
    if answer.failed:
        raise Unavailable(f"no name server answered for {name}: try again later")
    if wanted not in [each.strip() for each in answer.records]:
        raise Conflict(f'DNS does not show it yet. Publish: {name}. TXT "{wanted}", then check again')

    _require_nobodys(act.transaction.connection, config, act.account, row.domain)
    return _settle(act, row, PROVEN)


def grant(act: Act, config: Config, text: str) -> MailDomain:
    """The operator gives a domain to an account, without proof. Nobody gives the operator's own."""
    domain = canonical_domain(text)
    connection = act.transaction.connection
    _require_nobodys(connection, config, act.account, domain)
    row = mail_domains.find_domain(connection, act.account, domain)
    if row is None:
        row = _new(act.transaction, act.account, domain, act.now)
        mail_domains.add_domain(connection, row)
    return _settle(act, row, GRANTED)


def delete(act: Act, domain: str) -> None:
    """Give a domain up. ``Conflict`` while the account serves addresses there."""
    row = get(act.transaction.connection, act.account, domain)
    if mailboxes.is_domain_in_use(act.transaction.connection, act.account, row.domain):
        raise Conflict(f"the account serves addresses in {row.domain}: delete its mailboxes there first")
    mail_domains.delete_domain(act.transaction.connection, act.account, row.domain)
    act.record("mailbox-domain.delete", f"account:{act.account}", domain=row.domain)


def keep_in_use(transaction: Transaction, *, now: int) -> None:
    """A second account is about to be made: the domains that the only one uses stay its own, without proof."""
    connection = transaction.connection
    found = accounts.list_accounts(connection, limit=2)
    if len(found) != 1:
        return

    account = found[0].id
    used = mailboxes.list_mailboxes(connection, account, limit=KEPT_AT_MOST)
    for domain in sorted({ascii_name(each.address.rpartition("@")[2]) for each in used} - {""}):
        row = mail_domains.find_domain(connection, account, domain)
        if row is None:
            mail_domains.add_domain(connection, _new(transaction, account, domain, now))
        elif row.state != ASKED:  # proven or granted says more than kept
            continue
        mail_domains.settle_domain(connection, account, domain, state=KEPT, at=now)


def get(connection: Connection, account: int, text: str) -> MailDomain:
    """The account's domain. Raises ``NotFound``."""
    row = mail_domains.find_domain(connection, account, ascii_name(text))
    if row is None:
        raise NotFound(f"no such domain of this account: {text[:253]}")
    return row


def _new(transaction: Transaction, account: int, domain: str, now: int) -> MailDomain:
    return MailDomain(
        account_id=account,
        id=transaction.new_id(),
        domain=domain,
        token=secrets.token_hex(16),
        state=ASKED,
        created_at=now,
    )


def _settle(act: Act, row: MailDomain, state: str) -> MailDomain:
    connection = act.transaction.connection
    mail_domains.settle_domain(connection, act.account, row.domain, state=state, at=act.now)
    act.record(f"mailbox-domain.{state}", f"account:{act.account}", domain=row.domain)
    return get(connection, act.account, row.domain)
