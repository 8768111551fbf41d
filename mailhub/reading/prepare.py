"""The first half of FLOW 1: bytes in, everything the writer needs out. Pure functions of bytes and keys, for workers.

Nothing here looks at the database. What cannot be read is not refused: it is prepared as ``unreadable`` from
the little that is certain (raw bytes, envelope), filed all the same, and can be retried (docs/design.md,
principle 2).
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import structlog

from classifier.tokens import Document, Features, features, features_of_each
from mailhub import clock
from mailhub.directory import Directory
from mailhub.envelope import Envelope, Source, is_from_elsewhere
from mailhub.keys import Keys
from mailhub.message import addresses, identity
from mailhub.message.addresses import served_form
from mailhub.message.author import fields_of
from mailhub.message.excused import by_trusted_host
from mailhub.message.forwarded import attached_author, forwarded_author, is_mail
from mailhub.message.parse import attachment_bytes, parse
from mailhub.message.values import NO_TRUST, NOBODY, Address, Authentication, Automatic, Parsed, Trust
from mailhub.reading import reply_token
from mailhub.reading.authenticated import proves_author, results, to_words
from mailhub.reading.derived import short
from mailhub.reading.document import document
from mailhub.reading.subject_tags import subject_tags
from storage.mail.mailboxes import SUPPORT
from storage.mail.raws import compress
from storage.mail.search import words
from storage.privacy.tombstones import of_message

REFERENCES_LOOKED_AT = 20
CONVERSATION_BYTES = 22  # of Thread-Index: what all mails of a conversation share; answers add 5 each
THREAD_INDEX_CHARACTERS = 4_000
ATTACHED_MAILS = 20  # of a mail to a feedback address
ATTACHED_BYTES = 16 * 1024 * 1024  # altogether
ADDRESS_CHARACTERS = (
    320  # RFC 5321 4.5.3.1: 64 + @ + 255; a longer one is nobody's, and PostgreSQL could not index it
)

_NO_FEATURES = features(Document())

log = structlog.get_logger("mailhub.intake")


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys reading mail needs, derived once."""

    identity: bytes
    references: bytes
    reply_token: bytes
    tombstone: bytes
    features: int

    @staticmethod
    def of(keys: Keys) -> Secrets:
        return Secrets(
            keys.derive("identity"),
            keys.derive("references"),
            keys.derive("reply-token"),
            keys.derive("tombstone"),
            int.from_bytes(keys.derive("features")[:8], "big"),
        )


@dataclass(slots=True, kw_only=True)
class Prepared:
    """A message as the writer takes it. ``ids`` is filled when slices were written ahead of the commit."""

    envelope: Envelope
    raw_bytes: int
    slices: list[bytes]
    identity: bytes
    tombstone: bytes  # what the same message is remembered by if it went for good
    titled: tuple[
        bytes, bytes
    ]  # both of it where another of the same id and content is there, by its subject
    own_id: bytes | None
    references: tuple[tuple[bytes, str], ...]
    bounced: bytes | None
    tokens: tuple[tuple[int, int, str], ...]
    numbers: tuple[int, ...]
    parsed: Parsed
    features: Features
    words: list[str]
    authentication: Authentication | None = None
    conversation: bytes | None = None  # keyed hash of Outlook's name of the conversation it is in
    unreadable: bool = False
    ids: dict[int, int] = field(default_factory=dict)  # account -> message id, for large messages
    claimed: Address | None = (
        None  # whom the mail names as its writer besides From, in one form; never a proof
    )
    forwarded: Address | None = (
        None  # whose mail it sends on, as its text says; believed of our own people alone
    )
    is_ours: bool = False  # it bears a Message-ID that only we can make
    attached: tuple[bytes, ...] = ()  # identities of the mails attached to one for a feedback address

    @property
    def forged(self) -> bool:
        """DMARC fails for a domain that asks to have such mail kept out (RFC 7489 6.3: p=none asks for nothing).

        Or there was no single author to ask about, or another than the mail is filed under (several From, RFC
        7489 6.6.1, or one that needs repair): that must be no way in. A trusted host that says fail and not
        under which policy is taken to mean one. Not where a trusted sealer saw it pass (``message.excused``).
        """
        known = self.authentication
        if known is None or known.sealer:
            return False
        judged = known.source == "checked" or known.dmarc == "permerror" or known.domain != ""
        another = not known.domain or known.domain != self.parsed.author.domain
        unchecked = judged and another and bool(self.author)
        return unchecked or (known.dmarc == "fail" and known.policy in ("quarantine", "reject", "unknown"))

    @property
    def author(self) -> str:
        """The first usable address in From, lower case; '' without one. Whose ticket it is, and no proof of anybody."""
        return _author(self.parsed)

    @property
    def from_whom(self) -> tuple[str, str]:
        """(the one author that From names, the reverse path), for rules about senders; "" where there is none."""
        return self.parsed.author.address, storable(self.envelope.mail_from or "").lower()

    @property
    def proven(self) -> str:
        """The address of the author where the mail is proven to be theirs (``senders.proves_author``), else ""."""
        known = self.authentication
        author = self.parsed.author
        return author.address if known is not None and proves_author(known, author.domain) else ""

    @property
    def sender(self) -> str:
        """Whose ticket it is, lower case: the author, else the reverse path, which proves nobody (DMARC: From)."""
        return _sender(self.parsed, self.envelope.mail_from)


