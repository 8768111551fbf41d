"""Which mailbox an address leads to: the served addresses in memory, so that RCPT TO costs no query and never blocks.

Durable states: none; a copy of the tables address and mailbox, replaced whole by ``refresh``. Matching (RFC
5321 4.1.1.3, RFC 5233): without case, without the plus part, a domain in any spelling; postmaster@ and abuse@
of every served domain lead to its first mailbox for support that takes mail (RFC 5321 4.5.1, RFC 2142); a
domain's catch-all row takes the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from mailhub.envelope import Recipient, Refusal
from mailhub.message.addresses import served_form
from storage.accounts.accounts import closed_stages
from storage.database import Database
from storage.mail.mailboxes import SUPPORT, Mailbox, every_mailbox, list_routes

ROLE_ACCOUNTS = ("postmaster", "abuse")
NO_ACCOUNT = 0  # where the deletion address leads: the account is known by who writes


@dataclass(frozen=True, slots=True)
class _Served:
    addresses: dict[str, Recipient]
    mailboxes: dict[int, Mailbox]
    closed: Mapping[int, str] = field(default_factory=dict)  # account: stage, of those nobody can log in to
    domains: frozenset[str] = frozenset()


class Directory:
    """The served addresses. Read by every door's thread without a lock: they are replaced as a whole."""

    def __init__(
        self,
        database: Database,
        *,
        catch_all: bool = False,
        defer_suspended: bool = False,
        deletion_address: str = "",
    ) -> None:
        self._database = database
        self._catch_all = catch_all
        self._defer_suspended = defer_suspended
        self._deletion_address = served_form(deletion_address)
        self._served = _Served({}, {})
        self._refreshing = Lock()  # held while reading too: an older picture must not replace a newer one
        self.refresh()

    def refresh(self) -> None:
        """Read the tables again: after a mailbox was added or removed, here or on another node. From any thread."""
        with self._refreshing:
            self._served = self._read()

    def _read(self) -> _Served:
        with self._database.read() as connection:
            mailboxes = {mailbox.id: mailbox for mailbox in every_mailbox(connection)}
            routes = list_routes(connection)
            closed = closed_stages(connection)
        addresses = {served_form(r.address): Recipient(r.account_id, r.mailbox_id, r.address) for r in routes}
        for mailbox in mailboxes.values():
            if mailbox.purpose == SUPPORT and mailbox.retired_at is None:
                _add_role_addresses(addresses, mailbox, catch_all=self._catch_all)
        domains = frozenset(address.rpartition("@")[2] for address in addresses)
        return _Served(addresses, mailboxes, closed, domains)

    def resolve(self, recipient: str) -> Recipient | Refusal:
        """Where a recipient leads. Pure dictionary look-ups; any string is fine.

        Mail for a suspended account is taken and filed where nobody can read it, or deferred (``suspended_mail``).
        """
        found = self._find(recipient)
        if self._defer_suspended and isinstance(found, Recipient) and found.account in self._served.closed:
            return Refusal.SUSPENDED
        return found

    def _find(self, recipient: str) -> Recipient | Refusal:
        recipient = served_form(recipient)
        local, _, domain = recipient.rpartition("@")
        if self._deletion_address and recipient == self._deletion_address:
            return Recipient(NO_ACCOUNT, 0, self._deletion_address)

        if recipient == ROLE_ACCOUNTS[0]:  # RFC 5321 4.1.1.3: the one name that is taken without a domain
            local = domain
            domain = self._first_domain()

        base, _, detail = local.partition("+")
        found = self._served.addresses.get(f"{local}@{domain}")
        if found is not None:
            return found

        found = self._served.addresses.get(f"{base}@{domain}") or self._served.addresses.get(f"@{domain}")
        if found is None:
            return Refusal.UNKNOWN if self.serves or self._served.closed else Refusal.NOBODY_SERVED

        return Recipient(found.account, found.mailbox, found.address, detail)

    @property
    def serves(self) -> bool:
        """Whether there is any mailbox. Where there is none no sender is refused for good."""
        return bool(self._served.mailboxes)

    def is_own(self, account: int, address: str) -> bool:
        """Whether mail to this address would come back to the account itself (a catch-all does not count)."""
        found = self._find(address)
        return isinstance(found, Recipient) and found.account == account and not found.address.startswith("@")

    def has_domain(self, address: str) -> bool:
        """Whether an address is of a domain in which somebody has a mailbox here."""
        return served_form(address).rpartition("@")[2] in self._served.domains

    def closed_stage(self, account: int) -> str | None:
        """The stage of an account whose people cannot log in; None while they can."""
        return self._served.closed.get(account)

    def find_mailbox(self, mailbox: int) -> Mailbox | None:
        """The mailbox; None when it is gone, or made on another node since the last ``refresh``."""
        return self._served.mailboxes.get(mailbox)

    def is_retired(self, mailbox: int) -> bool:
        """Whether a mailbox takes no new mail; where its addresses lead is the same as before."""
        found = self.find_mailbox(mailbox)
        return found is not None and found.retired_at is not None

    def purpose_of(self, recipient: str) -> str:
        """What the mailbox is for that a recipient leads to."""
        found = self._find(recipient)
        mailbox = self.find_mailbox(found.mailbox) if isinstance(found, Recipient) else None
        return SUPPORT if mailbox is None else mailbox.purpose

    def _first_domain(self) -> str:
        return next((mailbox.address.rpartition("@")[2] for mailbox in self._served.mailboxes.values()), "")


def _add_role_addresses(addresses: dict[str, Recipient], mailbox: Mailbox, *, catch_all: bool) -> None:
    domain = served_form(mailbox.address).rpartition("@")[2]
    for local in ROLE_ACCOUNTS:
        address = f"{local}@{domain}"
        addresses.setdefault(address, Recipient(mailbox.account_id, mailbox.id, address))
    if catch_all:
        addresses.setdefault(f"@{domain}", Recipient(mailbox.account_id, mailbox.id, f"@{domain}"))
