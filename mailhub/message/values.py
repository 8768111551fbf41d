"""What reading a message yields: plain values, shared by every module of this room. No parsing happens here.

Every string in these values is valid UTF-8 without NUL, lone surrogates, CR/LF (headers) or bidi controls (headers).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox of an address header (RFC 5322 3.4). ``address``: local part as written, domain in lower case."""

    name: str
    address: str  # "" when there was none to read


@dataclass(frozen=True, slots=True)
class Author:
    """The one author of a message, as ``author`` reads it. Address and domain are there together, or neither is and
    ``fault`` says why.
    """

    address: str = ""  # lower case, as written in From
    domain: str = ""  # of the address, as DNS is asked
    fault: str = ""  # machine word


NOBODY = Author(fault="unreadable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One MIME entity as ``scan`` found it: offsets into the raw message, nothing decoded (RFC 2045, 2046)."""

    number: str  # "1", "1.2", ... as IMAP numbers parts (RFC 3501 6.4.5)
    depth: int
    parent: int  # index into the list of parts, -1 for the root
    start: int  # first byte of the part's header block
    body_start: int
    end: int  # one past the last byte of the body
    headers: tuple[tuple[bytes, bytes], ...]  # (name lower case, raw value still folded), in order
    content_type: str  # "text/plain", lower case, repaired
    parameters: dict[str, str]  # of Content-Type, decoded (RFC 2231), lower-case names
    disposition: str  # "", "inline", "attachment"
    filename: str  # decoded and made safe; "" when it has none
    encoding: str  # Content-Transfer-Encoding, lower case
    content_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A part that is shown as a file. Its bytes are read out of the raw message by ``parse.attachment_bytes``."""

    index: int  # position in ``Parsed.attachments``, what ``message attachment ID N`` takes
    part: str
    filename: str
    content_type: str
    size_bytes: int  # estimated from the encoded length, without decoding
    content_id: str
    inline: bool


@dataclass(frozen=True, slots=True)
class Automatic:
    """Whether a program wrote the mail, and how one knows (RFC 3834)."""

    # "" (a person), "auto-reply", "out-of-office", "list", "bulk", "bounce", "complaint", "receipt",
    # "generated", "reaction" (a person's emoji on a mail of ours)
    kind: str
    reason: str  # machine word: "auto-submitted", "precedence", "subject", ...
    evidence: str = ""

    def __bool__(self) -> bool:
        return self.kind != ""

    @property
    def is_weak(self) -> bool:
        """Whether it rests on a header that people's programs, and servers on their way, set too."""
        return self.reason in ("auto-response-suppress", "inbox-rule")


@dataclass(frozen=True, slots=True)
class BouncedRecipient:
    """One recipient that a bounce reports about (RFC 3464 2.3)."""

    address: str
    status: str  # enhanced status code "5.1.1" (RFC 3463), "" when none could be read
    permanent: bool


@dataclass(frozen=True, slots=True)
class Bounce:
    """A delivery status notification or a complaint in any form."""

    reason: str  # what recognised it: "multipart-report", "arf", or the name of a private format
    recipients: tuple[BouncedRecipient, ...]
    original_message_id: str  # of the mail it is about, "" when not quoted
    complaint: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The text of a mail split into what is new and what was folded away; the two together lose nothing."""

    new: str
    folded: str  # quote, signature, header block, in the order of the mail
    reason: str  # what ended the new text: "", "quote-header", "quote-marks", "signature", "html-quote", ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """Whether a mail is from whom it says (RFC 7208, 6376, 7489). Results are the words of RFC 8601 2.7."""

    spf: str = "none"  # pass, fail, softfail, neutral, none, temperror, permerror
    dkim: str = "none"  # pass, fail, neutral, none, temperror, permerror: the best of the signatures
    dmarc: str = "none"  # pass, fail, none, temperror, permerror
    policy: str = (
        ""  # what the author's domain asks for on fail: "none", "quarantine", "reject", "unknown"; else ""
    )
    domain: str = ""  # of the author (From), lower-case ASCII; the one ``dmarc`` is about
    spf_domain: str = ""
    dkim_domains: tuple[str, ...] = ()  # d= of the signatures that pass
    reason: str = ""  # machine words of what decided: "dkim=pass:a.example spf=fail:all"
    source: str = (
        ""  # "checked" by our own door, or the trusted host whose Authentication-Results was believed
    )
    arc: str = "none"  # whether an ARC chain verified (RFC 8617): pass, none where nobody says so
    sealer: str = ""  # the trusted sealer of an ARC chain whose own result excuses the failure of ``dmarc``


@dataclass(frozen=True, slots=True)
class Earlier:
    """Texts that stood in a ticket before a mail, oldest first: what we sent, and what others wrote."""

    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()


NOTHING_EARLIER = Earlier()


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose word about mail the operator believes; names in lower case."""

    hosts: frozenset[str] = frozenset()  # by their Authentication-Results (RFC 8601)
    sealers: frozenset[str] = frozenset()  # by the results they sealed when they sent mail on (RFC 8617)
    lists: frozenset[str] = (
        frozenset()
    )  # by X-Original-From of mail that they send from our address (RFC 2919 names)

    @staticmethod
    def of(hosts: str = "", sealers: str = "", lists: str = "") -> Trust:
        """From the settings of these names: names with spaces between."""
        return Trust(*(frozenset(each.lower().split()) for each in (hosts, sealers, lists)))


NO_TRUST = Trust()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A message read. ``flags`` names every bound that was hit and every fault that was repaired."""

    headers: tuple[tuple[str, str], ...]  # (name as written, decoded unfolded value), in order, bounded
    message_id: str  # without < >, "" when absent
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    author: Author  # who is believed to have written it, if anybody is; ``from_`` then names nobody else
    from_: tuple[Address, ...]
    sender: Address | None
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    subject: str
    date: int | None  # microseconds since the epoch, UTC; None when absent or unreadable
    text: str  # what a mail client would show, at most ``TEXT_BYTES`` decoded bytes
    html: str  # the chosen HTML part as decoded, not sanitised; "" when there is none
    hidden_text: str  # text that the HTML hides from the reader
    links: tuple[str, ...]
    attachments: tuple[Attachment, ...]
    parts: tuple[Part, ...]
    automatic: Automatic
    bounce: Bounce | None
    hops: int  # number of Received headers
    identity: bytes  # 16 bytes: digest that tells whether two messages are the same (docs/design.md, "Data")
    flags: tuple[str, ...] = field(default=())

    def header(self, name: str) -> str:
        """The first value of a header, "" when absent; the name is matched without case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


TEXT_BYTES = (
    256 * 1024
)  # before the commit nothing looks at more decoded text than this (docs/design.md, principle 11)