def _author(parsed: Parsed) -> str:
    return next((served_form(entry.address) for entry in parsed.from_ if usable(entry.address)), "")


def _sender(parsed: Parsed, mail_from: str | None) -> str:
    reverse = served_form(storable(mail_from or ""))
    return _author(parsed) or (reverse if usable(reverse) else "")


def usable(address: str) -> bool:
    """Whether somebody could be written to at this address: it has both sides of its @ and a length that paths have."""
    local, _, domain = address.rpartition("@")
    return bool(local and domain) and len(address) <= ADDRESS_CHARACTERS


def _claimed(parsed: Parsed, trust: Trust) -> Address | None:
    """Whom a mail names as who wrote it where From does not: X-Original-From of a list that the operator names, else
    the one Reply-To.
    """
    named = parsed.header("list-id").rpartition("<")[2].strip(" >").lower()
    original = addresses.parse(parsed.header("x-original-from"), []) if named in trust.lists else []
    people = [entry for entry in original or parsed.reply_to if usable(entry.address)]
    return Address(people[0].name, served_form(people[0].address)) if len(people) == 1 else None


def _forwarded(raw: bytes, parsed: Parsed, directory: Directory) -> Address | None:
    """Whose mail is sent on, in one form."""
    found = forwarded_author(parsed, by_us=directory.has_domain(_author(parsed)))
    found = found or attached_author(raw, parsed)
    return (
        Address(found.name, served_form(found.address))
        if found is not None and usable(found.address)
        else None
    )


def storable(value: str) -> str:
    """Text of an envelope as PostgreSQL takes it, whatever a door let pass: no NUL, no lone surrogate."""
    return value if value.isascii() and "\0" not in value else _replaced(value)


