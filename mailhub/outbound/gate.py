"""May this mail be sent at all? Pure: one decision value with its reason, and the evidence for people.

Hard rules, for every mail: an address that cannot be one, an address of our own (it would come back to us),
too late, too many to one person within an hour (header checks do not stop a loop between robots: peers sent
5,000-8,000 mails in a night; a cap per correspondent does). Rules for mail that no person wrote (RFC 3834 2):
never in answer to the null sender, to automatic mail, to a mailing list, nor to an address that names a
robot. Must not: send, count or look anything up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LOCAL_PART_OCTETS = 64  # RFC 5321 4.5.3.1.1
ADDRESS_OCTETS = 254  # RFC 5321 4.5.3.1.3, less the angle brackets
REPLIES_AN_HOUR = 100  # by agents to one address: more is a script gone wild

_ATOM = r"[^\s\x00-\x20\x7f-\x9f()<>\[\]:;@\\,.\"\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]++"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*+@{_LABEL}(?:\.{_LABEL})*+")
_QUOTABLE = re.compile(
    r'"[ !#-\[\]-~]{1,62}"|[!#-&(-;=?A-\[\]-~.]{1,62}'
)  # printable, without what would need escapes
_ROBOT = re.compile(
    r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|owner-.+|.+-(?:owner|request|bounces?))",
    re.IGNORECASE,
)
_NO_ANSWER = re.compile(
    r"(?:.{0,40}[._-])?(?:no|do-?not|ne|nicht|keine)[._-]?(?:reply|repondre|antworten?|antwort)(?:[._+-].{0,40})?",
    re.IGNORECASE,
)
_LISTS = frozenset({"list", "bulk"})


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Whether a mail may be sent. ``reason`` is a machine word, ``evidence`` for people and without personal data."""

    allowed: bool
    reason: str
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A mail to one recipient, as far as the gate looks at it."""

    recipient: str
    by_person: bool  # an agent wrote it and meant to send it
    own_address: bool  # the recipient is one of the account's own mailboxes
    sent_lately: int  # mails of this kind to the recipient within the last hour (of a letter: day)
    cap: int  # of those, for automatic mail and letters; 0 sends none
    now: int
    not_after: int
    to_user: bool = False  # a letter to one of our own people that answers no mail
    answers_null_sender: bool = False
    answers_automatic: str = ""  # kind of the mail it answers, "" for a person's (message.values.Automatic)


def decide(mail: Outgoing) -> GateDecision:
    """The first rule that forbids the mail, or that it may go."""
    deliberate = mail.by_person or mail.to_user
    return (
        _hard_rule(mail) or (None if deliberate else _automatic_rule(mail)) or GateDecision(True, "allowed")
    )


def valid_address(address: str) -> bool:
    """Whether mail can be sent to it: a dot-atom, in any script (RFC 6531), at a host name; never CR, LF or space."""
    local = address.rpartition("@")[0].encode("utf-8", "replace")
    whole = address.encode("utf-8", "replace")
    return (
        len(local) <= LOCAL_PART_OCTETS
        and len(whole) <= ADDRESS_OCTETS
        and _ADDRESS.fullmatch(address) is not None
    )


def takes_no_answer(address: str) -> bool:
    """Whether an address says itself that nobody reads what is sent there."""
    return _NO_ANSWER.fullmatch(address.rpartition("@")[0]) is not None


def reachable_address(address: str) -> bool:
    """Whether an answer can be sent to it: as ``valid_address``, or to a local part that goes out in quotes.

    Whoever can write to us can be answered: ``yuki..m@`` and ``"tom reed"@`` are quoted strings (RFC 5321 4.1.2).
    """
    local, _, domain = address.rpartition("@")
    if not valid_address(f"x@{domain}") or len(address) > ADDRESS_OCTETS:
        return False
    return valid_address(address) or (
        _QUOTABLE.fullmatch(local) is not None and len(local) <= LOCAL_PART_OCTETS
    )


def _hard_rule(mail: Outgoing) -> GateDecision | None:
    cap = REPLIES_AN_HOUR if mail.by_person else mail.cap
    if not reachable_address(mail.recipient):
        return GateDecision(False, "bad-address", "the recipient's address is none that mail can be sent to")
    if mail.recipient.endswith(".invalid"):
        return GateDecision(
            False, "nowhere", "its domain leads nowhere (RFC 2606 2): whoever it named may have been erased"
        )
    if mail.own_address:
        return GateDecision(False, "own-address", "the recipient is one of this account's own mailboxes")
    if mail.now > mail.not_after:
        return GateDecision(False, "too-late", "it was not to be sent any more")
    if mail.sent_lately >= cap:
        return GateDecision(
            False, "cap", f"{mail.sent_lately} mails of this kind went to this address lately, {cap} may"
        )

    return None


def _automatic_rule(mail: Outgoing) -> GateDecision | None:
    if mail.answers_null_sender:
        return GateDecision(False, "null-sender", "it would answer the null sender")
    if mail.answers_automatic in _LISTS:
        return GateDecision(False, "mailing-list", f"it would answer mail of a {mail.answers_automatic}")
    if mail.answers_automatic:
        return GateDecision(False, "automatic", f"it would answer automatic mail: {mail.answers_automatic}")
    if _ROBOT.fullmatch(mail.recipient.rpartition("@")[0]):
        return GateDecision(False, "robot-address", "the address names a program, not a person")
    return None