def _replaced(value: str) -> str:
    return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message as a door hands it over. ``authentication``: what our own door found."""

    raw: bytes
    envelope: Envelope
    authentication: Authentication | None = None


def prepare(
    raw: bytes,
    envelope: Envelope,
    secrets: Secrets,
    directory: Directory,
    *,
    authentication: Authentication | None = None,
    trust: Trust = NO_TRUST,
) -> Prepared:
    """``prepare_each`` of one message."""
    arrived = [Arrived(raw, envelope, authentication)]
    return prepare_each(arrived, secrets, directory, trust=trust)[0]


def prepare_each(
    arrived: Sequence[Arrived],
    secrets: Secrets,
    directory: Directory,
    *,
    trust: Trust = NO_TRUST,
) -> list[Prepared]:
    """Read messages. Raises nothing: a fault while reading yields an ``unreadable`` one, and spares the others.

    Where our own door found nothing, what a trusted host wrote into the mail counts unless it came by SMTP
    from elsewhere: there no host of ours was before us.
    """
    try:
        read = [_read(each, secrets, directory, trust) for each in arrived]
        found = features_of_each([document for _, document in read], secret=secrets.features)
        for (message, _), each in zip(read, found, strict=True):
            message.features = each
        return [message for message, _ in read]
    except Exception as error:  # boundary: whatever is wrong with a message, it is filed
        if len(arrived) > 1:
            return [prepare_each([each], secrets, directory, trust=trust)[0] for each in arrived]
        log.error("message could not be read", error=type(error).__name__, exc_info=True)
        (one,) = arrived
        return [unreadable(one.raw, one.envelope, secrets, authentication=one.authentication)]


def _read(
    arrived: Arrived, secrets: Secrets, directory: Directory, trust: Trust
) -> tuple[Prepared, Document]:
    """Everything but the features, and what these are of: they are found for several messages at once."""
    raw = arrived.raw
    envelope = arrived.envelope
    known = arrived.authentication
    parsed = parse(raw, mail_from_null=envelope.mail_from is None)
    if known is None and trust.hosts and not is_from_elsewhere(envelope.source, envelope.peer):
        known = by_trusted_host(fields_of(raw)[0], trust, parsed.author.domain)
    named = identity.key(parsed, _sender(parsed, envelope.mail_from), _day(envelope))
    own = _hash(secrets.identity, named)
    prepared = Prepared(
        envelope=envelope,
        raw_bytes=len(raw),
        slices=compress(raw),
        identity=own,
        tombstone=of_message(own, secrets.tombstone),
        titled=_titled(own, parsed, secrets),
        own_id=_id_hash(secrets, parsed.message_id),
        references=_references(parsed, secrets),
        conversation=_id_hash(secrets, _conversation(parsed)),
        bounced=_id_hash(secrets, parsed.bounce.original_message_id) if parsed.bounce else None,
        tokens=_tokens(envelope, parsed, secrets, directory),
        numbers=tuple(subject_tags(parsed.subject)),
        parsed=parsed,
        authentication=known,
        features=_NO_FEATURES,
        words=words_of(parsed),
        claimed=_claimed(parsed, trust),
        forwarded=_forwarded(raw, parsed, directory),
        is_ours=reply_token.read_message_id(parsed.message_id, secrets.reply_token) is not None,
        attached=_attached(raw, parsed, secrets) if _is_feedback(envelope, directory) else (),
    )

    return prepared, _document(raw, parsed, to_words(known))


def _titled(own: bytes, parsed: Parsed, secrets: Secrets) -> tuple[bytes, bytes]:
    """Identity and tombstone with the subject as it is stored."""
    titled = _hash(secrets.identity, own + short(parsed.subject).encode("utf-8", "replace"))
    return titled, of_message(titled, secrets.tombstone)


def _day(envelope: Envelope) -> str:
    """The day on which a mail came by a door that takes it once; "" where the same may be read in again."""
    return "" if envelope.source in (Source.IMPORT, Source.IMAP) else str(envelope.received_at // clock.DAY)


def _is_feedback(envelope: Envelope, directory: Directory) -> bool:
    return any(directory.purpose_of(recipient) != SUPPORT for recipient in envelope.recipients)


def _attached(raw: bytes, parsed: Parsed, secrets: Secrets) -> tuple[bytes, ...]:
    """What the attached mails would be filed under, as far as they can be read; a bounded number and size."""
    mails = [each for each in parsed.attachments if is_mail(each.content_type, each.filename)]
    found = []
    left = ATTACHED_BYTES

    for each in mails[:ATTACHED_MAILS]:
        left -= each.size_bytes
        if left >= 0:
            found.append(identity_of(attachment_bytes(raw, each.index), "", secrets))

    return tuple(dict.fromkeys(each for each in found if each is not None))


def identity_of(raw: bytes, mail_from: str | None, secrets: Secrets) -> bytes | None:
    """The identity that a message would be filed under; None when it cannot be read."""
    try:
        parsed = parse(raw, mail_from_null=mail_from is None)
    except Exception:  # noqa: BLE001 boundary: strangers' mail
        return None
    return _hash(secrets.identity, identity.key(parsed, _sender(parsed, mail_from)))


def index_words(raw: bytes, *, mail_from_null: bool) -> list[str]:
    """The words that a stored message is found by."""
    return words_of(parse(raw, mail_from_null=mail_from_null))


def words_of(parsed: Parsed) -> list[str]:
    """The words a message that was read is found by."""
    return words(_indexed(parsed))


def read_document(raw: bytes, authentication: str, *, mail_from_null: bool) -> Document:
    """What the filter saw when a message came, from what is kept of it: raw bytes, words on its row, reverse path."""
    return _document(raw, parse(raw, mail_from_null=mail_from_null), authentication)


def _document(raw: bytes, parsed: Parsed, authentication: str) -> Document:
    """The one way from a message to what the filter scores and is taught."""
    return document(raw, parsed, results(authentication))


def unreadable(
    raw: bytes, envelope: Envelope, secrets: Secrets, *, authentication: Authentication | None = None
) -> Prepared:
    """The same from the bytes alone. Its identity is the whole raw message; who sent it is known all the same."""
    own = _hash(secrets.identity, b"raw" + blake2b(raw, digest_size=16).digest())
    return Prepared(
        envelope=envelope,
        raw_bytes=len(raw),
        slices=compress(raw),
        identity=own,
        tombstone=of_message(own, secrets.tombstone),
        titled=(own, of_message(own, secrets.tombstone)),
        own_id=None,
        references=(),
        conversation=None,
        bounced=None,
        tokens=(),
        numbers=(),
        parsed=_nothing(),
        authentication=authentication,
        features=features(document(b"", _nothing())),
        words=[],
        unreadable=True,
    )


def _nothing() -> Parsed:
    return Parsed(
        headers=(), message_id="", in_reply_to=(), references=(), author=NOBODY, from_=(), sender=None, reply_to=(),
        to=(), cc=(), subject="(message that could not be read)", date=None, text="", html="", hidden_text="", links=(),
        attachments=(), parts=(), automatic=Automatic("", ""), bounce=None, hops=0,
        identity=b"", flags=("unreadable",),
    )  # fmt: skip


def _hash(key: bytes, data: bytes) -> bytes:
    return blake2b(data, key=key, digest_size=16).digest()


def id_hash(key: bytes, message_id: str) -> bytes:
    """Keyed hash under which a Message-ID (without < >) is looked up."""
    return _hash(key, message_id.encode("utf-8"))


def _id_hash(secrets: Secrets, message_id: str) -> bytes | None:
    return id_hash(secrets.references, message_id) if message_id else None


def _references(parsed: Parsed, secrets: Secrets) -> tuple[tuple[bytes, str], ...]:
    named = [(name, "in-reply-to") for name in parsed.in_reply_to[:REFERENCES_LOOKED_AT]]
    named += [(name, "references") for name in reversed(parsed.references[-REFERENCES_LOOKED_AT:])]
    distinct: dict[str, str] = {}
    for name, reason in named:
        if name and name != parsed.message_id:
            distinct.setdefault(name, reason)
    found = [(id_hash(secrets.references, name), reason) for name, reason in distinct.items()]
    conversation = _conversation(parsed)
    if conversation and len(_thread_index(parsed)) > CONVERSATION_BYTES:
        found.append((id_hash(secrets.references, conversation), "thread-index"))
    return tuple(found)


def _conversation(parsed: Parsed) -> str:
    """The name of a conversation of Outlook's: the first 22 bytes of Thread-Index (MS-OXOMSG 2.2.1.3); "" for none."""
    index = _thread_index(parsed)
    return f"thread-index:{index[:CONVERSATION_BYTES].hex()}" if len(index) >= CONVERSATION_BYTES else ""


def _thread_index(parsed: Parsed) -> bytes:
    value = parsed.header("thread-index")[:THREAD_INDEX_CHARACTERS]
    try:
        return binascii.a2b_base64(value.encode("ascii", "ignore"), strict_mode=True)
    except binascii.Error:
        return b""


def _tokens(
    envelope: Envelope, parsed: Parsed, secrets: Secrets, directory: Directory
) -> tuple[tuple[int, int, str], ...]:
    """Verified proofs: in the recipients, in To and Cc (doors that know no plus part), in ids of ours it answers."""
    addresses = [*envelope.recipients, *(entry.address for entry in (*parsed.to, *parsed.cc))]
    details = [address.rpartition("@")[0].partition("+")[2] for address in addresses if "+" in address]
    found = [(reply_token.read(detail, secrets.reply_token), "reply-address") for detail in details]
    answered = (*parsed.in_reply_to, *reversed(parsed.references[-REFERENCES_LOOKED_AT:]))
    found += [
        (reply_token.read_message_id(name, secrets.reply_token), "reply-message-id") for name in answered
    ]
    return tuple((*proof, reason) for proof, reason in found if proof is not None)


def _indexed(parsed: Parsed) -> list[str]:
    people: list[Address] = [*parsed.from_, *parsed.to, *parsed.cc]
    return [
        parsed.subject,
        parsed.text,
        " ".join(f"{person.name} {person.address}" for person in people),
        " ".join(attachment.filename for attachment in parsed.attachments),
    ]
